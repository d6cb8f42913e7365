"""Seeing again what a printer has sent: a trace from somebody's diagnostics as a printer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .printer import BambuPrinter
from .session import Endpoint
from .trace import VERSION, whole
from .values import mapping, records, text

_SERIAL_LENGTH = 15


def replay(trace: Mapping[str, Any]) -> BambuPrinter:
    """Return a printer that knows what the messages of a trace say; it is not connected.

    Times in its state are those at which the messages were received.

    Raises ``ValueError`` when it is no trace, or one of another version.
    """
    if trace.get("version") != VERSION:
        raise ValueError("no trace of this version")
    serial = text(trace.get("serial_prefix"), "").ljust(_SERIAL_LENGTH, "0")
    printer = BambuPrinter(
        Endpoint(host="", serial=serial, access_code="", pin=""),
        model_code=text(trace.get("model_code"), ""),
    )
    now = datetime.now(UTC)
    printer.clock = lambda: now
    messages = records(trace.get("messages"))
    if messages:
        now = datetime.fromisoformat(messages[0]["at"])
    printer.restore(mapping(trace.get("base")))
    for item in messages:
        now = datetime.fromisoformat(item["at"])
        printer.on_message(whole(item, printer.raw.data))
    return printer
