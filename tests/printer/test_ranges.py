"""Reading a file in pieces, and sharing work."""

import asyncio
import io
import os

import pytest

from custom_components.bambu_printer.printer.archive import ArchiveError
from custom_components.bambu_printer.printer.errors import NotConnectedError
from custom_components.bambu_printer.printer.ranges import AHEAD, MOST, RangeFile
from custom_components.bambu_printer.printer.sharing import Sharing

CONTENT = os.urandom(1_000_000)


@pytest.fixture
def asked():
    return []


@pytest.fixture
def file(asked):
    def fetch(start, length):
        asked.append((start, length))
        return CONTENT[start : start + length]

    return RangeFile(len(CONTENT), fetch, tail=CONTENT[-1000:])


def test_reads_like_a_file(file):
    real = io.BytesIO(CONTENT)
    for place, whence, count in (
        *((10, 0, 5), (-1, 1, 20), (-7, 2, 100), (500_000, 0, 0)),
        *((999_990, 0, 100), (2_000_000, 0, 10), (0, 0, AHEAD + 5)),
    ):
        assert file.seek(place, whence) == real.seek(place, whence)
        assert file.read(count) == real.read(count)
        assert file.tell() == real.tell()
    with pytest.raises(OSError, match="beginning"):
        file.seek(-1)
    file.seek(-10, io.SEEK_END)
    assert file.read() == CONTENT[-10:]


def test_nothing_is_fetched_twice(file, asked):
    file.seek(-1000, io.SEEK_END)
    assert file.read() == CONTENT[-1000:]
    assert asked == []
    for _ in range(3):
        file.seek(100)
        assert file.read(50) == CONTENT[100:150]
        assert file.read(50) == CONTENT[150:200]
    assert asked == [(100, AHEAD)]


def test_neighbours_come_together(file, asked):
    file.expect([(1000, 100), (5000, 100), (300_000, 100), (999_900, 100), (0, 0)])
    assert asked == [(1000, 4100), (300_000, 100)]
    file.seek(5000)
    assert file.read(100) == CONTENT[5000:5100]
    assert len(asked) == 2


def test_too_much(asked):
    file = RangeFile(10 * MOST, lambda _, length: bytes(length))
    file.expect([(0, MOST)])
    with pytest.raises(ArchiveError):
        file.expect([(5 * MOST, MOST)])


async def test_work_is_shared():
    shared: Sharing[str, int] = Sharing()
    done = []

    async def work():
        await asyncio.sleep(0)
        done.append(1)
        return len(done)

    assert await asyncio.gather(*(shared.get("a", work) for _ in range(3))) == [1] * 3
    assert await shared.get("a", work) == 2, "what has ended is done again"
    both = await asyncio.gather(shared.get("a", work), shared.get("b", work))
    assert list(both) == [3, 4]


async def test_errors_are_shared():
    shared: Sharing[str, int] = Sharing()

    async def work():
        raise ValueError

    answers = await asyncio.gather(
        *(shared.get("a", work) for _ in "12"), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ValueError] * 2


async def test_one_who_comes_while_it_ends_begins_anew():
    shared: Sharing[str, int] = Sharing()
    starts = []

    async def work():
        starts.append(1)
        try:
            await asyncio.sleep(0.01 if len(starts) > 1 else 60)
        finally:
            await asyncio.sleep(0.01)
        return len(starts)

    first = asyncio.create_task(shared.get("a", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    assert await shared.get("a", work) == 2
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_closing():
    shared: Sharing[str, int] = Sharing()
    task = asyncio.create_task(shared.get("a", lambda: asyncio.sleep(60, 1)))
    await asyncio.sleep(0)
    await shared.close()
    with pytest.raises(NotConnectedError):
        await task
