"""Events: each occurrence once, whatever happens to the line and to Home Assistant."""

from collections import Counter
from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
import random
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.printer import PrinterState
from custom_components.bambu_printer.printer.happenings import OUTCOMES
from custom_components.bambu_printer.printer.state.errors import ErrorState
from custom_components.bambu_printer.printer.state.job import GcodeState, JobState

from .conftest import Rig, wait_until
from .printer.scripted import IDLE
from .scripted import SERIAL, Stage, play

LAYERS = 20
JOBS = 100
ENDS = {str(kind) for kind in OUTCOMES}


@pytest.fixture
async def stage(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, hass_storage: dict[str, Any]
) -> AsyncIterator[Stage]:
    """Return a printer in a play, set up with nothing but events."""
    async with play(hass, freezer, Platform.EVENT) as stage:
        yield stage


class Listener:
    """Hears every new event of an entity."""

    def __init__(self, hass: HomeAssistant, key: str) -> None:
        registry = er.async_get(hass)
        entity_id = registry.async_get_entity_id("event", DOMAIN, f"{SERIAL}_{key}")
        assert entity_id
        self.heard: list[dict[str, Any]] = []
        self._moments: set[str] = set()

        @callback
        def on_change(event: Event[Any]) -> None:
            state = event.data["new_state"]
            # A state that comes back after a restart is no event.
            if (
                event.data["entity_id"] == entity_id
                and state
                and state.state not in (STATE_UNAVAILABLE, STATE_UNKNOWN)
                and state.state not in self._moments
            ):
                self._moments.add(state.state)
                self.heard.append(dict(state.attributes))

        hass.bus.async_listen(EVENT_STATE_CHANGED, on_change)

    def types(self) -> list[str]:
        return [item["event_type"] for item in self.heard]


@dataclass
class Truth:
    """What really happened to a job."""

    number: int
    key: str
    outcome: str = ""
    events: list[str] = field(default_factory=list)
    seen_active: bool = False
    seen_layers: bool = False
    seen_always: bool = True
    end_looks: int = 0
    """The most looks at its end in a row."""


class World:
    """A printer that prints, and a line and a Home Assistant that fail."""

    def __init__(
        self, stage: Stage, storage: dict[str, Any], rng: random.Random
    ) -> None:
        self.stage = stage
        self.storage = storage
        self.rng = rng
        self.outage = 0
        self.mishaps: Counter[str] = Counter()

    async def show(self, state: PrinterState, seconds: float) -> bool:
        """Show a state; return whether it was seen."""
        await self._fail()
        await self.stage.show(state, seconds)
        return self.stage.up

    async def _fail(self) -> None:
        if self.outage:
            self.outage -= 1
            if not self.outage:
                if self.stage.printers[-1].service_state == "quit":
                    await self.stage.start()
                else:
                    await self.stage.find()
            return
        kind = self.rng.choices(
            ("none", "line", "restart", "power"), (94, 3.5, 1.5, 1), k=1
        )[0]
        if kind == "none":
            return
        self.mishaps[kind] += 1
        self.outage = self.rng.choice((1, 1, 2, 3, 8, 20))
        if kind == "line":
            await self.stage.lose()
            return
        key = f"{DOMAIN}.{self.stage.entry.entry_id}.happenings"
        # What is seen is told after at most three seconds, and what is told written at once.
        for _ in range(3):
            await self.stage.wait(1)
        written = deepcopy(self.storage.get(key))
        await self.stage.stop()
        if kind == "power" and written:
            # What was not written by then is lost, such as how far the job is.
            self.storage[key] = written


async def print_job(world: World, truth: Truth) -> None:
    """Print one job from its beginning to its end."""
    rng = world.rng
    job = JobState(
        gcode_state=GcodeState.PREPARE,
        job_key=truth.key,
        name=truth.key.rpartition("/")[2],
        plate=truth.number,
        progress=0,
        current_layer=0,
        total_layers=LAYERS,
    )

    async def show(seconds: float = 0, errors: ErrorState = IDLE.errors) -> bool:
        state = replace(IDLE, job=job, errors=errors)
        seen = await world.show(state, seconds or rng.uniform(10, 200))
        truth.seen_always &= seen
        return seen

    truth.events.append("started")
    last = rng.choice((LAYERS, LAYERS, LAYERS, rng.randrange(3, LAYERS)))
    truth.seen_active |= await show()
    job = replace(job, gcode_state=GcodeState.RUNNING)
    for layer in range(1, last + 1, rng.choice((1, 1, 2))):
        job = replace(job, current_layer=layer, progress=layer * 99 // LAYERS)
        if "first_layer_done" not in truth.events and layer > 1:
            truth.events.append("first_layer_done")
        if layer * 10 // LAYERS > truth.events.count("layer_reached"):
            truth.events.append("layer_reached")
        seen = await show()
        truth.seen_active |= seen
        truth.seen_layers |= seen and layer > 1
        if rng.random() < 0.06:
            job = replace(job, gcode_state=GcodeState.PAUSE)
            truth.events.append("paused")
            truth.seen_active |= await show()
            job = replace(job, gcode_state=GcodeState.RUNNING)
            truth.events.append("resumed")
            truth.seen_active |= await show()
    errors = IDLE.errors
    if last == LAYERS:
        truth.outcome = "finished"
        job = replace(job, gcode_state=GcodeState.FINISH, progress=100)
    else:
        truth.outcome = rng.choice(("failed", "cancelled"))
        job = replace(job, gcode_state=GcodeState.FAILED, progress=0)
        if truth.outcome == "cancelled":
            errors = ErrorState(print_error=0x0300400C, hms=())
    truth.events.append(truth.outcome)
    looks = 0
    for _ in range(rng.randint(2, 4)):
        looks = looks + 1 if await show(errors=errors) else 0
        truth.end_looks = max(truth.end_looks, looks)
    if rng.random() < 0.2:
        # Switched off and on.
        await world.show(IDLE, 60)


@pytest.mark.parametrize("seed", [1, 107])
async def test_exactly_once(
    stage: Stage, hass: HomeAssistant, hass_storage: dict[str, Any], seed: int
) -> None:
    rng = random.Random(seed)
    world = World(stage, hass_storage, rng)
    listener = Listener(hass, "job")
    truths = []
    for number in range(1, JOBS + 1):
        cloud = rng.random() < 0.5
        ids = f"{number}/{number}/{number}" if cloud else "0/0/0"
        file = rng.choice("abc" if cloud else "xyz")
        truth = Truth(number, f"{ids}/{file}.3mf/Thing {file}")
        truths.append(truth)
        await print_job(world, truth)
    assert min(world.mishaps.values()) > 5, world.mishaps

    told: dict[int, list[str]] = {}
    by_job: dict[str, list[str]] = {}
    for item in listener.heard:
        told.setdefault(item["plate"], []).append(item["event_type"])
        by_job.setdefault(item["job"], []).append(item["event_type"])
    for kinds in by_job.values():
        counts = Counter(kinds)
        assert counts["started"] <= 1
        assert counts["first_layer_done"] <= 1
        assert sum(counts[kind] for kind in ENDS) <= 1
        assert counts["layer_reached"] <= 10
    certain = complete = 0
    for previous, truth in zip([None, *truths], truths, strict=False):
        kinds = told.get(truth.number, [])
        counts = Counter(kinds)
        ends = [kind for kind in kinds if kind in ENDS]
        assert len(ends) <= 1, truth
        assert counts["started"] <= 1, truth
        # A job of the same file as one whose end nobody saw may count as that one.
        twin = previous is not None and (
            previous.key == truth.key
            and not set(told.get(previous.number, ())) & (ENDS - {"lost"})
        )
        if truth.seen_active and not twin:
            assert counts["started"] == 1, truth
        if truth.seen_layers and not twin:
            assert counts["first_layer_done"] == 1, truth
        known = truth.seen_active or not truth.key.startswith("0/")
        if truth.end_looks >= 2 and known:
            certain += 1
            assert ends == [truth.outcome], truth
        if truth.seen_always and not twin:
            complete += 1
            assert kinds == truth.events
    assert certain > JOBS / 2
    assert complete > JOBS / 10


async def test_told_when_home_assistant_has_started(
    stage: Stage, hass: HomeAssistant
) -> None:
    """Automations are there by then."""
    job = JobState(
        gcode_state=GcodeState.RUNNING, job_key="1/1/1/a/b", progress=50, name="b"
    )
    listener = Listener(hass, "job")
    await stage.show(replace(IDLE, job=job))
    await stage.show(replace(IDLE, job=job))
    assert "started" in listener.types()
    listener.heard.clear()
    await stage.stop()
    stage.shown = replace(
        IDLE, job=replace(job, gcode_state=GcodeState.FINISH, progress=100)
    )
    hass.set_state(CoreState.starting)
    await stage.start()
    assert listener.types() == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    await hass.async_block_till_done()
    assert listener.types() == ["finished"]
    assert listener.heard[0]["unwatched"] is True


async def test_memory_goes_with_the_entry(
    stage: Stage, hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    await stage.stop()
    key = f"{DOMAIN}.{stage.entry.entry_id}.happenings"
    assert key in hass_storage
    await hass.config_entries.async_remove(stage.entry.entry_id)
    await hass.async_block_till_done()
    assert key not in hass_storage


@pytest.mark.parametrize("scenario", ["idle"])
@pytest.mark.parametrize("model", ["X1C", "P1S", "H2D"])
async def test_real_connection(hass: HomeAssistant, rig: Rig, quick: None) -> None:
    """A printed job on the virtual printer, with the line cut twice."""
    heard: list[str] = []
    entity_id = rig.entity_id("event", "job")

    @callback
    def on_change(event: Event[Any]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] == entity_id and state:
            heard.append(state.attributes["event_type"])

    hass.bus.async_listen(EVENT_STATE_CHANGED, on_change)
    simulation = rig.printer.simulation
    job = simulation.demo_job()
    simulation.start(job, file="boat.gcode.3mf", task_id="9", subtask_id="9")
    await rig.report()
    simulation.stop("prepare")
    simulation._begin()
    simulation._print()
    await rig.report()
    coordinator = rig.entry.runtime_data
    for share in (0.3, 0.6, 0.9):
        await rig.printer.drop_connections()
        job.elapsed = job.seconds * share
        simulation._show_progress()
        await wait_until(hass, lambda: not coordinator.last_update_success)
        await wait_until(hass, lambda: coordinator.last_update_success)
    simulation.pause()
    await rig.report()
    simulation.resume()
    await rig.report()
    simulation.finish()
    await rig.report(full=True)
    await wait_until(hass, lambda: "finished" in heard)
    counts = Counter(heard)
    assert counts["layer_reached"] in (3, 4)
    del counts["layer_reached"]
    assert counts == {
        "started": 1,
        "first_layer_done": 1,
        "paused": 1,
        "resumed": 1,
        "finished": 1,
    }
