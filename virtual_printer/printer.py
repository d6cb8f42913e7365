"""The virtual printer: what tests and the demo start."""

import asyncio
from collections.abc import Coroutine, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
import json
import logging
from pathlib import Path
import time
from types import TracebackType
from typing import Any, Self

from .ams import AmsKind, AmsUnit
from .announce import Announcer, encode_announcement
from .bits import bits
from .camera import CameraCounters, JpegServer
from .card import Card
from .certificates import Identity, identity, kept_identity, server_context
from .commands import Context, Reply, acknowledge, obey
from .data_channel import Counters
from .detect import DetectService
from .faults import UNSIGNED_ERROR, UNSIGNED_REASON, Faults, garbage
from .filaments import Spool
from .ftps import FtpsServer
from .live import LiveServer
from .machine import Machine
from .mqtt import ACCEPTED, BAD_USER, NOT_AUTHORIZED, Broker, Client
from .personality import personality
from .profiles import Family, find_profile
from .projects import make_project
from .report import ALWAYS, Json, difference, merge
from .simulation import Simulation
from .threemf import Plate, Project

_LOGGER = logging.getLogger(__name__)

# The health message of firmware that refuses commands and has no other word for it.
_UNSIGNED_HMS = {"attr": 0x05000500, "code": 0x00010007}

# Printers that send deltas send a full report unasked now and then (H2, P2S, X2D).
_FULL_EVERY = 60


class VirtualPrinter:
    """A Bambu Lab printer on this machine; an asynchronous context manager.

    Everything runs on the event loop that enters it. With `autostart_reports=False` no
    time passes and nothing is reported unless a test says so with `tick` and `push`;
    answers to requests still come.
    """

    def __init__(
        self,
        model: str = "X1C",
        *,
        serial: str | None = None,
        access_code: str = "12345678",
        name: str | None = None,
        host: str = "127.0.0.1",
        mqtt_port: int = 0,
        detect_port: int | None = 0,
        ftps_port: int | None = 0,
        camera_port: int | None = 0,
        camera_interval: float = 1.0,
        speed: float = 1.0,
        scenario: str = "printing",
        report_interval: float = 1.0,
        autostart_reports: bool = True,
        leaf_only: bool = False,
        announce: tuple[str, int] | None = None,
        announce_interval: float = 5.0,
        state_dir: Path | None = None,
        storage: bool = True,
        storage_dir: Path | None = None,
        require_session_reuse: bool = True,
        ftps_folders: bool | None = None,
        pasv_address: str | None = None,
    ) -> None:
        """Describe the printer; nothing listens before it is entered.

        Port 0 takes any free one, `detect_port=None`, `ftps_port=None` and
        `camera_port=None` leave that service out, the camera takes a picture every
        `camera_interval` seconds, `announce` is where announcements go, `state_dir` keeps the
        certificate from run to run.

        There is a card in the printer unless `storage=False`; its content goes with the
        printer unless it lies in `storage_dir`. It is made when somebody looks into it;
        until then every file that a command names counts as present. The rest concerns
        the file server: whether data connections must resume the session of the control
        connection (where the model demands that at all), whether directories can be
        changed (as the model does, unless said), and the address that it claims to have.
        """
        profile = find_profile(model)
        self.profile = profile
        self.model = profile.key
        self.serial = (serial or profile.serial).upper()
        self.access_code = access_code
        self.host = host
        self.mqtt_port = mqtt_port
        self.detect_port = detect_port
        self.ftps_port = ftps_port
        self.camera_port = camera_port
        self.speed = speed
        self.faults = Faults()
        # Every request received, as parsed, in order.
        self.requests: list[Json] = []
        self._machine = Machine(
            profile, self.serial, access_code, name or profile.demo_name
        )
        self._machine.set_address(host)
        self.simulation = Simulation(self._machine)
        self.simulation.set_scene(scenario)
        self._report_interval = report_interval
        self._autostart = autostart_reports
        self._leaf_only = leaf_only
        self._announce_to = announce
        self._announce_interval = announce_interval
        self._generation = 0
        self._state_dir = state_dir
        self._sequence = 100
        self._last: Json = {}
        self._since_full = 0
        self._taken: set[int] = set()
        self._received = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = False
        self._announcer: Announcer | None = None
        self._broker = Broker(
            authenticate=self._authenticate,
            allow_topic=self._allow_topic,
            on_publish=self._on_publish,
            frozen=lambda: self.faults.frozen,
            fate=self.faults.fate,
        )
        self._detect = DetectService(self._describe)
        self._card = Card(self._machine, storage_dir) if storage else None
        if self._card is None:
            self._machine.remove_card()
        self.simulation.card = self._card
        traits = personality(profile.family)
        traits = replace(
            traits,
            session_reuse=traits.session_reuse and require_session_reuse,
            pasv_address=pasv_address or traits.pasv_address,
        )
        if ftps_folders is not None:
            traits = traits.with_folders(ftps_folders)
        self._ftps = FtpsServer(
            traits,
            root=lambda: None if self._card is None else self._card.root,
            authenticate=lambda user, code: (user, code) == ("bblp", self.access_code),
            locked=self._locked,
            faults=self.faults,
        )

        self._camera: JpegServer | LiveServer = (
            LiveServer(
                lambda: self.access_code, self.faults, self._live_view, (1280, 720)
            )
            if profile.rtsp
            else JpegServer(
                lambda: self.access_code, self.faults, (1280, 720), camera_interval
            )
        )

    # ---- what it is --------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name that the user gave it."""
        return self._machine.name

    @property
    def firmware(self) -> str:
        """The version of its firmware."""
        return self._machine.firmware

    @property
    def _identity(self) -> Identity:
        """The certificate that it presents now."""
        if self._state_dir is not None and self._generation == 0:
            return kept_identity(self._state_dir, self.serial)
        return identity(self.serial, self._generation)

    @property
    def ca_pem(self) -> str:
        """The authority above its certificate."""
        return self._identity.authority.pem

    @property
    def certificate_pem(self) -> str:
        """Its own certificate."""
        return self._identity.certificate_pem

    @property
    def report(self) -> Json:
        """A copy of the present full report, the inside of `print`."""
        self._apply_authorization()
        return self._machine.snapshot()

    @property
    def connected_clients(self) -> int:
        """How many clients are logged in."""
        return len(self._broker.clients)

    @property
    def subscribed_clients(self) -> int:
        """How many clients listen to the reports."""
        return sum(
            self._report_topic in client.topics for client in self._broker.clients
        )

    @property
    def heatbed_light(self) -> str:
        """The light that no report ever shows."""
        return self._machine.heatbed_light

    @property
    def camera(self) -> CameraCounters:
        """What the camera did so far."""
        return self._camera.counters

    def _live_view(self) -> bool:
        return str(self._machine.report["ipcam"]["rtsp_url"]).startswith("rtsps://")

    # ---- the card ----------------------------------------------------------------------

    @property
    def ftps(self) -> Counters:
        """What the file server did so far."""
        return self._ftps.counters

    @property
    def card(self) -> Path:
        """The folder that is the card."""
        if self._card is None:
            raise RuntimeError("there is no card in this printer")
        return self._card.root

    def add_file(self, path: str, content: bytes | str | Path | Project) -> Path:
        """Put a file on the card: bytes, a text, a copy of a file, or a project."""
        if self._card is None:
            raise RuntimeError("there is no card in this printer")
        return self._card.add(path, content)

    def make_project(
        self,
        path: str,
        *,
        plates: int | Sequence[Plate] = 1,
        objects: int | Sequence[str] = 3,
        size: int = 0,
        title: str | None = None,
        dual: bool | None = None,
    ) -> Project:
        """Put a sliced project on the card, and return what is in it.

        `plates` and `objects` are numbers, or the plates and the names themselves;
        `size` is about how many bytes the archive shall have at least.
        """
        stem = path.rpartition("/")[2].removesuffix(".3mf").removesuffix(".gcode")
        project = make_project(
            self.profile,
            title or stem.replace("_", " "),
            plates=plates,
            objects=objects,
            size=size,
            dual=dual,
        )
        self.add_file(path, project)
        return project

    def _locked(self, path: Path) -> bool:
        """Tell whether a file belongs to the running job, where that protects it."""
        if self.profile.family is not Family.P2 or self.simulation.job is None:
            return False
        self.simulation.job_objects()
        return self.simulation.job.path == path

    @property
    def _report_topic(self) -> str:
        return f"device/{self.serial}/report"

    # ---- life --------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start to listen and, unless told otherwise, to report."""
        await self.power_on()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing behind."""
        await self.power_off()
        if self._card is not None:
            self._card.close()

    async def power_on(self) -> None:
        """Listen on the ports of before."""
        if self._listening:
            return
        make_context = partial(
            server_context, self._identity, leaf_only=self._leaf_only
        )
        context = make_context()
        self.mqtt_port = await self._broker.start(self.host, self.mqtt_port, context)
        try:
            if self.detect_port is not None:
                self.detect_port = await self._detect.start(
                    self.host, self.detect_port, context
                )
            if self.ftps_port is not None:
                self.ftps_port = await self._ftps.start(
                    self.host, self.ftps_port, make_context
                )
            if self.camera_port is not None:
                self.camera_port = await self._camera.start(
                    self.host, self.camera_port, context
                )
        except OSError:
            await self._ftps.stop()
            await self._detect.stop()
            await self._broker.stop()
            raise
        self._listening = True
        # What a client could know already: deltas start from here.
        self._last = self._machine.snapshot()
        if self._autostart:
            self._spawn(self._report_forever())
        if self._announce_to is not None:
            self._announcer = Announcer(self._announce_to, self.host)
            await self._announcer.start()
            self._spawn(self._announce_forever())

    async def power_off(self) -> None:
        """Close the ports and hang up on everybody; what the printer knows is kept."""
        self._listening = False
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._announcer is not None:
            self._announcer.stop()
            self._announcer = None
        await self._camera.stop()
        await self._ftps.stop()
        await self._detect.stop()
        await self._broker.stop()

    async def restart(self, new_certificate: bool = False) -> None:
        """Switch off and on again, if wanted with a certificate of another authority."""
        await self.power_off()
        if new_certificate:
            self._generation += 1
        await self.power_on()

    async def drop_connections(self) -> None:
        """Hang up on every client; they may come back at once."""
        await self._broker.drop()

    def change_access_code(self, code: str) -> None:
        """Change the code; clients that are logged in stay so, as on the real printer."""
        self.access_code = code
        self._machine.access_code = code

    # ---- requests ----------------------------------------------------------------------

    async def wait_for_request(
        self,
        section: str | None = None,
        command: str | None = None,
        timeout: float = 5,  # noqa: ASYNC109
    ) -> Json:
        """Return the oldest matching request that was not returned before, or wait for it.

        What is returned is the whole request, section and all.
        """
        async with asyncio.timeout(timeout):
            while True:
                for index, request in enumerate(self.requests):
                    if index not in self._taken and _matches(request, section, command):
                        self._taken.add(index)
                        return request
                self._received.clear()
                await self._received.wait()

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self.requests.clear()
        self._taken.clear()

    async def _on_publish(self, client: Client, topic: str, payload: bytes) -> None:
        if topic != f"device/{self.serial}/request":
            return
        try:
            request = json.loads(payload)
        except ValueError:
            _LOGGER.debug("request is not JSON: %r", payload[:80])
            return
        if not isinstance(request, dict):
            return
        self.requests.append(request)
        self._received.set()
        if self.faults.deaf:
            return
        for section, body in deepcopy(request).items():
            # A signed message has a header beside the section; there is no key to check it.
            if isinstance(body, dict) and section != "header":
                self._handle(client, section, body)

    def _handle(self, client: Client, section: str, body: Json) -> None:
        command = str(body.get("command", ""))
        if section == "pushing":
            if command == "pushall":
                self._push_now(full=True, solicited=True)
            elif command in ("start", "stop"):
                client.telemetry = command == "start"
            return
        if section == "update":
            # Sent by one client to rename a printer; no answer has ever been seen.
            self._machine.name = str(body.get("name", self._machine.name))
            return
        answer = self._refusal(section, command, body)
        if answer is None:
            context = Context(self._machine, self.simulation)
            try:
                reply: Reply = obey(context, section, body)
            except TypeError, ValueError, KeyError, AttributeError:
                # A malformed request must not take the printer down.
                _LOGGER.debug("malformed request: %s", body, exc_info=True)
                return
            answer = acknowledge(section, body, reply)
        if answer is not None and not self.faults.mute_acks:
            self._spawn(self._answer(answer, self.faults.ack_delay))

    def _refusal(self, section: str, command: str, body: Json) -> Json | None:
        refusal = self.faults.take_refusal(section, command)
        if refusal is not None:
            fields: Json = {"result": "failed", "reason": refusal.reason}
            return {section: {**body, **fields, "err_code": refusal.err_code}}
        if section != "print" or not self._verifies:
            return None
        self._apply_authorization()
        bare: Json = {"command": command, "sequence_id": body.get("sequence_id", "0")}
        if not self.profile.fun and _UNSIGNED_HMS not in self._machine.report["hms"]:
            self._machine.report["hms"].append(dict(_UNSIGNED_HMS))
        if self.faults.bare_echo:
            return {section: bare}
        verdict: Json = {"result": "failed", "reason": UNSIGNED_REASON}
        return {section: bare | verdict | {"err_code": UNSIGNED_ERROR}}

    @property
    def _verifies(self) -> bool:
        return self.faults.refuse_control or self.faults.bare_echo

    def _apply_authorization(self) -> None:
        """Show in the report whether commands must be signed."""
        self._machine.set_hex("fun", 29, 1, int(self._verifies))
        if not self._verifies:
            hms = self._machine.report["hms"]
            if _UNSIGNED_HMS in hms:
                hms.remove(_UNSIGNED_HMS)

    async def _answer(self, answer: Json, delay: float) -> None:
        if delay > 0:
            await asyncio.sleep(delay)
        self._publish(answer)

    # ---- reports -----------------------------------------------------------------------

    def update(self, change: Json) -> None:
        """Merge deeply into the report; the next push carries it."""
        merge(self._machine.report, change)

    async def push(self, full: bool | None = None) -> None:
        """Send a report now: as the model would, or full, or as a delta.

        A delta without any change is not sent.
        """
        self._push_now(full=self.profile.full_reports if full is None else full)

    async def publish(self, message: bytes | Json) -> None:
        """Send anything on the report topic."""
        self._publish(message)

    async def publish_garbage(self) -> None:
        """Send one message of every kind that no client may stumble over."""
        for message in garbage():
            self._publish(message)

    async def flood(self, size: int, piece: bytes) -> None:
        """Send so many bytes of messages, as fast as clients take them."""
        for _ in range(-(-size // len(piece))):
            self._publish(piece)
            await self._broker.drain()

    async def tick(self, seconds: float = 1.0) -> None:
        """Let time pass, times the speed; nothing is sent."""
        step = max(1.0, seconds / 2000)
        while seconds > 0:
            self.simulation.advance(min(step, seconds), self.speed)
            seconds -= step

    def _push_now(self, *, full: bool, solicited: bool = False) -> None:
        self._apply_authorization()
        report = self._machine.report
        if "t_utc" in report:
            report["t_utc"] = int(time.time() * 1000)
        if full:
            message = deepcopy(report)
            message["msg"] = 0
        else:
            message = difference(self._last, report)
            if not message.keys() - ALWAYS and not self._machine.once:
                return
            message |= {"command": "push_status", "msg": 1}
        if not solicited:
            message |= self._machine.once
            self._machine.once = {}
        self._sequence += 1
        message["sequence_id"] = str(self._sequence)
        self._last = deepcopy(report)
        self._publish({"print": message}, unsolicited=not solicited)

    def _publish(self, message: bytes | Json, *, unsolicited: bool = False) -> None:
        if self.faults.silent or self.faults.frozen:
            return
        if isinstance(message, bytes):
            payload = message
        else:
            payload = json.dumps(
                message, separators=(",", ":"), ensure_ascii=False
            ).encode()
        self._broker.publish(self._report_topic, payload, unsolicited=unsolicited)

    async def _report_forever(self) -> None:
        mixed = self.profile.family not in ("X1", "P1", "A1", "A2")
        while True:
            await asyncio.sleep(self._report_interval)
            self.simulation.advance(self._report_interval, self.speed)
            self._since_full += 1
            full = self.profile.full_reports or (
                mixed and self._since_full >= _FULL_EVERY
            )
            if full:
                self._since_full = 0
            self._push_now(full=full)

    # ---- hardware ----------------------------------------------------------------------

    def plug_ams(
        self,
        kind: AmsKind | str,
        unit_id: int,
        spools: tuple[Spool | None, ...] = (),
        extruder: int = 0,
    ) -> None:
        """Connect an AMS unit: "AMS", "AMS lite", "AMS 2 Pro" or "AMS HT"."""
        parsed = AmsKind.parse(kind)
        if parsed is AmsKind.LITE and unit_id == 16:
            parsed = AmsKind.LITE_A2L
        unit = AmsUnit(kind=parsed, id=unit_id, spools=spools, extruder=extruder)
        self._machine.plug(unit)

    def unplug_ams(self, unit_id: int) -> None:
        """Disconnect an AMS unit."""
        self._machine.unplug(unit_id)

    def set_spool(self, unit_id: int, slot: int, spool: Spool | None) -> None:
        """Put a spool into a slot of an AMS unit, or take it out with None."""
        self._machine.set_spool(unit_id, slot, spool)

    def open_door(self, opened: bool = True) -> None:
        """Open or close the front door, on models that notice."""
        if self.profile.family == "X1":
            self._machine.set_home_bit(23, opened)
        self._machine.set_hex("stat", 23, 1, int(opened))

    def raise_hms(self, attr: int, code: int) -> None:
        """Report a health message."""
        self._machine.report["hms"].append({"attr": attr, "code": code})

    def clear_hms(self) -> None:
        """Report that all is well."""
        self._machine.report["hms"].clear()

    def raise_error(self, code: int, pause: bool = True) -> None:
        """Report an error of the job, which pauses most of the time."""
        self._machine.set_error(code)
        if pause:
            self.simulation.pause()

    def offer_firmware(self, version: str) -> None:
        """Announce a newer firmware."""
        self.simulation.offer_firmware(version)

    # ---- the network -------------------------------------------------------------------

    def _authenticate(self, user: str, password: str) -> int:
        if user != "bblp":
            return BAD_USER
        if self.faults.refuse_login or password != self.access_code:
            return NOT_AUTHORIZED
        return ACCEPTED

    def _allow_topic(self, topic: str) -> bool:
        # The report topic of a serial number that is not ours is accepted and stays silent.
        parts = topic.split("/")
        known = len(parts) == 3 and parts[0] == "device" and parts[2] == "report"
        return known and not bool({"#", "+"} & set(topic))

    def _describe(self) -> dict[str, Any]:
        return {
            "bind": "free",
            "connect": "lan",
            "dev_cap": bits(0),
            "id": self.serial,
            "model": self.profile.code,
            "name": self.name,
            "version": self.firmware,
        }

    def announcement(self) -> bytes:
        """Return the announcement that the printer sends."""
        return encode_announcement(
            address=self.host,
            serial=self.serial,
            code=self.profile.code,
            name=self.name,
            version=self.firmware,
            signal=self.profile.wifi,
        )

    async def _announce_forever(self) -> None:
        while True:
            if self._announcer is not None:
                self._announcer.send(self.announcement())
            await asyncio.sleep(self._announce_interval)

    # ---- tasks -------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _matches(request: Json, section: str | None, command: str | None) -> bool:
    if section is None:
        return True
    body = request.get(section)
    return isinstance(body, dict) and command in (None, body.get("command"))
