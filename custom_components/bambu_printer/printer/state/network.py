"""The printer's own view of its network."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address

from ..values import Raw, bit, damp, integer, mapping, records, text
from .context import Context

INPUTS = frozenset({"net", "wifi_signal"})

SIGNAL_BOUND = 3
"""The signal strength is shown anew when it moves by this much, dBm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """How the printer is connected.  None: never reported."""

    wifi_signal: int | None = None
    """dBm."""
    wired: bool | None = None
    address: str | None = None
    """As the printer sees it: another one than ours behind address translation."""


def decode(raw: Raw, previous: NetworkState, context: Context) -> NetworkState:
    """Read the network."""
    signal = _decibels(text(raw.get("wifi_signal"), ""))
    shown = damp(
        previous.wifi_signal if signal is None else signal,
        previous.wifi_signal,
        SIGNAL_BOUND,
    )
    net = mapping(raw.get("net"))
    wired, address = bit(integer(net.get("conf"), None), 0), _address(net)
    if (
        shown == previous.wifi_signal
        and wired is previous.wired
        and address == previous.address
    ):
        return previous
    return NetworkState(wifi_signal=shown, wired=wired, address=address)


def _address(net: Raw) -> str | None:
    """Read the last address that is set; the first octet is in the lowest byte."""
    found = 0
    for item in records(net.get("info")):
        found = integer(item.get("ip"), 0) or found
    return _dotted(found & 0xFFFFFFFF) if found else None


@lru_cache(maxsize=64)
def _decibels(told: str) -> int | None:
    """Read a signal strength: a few values come again and again."""
    return integer(told.strip().removesuffix("dBm"), None)


@lru_cache(maxsize=64)
def _dotted(number: int) -> str:
    """Write an address; the signal beside it changes far more often than it does."""
    return str(IPv4Address(number.to_bytes(4, "little")))
