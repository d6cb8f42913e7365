"""A print from the beginning to the end."""

import pytest

from virtual_printer import PROFILES

PROJECT = {
    "param": "Metadata/plate_2.gcode",
    "file": "box.gcode.3mf",
    "md5": "",
    "project_id": "0",
    "profile_id": "0",
    "task_id": "5150",
    "subtask_id": "5150",
    "subtask_name": "box",
    "bed_type": "auto",
    "bed_leveling": True,
    "flow_cali": False,
    "vibration_cali": False,
    "layer_inspect": False,
    "timelapse": True,
}
EXTERNAL = {
    "use_ams": False,
    "ams_mapping": [-1],
    "ams_mapping2": [{"ams_id": 255, "slot_id": 0}],
}


@pytest.mark.parametrize("model", PROFILES)
async def test_print_from_start_to_end(start, model):
    printer, client = await start(model, scenario="idle", speed=10)
    url = "file:///sdcard/box.gcode.3mf"
    answer = await client.ask("print", "project_file", url=url, **PROJECT, **EXTERNAL)
    assert answer["result"] == "success"
    assert answer["url"] == url
    seen: list[str] = []
    stages: list[int] = []
    layers, percents = [], []
    for _ in range(6000):
        await printer.tick(1)
        report = printer._machine.report
        seen += [report["gcode_state"]] * (seen[-1:] != [report["gcode_state"]])
        stages += [report["stg_cur"]] * (stages[-1:] != [report["stg_cur"]])
        layers.append(report["layer_num"])
        percents.append(report["mc_percent"])
        if report["gcode_state"] == "FINISH":
            break
    assert seen[-3:] == ["PREPARE", "RUNNING", "FINISH"] or seen == [
        "RUNNING",
        "FINISH",
    ]
    assert {1, 13, 14, 0} <= set(stages)
    assert stages[-1] == printer.profile.idle_stage
    assert layers == sorted(layers)
    assert percents == sorted(percents)
    report = printer.report
    assert report["subtask_name"] == "box"
    assert report["subtask_id"] == "5150"
    assert report["mc_percent"] == 100
    assert report["mc_remaining_time"] == 0
    assert report["layer_num"] == report["total_layer_num"]
    assert report["nozzle_target_temper"] == report["bed_target_temper"] == 0
    await printer.tick(60)
    assert printer.report["nozzle_temper"] < 100


async def test_nothing_moves_while_paused(start):
    printer, client = await start("X1C")
    await client.ask("print", "pause")
    before = printer.report
    await printer.tick(600)
    after = printer.report
    for key in ("mc_percent", "layer_num", "mc_remaining_time", "gcode_state"):
        assert before[key] == after[key]


async def test_pause_during_preparation_comes_back_to_it(start):
    printer, client = await start("X1C", scenario="preparing")
    await printer.tick(30)
    stage = printer.report["stg_cur"]
    await client.ask("print", "pause")
    assert printer.report["stg_cur"] == 16
    await printer.tick(600)
    await client.ask("print", "resume")
    assert printer.report["stg_cur"] == stage


async def test_busy_printer_refuses_another_job(start):
    printer, client = await start("P1S")
    url = "file:///sdcard/box.gcode.3mf"
    answer = await client.ask("print", "project_file", url=url, **PROJECT, **EXTERNAL)
    assert answer["result"].lower() == "fail"
    assert printer.report["print_error"] == 0x05004004
    assert printer.report["gcode_state"] == "RUNNING"


async def test_busy_a1_mini_cancels_its_job(start):
    printer, client = await start("A1 mini")
    url = "file:///sdcard/box.gcode.3mf"
    await client.ask("print", "project_file", url=url, **PROJECT, **EXTERNAL)
    assert printer.report["gcode_state"] == "FAILED"


async def test_mapping_without_ams_fails(start):
    printer, client = await start("P1P", scenario="idle")
    mapping = {"use_ams": True, "ams_mapping": [0]}
    url = "file:///sdcard/box.gcode.3mf"
    await client.ask("print", "project_file", url=url, **PROJECT, **mapping)
    assert printer.report["print_error"] == 0x07008012


async def test_mapping_chooses_slot_and_extruder(start):
    printer, client = await start("H2D", scenario="idle")
    mapping = {
        "use_ams": True,
        "ams_mapping": [-1, 2],
        "ams_mapping2": [
            {"ams_id": 255, "slot_id": 255},
            {"ams_id": 0, "slot_id": 2},
        ],
    }
    url = "ftp:///box.gcode.3mf"
    await client.ask("print", "project_file", url=url, **PROJECT, **mapping)
    for _ in range(900):
        await printer.tick(1)
        if printer.report["stg_cur"] == 0:
            break
    device = printer.report["device"]
    assert device["extruder"]["state"] >> 4 & 15 == 1
    assert device["extruder"]["info"][1]["snow"] == 2


async def test_skipped_objects(start):
    printer, client = await start()
    await client.ask("print", "skip_objects", obj_list=[409])
    await client.ask("print", "skip_objects", obj_list=[409, 1463])
    assert printer.report["s_obj"] == [409, 1463]


async def test_speed_makes_the_print_faster(start):
    minutes = {}
    for level in ("1", "2", "4"):
        printer, client = await start("A1")
        await client.ask("print", "print_speed", param=level)
        await printer.tick(1)
        minutes[level] = printer.report["mc_remaining_time"]
    assert minutes["1"] > minutes["2"] > minutes["4"]


async def test_a_test_may_write_progress(start):
    printer, _ = await start()
    printer.update({"mc_percent": 90, "nozzle_temper": 150.0})
    await printer.tick(1)
    assert printer.report["mc_percent"] == 90
    assert 150 < printer.report["nozzle_temper"] < 160


async def test_calibration_runs_as_a_job(start):
    printer, client = await start("A1", scenario="idle")
    await client.ask("print", "calibration", option=1 | 2 | 8)
    assert printer.report["gcode_state"] == "RUNNING"
    assert printer.report["stg"] == [13, 1, 25]
    await printer.tick(200)
    assert printer.report["gcode_state"] == "FINISH"


async def test_homing(start):
    printer, client = await start("H2S", scenario="idle")
    await client.ask("print", "gcode_line", param="M18\n")
    assert printer.report["home_flag"] & 7 == 0
    await client.ask("print", "back_to_center")
    assert printer.report["stg_cur"] == 13
    await printer.tick(20)
    assert printer.report["home_flag"] & 7 == 7
