"""A printer with an address of the newer kind."""

import socket

import pytest
import pytest_socket

from custom_components.bambu_printer.printer import BambuPrinter, Endpoint
from virtual_printer import VirtualPrinter


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
async def test_everything_is_reached(socket_enabled: None) -> None:
    pytest_socket.socket_allow_hosts(["::1", "127.0.0.1"], allow_unix_socket=True)
    async with VirtualPrinter("X1C", host="::1", autostart_reports=False) as virtual:
        printer = BambuPrinter(
            Endpoint(
                host="::1",
                serial=virtual.serial,
                access_code=virtual.access_code,
                pin=virtual.ca_pem,
                mqtt_port=virtual.mqtt_port,
                ftps_port=virtual.ftps_port or 0,
            )
        )
        await printer.start_session()
        assert printer.available
        assert await printer.storage.list_folder()
        await printer.quit()
