"""What a printer can be told: the methods of `BambuPrinter`, one module per subject."""

from .air import AirOperations
from .base import Operations
from .heat import HeatOperations
from .job import JobOperations
from .lights import LightOperations
from .tools import ToolOperations

__all__ = [
    "AirOperations",
    "HeatOperations",
    "JobOperations",
    "LightOperations",
    "Operations",
    "ToolOperations",
]
