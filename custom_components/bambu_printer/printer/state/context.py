"""What a decoder needs to know besides the report."""

from dataclasses import dataclass
from datetime import datetime

from ..models import PrinterModel


@dataclass(frozen=True, slots=True)
class Context:
    """The printer's model and the moment at which a report arrived."""

    model: PrinterModel
    now: datetime
    """Aware, UTC, of this machine: the printer's own clock can be wrong."""
