"""The announcements with which a printer makes itself known on the network."""

import asyncio
import socket


def encode_announcement(
    *, address: str, serial: str, code: str, name: str, version: str, signal: int
) -> bytes:
    """Write an announcement; the Host header is decoration on real printers, too."""
    lines = [
        "NOTIFY * HTTP/1.1",
        "Host: 239.255.255.250:1990",
        "Server: UPnP/1.0",
        f"Location: {address}",
        "NT: urn:bambulab-com:device:3dprinter:1",
        "NTS: ssdp:alive",
        f"USN: {serial}",
        "Cache-Control: max-age=1800",
        f"DevModel.bambu.com: {code}",
        f"DevName.bambu.com: {name}",
        f"DevSignal.bambu.com: {signal}",
        "DevConnect.bambu.com: lan",
        "DevBind.bambu.com: free",
        "Devseclink.bambu.com: secure",
        "DevInf.bambu.com: wlan0",
        f"DevVersion.bambu.com: {version}",
        "DevCap.bambu.com: 1",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Announcer:
    """Sends one datagram after another to the same place."""

    def __init__(self, target: tuple[str, int], source: str) -> None:
        """Remember where to."""
        self._target = target
        self._source = source
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Open the socket."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setblocking(False)
        sock.bind((self._source, 0))
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, sock=sock
        )

    def send(self, packet: bytes) -> None:
        """Send once."""
        if self._transport is not None:
            self._transport.sendto(packet, self._target)

    def stop(self) -> None:
        """Close the socket."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
