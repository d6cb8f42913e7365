"""The same faults with a broker that is not ours."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
import logging

import pytest

from custom_components.bambu_printer.printer import BambuPrinter
from custom_components.bambu_printer.printer.commands import pause
from custom_components.bambu_printer.printer.errors import (
    CertificateChangedError,
    CommandTimeoutError,
    InvalidAccessCodeError,
)

from .mosquitto import MOSQUITTO, MosquittoPrinter
from .support import census, until

pytestmark = [
    pytest.mark.skipif(not MOSQUITTO, reason="mosquitto is not installed"),
    pytest.mark.usefixtures("hurried", "whole_loopback"),
]

ACCESS_CODE = "a9F3-7kq"
RETURN_TIME = 5.0


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Start no Home Assistant: the library knows nothing of it."""


@pytest.fixture
async def broker(tmp_path, unused_tcp_port) -> AsyncIterator[MosquittoPrinter]:
    async with MosquittoPrinter(tmp_path, unused_tcp_port, ACCESS_CODE) as found:
        yield found


class Watched:
    """A printer, and how its availability went."""

    def __init__(self, broker: MosquittoPrinter) -> None:
        self.history: list[bool] = []
        self.printer = BambuPrinter(broker.endpoint, on_connection=self.note)

    def note(self) -> None:
        if not self.history or self.history[-1] != self.printer.available:
            self.history.append(self.printer.available)


@pytest.fixture
async def watched(broker: MosquittoPrinter) -> AsyncIterator[Watched]:
    found = Watched(broker)
    await found.printer.start_session()
    await until(found.printer._greeting.done)
    found.history.clear()
    yield found
    await found.printer.quit()


async def kill(broker: MosquittoPrinter) -> None:
    await broker.kill()


async def start(broker: MosquittoPrinter) -> None:
    await broker.start()


async def freeze(broker: MosquittoPrinter) -> None:
    broker.freeze()


async def thaw(broker: MosquittoPrinter) -> None:
    broker.freeze(False)


async def refuse(broker: MosquittoPrinter) -> None:
    await broker.kill()
    broker.access_code = "another"
    await broker.start()


async def accept(broker: MosquittoPrinter) -> None:
    await broker.kill()
    broker.access_code = ACCESS_CODE
    await broker.start()


async def show_another_certificate(broker: MosquittoPrinter) -> None:
    await broker.kill()
    broker._generation = 1
    await broker.start()


async def show_the_old_certificate(broker: MosquittoPrinter) -> None:
    await broker.kill()
    broker._generation = 0
    await broker.start()


type Act = Callable[[MosquittoPrinter], Awaitable[None]]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("begin", "end", "error"),
    [
        (kill, start, None),
        (freeze, thaw, None),
        (refuse, accept, InvalidAccessCodeError),
        (show_another_certificate, show_the_old_certificate, CertificateChangedError),
    ],
    ids=["killed", "frozen", "code", "certificate"],
)
async def test_fault(
    broker: MosquittoPrinter,
    watched: Watched,
    caplog: pytest.LogCaptureFixture,
    begin: Act,
    end: Act,
    error: type[Exception] | None,
) -> None:
    printer, tasks = watched.printer, census()
    with caplog.at_level(logging.DEBUG):
        await begin(broker)
        await until(lambda: watched.history == [False], 30)
        if error:
            await until(lambda: type(printer.last_error) is error)
        broker.report["mc_percent"] = 77
        await end(broker)
        printer.reconnect_now()
        took = await until(lambda: watched.history == [False, True], RETURN_TIME)
    logging.getLogger(__name__).info("back after %.2f s", took)
    assert printer.state.job.progress == 77
    await until(lambda: census() == tasks)
    assert ACCESS_CODE not in caplog.text
    assert [x for x in caplog.records if x.levelno >= logging.WARNING] == []


async def test_another_address(broker: MosquittoPrinter, watched: Watched) -> None:
    await broker.kill()
    await until(lambda: watched.history == [False])
    broker.host = "127.0.0.2"
    await broker.start()
    watched.printer.set_host("127.0.0.2")
    await until(lambda: watched.history == [False, True], RETURN_TIME)


async def test_100_megabytes_of_junk(
    broker: MosquittoPrinter, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        await broker.publish(b"{" + bytes([number]) * (2 << 20))
    await broker.publish(b"no json")
    broker.report["mc_percent"] = 78
    await broker.push()
    await until(lambda: watched.printer.state.job.progress == 78, 30)
    assert watched.history == []
    assert watched.printer.counters.oversized == 50
    assert watched.printer.counters.malformed == 51
    assert sum(x.levelno >= logging.WARNING for x in caplog.records) == 1


async def test_it_speaks_with_a_real_broker(
    broker: MosquittoPrinter, watched: Watched
) -> None:
    """Asking, pausing and the wrong code."""
    with pytest.raises(CommandTimeoutError):
        await watched.printer._session.request(pause(), limit=0.05)
    await watched.printer.pause_session()
    broker.report["mc_percent"] = 79
    await broker.push()
    await watched.printer.resume_session()
    await until(lambda: watched.printer.state.job.progress == 79)
    wrong = BambuPrinter(replace(broker.endpoint, access_code="x"))
    with pytest.raises(InvalidAccessCodeError):
        await wrong.start_session()
