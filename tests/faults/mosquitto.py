"""A printer that lives behind a real broker: Mosquitto, with a robot at the other end.

Only the broker is under test: the robot answers the two questions that a connection begins
with and reports what it is told to.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
import shutil
import signal
import ssl
from types import TracebackType
from typing import Any, Self

import aiomqtt
import orjson

from custom_components.bambu_printer.printer import Endpoint
from virtual_printer import VirtualPrinter
from virtual_printer.certificates import Identity, identity

MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto") or ""

_CONFIGURATION = """\
listener {port} {host}
certfile {folder}/chain.pem
keyfile {folder}/key.pem
password_file {folder}/users
allow_anonymous false
user root
"""


class MosquittoPrinter:
    """Starts the broker and the robot; an asynchronous context manager."""

    serial = "00M00A000000007"

    def __init__(self, folder: Path, port: int, access_code: str) -> None:
        """Keep the files of the broker in a folder."""
        self.host = "127.0.0.1"
        self.port = port
        self.access_code = access_code
        self.report: dict[str, Any] = VirtualPrinter("X1C").report
        self.versions: list[dict[str, Any]] = [
            {"name": "ota", "product_name": "Bambu Lab X1-Carbon",
             "sw_ver": "01.09.00.00", "hw_ver": "", "sn": self.serial},
        ]  # fmt: skip
        self._folder = folder
        self._generation = 0
        self._broker: asyncio.subprocess.Process | None = None
        self._robot: asyncio.Task[None] | None = None
        self._client: aiomqtt.Client | None = None
        self.pin = self._identity.authority.pem

    @property
    def _identity(self) -> Identity:
        return identity(self.serial, self._generation)

    @property
    def endpoint(self) -> Endpoint:
        """Where to find it."""
        return Endpoint(
            host=self.host,
            serial=self.serial,
            access_code=self.access_code,
            pin=self.pin,
            mqtt_port=self.port,
        )

    async def start(self) -> None:
        """Start the broker and let the robot log in."""
        await self._write_files()
        self._broker = await asyncio.create_subprocess_exec(
            MOSQUITTO,
            "-c",
            self._folder / "mosquitto.conf",
            stderr=asyncio.subprocess.DEVNULL,
        )
        ready = asyncio.Event()
        self._robot = asyncio.create_task(self._answer(ready))
        async with asyncio.timeout(10):
            await ready.wait()

    async def kill(self) -> None:
        """Kill the broker without a chance to take leave (kill -9)."""
        if self._robot is not None:
            self._robot.cancel()
            await asyncio.wait([self._robot])
            self._robot = None
        if self._broker is not None:
            self._broker.kill()
            await self._broker.wait()
            self._broker = None

    def freeze(self, frozen: bool = True) -> None:
        """Stop the broker where it is, or let it go on."""
        assert self._broker
        self._broker.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def change_certificate(self) -> None:
        """Have another authority from the next start on."""
        self._generation += 1

    async def publish(self, payload: bytes | dict[str, Any]) -> None:
        """Send something on the report topic."""
        assert self._client
        if isinstance(payload, dict):
            payload = orjson.dumps(payload)
        await self._client.publish(f"device/{self.serial}/report", payload)

    async def push(self) -> None:
        """Send a full report."""
        await self.publish({"print": {**self.report, "msg": 0}})

    async def _write_files(self) -> None:
        who, folder = self._identity, self._folder
        (folder / "chain.pem").write_text(who.certificate_pem + who.authority.pem)
        (folder / "key.pem").write_bytes(who.key_pem)
        users = folder / "users"
        users.unlink(missing_ok=True)
        users.write_text(f"bblp:{self.access_code}\nrobot:robot\n")
        users.chmod(0o600)
        (folder / "mosquitto.conf").write_text(
            _CONFIGURATION.format(port=self.port, host=self.host, folder=folder)
        )
        hashing = await asyncio.create_subprocess_exec(
            shutil.which("mosquitto_passwd")
            or Path(MOSQUITTO).with_name("mosquitto_passwd"),
            "-U",
            users,
        )
        assert await hashing.wait() == 0

    async def _answer(self, ready: asyncio.Event) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    self.host,
                    self.port,
                    username="robot",
                    password="robot",
                    tls_context=context,
                ) as self._client:
                    await self._client.subscribe(f"device/{self.serial}/request")
                    ready.set()
                    async for message in self._client.messages:
                        await self._obey(orjson.loads(bytes(message.payload)))
            await asyncio.sleep(0.05)

    async def _obey(self, request: dict[str, Any]) -> None:
        if "pushing" in request:
            await self.push()
        elif "info" in request:
            await self.publish({"info": {**request["info"], "module": self.versions}})

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        await self.kill()
