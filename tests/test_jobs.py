"""What is remembered of jobs: the store, its sensors, the calendar and the logbook."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.logbook import DOMAIN as LOGBOOK
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.bambu_printer import job_pictures, job_store
from custom_components.bambu_printer.const import DOMAIN
from custom_components.bambu_printer.job_record import FilamentUse, JobRecord
from custom_components.bambu_printer.job_store import JobStore
from custom_components.bambu_printer.logbook import async_describe_events
from custom_components.bambu_printer.logbook_events import EVENT
from custom_components.bambu_printer.printer import SlotAddress
from custom_components.bambu_printer.printer.state.errors import ErrorState
from custom_components.bambu_printer.printer.state.job import GcodeState, JobState

from .conftest import Rig, wait_until
from .printer.scripted import IDLE, loaded
from .scripted import SERIAL, Stage, play

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PLATFORMS = (Platform.CALENDAR, Platform.EVENT, Platform.SENSOR)


@pytest.fixture
async def stage(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> AsyncIterator[Stage]:
    """Return a printer in a play."""
    freezer.move_to("2026-11-20 12:00:00+00:00")
    async with play(hass, freezer, *PLATFORMS) as stage:
        yield stage


def shown(stage: Stage, platform: str, key: str) -> State:
    registry = er.async_get(stage.hass)
    entity_id = registry.async_get_entity_id(platform, DOMAIN, f"{SERIAL}_{key}")
    assert entity_id
    state = stage.hass.states.get(entity_id)
    assert state
    return state


def jobs(stage: Stage) -> JobStore:
    store: JobStore = stage.entry.runtime_data.jobs
    return store


def current(stage: Stage) -> str:
    """Return the id of the job under way."""
    job: str = stage.entry.runtime_data.happenings.job.id
    return job


async def begin(stage: Stage, name: str = "Boat", minutes: int = 60) -> None:
    """Let a job run; it takes until the end that is expected."""
    now = stage.clock()
    assert isinstance(now, datetime)
    job = JobState(
        gcode_state=GcodeState.RUNNING,
        job_key=f"0/0/0/{name}.3mf/{name}",
        name=name,
        file=f"{name}.3mf",
        progress=0,
        current_layer=1,
        total_layers=50,
        finish_time=now.astimezone() + timedelta(minutes=minutes),
    )
    state = replace(IDLE, job=job, extruders=loaded(SlotAddress(0, 1)))
    await stage.show(state, 0)
    await stage.wait(5)


async def go_on(stage: Stage, seconds: float, /, **changes: Any) -> None:
    await stage.show(
        replace(stage.shown, job=replace(stage.shown.job, **changes)), seconds
    )
    await stage.wait(10)


async def finish(stage: Stage, seconds: float = 3600) -> None:
    await go_on(stage, seconds, gcode_state=GcodeState.FINISH, progress=100)


@pytest.mark.usefixtures("all_enabled")
async def test_sensors(hass: HomeAssistant, stage: Stage) -> None:
    assert shown(stage, "sensor", "total_jobs").state == "0"
    assert shown(stage, "sensor", "filament_used").state == "unknown"
    assert shown(stage, "sensor", "last_outcome").state == "unknown"
    await begin(stage)
    await go_on(stage, 595, gcode_state=GcodeState.PAUSE)
    await go_on(stage, 590, gcode_state=GcodeState.RUNNING)
    await finish(stage, 1790)
    total = shown(stage, "sensor", "total_print_time")
    # 3000 seconds, 600 of which it was paused.
    assert float(total.state) * 3600 == pytest.approx(2400, abs=15)
    assert total.attributes["state_class"] == "total_increasing"
    assert shown(stage, "sensor", "total_jobs").state == "1"
    last = shown(stage, "sensor", "last_outcome")
    assert last.state == "finished"
    assert last.attributes["name"] == "Boat"
    record = jobs(stage).last
    assert record
    assert record.duration == pytest.approx(3000, abs=15)
    assert [(use.slot, use.type, use.grams) for use in record.filament] == [
        ("ams_1_tray_2", "PLA", None)
    ]
    # What it took becomes known later.
    use = FilamentUse(slot="ams_1_tray_2", type="PLA", grams=21.5)
    await jobs(stage).async_set_job_details(record.job, filament=[use])
    assert shown(stage, "sensor", "filament_used").state == "21.5"
    await jobs(stage).async_set_job_details(record.job, filament=[use])
    assert shown(stage, "sensor", "filament_used").state == "21.5"


async def test_job_that_is_cancelled_takes_a_part(stage: Stage) -> None:
    await begin(stage)
    use = FilamentUse(slot="ams_1_tray_2", grams=80)
    await jobs(stage).async_set_job_details(current(stage), filament=[use])
    await go_on(stage, 600, progress=25)
    cancelled = ErrorState(print_error=0x0300400C, hms=())
    stage.shown = replace(stage.shown, errors=cancelled)
    await go_on(stage, 600, gcode_state=GcodeState.FAILED, progress=0)
    record = jobs(stage).last
    assert record
    assert record.outcome == "cancelled"
    assert record.progress == 25
    assert record.grams == 20
    assert jobs(stage).totals.grams == 20


async def test_failure_has_its_reason(stage: Stage) -> None:
    await begin(stage)
    stage.shown = replace(
        stage.shown, errors=ErrorState(print_error=0x07004001, hms=())
    )
    await go_on(stage, 600, gcode_state=GcodeState.FAILED)
    last = shown(stage, "sensor", "last_outcome")
    assert last.state == "failed"
    assert last.attributes["error"] == "0700-4001"
    assert last.attributes["error_text"] == (
        "AMS: a fault that ends the job (0700-4001)"
    )


async def test_survives_restarts(stage: Stage, hass_storage: dict[str, Any]) -> None:
    await begin(stage)
    ident = current(stage)
    use = FilamentUse(slot="ams_1_tray_2", type="PLA", name="Basic", grams=10)
    await jobs(stage).async_set_job_details(ident, filament=[use], picture=PNG)
    await stage.stop()
    stage.shown = replace(
        stage.shown,
        job=replace(stage.shown.job, gcode_state=GcodeState.FINISH, progress=100),
    )
    await stage.wait(4 * 3600)
    await stage.start()
    before = jobs(stage).last
    assert before
    assert (before.job, before.outcome, before.unwatched) == (ident, "finished", True)
    # The end is the one that was expected.
    assert before.duration == pytest.approx(3600, abs=15)
    assert before.filament == (use,)
    assert await jobs(stage).async_picture(ident) == PNG
    for _ in range(2):
        await stage.stop()
        await stage.start()
        assert jobs(stage).records == [before]
        assert jobs(stage).totals.jobs == 1
        assert jobs(stage).totals.grams == 10
        assert await jobs(stage).async_picture(ident) == PNG
    store = jobs(stage)
    await stage.hass.config_entries.async_remove(stage.entry.entry_id)
    await stage.hass.async_block_till_done()
    # Neither does it come back with what somebody finds out too late.
    await store.async_set_job_details(ident, filament=[use], picture=PNG)
    await stage.wait(5)
    assert f"{DOMAIN}.{stage.entry.entry_id}.jobs" not in hass_storage
    assert await store.async_picture(ident) is None


async def test_bounds(stage: Stage, hass_storage: dict[str, Any]) -> None:
    with (
        patch.object(job_store, "MOST_JOBS", 3),
        patch.object(job_store, "MOST_BYTES", 2 * len(PNG)),
    ):
        idents = []
        for number in range(5):
            await begin(stage, f"Job {number}")
            idents.append(current(stage))
            await jobs(stage).async_set_job_details(idents[-1], picture=PNG)
            await finish(stage)
            await stage.hass.async_block_till_done(wait_background_tasks=True)
        assert [record.name for record in jobs(stage).records] == [
            "Job 4",
            "Job 3",
            "Job 2",
        ]
        assert jobs(stage).totals.jobs == 5
        pictures = [await jobs(stage).async_picture(ident) for ident in idents]
        assert pictures == [None, None, None, PNG, PNG]
        # What is no picture, or too large a one, is left out.
        for odd in (b"GIF89a", PNG + bytes(job_pictures.LARGEST_PICTURE), b""):
            await jobs(stage).async_set_job_details(idents[2], picture=odd)
            assert await jobs(stage).async_picture(idents[2]) is None
    with pytest.raises(ValueError, match="name of a job"):
        await jobs(stage).async_set_job_details("../../secrets", picture=PNG)
    assert await jobs(stage).async_picture("../../secrets") is None


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"jobs": 5, "totals": [], "plans": 3, "waiting": 1},
        {"jobs": [None, {}, {"job": "a", "outcome": "x", "start": "?"}]},
        {"totals": {"jobs": "x", "seconds": None, "grams": "y"}, "plans": {"a": 1}},
    ],
)
async def test_spoilt_store(
    stage: Stage, hass_storage: dict[str, Any], data: Any
) -> None:
    await stage.stop()
    key = f"{DOMAIN}.{stage.entry.entry_id}.jobs"
    hass_storage[key] = {**hass_storage[key], "data": data}
    await stage.start()
    assert jobs(stage).records == []
    assert jobs(stage).totals.jobs == 0


def test_record_is_read_back() -> None:
    now = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
    record = JobRecord(
        job="ab",
        outcome="failed",
        start=now,
        end=now,
        name="Boat",
        filament=(FilamentUse(slot="external", grams=1.5),),
    )
    assert JobRecord.load(record.as_dict()) == record


def test_spoilt_record() -> None:
    """What is of another type counts as unknown; without its times there is no record."""
    now = "2026-11-20T12:00:00+00:00"
    whole = {"job": "ab", "outcome": "failed", "start": now, "end": now}
    spoilt = {**whole, "duration": "long", "picture": None, "name": [5], "filament": 7}
    record = JobRecord.load({**spoilt, "progress": [], "unwatched": "no"})
    assert record == JobRecord.load(whole)
    assert record
    assert record.printing_seconds == 0
    for key, value in (
        ("start", now[:19]),
        ("end", None),
        ("job", {}),
        ("outcome", ""),
    ):
        assert JobRecord.load({**whole, key: value}) is None


async def test_pictures_of_jobs_that_never_end(stage: Stage) -> None:
    await begin(stage, "Real")
    for number in range(20):
        await jobs(stage).async_set_job_details(f"{number:04x}", picture=PNG)
    await jobs(stage).async_set_job_details(current(stage), picture=PNG)
    kept = [await jobs(stage).async_picture(f"{number:04x}") for number in range(20)]
    assert len(list(filter(None, kept))) < 5
    assert await jobs(stage).async_picture(current(stage)) == PNG


async def events(stage: Stage, start: str, end: str) -> list[dict[str, Any]]:
    response = await stage.hass.services.async_call(
        "calendar",
        "get_events",
        {
            "entity_id": shown(stage, "calendar", "jobs").entity_id,
            "start_date_time": start,
            "end_date_time": end,
        },
        blocking=True,
        return_response=True,
    )
    assert response
    (found,) = response.values()
    items: Any = found
    return list(items["events"])


async def test_calendar(hass: HomeAssistant, stage: Stage) -> None:
    await hass.config.async_set_time_zone("UTC")
    assert shown(stage, "calendar", "jobs").state == "off"
    await begin(stage, "Boat", minutes=60)
    running = shown(stage, "calendar", "jobs")
    assert running.state == "on"
    assert running.attributes["message"] == "Boat"
    assert running.attributes["end_time"] == "2026-11-20 13:00:00"
    # Overdue: it goes on, whatever was expected.
    await stage.wait(3600 + 300)
    running = shown(stage, "calendar", "jobs")
    assert running.state == "on"
    assert running.attributes["end_time"] > "2026-11-20 13:00:00"
    await finish(stage, 0)
    assert shown(stage, "calendar", "jobs").state == "off"
    await stage.lose()
    assert shown(stage, "calendar", "jobs").state == "off"
    await stage.find()
    await begin(stage, "Cube", minutes=30)
    found = await events(stage, "2026-11-20 00:00:00", "2026-11-21 00:00:00")
    assert [item["summary"] for item in found] == ["Boat", "Cube"]
    assert found[0]["start"] == "2026-11-20T12:00:00+00:00"
    assert found[0]["description"].splitlines() == ["Finished", "1 h 5 min"]
    assert found[1]["description"] == "Under way"
    assert await events(stage, "2026-11-19 00:00:00", "2026-11-20 00:00:00") == []


async def test_logbook(hass: HomeAssistant, stage: Stage) -> None:
    fired = async_capture_events(hass, EVENT)
    described: dict[str, Any] = {}

    def describe(domain: str, event: str, function: Any) -> None:
        assert domain == DOMAIN
        described[event] = function

    async_describe_events(hass, describe)
    await begin(stage)
    await go_on(stage, 60, current_layer=2)
    await go_on(stage, 60, gcode_state=GcodeState.PAUSE, stage="paused_by_user")
    await go_on(stage, 60, gcode_state=GcodeState.RUNNING, stage="printing")
    await go_on(stage, 60, current_layer=30)
    stage.shown = replace(
        stage.shown, errors=ErrorState(print_error=0x07008011, hms=())
    )
    await go_on(stage, 60)
    stage.shown = replace(stage.shown, errors=IDLE.errors)
    await finish(stage)
    lines = [described[EVENT](event) for event in fired]
    assert {line["name"] for line in lines} == {"Workshop"}
    assert {line["entity_id"] for line in lines} == {
        shown(stage, "sensor", "status").entity_id
    }
    assert [line["message"] for line in lines] == [
        "started Boat",
        "finished the first layer of Boat",
        "paused Boat: Paused by user",
        "went on with Boat",
        "has an error: AMS: a problem that needs attention (0700-8011)",
        "has used up the filament in AMS 1 tray 2 (PLA)",
        "finished Boat after 1 h 6 min",
        "no longer has the error 0700-8011",
    ]


async def test_logbook_knows_us(hass: HomeAssistant, stage: Stage) -> None:
    """Home Assistant's own logbook finds the platform."""
    with patch(
        "homeassistant.components.logbook.frontend.async_register_built_in_panel"
    ):
        hass.config.components |= {"recorder", "frontend"}
        assert await async_setup_component(hass, LOGBOOK, {})
        await hass.async_block_till_done()
    assert EVENT in hass.data[LOGBOOK].external_events


@pytest.mark.usefixtures("job_files")
@pytest.mark.usefixtures("all_enabled")
async def test_project_of_the_job(hass: HomeAssistant, rig: Rig) -> None:
    """What the sliced file says is remembered with the job."""
    store: JobStore = rig.entry.runtime_data.jobs
    await wait_until(hass, lambda: rig.entry.runtime_data.data.project.plate)
    plate = rig.entry.runtime_data.data.project.plate
    ident = rig.entry.runtime_data.happenings.job.id
    await wait_until(hass, lambda: store._plans and store._waiting)
    rig.printer.simulation.finish()
    await rig.report(full=True)
    await wait_until(hass, lambda: store.last)
    record = store.last
    assert record
    assert record.job == ident
    grams = [item.grams for item in plate.filaments]
    assert [use.grams for use in record.filament] == grams
    assert record.grams == pytest.approx(sum(grams))
    assert record.filament[0].slot
    picture = await store.async_picture(ident)
    assert picture
    assert picture.startswith(PNG[:8])
    assert len(picture) == record.picture
    assert float(rig.state("sensor", "filament_used").state) == record.grams


@pytest.mark.parametrize("name", ["jobs", "happenings"])
async def test_store_of_a_later_version(
    stage: Stage, hass_storage: dict[str, Any], name: str
) -> None:
    """The printer can be used, and what is in the store stays there."""
    await stage.stop()
    key = f"{DOMAIN}.{stage.entry.entry_id}.{name}"
    later = {"version": 2, "minor_version": 1, "key": key, "data": {"new": True}}
    hass_storage[key] = later
    await stage.start()
    await begin(stage)
    await finish(stage)
    assert shown(stage, "sensor", "last_outcome").state == "finished"
    await stage.wait(200)
    await stage.stop()
    assert hass_storage[key] == later


@pytest.mark.parametrize("data", [[1], "jobs", {"jobs": [1]}, {"jobs": {"job": {}}}])
async def test_spoilt_memory_of_happenings(
    stage: Stage, hass_storage: dict[str, Any], data: Any
) -> None:
    await stage.stop()
    key = f"{DOMAIN}.{stage.entry.entry_id}.happenings"
    hass_storage[key] = {**hass_storage[key], "data": data}
    await stage.start()
    await begin(stage)
    await finish(stage)
    assert hass_storage[key]["data"]["jobs"]["observed"] is True


async def test_spoilt_records(stage: Stage, hass_storage: dict[str, Any]) -> None:
    """Each word that is not as it should be is left out, and the rest is used."""
    await begin(stage)
    await finish(stage)
    await stage.stop()
    key = f"{DOMAIN}.{stage.entry.entry_id}.jobs"
    good = hass_storage[key]["data"]["jobs"][0]
    odd: list[dict[str, Any]] = [
        {"duration": "long", "paused_seconds": None, "progress": {}, "picture": "x"},
        {"name": ["Boat"], "error_text": 5, "filament": [None, {"grams": "x"}]},
        {"start": "2026-11-20T12:00:00"},
        {"outcome": "exploded"},
        {"job": None},
    ]
    hass_storage[key]["data"]["jobs"] = [
        {**good, "job": f"{number:x}", **changes} for number, changes in enumerate(odd)
    ] + [good]
    await stage.start()
    assert [record.job for record in jobs(stage).records] == [good["job"], "1", "0"]
    await jobs(stage).async_set_job_details("0", picture=PNG)
    found = await events(stage, "2026-11-20 00:00:00", "2026-11-21 00:00:00")
    assert len(found) == 3
    assert shown(stage, "sensor", "last_outcome").state == "finished"


async def test_totals_never_decrease(
    stage: Stage, hass_storage: dict[str, Any]
) -> None:
    """Not when jobs are forgotten, when less is learnt of one, or over restarts."""

    def totals() -> list[float]:
        return [
            float(shown(stage, "sensor", key).state)
            for key in ("total_print_time", "total_jobs", "filament_used")
        ]

    before = [0.0, 0.0, 0.0]
    with patch.object(job_store, "MOST_JOBS", 2):
        for number in range(5):
            await begin(stage, f"Job {number}")
            job = current(stage)
            await finish(stage)
            for grams in (10, 4, 0):
                await jobs(stage).async_set_job_details(
                    job, filament=[FilamentUse(grams=grams)]
                )
                now = totals()
                assert all(a <= b for a, b in zip(before, now, strict=True))
                before = now
            await stage.stop()
            await stage.start()
            assert totals() == before
    assert before[1:] == [5, 50]
    assert len(jobs(stage).records) == 2
