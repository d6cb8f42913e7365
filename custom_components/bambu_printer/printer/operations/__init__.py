"""What a printer can be told: the methods of `BambuPrinter`, one module per subject."""

from .air import AirOperations
from .ams import AmsControl, AmsOperations, AmsSetting
from .base import Operations
from .camera import CameraOperations
from .care import Calibration, CareOperations, ErrorAnswer
from .drying import DryingOperations
from .files import FileOperations
from .firmware import FirmwareOperations
from .heat import HeatOperations
from .job import JobOperations
from .lights import LightOperations
from .printing import Choice, PrintingOperations
from .spools import SpoolOperations
from .tools import ToolOperations
from .watching import DetectorKind, PrintOption, WatchingOperations

__all__ = [
    "AirOperations",
    "AmsControl",
    "AmsOperations",
    "AmsSetting",
    "Calibration",
    "CameraOperations",
    "CareOperations",
    "Choice",
    "DetectorKind",
    "DryingOperations",
    "ErrorAnswer",
    "FileOperations",
    "FirmwareOperations",
    "HeatOperations",
    "JobOperations",
    "LightOperations",
    "Operations",
    "PrintOption",
    "PrintingOperations",
    "SpoolOperations",
    "ToolOperations",
    "WatchingOperations",
]
