"""The job: state, stage, progress, and the times that must not jitter."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.bambu_printer.printer.state.job import (
    SPEED_LEVELS,
    STAGE_NAMES,
    STAGES,
    GcodeState,
    JobState,
    PrintType,
    SpeedLevel,
)

from .reports import NOW, Replay, decode

RUNNING = {
    "gcode_state": "RUNNING",
    "mc_percent": 20,
    "mc_remaining_time": 80,
    "subtask_name": "gear",
    "task_id": "17",
}


def job(report: dict, **options) -> JobState:
    return decode(report, **options).job


@pytest.mark.parametrize("state", GcodeState)
def test_states(state):
    assert job({"gcode_state": state.value.upper()}).gcode_state is state


@pytest.mark.parametrize("word", ["", "DANCING", "UNKNOWN"])
def test_an_unknown_state_is_unknown_and_not_idle(word):
    assert job({"gcode_state": word}).gcode_state is None


@pytest.mark.parametrize("value", [None, 5, []])
def test_an_unreadable_state_leaves_the_earlier_one(value):
    before = decode(RUNNING)
    assert (
        job({"gcode_state": value}, previous=before).gcode_state is GcodeState.RUNNING
    )


@pytest.mark.parametrize(
    ("state", "active", "printing"),
    [
        ("IDLE", False, False),
        ("PREPARE", True, True),
        ("SLICING", True, True),
        ("RUNNING", True, True),
        ("PAUSE", True, False),
        ("FINISH", False, False),
        ("FAILED", False, False),
        ("INIT", False, False),
        ("ODD", False, False),
    ],
)
def test_when_a_job_is_active(state, active, printing):
    found = job({"gcode_state": state})
    assert (found.active, found.printing) == (active, printing)


# ---- stages -------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "name"), STAGES.items())
def test_stages_of_a_running_job(code, name):
    found = job(RUNNING | {"stg_cur": code})
    assert (found.stage, found.stage_code) == (name, code)
    assert name in STAGE_NAMES


def test_stages_have_one_name_each_but_for_the_two_that_are_the_same():
    assert set(STAGES) == set(range(78))
    assert STAGES[12] == STAGES[18]
    assert len(set(STAGES.values())) == 77


@pytest.mark.parametrize("code", [-1, 255])
@pytest.mark.parametrize("state", ["IDLE", "RUNNING", "FINISH"])
def test_both_idle_codes(code, state):
    assert job({"gcode_state": state, "stg_cur": code}).stage == "idle"


@pytest.mark.parametrize(
    ("report", "stage"),
    [
        ({"gcode_state": "RUNNING", "print_type": "local"}, "printing"),
        ({"gcode_state": "PAUSE", "print_type": "cloud"}, "printing"),
        ({"gcode_state": "RUNNING", "print_type": "idle"}, "idle"),
        ({"gcode_state": "IDLE", "print_type": "idle"}, "idle"),
        ({"gcode_state": "FINISH", "print_type": ""}, "idle"),
        ({"gcode_state": "FAILED"}, "idle"),
    ],
)
def test_stage_0_means_printing_only_while_there_is_a_job(report, stage):
    assert job(report | {"stg_cur": 0}).stage == stage


@pytest.mark.parametrize("code", [22, 24, 4])
def test_stages_without_a_job(code):
    assert job({"gcode_state": "IDLE", "stg_cur": code}).stage == STAGES[code]


@pytest.mark.parametrize("code", [78, 100, 5000, -7])
def test_a_stage_that_nobody_knows_keeps_its_number(code):
    found = job(RUNNING | {"stg_cur": code})
    assert (found.stage, found.stage_code) == (None, code)


def test_a_stage_that_was_never_reported():
    assert (job(RUNNING).stage, job(RUNNING).stage_code) == (None, None)


# ---- progress -----------------------------------------------------------------------


@pytest.mark.parametrize("value", [58, "58", 58.0])
def test_numbers_come_as_numbers_and_as_text(value):
    found = job(
        RUNNING
        | {
            "mc_percent": value,
            "mc_remaining_time": value,
            "layer_num": value,
            "total_layer_num": value,
            "gcode_file_prepare_percent": value,
            "plate_idx": value,
            "spd_mag": value,
        }
    )
    assert (found.progress, found.remaining) == (58, 58)
    assert (found.current_layer, found.total_layers) == (58, 58)
    assert (found.prepare_progress, found.plate, found.speed_percent) == (58, 58, 58)


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("progress", "mc_percent"),
        ("current_layer", "layer_num"),
        ("total_layers", "total_layer_num"),
        ("prepare_progress", "gcode_file_prepare_percent"),
        ("speed_percent", "spd_mag"),
        ("stage_code", "stg_cur"),
        ("plate", "plate_idx"),
    ],
)
@pytest.mark.parametrize("value", ["??", None, {}, [], True])
def test_an_unreadable_number_leaves_the_earlier_one(field, key, value):
    before = decode(RUNNING | {key: 3})
    assert getattr(job(RUNNING | {key: value}, previous=before), field) == 3


@pytest.mark.parametrize("key", ["mc_percent", "layer_num", "total_layer_num"])
def test_zero_is_not_unknown(key):
    field = {
        "mc_percent": "progress",
        "layer_num": "current_layer",
        "total_layer_num": "total_layers",
    }[key]
    assert getattr(job({key: 0}), field) == 0
    assert getattr(job({}), field) is None


def test_layers_come_from_the_newer_object_when_the_flat_keys_are_missing():
    found = job({"3D": {"layer_num": 4, "total_layer_num": 9}})
    assert (found.current_layer, found.total_layers) == (4, 9)
    found = job({"3D": {"layer_num": 4}, "layer_num": 5})
    assert found.current_layer == 5


@pytest.mark.parametrize(
    ("state", "minutes", "percent", "expected"),
    [
        ("RUNNING", 80, 20, 80),
        ("PAUSE", 80, 20, 80),
        ("PREPARE", 80, 0, 80),
        ("RUNNING", 0, 0, None),
        ("RUNNING", 0, 50, None),
        ("RUNNING", 0, 99, 0),
        ("RUNNING", 0, 100, 0),
        ("FAILED", 759, 0, None),
        ("FINISH", 0, 100, None),
        ("IDLE", 5, 0, None),
        ("RUNNING", -5, 20, None),
        ("RUNNING", 10**30, 20, None),
        ("RUNNING", "soon", 20, None),
    ],
)
def test_minutes_left(state, minutes, percent, expected):
    report = {
        "gcode_state": state,
        "mc_remaining_time": minutes,
        "mc_percent": percent,
    }
    assert job(report).remaining == expected


# ---- times --------------------------------------------------------------------------


def test_the_end_of_a_job():
    assert job(RUNNING).finish_time == NOW + timedelta(minutes=80)


@pytest.mark.parametrize("drift", [-1, 0, 1])
def test_the_end_stands_while_the_estimate_wobbles(drift):
    replay = Replay()
    replay.full(**RUNNING)
    end = replay.state.job.finish_time
    replay.wait(minutes=10)
    replay.delta(mc_remaining_time=70 + drift)
    assert replay.state.job.finish_time == end


@pytest.mark.parametrize("drift", [-30, -2, 2, 30])
def test_the_end_moves_with_the_estimate_from_two_minutes_on(drift):
    replay = Replay()
    replay.full(**RUNNING)
    end = replay.state.job.finish_time
    replay.wait(minutes=10)
    replay.delta(mc_remaining_time=70 + drift)
    assert replay.state.job.finish_time == end + timedelta(minutes=drift)


def test_the_end_is_a_whole_minute():
    replay = Replay()
    replay.wait(seconds=37.5)
    replay.full(**RUNNING)
    end = replay.state.job.finish_time
    assert end is not None
    assert (end.second, end.microsecond, end.tzinfo) == (0, 0, UTC)


def test_another_job_has_another_end_however_near():
    replay = Replay()
    replay.full(**RUNNING)
    replay.wait(minutes=1)
    replay.full(**RUNNING | {"task_id": "18"})
    assert replay.state.job.finish_time == NOW + timedelta(minutes=81)


def test_nobody_knows_the_end_of_a_paused_job():
    replay = Replay()
    replay.full(**RUNNING)
    replay.delta(gcode_state="PAUSE")
    assert replay.state.job.finish_time is None
    assert replay.state.job.remaining == 80
    replay.wait(minutes=30)
    replay.delta(gcode_state="RUNNING")
    assert replay.state.job.finish_time == NOW + timedelta(minutes=110)


def test_the_end_of_a_job_that_has_ended_is_when_it_did():
    replay = Replay()
    replay.full(**RUNNING)
    replay.wait(minutes=81, seconds=20)
    replay.delta(gcode_state="FINISH", mc_percent=100, mc_remaining_time=0)
    assert replay.state.job.finish_time == NOW + timedelta(minutes=81)
    replay.wait(hours=3)
    replay.delta(mc_percent=100, total_layer_num=0)
    assert replay.state.job.finish_time == NOW + timedelta(minutes=81)


def test_a_job_that_was_over_before_we_came_has_no_known_end():
    assert job({"gcode_state": "FINISH", "mc_percent": 100}).finish_time is None


def test_a_failed_job_has_no_end():
    replay = Replay()
    replay.full(**RUNNING)
    replay.delta(gcode_state="FAILED")
    assert replay.state.job.finish_time is None
    assert replay.state.job.remaining is None


def test_the_start_is_what_the_printer_says():
    start = int(NOW.timestamp()) - 999
    assert job(RUNNING | {"gcode_start_time": str(start)}).start_time == datetime(
        2026, 3, 14, 14, 52, 21, tzinfo=UTC
    )


@pytest.mark.parametrize("value", [10**18, 10**30])
def test_a_start_that_no_calendar_has(value):
    assert job({"gcode_state": "IDLE", "gcode_start_time": value}).start_time is None


def test_the_start_is_when_it_was_seen():
    replay = Replay()
    replay.full(gcode_state="IDLE")
    replay.wait(minutes=5, seconds=30)
    replay.delta(**RUNNING | {"mc_percent": 0})
    assert replay.state.job.start_time == NOW + timedelta(minutes=5)
    replay.wait(minutes=50)
    replay.delta(mc_percent=60, mc_remaining_time=31)
    assert replay.state.job.start_time == NOW + timedelta(minutes=5)


def test_the_start_of_a_job_under_way_is_reckoned_back():
    assert job(RUNNING).start_time == NOW - timedelta(minutes=20)


@pytest.mark.parametrize(
    "change", [{"mc_percent": 0}, {"mc_percent": 100}, {"mc_remaining_time": 0}]
)
def test_there_is_nothing_to_reckon_with(change):
    assert job(RUNNING | change).start_time is None


def test_the_start_stays_through_pauses_and_after_the_end():
    replay = Replay()
    replay.full(**RUNNING)
    start = replay.state.job.start_time
    for state in ("PAUSE", "RUNNING", "FINISH", "IDLE"):
        replay.wait(minutes=3)
        replay.delta(gcode_state=state)
        assert replay.state.job.start_time == start


# ---- identity and speed -------------------------------------------------------------


def test_names_hold_any_text():
    name = "Kuchenform „Süß“ 杯 \u202e "
    found = job({"subtask_name": name, "gcode_file": "/data/Metadata/plate_3.gcode"})
    assert (found.name, found.file) == (name, "/data/Metadata/plate_3.gcode")


def test_empty_names_are_none():
    found = job({"subtask_name": "", "gcode_file": "", "plate_idx": 0})
    assert (found.name, found.file, found.plate) == (None, None, None)


@pytest.mark.parametrize("key", ["task_id", "subtask_id", "job_id", "gcode_file"])
def test_whatever_identifies_a_job_tells_it_from_the_next(key):
    assert job(RUNNING).job_key != job(RUNNING | {key: "99"}).job_key
    assert job(RUNNING | {key: "99"}).job_key == job(RUNNING | {key: 99}).job_key


@pytest.mark.parametrize(
    ("word", "expected"),
    [("cloud", PrintType.CLOUD), ("local", PrintType.LOCAL), ("", None), ("new", None)],
)
def test_print_types(word, expected):
    assert job({"print_type": word}).print_type is expected


@pytest.mark.parametrize(("number", "level"), SPEED_LEVELS.items())
def test_speed_levels(number, level):
    assert job({"spd_lvl": number}).speed_level is level
    assert job({"spd_lvl": str(number)}).speed_level is level


def test_speed_levels_are_the_makers():
    assert SPEED_LEVELS == {
        1: SpeedLevel.SILENT,
        2: SpeedLevel.STANDARD,
        3: SpeedLevel.SPORT,
        4: SpeedLevel.LUDICROUS,
    }


@pytest.mark.parametrize("value", [0, 5, "fast", None])
def test_an_unreadable_speed_level_leaves_the_earlier_one(value):
    before = decode({"spd_lvl": 3})
    assert job({"spd_lvl": value}, previous=before).speed_level is SpeedLevel.SPORT


def test_skipped_objects():
    assert job({"s_obj": [14, "15", None, "x"]}).skipped_objects == (14, 15)
    assert job({}).skipped_objects == ()
