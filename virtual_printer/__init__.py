"""A Bambu Lab printer on loopback, for tests and for the demo.

It shares no code with the integration, so that each checks the other.
"""

from .ams import AmsKind
from .faults import Faults, Refusal
from .filaments import Filament, Spool
from .printer import VirtualPrinter
from .profiles import PROFILES
from .simulation import SCENARIOS

__all__ = [
    "PROFILES",
    "SCENARIOS",
    "AmsKind",
    "Faults",
    "Filament",
    "Refusal",
    "Spool",
    "VirtualPrinter",
]
