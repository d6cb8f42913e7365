"""Printers that make themselves known: found, followed to new addresses, and greeted at once.

Home Assistant's own SSDP listens on another port than the one that printers announce
themselves on, so there is one listener for all entries.  The ports are shared with the
maker's slicer and others that listen; where that is impossible nothing is heard, and
printers are added by their address.

Announcements are not authenticated.  None of them makes Home Assistant send the access
code anywhere: before an entry follows to another address, what is there must prove with the
pinned certificate that it is the printer, and each connection is verified again.
"""

import asyncio
from dataclasses import asdict, dataclass, field
import logging
import socket
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntryState,
)
from homeassistant.const import CONF_HOST, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import discovery_flow
from homeassistant.util.hass_dict import HassKey

from .const import CONF_CERTIFICATE, CONF_MQTT_PORT, DOMAIN
from .coordinator import BambuConfigEntry
from .printer import (
    Announcement,
    BambuError,
    BambuPrinter,
    PrinterConnectionError,
    ServiceState,
    parse_announcement,
    verify_certificate,
)
from .printer.discovery import ANNOUNCEMENT_GROUP, ANNOUNCEMENT_PORTS

_LOGGER = logging.getLogger(__name__)

_DISCOVERY: HassKey[Discovery] = HassKey(f"{DOMAIN}_discovery")

_MOST_PACKETS: Final = 50
"""Datagrams that are read in a second; twenty printers send four."""
_MOST_STRANGERS: Final = 32
"""Printers without an entry that are remembered."""
_FORGET_AFTER: Final = 600.0
"""Seconds after which a stranger may be offered anew."""
_GREET_INTERVAL: Final = 2.0
"""Seconds between two attempts to connect because of an announcement."""
_FOLLOW_INTERVAL: Final = 30.0
"""Seconds between two looks at the same other address."""
_ALIVE_TIMEOUT: Final = 2.0
"""Seconds within which a printer answers through a connection that still stands."""


@dataclass(slots=True)
class _Sighting:
    """What was done because of the announcements of one printer."""

    host: str
    at: float


@dataclass(slots=True)
class DiscoveryFacts:
    """What is known of the listener, for system health and diagnostics."""

    ports: list[int] = field(default_factory=list)
    """The ports that it listens on."""
    announcements: int = 0
    """Believable announcements that it has heard."""
    dropped: int = 0
    """Datagrams that it did not read, as there were too many."""


class Discovery:
    """Listens for the announcements of all printers."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Nothing is listened to yet."""
        self._hass = hass
        self.facts = DiscoveryFacts()
        self._transports: list[asyncio.DatagramTransport] = []
        self._strangers: dict[str, _Sighting] = {}
        self._greeted: dict[str, float] = {}
        self._followed: dict[str, _Sighting] = {}
        self._following: set[str] = set()
        self._second = 0
        self._packets = 0

    async def async_start(self) -> None:
        """Listen on the ports that can be had."""
        loop = asyncio.get_running_loop()
        for port in ANNOUNCEMENT_PORTS:
            try:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Protocol(self), sock=_open_socket(port)
                )
            except OSError as err:
                _LOGGER.debug("Cannot listen on UDP port %d: %s", port, err)
                continue
            self._transports.append(transport)
            self.facts.ports.append(transport.get_extra_info("sockname")[1])

    @callback
    def async_stop(self) -> None:
        """Listen no more."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        self.facts.ports.clear()

    @callback
    def async_packet(self, packet: bytes, sender: str) -> None:
        """Take a datagram; a flood of them costs no more than a trickle."""
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._packets = second, 0
        self._packets += 1
        if self._packets > _MOST_PACKETS:
            self.facts.dropped += 1
            return
        if announcement := parse_announcement(packet, sender):
            self.facts.announcements += 1
            self.async_announced(announcement)

    @callback
    def async_announced(self, announcement: Announcement) -> None:
        """Do what there is to do because a printer has announced itself."""
        entry: BambuConfigEntry | None = (
            self._hass.config_entries.async_entry_for_domain_unique_id(
                DOMAIN, announcement.serial
            )
        )
        if entry is None:
            self._offer(announcement)
        elif entry.source == SOURCE_IGNORE or entry.disabled_by:
            return
        elif entry.data[CONF_HOST] == announcement.host:
            self._greet(entry)
        else:
            self._follow_soon(entry, announcement.host)

    @callback
    def _offer(self, announcement: Announcement) -> None:
        """Start a flow for a printer that has no entry."""
        now = asyncio.get_running_loop().time()
        serial, host = announcement.serial, announcement.host
        known = self._strangers.get(serial)
        if known and known.host == host and now - known.at < _FORGET_AFTER:
            return
        if known is None and len(self._strangers) >= _MOST_STRANGERS:
            oldest = next(iter(self._strangers))
            if now - self._strangers[oldest].at < _FORGET_AFTER:
                return
            del self._strangers[oldest]
        self._strangers.pop(serial, None)
        self._strangers[serial] = _Sighting(host, now)
        discovery_flow.async_create_flow(
            self._hass,
            DOMAIN,
            {"source": SOURCE_INTEGRATION_DISCOVERY},
            asdict(announcement),
            discovery_key=discovery_flow.DiscoveryKey(
                domain=DOMAIN, key=serial, version=1
            ),
        )

    @callback
    def _greet(self, entry: BambuConfigEntry) -> None:
        """Connect at once to a printer that is missing: it has just said that it is there."""
        missing = entry.state is ConfigEntryState.SETUP_RETRY or (
            entry.state is ConfigEntryState.LOADED
            and not entry.runtime_data.last_update_success
            and entry.runtime_data.printer.service_state is ServiceState.DISCONNECTED
        )
        now = asyncio.get_running_loop().time()
        if (
            not missing
            or now - self._greeted.get(entry.entry_id, float("-inf")) < _GREET_INTERVAL
        ):
            return
        self._greeted[entry.entry_id] = now
        if entry.state is ConfigEntryState.LOADED:
            entry.runtime_data.printer.reconnect_now()
        else:
            self._hass.config_entries.async_schedule_reload(entry.entry_id)

    @callback
    def _follow_soon(self, entry: BambuConfigEntry, host: str) -> None:
        now = asyncio.get_running_loop().time()
        last = self._followed.get(entry.entry_id)
        pause = _FOLLOW_INTERVAL if last and last.host == host else _GREET_INTERVAL
        # Each look asks the printer as well: nobody may make us do that all the time.
        if entry.entry_id in self._following or (last and now - last.at < pause):
            return
        self._followed[entry.entry_id] = _Sighting(host, now)
        self._following.add(entry.entry_id)
        self._hass.async_create_background_task(
            self._async_follow(entry, host), f"{DOMAIN} new address"
        )

    async def _async_follow(self, entry: BambuConfigEntry, host: str) -> None:
        """Go to another address, if the printer is there and no longer where it was."""
        try:
            if await self._async_is_still_there(entry, host):
                return
            await verify_certificate(
                host,
                entry.data[CONF_MQTT_PORT],
                serial=str(entry.unique_id),
                pin=entry.data[CONF_CERTIFICATE],
            )
        except PrinterConnectionError as err:
            _LOGGER.debug("An announced address was not taken: %s", err)
            return
        finally:
            self._following.discard(entry.entry_id)
        _LOGGER.info("%s has another address now", entry.title)
        self._hass.config_entries.async_update_entry(
            entry, data={**entry.data, CONF_HOST: host}
        )
        if entry.state is ConfigEntryState.LOADED:
            entry.runtime_data.printer.set_host(host)
        else:
            self._hass.config_entries.async_schedule_reload(entry.entry_id)

    async def _async_is_still_there(self, entry: BambuConfigEntry, host: str) -> bool:
        """Tell whether the entry's own address still leads to the printer.

        Some printers have two addresses, and announce themselves from both.  The entry may
        also name the printer, and the name lead to the same address.
        """
        if entry.state is ConfigEntryState.LOADED and (
            await _async_answers(entry.runtime_data.printer)
        ):
            return True
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                entry.data[CONF_HOST], None, family=socket.AF_INET
            )
        except OSError:
            return False
        if all(address[0] != host for *_, address in found):
            return False
        self._greet(entry)
        return True


async def _async_answers(printer: BambuPrinter) -> bool:
    if not printer.available:
        return False
    try:
        async with asyncio.timeout(_ALIVE_TIMEOUT):
            await printer.ask_for_versions()
    except BambuError, TimeoutError:
        return False
    return True


class _Protocol(asyncio.DatagramProtocol):
    """Hands datagrams on."""

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._discovery.async_packet(data, addr[0])


def _open_socket(port: int) -> socket.socket:
    """Open a socket that others may open as well; nothing is ever sent from it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("", port))
        group = socket.inet_aton(ANNOUNCEMENT_GROUP) + bytes(4)
        try:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        except OSError as err:
            # Without a network there are no groups; broadcasts may come all the same.
            _LOGGER.debug("Cannot join the group of announcements: %s", err)
    except OSError:
        sock.close()
        raise
    return sock


async def async_setup_discovery(hass: HomeAssistant) -> None:
    """Start the one listener."""
    discovery = hass.data[_DISCOVERY] = Discovery(hass)
    await discovery.async_start()

    @callback
    def stop(_event: Event) -> None:
        discovery.async_stop()

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop)


@callback
def async_get_discovery(hass: HomeAssistant) -> Discovery:
    """Return the listener."""
    return hass.data[_DISCOVERY]
