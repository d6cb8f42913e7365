"""Adding a printer, changing how it is reached, and a new access code.

Almost everything is tried against real sockets on loopback.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
import socket
import ssl
from typing import Any
from unittest.mock import AsyncMock, PropertyMock, patch

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_INTEGRATION_DISCOVERY,
    SOURCE_SSDP,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service_info.ssdp import SsdpServiceInfo
from homeassistant.setup import async_setup_component
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer.const import (
    CONF_ACCESS_CODE,
    CONF_CAMERA_PORT,
    CONF_CERTIFICATE,
    CONF_DETECT_PORT,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    CONF_PORTS,
    CONF_SERIAL,
    CONF_TAKE_OVER,
    DOMAIN,
)
from custom_components.bambu_printer.printer import printer as printer_module
from custom_components.bambu_printer.printer.errors import PortRefusedError
from custom_components.bambu_printer.printer.security import pin_fingerprint
from custom_components.bambu_printer.takeover import KnownPrinter
from virtual_printer import VirtualPrinter
from virtual_printer.certificates import Identity, authority, identity

from .conftest import SESSION, entry_data

FLOW = "custom_components.bambu_printer.config_flow"
SECURITY = "custom_components.bambu_printer.printer.security"


@pytest.fixture
def setup_entry() -> Iterator[AsyncMock]:
    """Keep what is tested here free of the entities."""
    with patch(
        "custom_components.bambu_printer.async_setup_entry", return_value=True
    ) as mock:
        yield mock


pytestmark = pytest.mark.usefixtures("setup_entry")


def address(printer: VirtualPrinter, **changes: Any) -> dict[str, Any]:
    """Return what the user enters for a virtual printer."""
    ports: dict[str, Any] = {
        CONF_MQTT_PORT: printer.mqtt_port,
        CONF_FTPS_PORT: printer.ftps_port,
        CONF_DETECT_PORT: printer.detect_port,
        CONF_CAMERA_PORT: printer.camera_port,
        **changes.pop(CONF_PORTS, {}),
    }
    return {
        CONF_HOST: "127.0.0.1",
        CONF_ACCESS_CODE: printer.access_code,
        CONF_PORTS: ports,
        **changes,
    }


async def start(hass: HomeAssistant) -> str:
    """Open the form and return the flow's id."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "user"
    assert not result["errors"]
    return result["flow_id"]


async def submit(
    hass: HomeAssistant, flow_id: str, user_input: dict[str, Any]
) -> ConfigFlowResult:
    """Fill in a form, and trust the authority of the virtual printers if asked."""
    result = await hass.config_entries.flow.async_configure(flow_id, user_input)
    if result["type"] is FlowResultType.FORM and result["step_id"] == "trust":
        result = await hass.config_entries.flow.async_configure(flow_id, {})
    return result


def assert_created(result: ConfigFlowResult, printer: VirtualPrinter) -> None:
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == printer.name
    assert result["result"].unique_id == printer.serial
    assert result["data"] == entry_data(printer)


def suggested(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what the form is filled with."""
    schema = result["data_schema"]
    assert schema
    return {
        str(key): key.description["suggested_value"]
        for key in schema.schema
        if key.description and "suggested_value" in key.description
    }


# Adding


async def test_user(
    hass: HomeAssistant, printer: VirtualPrinter, setup_entry: AsyncMock
) -> None:
    flow_id = await start(hass)
    result = await submit(hass, flow_id, address(printer))
    assert_created(result, printer)
    assert result["title"] == "Workshop X1C"
    await hass.async_block_till_done()
    assert len(setup_entry.mock_calls) == 1
    assert printer.connected_clients == 0


async def test_user_sets_up_for_real(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    from custom_components.bambu_printer import async_setup_entry

    result = await submit(hass, await start(hass), address(printer))
    with patch("custom_components.bambu_printer.async_setup_entry", async_setup_entry):
        await hass.config_entries.async_reload(result["result"].entry_id)
        await hass.async_block_till_done()
    assert result["result"].state is ConfigEntryState.LOADED


async def test_whitespace_and_case(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """What is copied from a screen or a mail has blanks around it."""
    result = await submit(
        hass,
        await start(hass),
        address(
            printer,
            **{
                CONF_HOST: " 127.0.0.1 ",
                CONF_ACCESS_CODE: f" {printer.access_code}\n",
                CONF_SERIAL: f" {printer.serial.lower()} ",
            },
        ),
    )
    assert_created(result, printer)


async def test_ports(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    ports = {CONF_FTPS_PORT: 10990, CONF_CAMERA_PORT: 10322}
    result = await submit(
        hass, await start(hass), address(printer, **{CONF_PORTS: ports})
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {**entry_data(printer), **ports}


async def test_ports_have_defaults(hass: HomeAssistant) -> None:
    """Most people never open the section."""
    flow_id = await start(hass)
    with patch(
        f"{FLOW}.fetch_certificate_chain", side_effect=PortRefusedError
    ) as fetch:
        result = await submit(
            hass,
            flow_id,
            {CONF_HOST: "127.0.0.1", CONF_ACCESS_CODE: "12345678", CONF_PORTS: {}},
        )
    assert result["errors"] == {"base": "refused"}
    assert fetch.call_args.args == ("127.0.0.1", 8883)


async def test_form_shows_the_usual_ports(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """A default of the section would hide those of its fields, and block the form."""

    def ports_of(form: Any) -> dict[str, Any]:
        fields: Any = probatio.to_field_list(
            form["data_schema"], custom_serializer=cv.custom_serializer
        )
        section = next(field for field in fields if field["name"] == CONF_PORTS)
        assert "default" not in section
        return {field["name"]: field for field in section["schema"]}

    form = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert ports_of(form)[CONF_MQTT_PORT]["default"] == 8883
    wrong = await submit(
        hass, form["flow_id"], address(printer, **{CONF_ACCESS_CODE: "00000000"})
    )
    suggested = ports_of(wrong)[CONF_MQTT_PORT]["description"]["suggested_value"]
    assert suggested == printer.mqtt_port


async def test_impossible_port(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    flow_id = await start(hass)
    with pytest.raises(InvalidData):
        await submit(
            hass, flow_id, address(printer, **{CONF_PORTS: {CONF_MQTT_PORT: 70000}})
        )
    assert_created(await submit(hass, flow_id, address(printer)), printer)


@pytest.mark.parametrize("cause", ["closed", "other", "nameless"])
async def test_default_name(
    hass: HomeAssistant, printer: VirtualPrinter, cause: str
) -> None:
    """A printer that does not tell its name gets the one it has from the factory."""
    result: ConfigFlowResult
    flow_id = await start(hass)
    if cause == "closed":
        ports = {CONF_DETECT_PORT: free_port()}
        result = await submit(hass, flow_id, address(printer, **{CONF_PORTS: ports}))
    elif cause == "other":
        async with VirtualPrinter("P1S", autostart_reports=False) as other:
            assert other.detect_port
            ports = {CONF_DETECT_PORT: other.detect_port}
            result = await submit(
                hass, flow_id, address(printer, **{CONF_PORTS: ports})
            )
    else:
        printer._machine.name = ""
        result = await submit(hass, flow_id, address(printer))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"3DP-{printer.serial[:3]}-{printer.serial[-3:]}"


# What goes wrong, and that the same form recovers


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def listener(talk: bytes, hang_up: bool) -> AsyncIterator[int]:
    """Listen without being a printer; yield the port."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if talk:
            writer.write(talk)
        if not hang_up:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    done.set()
    server.close()
    server.close_clients()
    await server.wait_closed()


def no_such_name() -> Any:
    """Let no name be found; the test harness forbids to look one up."""
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return patch("socket.getaddrinfo", side_effect=error)


async def assert_error_and_recovery(
    hass: HomeAssistant,
    printer: VirtualPrinter,
    flow_id: str,
    result: ConfigFlowResult,
    errors: dict[str, str],
) -> None:
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "user"
    assert result["errors"] == errors
    assert printer.connected_clients == 0
    assert_created(await submit(hass, flow_id, address(printer)), printer)


async def test_refused(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    flow_id = await start(hass)
    wrong = address(printer, **{CONF_PORTS: {CONF_MQTT_PORT: free_port()}})
    result = await submit(hass, flow_id, wrong)
    # What was typed is still there; the caller need not type it again.
    assert suggested(result)[CONF_HOST] == "127.0.0.1"
    await assert_error_and_recovery(hass, printer, flow_id, result, {"base": "refused"})


@pytest.mark.parametrize("host", ["no-such-name", "\udcff"])
async def test_impossible_name(
    hass: HomeAssistant, printer: VirtualPrinter, host: str
) -> None:
    flow_id = await start(hass)
    with no_such_name():
        result = await submit(hass, flow_id, address(printer, **{CONF_HOST: host}))
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {CONF_HOST: "unreachable"}
    )


async def test_unreachable(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    flow_id = await start(hass)
    with patch.object(
        asyncio.get_running_loop(),
        "create_connection",
        side_effect=OSError(113, "No route to host"),
    ):
        result = await submit(hass, flow_id, address(printer))
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {CONF_HOST: "unreachable"}
    )


async def test_timed_out(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    from custom_components.bambu_printer.printer import fetch_certificate_chain

    flow_id = await start(hass)
    with patch.dict(fetch_certificate_chain.__kwdefaults__, {"limit": 0.2}):
        async with listener(b"", hang_up=False) as port:
            wrong = address(printer, **{CONF_PORTS: {CONF_MQTT_PORT: port}})
            result = await submit(hass, flow_id, wrong)
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {"base": "timed_out"}
    )


@pytest.mark.parametrize(
    "talk", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
async def test_not_a_printer(
    hass: HomeAssistant, printer: VirtualPrinter, talk: bytes
) -> None:
    flow_id = await start(hass)
    async with listener(talk, hang_up=True) as port:
        wrong = address(printer, **{CONF_PORTS: {CONF_MQTT_PORT: port}})
        result = await submit(hass, flow_id, wrong)
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {"base": "not_a_printer"}
    )


async def test_certificate_of_something_else(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """A TLS server whose name is no serial number."""
    flow_id = await start(hass)
    async with VirtualPrinter(
        "X1C", serial="ROUTER", autostart_reports=False
    ) as router:
        result = await submit(hass, flow_id, address(router))
        assert router.requests == []
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {"base": "not_a_printer"}
    )


async def test_wrong_access_code(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    flow_id = await start(hass)
    result = await submit(
        hass, flow_id, address(printer, **{CONF_ACCESS_CODE: "87654321"})
    )
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {CONF_ACCESS_CODE: "invalid_auth"}
    )


async def test_wrong_serial(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    flow_id = await start(hass)
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        result = await submit(
            hass, flow_id, address(printer, **{CONF_SERIAL: "01P00A000000000"})
        )
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {CONF_SERIAL: "wrong_serial"}
    )


async def test_no_report(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    flow_id = await start(hass)
    printer.faults.silent = True
    with patch.object(printer_module, "FIRST_REPORT_TIMEOUT", 0.2):
        result = await submit(hass, flow_id, address(printer))
    printer.faults.silent = False
    await asyncio.sleep(0.05)
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {"base": "no_report"}
    )


async def test_certificate_changes_in_between(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """Whoever takes the printer's place after the first look is not told the code."""
    flow_id = await start(hass)
    async with VirtualPrinter("P1S", autostart_reports=False) as other:
        from custom_components.bambu_printer.printer import fetch_certificate_chain

        chain = await fetch_certificate_chain("127.0.0.1", other.mqtt_port)
    with (
        patch(f"{FLOW}.fetch_certificate_chain", return_value=chain),
        patch.object(printer, "_authenticate", side_effect=AssertionError),
    ):
        result = await submit(hass, flow_id, address(printer))
    await assert_error_and_recovery(
        hass, printer, flow_id, result, {"base": "certificate_changed"}
    )


async def test_hangs_up(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    """Shows the right certificate, then does not talk MQTT."""
    flow_id = await start(hass)
    with patch.object(printer._broker, "_serve", side_effect=OSError):
        result = await submit(hass, flow_id, address(printer))
    await assert_error_and_recovery(hass, printer, flow_id, result, {"base": "hung_up"})


@pytest.mark.parametrize(
    "where", [f"{SESSION}.Session.start", f"{FLOW}.fetch_certificate_chain"]
)
async def test_unexpected(
    hass: HomeAssistant,
    printer: VirtualPrinter,
    caplog: pytest.LogCaptureFixture,
    where: str,
) -> None:
    flow_id = await start(hass)
    with patch(where, side_effect=ZeroDivisionError):
        result = await submit(hass, flow_id, address(printer))
    assert "Unexpected error" in caplog.text
    assert printer.access_code not in caplog.text
    await assert_error_and_recovery(hass, printer, flow_id, result, {"base": "unknown"})


async def test_already_configured(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """It is told before the access code is sent anywhere."""
    entry.add_to_hass(hass)
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        result = await submit(
            hass, await start(hass), address(printer, **{CONF_ACCESS_CODE: "00000000"})
        )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_two_printers(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    async with VirtualPrinter("P1S", autostart_reports=False) as other:
        assert_created(await submit(hass, await start(hass), address(other)), other)
    assert len(hass.config_entries.async_entries(DOMAIN)) == 2


@pytest.mark.usefixtures("socket_enabled")
async def test_leaf_only(hass: HomeAssistant) -> None:
    """Some printers do not send the certificate above their own."""
    async with VirtualPrinter(
        "A1MINI", leaf_only=True, autostart_reports=False
    ) as printer:
        result = await submit(hass, await start(hass), address(printer))
        assert result["type"] is FlowResultType.CREATE_ENTRY
        pinned = result["data"][CONF_CERTIFICATE]
        assert ssl.PEM_cert_to_DER_cert(pinned) == ssl.PEM_cert_to_DER_cert(
            printer.certificate_pem
        )


# Trust


def trusting(*fingerprints: str) -> Any:
    """Take the maker's authorities to be these."""
    known = {fingerprint.replace(":", ""): "Known" for fingerprint in fingerprints}
    return patch(f"{SECURITY}.KNOWN_AUTHORITIES", known)


async def test_unknown_authority_is_asked_about(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """Before the access code is sent; and only once, whatever else goes wrong."""
    flow_id = await start(hass)
    wrong = address(printer, **{CONF_ACCESS_CODE: "00000000"})
    configure = hass.config_entries.flow.async_configure
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        result = await configure(flow_id, wrong)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "trust"
    placeholders = result["description_placeholders"]
    assert placeholders == {
        "serial": printer.serial,
        "fingerprint": pin_fingerprint(printer.ca_pem),
    }
    result = await configure(flow_id, {})
    assert result["step_id"] == "user"
    assert result["errors"] == {CONF_ACCESS_CODE: "invalid_auth"}
    assert_created(await configure(flow_id, address(printer)), printer)


async def test_known_authority_is_taken_silently(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    flow_id = await start(hass)
    with trusting(pin_fingerprint(printer.ca_pem)):
        result = await hass.config_entries.flow.async_configure(
            flow_id, address(printer)
        )
    assert_created(result, printer)


@pytest.mark.usefixtures("socket_enabled")
async def test_copy_of_a_known_authority_is_no_proof(hass: HomeAssistant) -> None:
    """Everybody can show the maker's certificate; not everybody has one made by it."""
    serial = "00M09D4C1700001"
    impostor = Identity(
        authority(0), identity(serial, 1).certificate, identity(serial, 1).key_pem
    )
    with (
        patch.object(VirtualPrinter, "_identity", PropertyMock(return_value=impostor)),
        trusting(pin_fingerprint(impostor.authority.pem)),
    ):
        async with VirtualPrinter("X1C", serial=serial) as printer:
            with patch.object(printer, "_authenticate", side_effect=AssertionError):
                result = await hass.config_entries.flow.async_configure(
                    await start(hass), address(printer)
                )
    assert result["step_id"] == "user"
    assert result["errors"] == {"base": "certificate_changed"}


async def test_answers_in_time(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    """Whatever the printer does, the form has an answer within five seconds."""
    loop = asyncio.get_running_loop()

    async def ask(**changes: Any) -> tuple[dict[str, str] | None, float]:
        flow_id = await start(hass)
        began = loop.time()
        result = await submit(hass, flow_id, address(printer, **changes))
        return result["errors"], loop.time() - began

    with trusting(pin_fingerprint(printer.ca_pem)):
        async with (
            listener(b"", hang_up=False) as hanging,
            VirtualPrinter("P1S", autostart_reports=False) as frozen,
            VirtualPrinter("A1", autostart_reports=False) as silent,
        ):
            frozen.faults.frozen = True
            silent.faults.silent = True
            ports = [
                {CONF_PORTS: {CONF_MQTT_PORT: port}}
                for port in (hanging, frozen.mqtt_port, silent.mqtt_port)
            ]
            found = await asyncio.gather(
                ask(**{CONF_SERIAL: "01P00A000000000"}),
                *(ask(**port) for port in ports),
            )
    assert [errors for errors, _ in found] == [
        {CONF_SERIAL: "wrong_serial"},
        {"base": "timed_out"},
        {"base": "timed_out"},
        {"base": "no_report"},
    ]
    assert max(seconds for _, seconds in found) < 5


# Found by itself


@pytest.fixture
def usual_ports(printer: VirtualPrinter) -> Iterator[None]:
    """Take the ports of the virtual printer for those that all printers have."""
    ports = {
        probatio.Required(CONF_MQTT_PORT, default=printer.mqtt_port): cv.port,
        probatio.Required(CONF_FTPS_PORT, default=printer.ftps_port): cv.port,
        probatio.Required(CONF_DETECT_PORT, default=printer.detect_port): cv.port,
        probatio.Required(CONF_CAMERA_PORT, default=printer.camera_port): cv.port,
    }
    with patch(f"{FLOW}._PORTS_SCHEMA", probatio.Schema(ports)):
        yield


def found(printer: VirtualPrinter, **changes: Any) -> dict[str, Any]:
    """Return what the listener hands over."""
    return {
        "host": "127.0.0.1",
        "serial": printer.serial,
        "name": printer.name,
        "model_code": printer.profile.code,
        "firmware": printer.firmware,
        **changes,
    }


async def discover(
    hass: HomeAssistant, printer: VirtualPrinter, **changes: Any
) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_INTEGRATION_DISCOVERY},
        data=found(printer, **changes),
    )


@pytest.mark.usefixtures("usual_ports")
async def test_discovery(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    """Everything is filled in but the access code."""
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        result = await discover(hass, printer)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "discovery_confirm"
    assert [str(key) for key in result["data_schema"].schema] == [CONF_ACCESS_CODE]
    assert result["description_placeholders"] == {
        "name": "Workshop X1C",
        "model": "X1C",
        "serial": printer.serial,
        "host": "127.0.0.1",
    }
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["unique_id"] == printer.serial
    assert flow["context"]["title_placeholders"] == {
        "name": "Workshop X1C",
        "model": "X1C",
    }
    flow_id = result["flow_id"]
    result = await submit(hass, flow_id, {CONF_ACCESS_CODE: "00000000"})
    assert result["step_id"] == "discovery_confirm"
    assert result["errors"] == {CONF_ACCESS_CODE: "invalid_auth"}
    result = await submit(hass, flow_id, {CONF_ACCESS_CODE: printer.access_code})
    assert_created(result, printer)


@pytest.mark.usefixtures("usual_ports")
async def test_discovery_without_a_name(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    printer._machine.name = ""
    result = await discover(hass, printer, name="", model_code="")
    assert (result["description_placeholders"] or {})["model"] == "X1C"
    result = await submit(
        hass, result["flow_id"], {CONF_ACCESS_CODE: printer.access_code}
    )
    assert result["title"] == f"3DP-{printer.serial[:3]}-{printer.serial[-3:]}"


@pytest.mark.usefixtures("usual_ports")
async def test_discovery_of_an_impostor(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """What announces a serial number must at least show it."""
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        result = await discover(hass, printer, serial="01P00A000000000")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "cannot_connect"


async def test_discovery_of_what_is_gone(
    hass: HomeAssistant, printer: VirtualPrinter, usual_ports: None
) -> None:
    await printer.power_off()
    result = await discover(hass, printer)
    assert result["reason"] == "cannot_connect"


@pytest.mark.usefixtures("usual_ports")
@pytest.mark.parametrize("source", [SOURCE_INTEGRATION_DISCOVERY, SOURCE_SSDP])
async def test_discovery_of_a_known_printer(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry, source: str
) -> None:
    """The listener looks into its address; the flow itself believes nothing."""
    assert await async_setup_component(hass, DOMAIN, {})
    entry.add_to_hass(hass)
    with patch(
        "custom_components.bambu_printer.discovery.Discovery.async_announced"
    ) as announced:
        if source == SOURCE_SSDP:
            result = await ssdp(hass, printer)
        else:
            result = await discover(hass, printer)
    assert result["reason"] == "already_configured"
    assert announced.call_args.args[0].serial == printer.serial
    assert entry.data == entry_data(printer)


async def ssdp(
    hass: HomeAssistant, printer: VirtualPrinter, **changes: str
) -> ConfigFlowResult:
    headers = {
        "NT": "urn:bambulab-com:device:3dprinter:1",
        "USN": printer.serial,
        "Location": "127.0.0.1",
        "DevName.bambu.com": printer.name,
        "DevModel.bambu.com": printer.profile.code,
        **changes,
    }
    return await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_SSDP},
        data=SsdpServiceInfo(
            ssdp_usn=printer.serial,
            ssdp_st="urn:bambulab-com:device:3dprinter:1",
            upnp={},
            ssdp_location=headers["Location"],
            ssdp_headers=headers,
        ),
    )


@pytest.mark.usefixtures("usual_ports")
@pytest.mark.parametrize("location", ["127.0.0.1", "http://127.0.0.1:80/x"])
async def test_ssdp(
    hass: HomeAssistant, printer: VirtualPrinter, location: str
) -> None:
    result = await ssdp(hass, printer, Location=location)
    assert result["step_id"] == "discovery_confirm"
    assert (result["description_placeholders"] or {})["name"] == printer.name
    result = await submit(
        hass, result["flow_id"], {CONF_ACCESS_CODE: printer.access_code}
    )
    assert_created(result, printer)


@pytest.mark.parametrize("changes", [{"NT": "upnp:rootdevice"}, {"USN": "?"}])
async def test_ssdp_of_something_else(
    hass: HomeAssistant, printer: VirtualPrinter, changes: dict[str, str]
) -> None:
    result = await ssdp(hass, printer, **changes)
    assert result["reason"] == "not_a_printer"


# Changing


async def test_reconfigure(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(
        entry,
        data={
            **entry.data,
            CONF_HOST: "192.0.2.7",
            CONF_MQTT_PORT: 1,
            CONF_CAMERA_PORT: 5,
        },
    )
    result = await entry.start_reconfigure_flow(hass)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "reconfigure"
    assert suggested(result)[CONF_HOST] == "192.0.2.7"
    # Secrets are not shown again.
    assert CONF_ACCESS_CODE not in suggested(result)
    result = await submit(hass, result["flow_id"], address(printer))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data == entry_data(printer)
    assert entry.unique_id == printer.serial


async def test_reconfigure_other_printer(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    before = dict(entry.data)
    flow = await entry.start_reconfigure_flow(hass)
    async with VirtualPrinter("P1S", autostart_reports=False) as other:
        with patch.object(other, "_authenticate", side_effect=AssertionError):
            result = await submit(hass, flow["flow_id"], address(other))
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"base": "wrong_serial"}
    assert entry.data == before
    result = await submit(hass, flow["flow_id"], address(printer))
    assert result["reason"] == "reconfigure_successful"


async def test_reconfigure_errors(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    flow_id = (await entry.start_reconfigure_flow(hass))["flow_id"]
    with no_such_name():
        result = await submit(hass, flow_id, address(printer, **{CONF_HOST: "no-name"}))
    assert result["step_id"] == "reconfigure"
    assert result["errors"] == {CONF_HOST: "unreachable"}
    assert suggested(result)[CONF_HOST] == "no-name"
    result = await submit(hass, flow_id, address(printer, **{CONF_ACCESS_CODE: "0"}))
    assert result["errors"] == {CONF_ACCESS_CODE: "invalid_auth"}
    result = await submit(hass, flow_id, address(printer))
    assert result["reason"] == "reconfigure_successful"


async def test_reconfigure_other_certificate(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    """The pinned certificate stands: the code is not sent to whoever shows another."""
    entry.add_to_hass(hass)
    flow_id = (await entry.start_reconfigure_flow(hass))["flow_id"]
    await printer.restart(new_certificate=True)
    with patch.object(printer, "_authenticate", side_effect=AssertionError):
        result = await submit(hass, flow_id, address(printer))
    assert result["errors"] == {"base": "certificate_changed"}


# New access code


async def test_reauth(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    printer.change_access_code("87654321")
    result = await entry.start_reauth_flow(hass)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "reauth_confirm"
    placeholders = result["description_placeholders"]
    assert placeholders
    assert placeholders["name"] == entry.title
    flow_id = result["flow_id"]
    result = await submit(hass, flow_id, {CONF_ACCESS_CODE: "11111111"})
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {CONF_ACCESS_CODE: "invalid_auth"}
    await printer.power_off()
    result = await submit(hass, flow_id, {CONF_ACCESS_CODE: "87654321"})
    assert result["errors"] == {"base": "refused"}
    await printer.power_on()
    result = await submit(hass, flow_id, {CONF_ACCESS_CODE: " 87654321 "})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.data == {**entry_data(printer), CONF_ACCESS_CODE: "87654321"}


# Options


async def test_options(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    assert entry.supports_options
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["type"] is FlowResultType.FORM
    assert [str(key) for key in result["data_schema"].schema] == [
        "chamber_sensor",
        "error_texts_online",
        "power",
        "release",
    ]
    chosen = {
        "error_texts_online": False,
        "power": {"power_switch": "switch.plug", "wake": False, "grace": 5.0},
        "release": {"return_after": 30.0},
    }
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], chosen
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == chosen
    # Where the printer measures its chamber itself, nobody else is asked for.
    with patch(f"{FLOW}._has_chamber_sensor", return_value=True):
        result = await hass.config_entries.options.async_init(entry.entry_id)
    fields = [str(key) for key in result["data_schema"].schema]
    assert fields == ["error_texts_online", "power", "release"]


# Taking over what another integration knows


def elsewhere(printer: VirtualPrinter, **changes: Any) -> MockConfigEntry:
    """Return the entry that another integration has for a printer."""
    return MockConfigEntry(
        domain="bambu_lab",
        title="X1C elsewhere",
        data={"serial": printer.serial, "device_type": "X1C"},
        options={
            "host": "127.0.0.1",
            "access_code": printer.access_code,
            "local_mqtt": True,
            **changes,
        },
    )


async def offer(hass: HomeAssistant) -> ConfigFlowResult:
    """Begin to add a printer while another integration knows one."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "take_over"
    return result


def choices(form: ConfigFlowResult) -> dict[str, str]:
    """Return the serial numbers to choose from, and what is shown for them."""
    assert form["data_schema"]
    (field,) = form["data_schema"].schema.values()
    return {item["value"]: item["label"] for item in field.config["options"]}


@pytest.mark.usefixtures("usual_ports")
@pytest.mark.parametrize("place", ["options", "data"])
async def test_take_over(
    hass: HomeAssistant, printer: VirtualPrinter, place: str
) -> None:
    """Nothing is typed, and nothing of the other integration changes."""
    other = elsewhere(printer)
    if place == "data":
        other = MockConfigEntry(
            domain="bambu_lab",
            title="X1C elsewhere",
            data={**other.data, **other.options, "serial": printer.serial.lower()},
        )
    other.add_to_hass(hass)
    before = other.as_dict()
    form = await offer(hass)
    assert choices(form) == {printer.serial: f"X1C elsewhere ({printer.serial})"}
    assert printer.access_code not in str(form)
    result = await submit(hass, form["flow_id"], {CONF_TAKE_OVER: printer.serial})
    assert_created(result, printer)
    assert other.as_dict() == before
    # It is here now: there is nothing left to take over.
    await start(hass)


async def test_take_over_nothing(hass: HomeAssistant, printer: VirtualPrinter) -> None:
    elsewhere(printer).add_to_hass(hass)
    form = await offer(hass)
    result = await submit(hass, form["flow_id"], {})
    assert result["step_id"] == "user"
    assert not result["errors"]
    assert not suggested(result)
    assert_created(await submit(hass, form["flow_id"], address(printer)), printer)


@pytest.mark.usefixtures("usual_ports")
@pytest.mark.parametrize("missing", ["host", "access_code"])
async def test_take_over_half(
    hass: HomeAssistant, printer: VirtualPrinter, missing: str
) -> None:
    """Who used the other integration by way of the cloud has no address there, or code."""
    elsewhere(printer, **{missing: None}).add_to_hass(hass)
    form = await offer(hass)
    result = await submit(hass, form["flow_id"], {CONF_TAKE_OVER: printer.serial})
    assert result["step_id"] == "user"
    assert not result["errors"]
    filled = suggested(result)
    assert filled.pop(CONF_SERIAL) == printer.serial
    assert filled.pop(missing) == ""
    assert_created(await submit(hass, form["flow_id"], address(printer)), printer)


@pytest.mark.usefixtures("usual_ports")
async def test_take_over_what_is_out_of_date(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """The form opens with what was known, and says what is wrong with it."""
    elsewhere(printer, access_code="00000000").add_to_hass(hass)
    form = await offer(hass)
    result = await submit(hass, form["flow_id"], {CONF_TAKE_OVER: printer.serial})
    assert suggested(result)[CONF_HOST] == "127.0.0.1"
    await assert_error_and_recovery(
        hass, printer, form["flow_id"], result, {CONF_ACCESS_CODE: "invalid_auth"}
    )


async def test_take_over_from_odd_entries(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """What another integration stores is its own affair: anything may be in there."""
    for data in ({}, {"serial": None}, {"serial": 7}, {"serial": " "}):
        MockConfigEntry(domain="bambu_lab", data=data).add_to_hass(hass)
    ignored = MockConfigEntry(
        domain="bambu_lab", source=SOURCE_IGNORE, data={"serial": printer.serial}
    )
    ignored.add_to_hass(hass)
    await start(hass)


async def test_take_over_what_is_gone_meanwhile(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    other = elsewhere(printer)
    other.add_to_hass(hass)
    form = await offer(hass)
    await hass.config_entries.async_remove(other.entry_id)
    result = await submit(hass, form["flow_id"], {CONF_TAKE_OVER: printer.serial})
    assert result["step_id"] == "user"


@pytest.mark.usefixtures("usual_ports")
async def test_discovery_of_what_another_integration_has(
    hass: HomeAssistant, printer: VirtualPrinter
) -> None:
    """Its access code is filled in; another printer's is not."""
    elsewhere(printer, serial="01P00A000000000", access_code="other").add_to_hass(hass)
    elsewhere(printer).add_to_hass(hass)
    form = await discover(hass, printer)
    assert suggested(form) == {CONF_ACCESS_CODE: printer.access_code}
    result = await submit(hass, form["flow_id"], {CONF_ACCESS_CODE: "00000000"})
    assert result["errors"] == {CONF_ACCESS_CODE: "invalid_auth"}
    assert not suggested(result)
    result = await submit(hass, form["flow_id"], suggested(form))
    assert_created(result, printer)


def test_the_code_of_a_known_printer_is_not_shown() -> None:
    known = KnownPrinter(title="t", serial="s", host="h", access_code="geheim")
    assert "geheim" not in repr(known)
