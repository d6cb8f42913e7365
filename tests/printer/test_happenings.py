"""What happened is told from what is: once, in order, with its details."""

from dataclasses import replace
from datetime import timedelta
import json
from typing import Any

import pytest

from custom_components.bambu_printer.printer import SlotAddress
from custom_components.bambu_printer.printer.happenings import HappeningTracker
from custom_components.bambu_printer.printer.state.ams import AmsState, DryingPhase
from custom_components.bambu_printer.printer.state.errors import ErrorState, HmsMessage
from custom_components.bambu_printer.printer.state.job import GcodeState, JobState

from .scripted import IDLE, Script, loaded, tray

PREPARE = GcodeState.PREPARE
RUNNING = GcodeState.RUNNING
PAUSE = GcodeState.PAUSE
FINISH = GcodeState.FINISH
FAILED = GcodeState.FAILED

JOB: dict[str, Any] = {
    "job_key": "0/0/0/boat.3mf/Boat",
    "name": "Boat",
    "file": "boat.3mf",
    "progress": 0,
    "current_layer": 0,
    "total_layers": 40,
}
CANCELLED = ErrorState(print_error=0x0300400C, hms=())
NO_ERROR = ErrorState(print_error=0, hms=())


@pytest.fixture
def script() -> Script:
    """Return a printer that was seen idle."""
    script = Script()
    assert script.look() == []
    return script


def run(script: Script, **changes: Any) -> list[str]:
    """Show a job that runs, told or not."""
    return script.job(gcode_state=RUNNING, **{**JOB, **changes})


def test_life_of_a_job(script: Script) -> None:
    assert script.job(gcode_state=PREPARE, **JOB) == []
    assert script.settle() == ["started"]
    assert script.job(gcode_state=RUNNING) == []
    assert script.job(current_layer=1, progress=1) == []
    assert script.job(current_layer=2, progress=2) == ["first_layer_done"]
    assert script.job(current_layer=4, progress=8) == ["layer_reached"]
    assert script.told[-1].data["percent"] == 10
    assert script.job(gcode_state=PAUSE, stage="paused_by_user") == ["paused"]
    assert script.told[-1].data["reason"] == "by_user"
    assert script.job(90, gcode_state=RUNNING, stage="printing") == ["resumed"]
    assert script.told[-1].data["paused_seconds"] == 90
    assert script.job(current_layer=40, progress=99) == ["layer_reached"]
    assert script.job(gcode_state=FINISH, progress=100) == ["finished"]
    assert script.settle() == []
    assert script.job(gcode_state=FINISH, progress=100) == []
    last = script.told[-1]
    assert {item.job for item in script.told} == {last.job}
    assert last.data["name"] == "Boat"
    assert last.data["file"] == "boat.3mf"
    assert (
        last.data["duration"] == (last.at - script.told[0].data["start_time"]).seconds
    )
    assert last.data["unwatched"] is False


def test_names_may_come_late(script: Script) -> None:
    script.job(0, gcode_state=PREPARE, job_key="0/0/0/old.3mf/Old", name="Old")
    script.job(0.5, **JOB)
    script.settle()
    assert [item.data["name"] for item in script.told] == ["Boat"]
    assert script.job(60, job_key="7/7/7/boat.3mf/Boat") == []


def test_numbers_of_the_job_before_are_no_news(script: Script) -> None:
    run(script)
    script.settle()
    script.job(current_layer=40, progress=99)
    script.job(gcode_state=FINISH, progress=100)
    script.told.clear()
    # The next one still shows the old numbers for a while.
    assert script.job(gcode_state=PREPARE) == []
    assert script.settle() == ["started"]
    assert script.job(gcode_state=RUNNING) == []
    assert script.job(current_layer=0, progress=0) == []
    assert script.job(current_layer=1) == []
    assert script.job(current_layer=2) == ["first_layer_done"]


def test_job_with_one_layer(script: Script) -> None:
    run(script, total_layers=1)
    script.settle()
    assert script.job(current_layer=1) == ["layer_reached"]
    assert script.job(gcode_state=FINISH, progress=100) == [
        "first_layer_done",
        "finished",
    ]


@pytest.mark.parametrize("first", ["error", "state"])
def test_cancelled(script: Script, first: str) -> None:
    run(script)
    script.settle()
    if first == "error":
        assert script.look(errors=CANCELLED) == []
        assert script.job(0, gcode_state=FAILED) == ["cancelled"]
    else:
        assert script.job(gcode_state=FAILED) == []
        assert script.look(2, errors=CANCELLED) == ["cancelled"]
    assert script.look(errors=NO_ERROR) == []
    assert script.settle() == []


def test_failed(script: Script) -> None:
    run(script)
    script.settle()
    broken = ErrorState(print_error=0x03004001, hms=())
    assert script.look(errors=broken) == ["raised"]
    assert script.told[-1].job == script.told[0].job
    assert script.job(gcode_state=FAILED) == []
    assert script.settle() == ["failed"]
    assert script.told[-1].data["error"] == "0300-4001"


def test_old_cancellation_does_not_count(script: Script) -> None:
    run(script)
    script.settle()
    script.look(errors=CANCELLED)
    script.job(gcode_state=FAILED)
    assert script.told[-1].kind == "cancelled"
    # The code stands while the next job begins, and that one fails.
    run(script)
    script.settle()
    script.job(gcode_state=FAILED)
    assert script.settle() == ["failed"]


def test_end_for_a_moment_only(script: Script) -> None:
    run(script, progress=30, current_layer=9)
    script.settle()
    script.told.clear()
    for state in (FINISH, GcodeState.IDLE, FAILED):
        assert script.job(gcode_state=state) == []
        assert script.job(1, gcode_state=RUNNING) == []
        assert script.settle() == []


def test_next_job_at_once(script: Script) -> None:
    run(script, progress=30, current_layer=9)
    script.settle()
    script.look(errors=CANCELLED)
    script.told.clear()
    assert script.job(gcode_state=FAILED) == ["cancelled"]
    run(script, progress=30, current_layer=9)
    script.settle()
    assert script.job(gcode_state=FAILED) == []
    assert script.job(1, gcode_state=PREPARE) == ["failed"]
    assert script.settle() == ["started"]


def test_filament_changes(script: Script) -> None:
    run(script)
    script.settle()
    assert script.look(extruders=loaded(SlotAddress(0, 1))) == []
    assert script.look(extruders=loaded(None)) == []
    assert script.look(extruders=loaded(SlotAddress(0, 1))) == []
    assert script.look(extruders=loaded(SlotAddress(0, 2))) == ["filament_changed"]
    data = script.told[-1].data
    assert (data["slot"], data["previous_slot"]) == (
        SlotAddress(0, 2),
        SlotAddress(0, 1),
    )
    assert (data["type"], data["color"]) == ("PLA", "#FF0000")


def test_first_sight_is_no_news() -> None:
    script = Script()
    broken = ErrorState(
        print_error=0x07008011, hms=(HmsMessage(attr=0x0700_2000, code=0x0002_0001),)
    )
    script.state = replace(IDLE, errors=broken)
    assert run(script, current_layer=7, progress=20) == []
    assert script.settle() == []
    assert script.job(current_layer=8) == ["layer_reached"]
    assert script.job(gcode_state=FINISH, progress=100) == ["finished"]
    assert script.look(errors=NO_ERROR) == ["cleared", "cleared"]


def test_ended_before_first_sight_is_no_news() -> None:
    script = Script()
    assert script.job(gcode_state=FINISH, **{**JOB, "progress": 100}) == []
    script.restart()
    assert script.look() == []


def test_restart_during_a_job(script: Script) -> None:
    run(script, current_layer=3, progress=10)
    script.settle()
    script.job(gcode_state=PAUSE)
    script.told.clear()
    for _ in range(3):
        script.restart()
        assert script.look() == []
        assert script.settle() == []
    script.restart()
    assert script.job(3600, gcode_state=RUNNING) == ["resumed"]
    assert script.told[-1].data["paused_seconds"] > 3600


def test_end_while_nobody_watched(script: Script) -> None:
    run(script, finish_time=script.now + timedelta(hours=1))
    script.settle()
    ident = script.told[-1].job
    script.restart()
    assert script.job(4 * 3600, gcode_state=FINISH, progress=100) == ["finished"]
    told = script.told[-1]
    assert told.job == ident
    assert told.data["unwatched"]
    assert 3500 < told.data["duration"] < 3700
    script.restart()
    assert script.look() == []


def test_job_that_nobody_watched(script: Script) -> None:
    run(script)
    script.settle()
    script.restart()
    other = {**JOB, "job_key": "0/0/0/cube.3mf/Cube", "name": "Cube"}
    assert script.job(3600, gcode_state=FINISH, **{**other, "progress": 100}) == [
        "lost",
        "finished",
    ]
    lost, finished = script.told[-2:]
    assert (lost.data["name"], finished.data["name"]) == ("Boat", "Cube")
    assert lost.job != finished.job
    script.restart()
    assert script.look() == []


def test_switched_off_during_a_job(script: Script) -> None:
    run(script)
    script.settle()
    script.tracker.lose_sight()
    assert script.look(job=IDLE.job) == []
    assert script.settle() == ["lost"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"progress": 40, "current_layer": 16}, []),
        ({"progress": 60, "current_layer": 24}, ["layer_reached"]),
        ({"progress": 5, "current_layer": 3}, ["lost", "started", "first_layer_done"]),
        ({"gcode_state": PREPARE, "progress": 0, "current_layer": 0}, ["lost"]),
        # Other ids: certainly another job.
        (
            {"job_key": "9/9/9/boat.3mf/Boat", "progress": 50, "current_layer": 20},
            ["lost", "started", "first_layer_done", "layer_reached"],
        ),
    ],
)
def test_same_file_after_a_gap(
    script: Script, changes: dict[str, Any], told: list[str]
) -> None:
    run(script, job_key="8/8/8/boat.3mf/Boat")
    script.settle()
    script.job(progress=40, current_layer=16)
    script.tracker.lose_sight()
    script.told.clear()
    assert script.job(3600, **changes) == told


def test_errors(script: Script) -> None:
    serious = HmsMessage(attr=0x0C000300, code=0x00020001)
    information = HmsMessage(attr=0x05000300, code=0x00040001)
    errors = ErrorState(print_error=0, hms=(serious, information))
    assert script.look(errors=errors) == ["raised"]
    assert script.told[-1].data == {
        "code": "HMS_0C00_0300_0002_0001",
        "severity": "serious",
        "module": "camera_ai",
    }
    assert script.look() == []
    script.restart()
    assert script.look() == []
    script.restart()
    assert script.look(errors=NO_ERROR) == ["cleared"]
    assert script.told[-1].data["module"] == "camera_ai"
    assert script.look(errors=errors) == ["raised"]


def test_what_is_not_told_yet_is_not_cleared(script: Script) -> None:
    """After a restart one of the two kinds may come before the other."""
    message = HmsMessage(attr=0x0C000300, code=0x00020001)
    both = ErrorState(print_error=0x03008012, hms=(message,))
    assert script.look(errors=both) == ["raised", "raised"]
    script.restart()
    assert script.look(errors=ErrorState(print_error=0x03008012, hms=None)) == []
    script.restart()
    assert script.look(errors=ErrorState(print_error=None, hms=(message,))) == []
    assert script.look(errors=both) == []
    assert script.look(errors=ErrorState(print_error=0, hms=(message,))) == ["cleared"]
    assert script.told[-1].data["severity"] == "serious"
    assert script.look(errors=NO_ERROR) == ["cleared"]
    assert script.told[-1].data["module"] == "camera_ai"


def ams(script: Script, *, unit: int = 0, **changes: Any) -> AmsState:
    units = [
        replace(item, **changes) if item.unit == unit else item
        for item in script.state.ams.units
    ]
    return replace(script.state.ams, units=tuple(units))


def test_spools(script: Script) -> None:
    empty = tuple(tray(0, slot, "" if slot == 2 else "PLA") for slot in range(4))
    full = script.state.ams.units[0].trays
    assert script.look(ams=ams(script, trays=empty)) == ["removed"]
    assert script.told[-1].data["slot"] == SlotAddress(0, 2)
    script.restart()
    assert script.look() == []
    assert script.look(ams=ams(script, trays=full)) == ["inserted"]
    assert script.told[-1].unit == 0
    assert script.told[-1].data["type"] == "PLA"
    # Unplugging a unit takes out no spool, and plugging it in puts none in.
    plugged = script.state.ams
    assert script.look(ams=replace(plugged, units=())) == []
    assert script.look(ams=plugged) == []


def test_drying(script: Script) -> None:
    def dry(phase: DryingPhase, minutes: int, seconds: float = 60) -> list[str]:
        return script.look(
            seconds,
            ams=ams(
                script,
                unit=128,
                drying=phase,
                drying_minutes=minutes,
                drying_target=55,
            ),
        )

    assert dry(DryingPhase.DRYING, 60) == []
    assert dry(DryingPhase.DRYING, 1, 59 * 60) == []
    assert dry(DryingPhase.COOLING, 0) == ["drying_finished"]
    assert script.told[-1].unit == 128
    assert script.told[-1].data["temperature"] == 55
    assert dry(DryingPhase.OFF, 0) == []
    # Stopped by somebody.
    assert dry(DryingPhase.DRYING, 60) == []
    assert dry(DryingPhase.OFF, 0) == []
    assert dry(DryingPhase.DRYING, 1) == []
    assert dry(DryingPhase.STOPPING, 0) == []
    # Over while nobody watched.
    assert dry(DryingPhase.DRYING, 120) == []
    script.restart()
    assert dry(DryingPhase.OFF, 0, 3 * 3600) == ["drying_finished"]


def test_spool_runs_out(script: Script) -> None:
    used_up = HmsMessage(attr=0x0700_2200, code=0x0002_0001)
    assert script.look(extruders=loaded(SlotAddress(0, 2))) == []
    errors = ErrorState(print_error=0, hms=(used_up,))
    assert script.look(errors=errors) == ["raised", "ran_out"]
    assert script.told[-1].data["slot"] == SlotAddress(0, 2)
    # Other signs of the same.
    errors = ErrorState(print_error=0x07008011, hms=(used_up,))
    assert script.look(errors=errors) == ["raised"]
    assert script.job(stage="paused_filament_runout") == []
    script.restart()
    assert script.look() == []
    assert script.look(errors=NO_ERROR, job=JobState(gcode_state=RUNNING)) == [
        "cleared",
        "cleared",
    ]
    # Outside, only the pause tells.
    script.look(extruders=loaded(SlotAddress(255)))
    script.told.clear()
    script.job(stage="paused_filament_runout", gcode_state=PAUSE)
    told = [item for item in script.told if item.kind == "ran_out"]
    assert [item.unit for item in told] == [255]


def test_unknown_words_are_no_end(script: Script) -> None:
    run(script)
    script.settle()
    for state in (None, GcodeState.INIT, GcodeState.OFFLINE):
        assert script.job(gcode_state=state) == []
    assert script.settle() == []


@pytest.mark.parametrize(
    "garbage",
    [
        {},
        {"jobs": None, "faults": [], "filament": 7},
        {"jobs": {"observed": "yes", "job": {"id": 3}}, "faults": {"x": {}}},
        {"jobs": {"job": {"id": "a", "opened": "never"}}, "filament": {"present": []}},
        {"filament": {"present": {"x": [], "0": 3}, "drying": {"1": {}}, "empty": {}}},
        {"filament": {"empty": {"stage": [1]}, "feeding": "x"}},
    ],
)
def test_garbage_is_not_remembered(garbage: dict[str, Any]) -> None:
    script = Script()
    script.tracker.load(garbage)
    assert script.look() == []
    assert script.job(gcode_state=FINISH, **JOB) == []


def test_memory_is_json(script: Script) -> None:
    run(script, current_layer=3, progress=10, finish_time=script.now)
    script.settle()
    script.look(
        extruders=loaded(SlotAddress(0, 2)),
        errors=ErrorState(print_error=0x07008011, hms=()),
        ams=ams(script, unit=128, drying=DryingPhase.DRYING, drying_minutes=4),
    )
    dumped = json.dumps(script.tracker.dump())
    other = HappeningTracker()
    other.load(json.loads(dumped))
    assert json.dumps(other.dump()) == dumped
