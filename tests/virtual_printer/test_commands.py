"""Commands: how they are acknowledged, and what the next report shows."""

import pytest

from virtual_printer import PROFILES, VirtualPrinter
from virtual_printer.commands import Context, acknowledge, obey
from virtual_printer.commands.registry import HANDLERS


async def test_standard_acknowledgement(start):
    _, client = await start()
    answer = await client.ask("print", "pause", param="")
    assert answer["result"] == "success"
    assert answer["param"] == ""
    assert (await client.report())["gcode_state"] == "PAUSE"
    await client.ask("print", "resume", param="")
    assert (await client.report())["gcode_state"] == "RUNNING"


async def test_stop_is_a_failure_with_an_error_for_a_moment(start):
    printer, client = await start("P1S")
    await client.ask("print", "stop", param="")
    report = await client.report()
    assert report["gcode_state"] == "FAILED"
    assert report["print_error"] == 50348044
    assert report["mc_percent"] == 0
    await printer.tick(5)
    assert (await client.report())["print_error"] == 0


@pytest.mark.parametrize("model", ["X1C", "A1", "H2D"])
async def test_gcode_sets_temperatures(start, model):
    printer, client = await start(model, scenario="idle")
    lines = "M104 S215\nM140 S55\nM106 P1 S127\n"
    answer = await client.ask("print", "gcode_line", param=lines)
    assert answer["result"] == "SUCCESS"
    assert answer["param"] == lines
    report = await client.report()
    assert report["nozzle_target_temper"] == 215
    assert report["bed_target_temper"] == 55
    assert report["cooling_fan_speed"] == "8"
    assert report["fan_gear"] & 0xFF == 127
    await printer.tick(200)
    report = printer.report
    assert report["nozzle_temper"] == pytest.approx(215, abs=3)
    assert report["bed_temper"] == pytest.approx(55, abs=2)


async def test_limits_are_the_models(start):
    printer, client = await start("A1 mini", scenario="idle")
    await client.ask(
        "print", "gcode_line", param="M140 S120\nM104 S400\nM106 P2 S255\n"
    )
    assert printer.report["bed_target_temper"] == 80
    assert printer.report["nozzle_target_temper"] == 300
    assert printer.report["big_fan1_speed"] == "0"


async def test_left_nozzle_of_two(start):
    printer, client = await start("H2D", scenario="idle")
    await client.ask("print", "set_nozzle_temp", extruder_index=1, target_temp=240)
    report = await client.report()
    left = report["device"]["extruder"]["info"][-1]
    assert left["id"] == 1
    assert left["temp"] >> 16 == 240
    assert "nozzle_target_temper" not in report
    await client.ask("print", "select_extruder", extruder_index=1)
    assert printer.report["device"]["extruder"]["state"] >> 4 & 15 == 15
    await printer.tick(20)
    assert printer.report["device"]["extruder"]["state"] == 0x112
    assert printer.report["nozzle_target_temper"] == 240


async def test_single_nozzle_refuses_the_commands_for_two(start):
    _, client = await start("H2S", scenario="idle")
    for command in ("set_nozzle_temp", "select_extruder"):
        answer = await client.ask("print", command, extruder_index=0, target_temp=9)
        assert answer["result"] == "fail"


async def test_chamber(start):
    printer, client = await start("H2D", scenario="idle")
    await client.ask("print", "set_airduct", modeId=1, submode=-1)
    await client.ask("print", "set_ctt", ctt_val=60)
    device = (await client.report())["device"]
    assert device["ctc"]["info"]["temp"] >> 16 == 60
    assert device["airduct"]["modeCur"] == 1
    assert printer.report["ctt"] == 60


async def test_chamber_without_heater_ignores_it(start):
    printer, client = await start("P2S", scenario="idle")
    assert (await client.ask("print", "set_ctt", ctt_val=60))["result"] == "success"
    assert printer.report["device"]["ctc"]["info"]["temp"] < 65536


async def test_chamber_refuses_with_soft_filament(start):
    _, client = await start("H2D Pro", scenario="idle")
    await client.ask(
        "print", "ams_change_filament", ams_id=1, slot_id=1, target=5, tar_temp=220
    )
    await client.printer.tick(200)
    answer = await client.ask("print", "set_ctt", ctt_val=60)
    assert answer["errno"] == -2


async def test_fan_of_the_air_duct(start):
    _printer, client = await start("X2D", scenario="idle")
    await client.ask("print", "set_fan", fan_index=10, speed=70)
    parts = (await client.report())["device"]["airduct"]["parts"]
    assert {part["id"]: part["state"] for part in parts}[160] == 70


async def test_lights(start):
    printer, client = await start("H2D")
    timing = {"led_on_time": 500, "led_off_time": 500, "loop_times": 1}
    for node in ("chamber_light", "heatbed_light", "column_light"):
        answer = await client.ask(
            "system", "ledctrl", led_node=node, led_mode="off", **timing
        )
        assert answer["result"] == ("fail" if node == "column_light" else "success")
    lights = {item["node"]: item["mode"] for item in printer.report["lights_report"]}
    assert lights["chamber_light"] == "off"
    assert "heatbed_light" not in lights
    assert int(printer.report["cfg"], 16) >> 7 & 1 == 0
    await client.ask("system", "ledctrl", led_node="heatbed_light", led_mode="on")
    assert printer.heatbed_light == "on"


@pytest.mark.parametrize("model", ["X1C", "A1"])
async def test_options(start, model):
    printer, client = await start(model)
    await client.ask("print", "print_option", auto_recovery=False, option=0)
    await client.ask("print", "print_option", filament_tangle_detect=True)
    assert printer.report["home_flag"] >> 4 & 1 == 0
    assert printer.report["home_flag"] >> 20 & 1 == 1
    if "cfg" in printer.report:
        assert int(printer.report["cfg"], 16) >> 16 & 1 == 0
    await client.ask("print", "print_speed", param="4")
    assert printer.report["spd_lvl"] == 4
    assert printer.report["spd_mag"] == 166


async def test_detectors(start):
    printer, client = await start("H2D")
    answer = await client.ask(
        "xcam",
        "xcam_control_set",
        module_name="clump_detector",
        control=True,
        enable=True,
        print_halt=True,
        halt_print_sensitivity="high",
    )
    assert answer["result"] == "success"
    assert printer.report["xcam"]["cfg"] >> 13 & 7 == 0b101
    _, other = await start("P1S")
    answer = await other.ask(
        "xcam", "xcam_control_set", module_name="printing_monitor", control=True
    )
    assert answer["result"] == "fail"


async def test_camera(start):
    printer, client = await start("X1C")
    await client.ask("camera", "ipcam_record_set", control="disable")
    await client.ask("camera", "ipcam_resolution_set", resolution="720p")
    assert printer.report["ipcam"]["ipcam_record"] == "disable"
    assert printer.report["ipcam"]["resolution"] == "720p"
    answer = await client.ask(
        "camera", "ipcam_get_media_info", sub_command="is_timelapse_storage_enough"
    )
    assert answer["result"] == 0


@pytest.mark.parametrize(
    ("model", "ams_id", "slot", "target", "now"),
    [("X1C", 0, 2, 2, "2"), ("A1", 255, 0, 254, "254"), ("A2L", 16, 3, 16, "27")],
)
async def test_load_and_unload(start, model, ams_id, slot, target, now):
    printer, client = await start(model, scenario="idle")
    await client.ask(
        "print",
        "ams_change_filament",
        ams_id=ams_id,
        slot_id=slot,
        target=target,
        curr_temp=220,
        tar_temp=220,
    )
    assert printer.report["ams"]["tray_tar"] == now
    assert printer.report["ams_status"] >> 8 == 1
    await printer.tick(180)
    assert printer.report["ams"]["tray_now"] == now
    assert printer.report["ams_status"] == 0
    await client.ask(
        "print", "ams_change_filament", ams_id=ams_id, slot_id=255, target=255
    )
    await printer.tick(180)
    assert printer.report["ams"]["tray_now"] == "255"


async def test_filament_setting(start):
    printer, client = await start("X1C", scenario="idle")
    setting = {
        "tray_info_idx": "GFG99",
        "tray_type": "PETG",
        "tray_color": "11223344",
        "nozzle_temp_min": 220,
        "nozzle_temp_max": 260,
    }
    address = {"ams_id": 0, "slot_id": 2, "tray_id": 2}
    await client.ask("print", "ams_filament_setting", **address, **setting)
    tray = (await client.report())["ams"]["ams"][0]["tray"][2]
    assert tray["tray_type"] == "PETG"
    assert tray["cols"] == ["11223344"]
    address = {"ams_id": 255, "slot_id": 0, "tray_id": 254}
    await client.ask("print", "ams_filament_setting", **address, **setting)
    assert printer.report["vt_tray"]["tray_type"] == "PETG"
    assert printer.report["vir_slot"][0]["tray_type"] == "PETG"
    blank = dict.fromkeys(setting, "") | {"nozzle_temp_min": 0, "nozzle_temp_max": 0}
    address = {"ams_id": 0, "slot_id": 2, "tray_id": 2}
    await client.ask("print", "ams_filament_setting", **address, **blank)
    # Nothing is known about the spool any more, but it is still there.
    assert printer.report["ams"]["tray_exist_bits"] == "7"


async def test_external_spool_of_p1s_wants_254(start):
    _, client = await start("P1S", scenario="idle")
    answer = await client.ask(
        "print", "ams_filament_setting", ams_id=255, slot_id=0, tray_id=0, tray_type="X"
    )
    assert answer["result"] == "fail"


async def test_tag_is_read_again(start):
    printer, client = await start("X1C", scenario="idle")
    await client.ask("print", "ams_get_rfid", ams_id=0, slot_id=1)
    assert printer.report["ams"]["tray_reading_bits"] == "2"
    assert printer.report["ams_status"] >> 8 == 2
    await printer.tick(20)
    assert printer.report["ams"]["tray_reading_bits"] == "0"
    assert printer.report["ams"]["tray_read_done_bits"] == "7"


DRY = {
    "mode": 1,
    "filament": "PLA",
    "temp": 55,
    "duration": 2,
    "humidity": 0,
    "rotate_tray": False,
    "cooling_temp": 45,
    "close_power_conflict": False,
}


async def test_drying(start):
    printer, client = await start("H2D", scenario="idle")
    await client.ask("print", "ams_filament_drying", ams_id=128, **DRY)
    unit = printer.report["ams"]["ams"][1]
    assert unit["dry_time"] == 120
    assert unit["dry_setting"]["dry_temperature"] == 55
    await printer.tick(600)
    unit = printer.report["ams"]["ams"][1]
    assert unit["dry_time"] in (110, 111)
    assert int(unit["info"], 16) >> 4 & 15 == 2
    assert float(unit["temp"]) == pytest.approx(55, abs=1)
    await client.ask("print", "auto_stop_ams_dry")
    assert int(printer.report["ams"]["ams"][1]["info"], 16) >> 4 & 15 == 3
    await printer.tick(600)
    unit = printer.report["ams"]["ams"][1]
    assert int(unit["info"], 16) >> 4 & 15 == 0
    assert unit["dry_time"] == 0


async def test_drying_on_p1_is_acknowledged_and_ignored(start):
    printer, client = await start("P1S", scenario="idle")
    printer.plug_ams("AMS 2 Pro", 1)
    answer = await client.ask("print", "ams_filament_drying", ams_id=1, **DRY)
    assert answer["result"] == "success"
    assert printer.report["ams"]["ams"][1]["dry_time"] == 0


async def test_user_settings(start):
    printer, client = await start("A1")
    await client.ask(
        "print",
        "ams_user_setting",
        ams_id=-1,
        startup_read_option=True,
        tray_read_option=False,
        calibrate_remain_flag=False,
    )
    assert printer.report["ams"]["power_on_flag"] is True
    assert printer.report["ams"]["insert_flag"] is False
    assert printer.report["home_flag"] >> 7 & 1 == 0


async def test_calibration_profiles(start):
    printer, client = await start("H2D", scenario="idle")
    answer = await client.ask(
        "print", "extrusion_cali_get", filament_id="", nozzle_diameter="0.4"
    )
    assert answer["filaments"][0]["k_value"] == "0.021000"
    profile = {
        "tray_id": 0,
        "ams_id": 0,
        "slot_id": 0,
        "filament_id": "GFA00",
        "name": "Mine",
        "k_value": "0.033000",
    }
    await client.ask(
        "print", "extrusion_cali_set", nozzle_diameter="0.4", filaments=[profile]
    )
    answer = await client.ask(
        "print", "extrusion_cali_get", filament_id="GFA00", nozzle_diameter="0.4"
    )
    assert [item["name"] for item in answer["filaments"]][-1] == "Mine"
    index = answer["filaments"][-1]["cali_idx"]
    await client.ask(
        "print", "extrusion_cali_sel", ams_id=0, slot_id=0, tray_id=0, cali_idx=index
    )
    assert printer.report["ams"]["ams"][0]["tray"][0]["cali_idx"] == index
    await client.ask("print", "extrusion_cali_del", cali_idx=index)
    answer = await client.ask(
        "print", "extrusion_cali_get", filament_id="", nozzle_diameter="0.6"
    )
    assert (answer["result"], answer["reason"]) == ("fail", "Not find")


async def test_errors_and_dialogs(start):
    printer, client = await start("P2S")
    printer.raise_error(0x05008051)
    report = await client.report()
    assert report["gcode_state"] == "PAUSE"
    await client.ask("print", "ignore", err="05008051", param="reserve", job_id="")
    assert printer.report["print_error"] == 0x05008051
    await client.ask("print", "ignore", err=str(0x05008051), param="reserve", job_id="")
    assert printer.report["print_error"] == 0
    assert printer.report["gcode_state"] == "RUNNING"
    printer.raise_error(0x05008051, pause=False)
    await client.ask(
        "system", "uiop", name="print_error", action="close", err="05008051"
    )
    assert printer.report["print_error"] == 0


async def test_firmware(start):
    printer, client = await start("X1C", scenario="idle")
    assert (await client.ask("upgrade", "upgrade_confirm"))["result"] == "fail"
    printer.offer_firmware("01.10.00.00")
    assert printer.report["upgrade_state"]["new_version_state"] == 1
    await client.ask("upgrade", "upgrade_confirm", src_id=1)
    await printer.tick(2)
    assert printer.report["upgrade_state"]["status"] == "DOWNLOADING"
    await printer.tick(60)
    assert printer.report["upgrade_state"]["status"] == "UPGRADE_SUCCESS"
    assert printer.firmware == "01.10.00.00"


async def test_unknown_and_malformed_requests_do_no_harm(start):
    printer, client = await start()
    topic = f"device/{printer.serial}/request"
    for junk in (b"{", b"[]", b"null", b'{"print": 3}', b"\xff"):
        await client.mqtt.publish(topic, junk)
    await client.send("print", "ams_filament_setting", ams_id={}, slot_id="x")
    await client.send("print", "project_file", ams_mapping=7)
    await client.send("camera", "nonsense")
    assert (await client.ask("print", "set_wings"))["result"] == "success"


async def test_door():
    for model, key, base in (("X1C", "home_flag", 10), ("H2D", "stat", 16)):
        printer = VirtualPrinter(model, scenario="idle")
        for opened in (True, False):
            printer.open_door(opened)
            assert int(str(printer.report[key]), base) >> 23 & 1 == opened


async def test_measured_pressure_advance(start):
    printer, client = await start("X1C", scenario="idle")
    question = {"nozzle_diameter": "0.4"}
    answer = await client.ask("print", "extrusion_cali_get_result", **question)
    assert (answer["result"], answer["reason"]) == ("fail", "Don't exist")
    slot = {"tray_id": 1, "ams_id": 0, "slot_id": 1, "filament_id": "GFA01"}
    await client.ask("print", "extrusion_cali", mode=0, filaments=[slot], **question)
    assert printer.report["gcode_state"] == "RUNNING"
    await printer.tick(600)
    answer = await client.ask("print", "extrusion_cali_get_result", **question)
    assert answer["filaments"][0]["tray_id"] == 1
    assert answer["filaments"][0]["confidence"] == 0


@pytest.mark.parametrize("model", PROFILES)
def test_every_command_survives_missing_parameters(model):
    printer = VirtualPrinter(model, scenario="idle")
    context = Context(printer._machine, printer.simulation)
    for section, command in HANDLERS:
        request = {"command": command, "sequence_id": "20001"}
        answer = acknowledge(section, request, obey(context, section, request))
        if answer is not None:
            assert answer[section]["sequence_id"] == "20001"
            assert answer[section]["command"] == command
