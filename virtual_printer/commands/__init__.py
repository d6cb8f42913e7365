"""What the printer does with requests: one module per part of the printer."""

# Imported for their handlers, which register themselves.
from . import calibration, climate, filament, job, motion, settings, system
from .registry import HANDLERS, NO_ANSWER, Context, Json, Reply, acknowledge

__all__ = ["MODULES", "Context", "Reply", "acknowledge", "obey"]

MODULES = (calibration, climate, filament, job, motion, settings, system)


def obey(context: Context, section: str, request: Json) -> Reply:
    """Carry out a request."""
    handler = HANDLERS.get((section, str(request.get("command"))))
    if handler is not None:
        return handler(context, request)
    # In this section the firmware acknowledges even what it does not know.
    return None if section == "print" else NO_ANSWER
