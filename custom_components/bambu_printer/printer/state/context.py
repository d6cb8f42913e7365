"""What a decoder needs to know besides the report."""

from dataclasses import dataclass
from datetime import datetime

from ..models import PrinterModel


@dataclass(slots=True)
class Context:
    """The printer's model and the moment at which a report arrived.

    One is made for each report and read by the decoders; to freeze it would double its cost.
    """

    model: PrinterModel
    now: datetime
    """Aware, UTC, of this machine: the printer's own clock can be wrong."""
