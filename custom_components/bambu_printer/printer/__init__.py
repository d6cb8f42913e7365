"""Talk to Bambu Lab printers in the local network.

Plain asyncio Python: nothing in here knows of Home Assistant.
"""

from .check import CHECK_TIMEOUT, check_connection
from .control import ControlState
from .discovery import (
    DETECT_PORT,
    Announcement,
    Identity,
    default_name,
    detect,
    parse_announcement,
)
from .errors import BambuError, PrinterConnectionError
from .models import Light, PrinterModel, identify
from .printer import BambuPrinter, ServiceState
from .replay import replay
from .security import (
    CertificateChain,
    fetch_certificate_chain,
    pin_fingerprint,
    verify_certificate,
)
from .session import MQTT_PORT, Endpoint
from .slots import SlotAddress
from .state import PrinterState

__all__ = [
    "CHECK_TIMEOUT",
    "DETECT_PORT",
    "MQTT_PORT",
    "Announcement",
    "BambuError",
    "BambuPrinter",
    "CertificateChain",
    "ControlState",
    "Endpoint",
    "Identity",
    "Light",
    "PrinterConnectionError",
    "PrinterModel",
    "PrinterState",
    "ServiceState",
    "SlotAddress",
    "check_connection",
    "default_name",
    "detect",
    "fetch_certificate_chain",
    "identify",
    "parse_announcement",
    "pin_fingerprint",
    "replay",
    "verify_certificate",
]
