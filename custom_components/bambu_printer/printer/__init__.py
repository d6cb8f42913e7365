"""Talk to Bambu Lab printers in the local network.

Plain asyncio Python: nothing in here knows of Home Assistant.
"""

from .discovery import DETECT_PORT, Identity, default_name, detect
from .errors import BambuError, PrinterConnectionError
from .models import Light, PrinterModel
from .printer import BambuPrinter, ServiceState
from .security import CertificateChain, fetch_certificate_chain, pin_fingerprint
from .session import MQTT_PORT, Endpoint
from .slots import SlotAddress
from .state import PrinterState

__all__ = [
    "DETECT_PORT",
    "MQTT_PORT",
    "BambuError",
    "BambuPrinter",
    "CertificateChain",
    "Endpoint",
    "Identity",
    "Light",
    "PrinterConnectionError",
    "PrinterModel",
    "PrinterState",
    "ServiceState",
    "SlotAddress",
    "default_name",
    "detect",
    "fetch_certificate_chain",
    "pin_fingerprint",
]
