"""The MQTT session with one printer: connect, listen, ask, and come back by itself.

One task holds the connection.  Nothing is queued while there is none: a command that
would be delivered late could stop or heat a printer when nobody expects it any more.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
import logging
import random
from secrets import token_hex
import ssl
from typing import Any, Protocol

import orjson

from .commands import Command
from .discovery import DETECT_PORT
from .errors import (
    CertificateChangedError,
    CommandRejectedError,
    CommandTimeoutError,
    InvalidAccessCodeError,
    InvalidValueError,
    NotAuthorizedError,
    NotConnectedError,
    PrinterConnectionError,
)
from .mqtt import Connection, Login
from .parser import ReportParser
from .security import connection_error, create_ssl_context
from .values import integer, text

_LOGGER = logging.getLogger(__name__)

MQTT_PORT = 8883
FTPS_PORT = 990
USER = "bblp"

ACK_TIMEOUT = 5.0
"""Seconds to wait for an acknowledgement; most take less than 0.1."""
_FIRST_DELAY, _LONGEST_DELAY = 1.0, 60.0
"""Seconds between two attempts to connect: doubled each time, and no more than that."""
_JITTER = (0.5, 0.95)
"""What part of it is waited, by chance: printers that were lost together, with one
router, do not all come back in the same moment."""
_MOMENT = 3.0
"""Seconds of silence after which a call to reconnect makes us look whether the connection
still stands."""
_STUCK = 2.0
"""Seconds that a printer which was heard of has left to go on with an attempt."""
_MAX_REQUEST_SIZE = 1 << 16
"""Bytes; a printer that is sent more than it can hold hangs up, or worse."""

_FIRST_ID, _LAST_ID = 20_000, 29_999
"""The window of the maker's own client; far larger numbers crash the AMS."""
_UNSIGNED_ERRORS = range(0x05024007, 0x0502400D)
_UNSIGNED_REASON = "verify failed"
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a printer is, and how to know that it is the right one."""

    host: str
    serial: str
    access_code: str = field(repr=False)
    pin: str = field(repr=False)
    """The certificate that was pinned when the printer was added, PEM."""
    mqtt_port: int = MQTT_PORT
    detect_port: int = DETECT_PORT
    ftps_port: int = FTPS_PORT
    camera_port: int | None = None
    """None: the usual one of the kind of camera that the model has."""


class SessionListener(Protocol):
    """Who wants to know what happens in a session.  All calls come from the event loop."""

    def on_connected(self) -> None:
        """The printer has accepted us, and nothing was heard of it yet."""

    def on_disconnected(self, error: PrinterConnectionError) -> None:
        """The connection is lost, or another attempt to make one has failed."""

    def on_message(self, message: Mapping[str, Any]) -> None:
        """A message arrived that is a JSON object."""

    def on_malformed(self, reason: str, *, oversized: bool = False) -> None:
        """Something arrived that is not, or is too large to be read."""


class Session:
    """A connection that is kept up until it is stopped.

    One task dials, listens, and dials again, whatever the reason of a failure: a code that
    is refused may be accepted once the printer has started up, and another certificate
    may be that of another printer which was given the address for a while.
    """

    def __init__(self, endpoint: Endpoint, listener: SessionListener) -> None:
        """Prepare a session; nothing is sent yet."""
        self._endpoint = endpoint
        self._listener = listener
        self._parser = ReportParser()
        self._context: ssl.SSLContext | None = None
        self._connection: Connection | None = None
        """The one that is being made or stands."""
        self._attempt: asyncio.Timeout | None = None
        self._task: asyncio.Task[None] | None = None
        self._pending: dict[tuple[str, str, str], asyncio.Future[dict[str, Any]]] = {}
        self._next_id = random.randint(_FIRST_ID, _FIRST_ID + 4_999)  # noqa: S311
        self._ready = False
        self._heard = False
        self._parted = False
        self._refused = False
        self._stuck: asyncio.TimerHandle | None = None
        self._hurry = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether commands can be sent."""
        return self._ready

    @property
    def parted(self) -> bool:
        """Whether the printer has taken leave when the last connection was closed."""
        return self._parted

    @property
    def running(self) -> bool:
        """Whether the session is kept up."""
        return self._task is not None and not self._task.done()

    async def start(self, *, insist: bool = False) -> None:
        """Connect, and keep the connection from then on.

        Raises a `PrinterConnectionError` when the first attempt fails; nothing goes on in
        the background then.  Who insists only waits for the first attempt to end: if it
        fails, the listener is told, and it is tried again.
        """
        if self.running:
            return
        loop = asyncio.get_running_loop()
        try:
            self._context = await loop.run_in_executor(
                None, create_ssl_context, self._endpoint.serial, self._endpoint.pin
            )
        except ValueError as err:
            raise CertificateChangedError(str(err)) from err
        first: asyncio.Future[None] = loop.create_future()

        def stopped(_task: object) -> None:
            if not first.done():
                first.set_exception(NotConnectedError("the session was stopped"))

        self._task = loop.create_task(
            self._run(self._context, first, insist=insist),
            name="bambu_printer session",
        )
        self._task.add_done_callback(stopped)
        try:
            await first
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Disconnect and end all waiting commands; can be called at any time."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            # Unlike awaiting it, this tells its cancellation from our own.
            await asyncio.wait([task])

    def retry_now(self) -> None:
        """Connect at once instead of after the pause: the printer was heard of.

        Not when it has refused the access code: that it is there was known.  An attempt
        that has not been answered yet starts anew, one that is stuck does so in a moment.
        Does nothing to a connection that stands, but when it has been silent for a moment
        the printer has to prove that it still knows it.
        """
        connection = self._connection
        if self._ready:
            if connection is not None and connection.silent_for > _MOMENT:
                connection.check()
            return
        if not self._refused:
            self._hurry.set()
        if connection is None:
            return
        if connection.dialling:
            self._end_attempt()
        elif self._stuck is None:
            self._stuck = asyncio.get_running_loop().call_later(
                _STUCK, self._end_stuck, connection
            )

    def _end_stuck(self, connection: Connection) -> None:
        self._stuck = None
        if connection is self._connection and connection.silent_for >= _STUCK:
            self._end_attempt()

    def set_host(self, host: str) -> None:
        """Go on at another address, at once; nothing when it is the same."""
        if host == self._endpoint.host:
            return
        self._endpoint = replace(self._endpoint, host=host)
        self._hurry.set()
        self.drop(NotConnectedError("the printer has another address"))

    def drop(self, error: PrinterConnectionError) -> None:
        """Give up the connection, for that reason; a new one is made."""
        if self._ready and self._connection is not None:
            self._connection.abort(error)
        else:
            self._end_attempt()

    def _end_attempt(self) -> None:
        if self._attempt is not None and not self._attempt.expired():
            self._attempt.reschedule(asyncio.get_running_loop().time())

    async def send(self, command: Command) -> str:
        """Publish a command without waiting for an answer; return its sequence number."""
        sequence_id = self._take_id(command)
        await self._publish(command, sequence_id)
        return sequence_id

    async def request(
        self, command: Command, *, limit: float = ACK_TIMEOUT
    ) -> dict[str, Any]:
        """Publish a command and return the printer's acknowledgement.

        An acknowledgement says that the command was taken, not that it is done.  One
        without a verdict counts as taken.

        Raises `NotConnectedError`, `CommandTimeoutError` after `limit` seconds,
        `CommandRejectedError`, or its kind `NotAuthorizedError`.
        """
        sequence_id = self._take_id(command)
        key = (command.section, command.name, sequence_id)
        answer: asyncio.Future[dict[str, Any]] = (
            asyncio.get_running_loop().create_future()
        )
        self._pending[key] = answer
        try:
            async with asyncio.timeout(limit):
                await self._publish(command, sequence_id)
                body = await answer
        except TimeoutError as err:
            raise CommandTimeoutError(command.name, limit) from err
        finally:
            del self._pending[key]
        _check(command, body)
        return body

    def _topic(self, direction: str) -> str:
        return f"device/{self._endpoint.serial}/{direction}"

    def _take_id(self, command: Command) -> str:
        """Count up within the window, skipping numbers that still wait for an answer."""
        while True:
            number = self._next_id
            self._next_id = _FIRST_ID if number >= _LAST_ID else number + 1
            if (command.section, command.name, str(number)) not in self._pending:
                return str(number)

    async def _publish(self, command: Command, sequence_id: str) -> None:
        if self._connection is None or not self._ready:
            raise NotConnectedError("no session")
        try:
            payload = orjson.dumps(
                {command.section: {"sequence_id": sequence_id, **command.body}}
            )
        except TypeError as err:
            # A number or text that JSON cannot hold; no range could have told.
            raise InvalidValueError("command", command.name) from err
        if len(payload) > _MAX_REQUEST_SIZE:
            raise InvalidValueError("command", command.name)
        _LOGGER.debug("Sending %s.%s (%s)", command.section, command.name, sequence_id)
        await self._connection.publish(self._topic("request"), payload)

    async def _run(
        self, context: ssl.SSLContext, first: asyncio.Future[None], *, insist: bool
    ) -> None:
        """Hold the connection; after it breaks, try again with growing pauses."""
        delay = _FIRST_DELAY
        while True:
            self._heard = False
            self._hurry.clear()
            self._refused = False
            try:
                error = await self._hold(context, first)
            except PrinterConnectionError as err:
                error = err
            except Exception as err:
                # The task must not end here: nobody would ever hear of the printer again.
                _LOGGER.exception("Unexpected error in the session of a printer")
                error = connection_error(err)
            if not first.done():
                if not insist:
                    first.set_exception(error)
                    return
                first.set_result(None)
            try:
                self._listener.on_disconnected(error)
            except Exception:
                _LOGGER.exception("The loss of a printer could not be processed")
            _LOGGER.debug("No connection to a printer: %s", error)
            if self._heard:
                delay = _FIRST_DELAY
            elif isinstance(error, InvalidAccessCodeError):
                # Nothing but the user can change it, most of the time.
                delay, self._refused = _LONGEST_DELAY, True
            await self._rest(delay * random.uniform(*_JITTER))  # noqa: S311
            delay = (
                _FIRST_DELAY if self._hurry.is_set() else min(delay * 2, _LONGEST_DELAY)
            )

    async def _rest(self, seconds: float) -> None:
        """Wait before the next attempt, unless there is reason to hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    async def _hold(
        self, context: ssl.SSLContext, first: asyncio.Future[None]
    ) -> PrinterConnectionError:
        """Connect and listen; return why that has ended, or raise it."""
        endpoint = self._endpoint
        self._connection = connection = Connection(self._handle, self._on_oversized)
        login = Login(
            user=USER,
            password=endpoint.access_code,
            client_id=f"bambu-printer-{token_hex(6)}",
        )
        try:
            try:
                async with asyncio.timeout(None) as self._attempt:
                    await connection.open(
                        endpoint.host, endpoint.mqtt_port, context, login
                    )
                    await connection.subscribe(self._topic("report"))
            except TimeoutError:
                return NotConnectedError("the attempt was given up for a better one")
            finally:
                self._attempt = None
                if self._stuck is not None:
                    self._stuck.cancel()
                    self._stuck = None
            self._ready = True
            if not first.done():
                first.set_result(None)
            self._listener.on_connected()
            # Shielded: what is told there must outlive our own cancellation.
            return await asyncio.shield(connection.lost)
        finally:
            ready = self._ready
            self._let_go()
            self._parted = await connection.close() and ready

    def _let_go(self) -> None:
        """Let nobody wait for an answer that cannot come any more."""
        self._connection = None
        self._ready = False
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(NotConnectedError("the connection broke"))

    def _on_oversized(self, size: int) -> None:
        self._listener.on_malformed(f"{size} bytes", oversized=True)

    def _handle(self, payload: bytes) -> None:
        if not self._ready:
            # Came with the agreement to listen; a full report is asked for anyway.
            return
        try:
            message = self._parser.parse(payload)
        except orjson.JSONDecodeError as err:
            self._listener.on_malformed(str(err))
            return
        if not isinstance(message, dict):
            self._listener.on_malformed("no object")
            return
        self._heard = True
        self._resolve(message)
        try:
            self._listener.on_message(message)
        except Exception:
            # Whatever a report did to the listener, the session must outlive it.
            _LOGGER.exception("A message of the printer could not be processed")

    def _resolve(self, message: Mapping[str, Any]) -> None:
        """Give an acknowledgement to the command that waits for it."""
        if not self._pending:
            return
        for section, body in message.items():
            command = body.get("command") if isinstance(body, dict) else None
            if not isinstance(command, str):
                continue
            key = (section, command, str(body.get("sequence_id")))
            answer = self._pending.get(key)
            if answer is not None and not answer.done():
                answer.set_result(body)


def _failed(result: object) -> bool:
    """Read a verdict: a word, a number that is 0 when all is well, or a yes."""
    match result:
        case bool():
            return not result
        case int():
            return result != 0
        case str():
            return result.lower().startswith("fail")
    return False


def _check(command: Command, body: Mapping[str, Any]) -> None:
    """Raise what an acknowledgement means, if it is a refusal."""
    reason = text(body.get("reason"), "")[:_LONGEST_REASON]
    err_code = integer(body.get("err_code"), 0)
    errno = integer(body.get("errno"), 0)
    refused = _failed(body.get("result")) or err_code != 0 or errno < 0
    if not refused:
        return
    if err_code in _UNSIGNED_ERRORS or _UNSIGNED_REASON in reason:
        raise NotAuthorizedError(command.name, reason, err_code)
    raise CommandRejectedError(
        command.name, reason or f"error {errno or err_code}", err_code
    )
