"""A virtual printer that only does what it is told, and a client to talk to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
import itertools
import json
import ssl

import aiomqtt
import pytest

from virtual_printer import VirtualPrinter


def client_context(printer: VirtualPrinter) -> ssl.SSLContext:
    """Trust the printer's authority, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=printer.ca_pem)
    return context


class PlainClient:
    """What a slicer does: subscribe, send, wait for messages."""

    def __init__(self, printer: VirtualPrinter, client: aiomqtt.Client) -> None:
        self.printer = printer
        self.mqtt = client
        self._numbers = itertools.count(20001)

    async def send(self, section: str, command: str, **fields) -> str:
        number = str(next(self._numbers))
        body = {"sequence_id": number, "command": command, **fields}
        topic = f"device/{self.printer.serial}/request"
        await self.mqtt.publish(topic, json.dumps({section: body}), qos=1)
        return number

    async def next(self, seconds: float = 3) -> dict:
        message = await asyncio.wait_for(anext(self.mqtt.messages), seconds)
        return json.loads(message.payload)

    async def ask(self, section: str, command: str, **fields) -> dict:
        """Send and return the acknowledgement's inside."""
        number = await self.send(section, command, **fields)
        while True:
            message = await self.next()
            body = message.get(section, {})
            if body.get("command") == command and body.get("sequence_id") == number:
                return body

    async def report(self, *, full: bool | None = None) -> dict:
        """Have the printer report, and return the inside of the report."""
        await self.printer.push(full)
        while True:
            body = (await self.next()).get("print", {})
            if body.get("command") == "push_status":
                return body

    async def nothing(self) -> bool:
        """Tell whether nothing arrives."""
        try:
            await self.next(0.06)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def connect(printer: VirtualPrinter, **options) -> AsyncIterator[PlainClient]:
    """Log in and subscribe."""
    settings = {"username": "bblp", "password": printer.access_code, **options}
    async with aiomqtt.Client(
        printer.host,
        printer.mqtt_port,
        tls_context=client_context(printer),
        **settings,
    ) as client:
        await client.subscribe(f"device/{printer.serial}/report")
        yield PlainClient(printer, client)


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """There is no Home Assistant here: starting one for every test takes long."""


@pytest.fixture(autouse=True)
async def _no_complaints() -> AsyncIterator[None]:
    """Check that the printer leaves nothing for the event loop to complain about."""
    complaints: list[dict] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    yield
    loop.set_exception_handler(None)
    # The client library forgets futures when a connection breaks.
    others = [item for item in complaints if "never retrieved" not in item["message"]]
    assert not others


@pytest.fixture
async def start(socket_enabled) -> AsyncIterator[Callable]:
    """Start printers with a client each; everything is closed at the end."""
    async with AsyncExitStack() as stack:

        async def begin(
            model: str = "X1C", **options
        ) -> tuple[VirtualPrinter, PlainClient]:
            options = {"autostart_reports": False, **options}
            printer = await stack.enter_async_context(VirtualPrinter(model, **options))
            client = await stack.enter_async_context(connect(printer))
            return printer, client

        yield begin
