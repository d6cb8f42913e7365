"""The MQTT session with one printer: connect, listen, ask, and come back by itself.

One task holds the connection.  Nothing is queued while there is none: a command that
would be delivered late could stop or heat a printer when nobody expects it any more.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import logging
import random
from secrets import token_hex
from typing import Any, Protocol

import aiomqtt
import orjson

from .commands import Command, get_version
from .discovery import DETECT_PORT
from .errors import (
    CertificateChangedError,
    CommandRejectedError,
    CommandTimeoutError,
    InvalidAccessCodeError,
    InvalidValueError,
    NoReportError,
    NotAuthorizedError,
    NotConnectedError,
    PrinterConnectionError,
    TooManyClientsError,
)
from .security import connection_error, create_ssl_context
from .values import integer, text

_LOGGER = logging.getLogger(__name__)

MQTT_PORT = 8883
FTPS_PORT = 990
USER = "bblp"

CONNECT_TIMEOUT = 10.0
ACK_TIMEOUT = 5.0
"""Seconds to wait for an acknowledgement; most take less than 0.1."""
QUIET_TIME = 30.0
"""Seconds of silence after which the printer is asked whether it is still there."""
PING_TIMEOUT = 10.0
_KEEPALIVE = 10
"""Seconds; paho also gives the TLS handshake no more than this."""
_FIRST_DELAY, _LONGEST_DELAY = 1.0, 60.0
_LONGEST_BACKLOG = 5_000
"""Messages that may wait; a printer sends one or two a second."""
MAX_MESSAGE_SIZE = 1 << 20
"""Bytes; the largest real report has about 15,000."""
_MAX_REQUEST_SIZE = 1 << 16
"""Bytes; a printer that is sent more than it can hold hangs up, or worse."""

_REFUSED_LOGIN = frozenset({4, 5, 134, 135})
"""CONNACK codes for a wrong user or password, of MQTT 3.1.1 and as paho names them."""
_NO_ROOM = frozenset({3, 136})
"""CONNACK codes of a printer that serves as many clients as it can."""
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


class SessionListener(Protocol):
    """Who wants to know what happens in a session.  All calls come from the event loop."""

    def on_connected(self) -> None:
        """The printer has accepted us, and nothing was heard of it yet."""

    def on_disconnected(self, error: PrinterConnectionError, *, final: bool) -> None:
        """The connection is lost; `final`: for good, as it would be refused again."""

    def on_message(self, message: Mapping[str, Any]) -> None:
        """A message arrived that is a JSON object."""

    def on_malformed(self, reason: str) -> None:
        """Something arrived that is not."""


class Session:
    """A connection that is kept up until it is stopped."""

    def __init__(self, endpoint: Endpoint, listener: SessionListener) -> None:
        """Prepare a session; nothing is sent yet."""
        self._endpoint = endpoint
        self._listener = listener
        self._client: aiomqtt.Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._pending: dict[tuple[str, str, str], asyncio.Future[dict[str, Any]]] = {}
        self._next_id = random.randint(_FIRST_ID, _FIRST_ID + 4_999)  # noqa: S311
        self._subscribed = False
        self._heard = False

    @property
    def connected(self) -> bool:
        """Whether commands can be sent."""
        return self._client is not None

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
            context = await loop.run_in_executor(
                None, create_ssl_context, self._endpoint.serial, self._endpoint.pin
            )
        except ValueError as err:
            raise CertificateChangedError(str(err)) from err
        first: asyncio.Future[None] = loop.create_future()

        def stopped(_task: object) -> None:
            if not first.done():
                first.set_exception(NotConnectedError("the session was stopped"))

        self._task = loop.create_task(
            self._run(lambda: self._new_client(context), first, insist=insist),
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

    async def pause(self) -> None:
        """Stop listening without giving up the connection."""
        if self._client is not None and self._subscribed:
            self._subscribed = False
            await self._client.unsubscribe(self._topic("report"))

    async def resume(self) -> None:
        """Listen again after a pause."""
        if self._client is not None and not self._subscribed:
            await self._client.subscribe(self._topic("report"))
            self._subscribed = True

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
        if self._client is None:
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
        try:
            # Some printers never confirm a higher quality of service.
            await self._client.publish(self._topic("request"), payload, qos=0)
        except aiomqtt.MqttError as err:
            raise NotConnectedError("the connection broke") from err

    def _new_client(self, context: Any) -> aiomqtt.Client:
        client = aiomqtt.Client(
            hostname=self._endpoint.host,
            port=self._endpoint.mqtt_port,
            username=USER,
            password=self._endpoint.access_code,
            # A printer throws out the older one of two clients with the same name.
            identifier=f"bambu-printer-{token_hex(6)}",
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            keepalive=_KEEPALIVE,
            timeout=CONNECT_TIMEOUT,
            tls_context=context,
        )
        # It leaves the reason of a failure in futures that it does not always ask itself;
        # asyncio would report them as errors that nobody handled.
        for outcome in (client._connected, client._disconnected):  # noqa: SLF001
            outcome.add_done_callback(_retrieve)
        return client

    async def _run(
        self,
        new_client: Callable[[], aiomqtt.Client],
        first: asyncio.Future[None],
        *,
        insist: bool,
    ) -> None:
        """Hold the connection; after it breaks, try again with growing pauses."""
        delay = _FIRST_DELAY
        while True:
            error: PrinterConnectionError = NotConnectedError("the printer hung up")
            self._heard = False
            try:
                async with self._open(new_client()) as client:
                    await client.subscribe(self._topic("report"))
                    self._client, self._subscribed = client, True
                    if not first.done():
                        first.set_result(None)
                    self._listener.on_connected()
                    await self._receive(client)
            except (aiomqtt.MqttError, OSError, PrinterConnectionError) as err:
                error = _session_error(err)
            except Exception as err:
                # The task must not end here: nobody would ever hear of the printer again.
                _LOGGER.exception("Unexpected error in the session of a printer")
                error = _session_error(err)
            finally:
                self._disconnect()
            if not first.done():
                if not insist:
                    first.set_exception(error)
                    return
                first.set_result(None)
            final = isinstance(error, (InvalidAccessCodeError, CertificateChangedError))
            try:
                self._listener.on_disconnected(error, final=final)
            except Exception:
                _LOGGER.exception("The loss of a printer could not be processed")
            if final:
                return
            if self._heard:
                delay = _FIRST_DELAY
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311
            delay = min(delay * 2, _LONGEST_DELAY)

    @asynccontextmanager
    async def _open(self, client: aiomqtt.Client) -> AsyncIterator[aiomqtt.Client]:
        """Connect, and disconnect at the end; also when we are stopped halfway.

        The dialling runs in an executor and cannot be called back: when it succeeds after
        nobody waits for it any more, the connection is hung up as soon as it stands.
        """
        dialling = asyncio.ensure_future(client.__aenter__())
        try:
            # Unlike awaiting it, this does not cancel it when we are.
            await asyncio.wait((dialling,))
        except asyncio.CancelledError:
            _keep(asyncio.ensure_future(_hang_up(client, dialling)))
            raise
        try:
            dialling.result()
        except BaseException:
            # Left to itself, a refused login keeps its socket until nobody knows it.
            client._client.disconnect()  # noqa: SLF001
            raise
        try:
            yield client
        finally:
            await client.__aexit__(None, None, None)

    def _disconnect(self) -> None:
        """Let nobody wait for an answer that cannot come any more."""
        self._client, self._subscribed = None, False
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(NotConnectedError("the connection broke"))

    async def _receive(self, client: aiomqtt.Client) -> None:
        """Take messages until the connection breaks, or the printer no longer answers."""
        messages = aiter(client.messages)
        while True:
            try:
                async with asyncio.timeout(QUIET_TIME):
                    payload = (await anext(messages)).payload
            except TimeoutError:
                # A pause is silent; that the connection still stands, MQTT itself checks.
                if self._subscribed:
                    await self._ping(messages)
                continue
            self._handle(payload)
            if len(client.messages) > _LONGEST_BACKLOG:
                raise NoReportError("more messages than anybody could read")

    async def _ping(self, messages: AsyncIterator[aiomqtt.Message]) -> None:
        """Ask a silent printer for its versions: the cheapest question there is.

        Idle printers may have nothing to say for long; a session that carries nothing in
        either direction any more looks the same from here.
        """
        await self.send(get_version())
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                payload = (await anext(messages)).payload
        except TimeoutError as err:
            raise NoReportError("the printer has fallen silent") from err
        self._handle(payload)

    def _handle(self, payload: object) -> None:
        if (
            not isinstance(payload, bytes | bytearray)
            or len(payload) > MAX_MESSAGE_SIZE
        ):
            self._listener.on_malformed("too large")
            return
        try:
            message = _parse(payload)
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


_ABANDONED: set[asyncio.Future[None]] = set()
"""Attempts to connect that nobody waits for; the loop itself holds tasks but weakly."""


def _keep(task: asyncio.Future[None]) -> None:
    _ABANDONED.add(task)
    task.add_done_callback(_ABANDONED.discard)


async def _hang_up(client: aiomqtt.Client, dialling: asyncio.Future[Any]) -> None:
    """Close a connection whose making was abandoned."""
    try:
        await dialling
        await client.__aexit__(None, None, None)
    except aiomqtt.MqttError, OSError:
        client._client.disconnect()  # noqa: SLF001


def _parse(payload: bytes | bytearray) -> Any:
    """Parse JSON; some firmware sends file names that are no valid UTF-8."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return orjson.loads(payload.decode("utf-8", "replace"))


def _retrieve(outcome: asyncio.Future[Any]) -> None:
    if not outcome.cancelled():
        outcome.exception()


def _session_error(err: BaseException) -> PrinterConnectionError:
    code = getattr(err, "rc", None)
    code = getattr(code, "value", code)
    if code in _REFUSED_LOGIN:
        return InvalidAccessCodeError("the printer refuses the access code")
    if code in _NO_ROOM:
        return TooManyClientsError("the printer serves no more clients")
    return connection_error(err)


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
