"""Every operation that goes through Home Assistant, as somebody performs it."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.conftest import Rig

from .support import (
    NO_ENTITY,
    SCHEMA,
    Body,
    Case,
    Shows,
    call,
    gcode,
    lamp,
    order,
    xcam,
)

WRONG_PLATE = 0x03008012
_ON_INSERT = {
    "startup_read_option": False,
    "tray_read_option": True,
    "calibrate_remain_flag": True,
}


def state(platform: str, key: str, value: str) -> Shows:
    return lambda rig, _: rig.state(platform, key).state == value


def attribute(platform: str, key: str, name: str, value: object) -> Shows:
    return lambda rig, _: rig.state(platform, key).attributes[name] == value


def both(*conditions: Shows) -> Shows:
    return lambda rig, answer: all(shows(rig, answer) for shows in conditions)


def acknowledged(_rig: Rig, _answer: object) -> bool:
    """Return that it was taken: no report shows more than that."""
    return True


def answers(**expected: Any) -> Shows:
    return lambda _, answer: expected.items() <= answer.items()


def tray(slot: str, **expected: Any) -> Shows:
    """Tell what the list of spools must say about a slot."""

    def shows(rig: Rig, _: object) -> bool:
        from custom_components.bambu_printer.services import _describe_ams

        spools: Any = _describe_ams(rig.entry.runtime_data.printer)
        trays = [item for unit in spools["units"] for item in unit["trays"]]
        trays += spools["external_spools"]
        (found,) = (item for item in trays if item["slot"] == slot)
        return expected.items() <= found.items()

    return shows


def ams(status: str) -> Shows:
    """Tell what the AMS must be doing; its retry button is there for changes only."""

    def shows(rig: Rig, _: object) -> bool:
        retry = rig.state("button", "ams_retry").state != "unavailable"
        known = rig.entry.runtime_data.data.ams.status
        return known == status and retry is (status == "filament_change")

    return shows


def job(**expected: Any) -> Shows:
    def shows(rig: Rig, _: object) -> bool:
        from custom_components.bambu_printer.services import _describe_job

        known = _describe_job(rig.entry.runtime_data.printer)
        return expected.items() <= dict(known).items()

    return shows


# What must have happened before


def report(**change: Any) -> Callable[[Rig], Awaitable[None]]:
    async def prepare(rig: Rig) -> None:
        await rig.report(change, full=True)

    return prepare


async def long_ago(rig: Rig) -> None:
    """Let the last full report be asked for long enough ago."""
    rig.entry.runtime_data.printer._last_push_all -= 10_000


async def fail(rig: Rig) -> None:
    rig.printer.raise_error(WRONG_PLATE)
    await rig.report(full=True)


async def warn(rig: Rig) -> None:
    rig.printer.raise_error(WRONG_PLATE, pause=False)
    await rig.report(full=True)


async def change_filament(rig: Rig) -> None:
    rig.printer.simulation.change_filament((0, 1), 0, 210)
    await rig.report(full=True)


async def load_from_outside(rig: Rig) -> None:
    rig.printer.simulation.change_filament((255, 0), 0, 210)
    await rig.printer.tick(60)
    await rig.report(full=True)


async def warm_up(rig: Rig) -> None:
    await rig.report({"nozzle_temper": 215.0, "nozzle_target_temper": 220.0}, full=True)


async def warm_up_right(rig: Rig) -> None:
    rig.printer._machine.set_nozzle(0, target=220, current=215)
    await rig.report(full=True)


async def know_profiles(rig: Rig) -> None:
    """Let the list of profiles arrive, which is asked for as soon as somebody shows it."""
    from tests.conftest import wait_until

    coordinator = rig.entry.runtime_data
    await wait_until(rig.hass, lambda: coordinator.profiles.items)


async def rename_quickly(rig: Rig) -> None:
    from custom_components.bambu_printer.printer import printer

    assert printer._RENAME_INTERVAL <= 0.1, "patched by the fixture"


# The tables


def heat(
    name: str,
    key: str,
    target: int,
    request: tuple[Body, ...],
    *,
    model: str = "X1C",
    highest: int,
    lacks: tuple[tuple[str, str, str], ...] = (),
) -> Case:
    return Case(
        name=name,
        action="climate.set_temperature",
        key=key,
        data={"temperature": target},
        model=model,
        requests=request,
        shows=both(
            attribute("climate", key, "temperature", target),
            state("climate", key, "heat"),
        ),
        wrong=(
            ({"temperature": highest + 1}, "temp_out_of_range"),
            ({"temperature": -1}, "temp_out_of_range"),
        ),
        lacks=lacks,
    )


HEAT = (
    heat("set_bed_temp_target", "bed", 60, (gcode("M140 S60"),), highest=110),
    heat("set_bed_temp_target", "bed", 80, (gcode("M140 S80"),), model="A1MINI",
         highest=80),
    heat("set_bed_temp_target", "bed", 60, (order("set_bed_temp", temp=60),),
         model="H2D", highest=120),
    heat("set_nozzle_temp_target", "nozzle", 220, (gcode("M104 S220"),), highest=300,
         lacks=(("H2D", "idle", NO_ENTITY),)),
    heat("set_nozzle_temp_target right", "nozzle_0", 350,
         (order("set_nozzle_temp", extruder_index=0, target_temp=350),), model="H2D",
         highest=350, lacks=(("X1C", "idle", NO_ENTITY),)),
    heat("set_nozzle_temp_target left", "nozzle_1", 230,
         (order("set_nozzle_temp", extruder_index=1, target_temp=230),), model="H2D",
         highest=350, lacks=(("X1C", "idle", NO_ENTITY),)),
    heat("set_nozzle_temp_target auxiliary", "nozzle_0", 200,
         (order("set_nozzle_temp", extruder_index=0, target_temp=200),), model="X2D",
         highest=300, lacks=(("P1S", "idle", NO_ENTITY),)),
    heat("set_nozzle_temp_target main", "nozzle_1", 240,
         (order("set_nozzle_temp", extruder_index=1, target_temp=240),), model="X2D",
         highest=300, lacks=(("P1S", "idle", NO_ENTITY),)),
    heat("set_chamber_temp_target", "chamber", 45,
         (order("set_airduct", modeId=1, submode=-1), order("set_ctt", ctt_val=45)),
         model="H2D", highest=65,
         lacks=tuple((model, "idle", NO_ENTITY)
                     for model in ("X1C", "P1S", "A1MINI", "P2S"))),
    heat("set_chamber_temp_target", "chamber", 50, (gcode("M141 S50"),), model="X1E",
         highest=60),
)  # fmt: skip


def fan(
    kind: str, percent: int, request: Body, *lacking: str, model: str = "X1C"
) -> Case:
    return Case(
        name=f"set_fan_speed {kind}",
        action="fan.set_percentage",
        key=f"{kind}_fan",
        data={"percentage": percent},
        model=model,
        requests=(request,),
        shows=attribute("fan", f"{kind}_fan", "percentage", percent),
        wrong=(({"percentage": 101}, SCHEMA), ({"percentage": -1}, SCHEMA)),
        lacks=tuple((name, "idle", NO_ENTITY) for name in lacking),
    )


AIR = (
    fan("part", 50, gcode("M106 P1 S127")),
    fan("aux", 30, gcode("M106 P2 S76"), "A1MINI"),
    fan("aux", 50, order("set_fan", fan_index=2, speed=50), model="H2D"),
    fan("chamber", 100, gcode("M106 P3 S255"), "A1MINI", "P1P"),
    fan("chamber", 60, order("set_fan", fan_index=3, speed=60), model="H2D"),
    fan("aux_2", 40, order("set_fan", fan_index=10, speed=40), "X1C", "P1S", "H2D",
        model="X2D"),
    Case(
        name="set_airduct_mode", action="select.select_option", key="airduct_mode",
        data={"option": "heating"}, model="H2D",
        requests=(order("set_airduct", modeId=1, submode=-1),),
        shows=state("select", "airduct_mode", "heating"),
        wrong=(({"option": "sauna"}, "not_valid_option"),),
        lacks=tuple((model, "idle", NO_ENTITY) for model in ("X1C", "P1S", "A1MINI")),
    ),
    Case(
        name="set_airduct_mode", action="select.select_option", key="airduct_mode",
        data={"option": "heating"}, model="P2S",
        requests=(order("set_airduct", modeId=1, submode=-1),),
        shows=state("select", "airduct_mode", "heating"),
        wrong=(({"option": "exhaust"}, "not_valid_option"),),
    ),
    Case(
        name="set_air_purification", action="select.select_option",
        key="air_purification", data={"option": "outside"}, model="H2D",
        requests=(order("print_option", air_purification=2),),
        shows=state("select", "air_purification", "outside"),
        wrong=(({"option": "both"}, "not_valid_option"),),
        lacks=tuple((model, "idle", NO_ENTITY) for model in ("X1C", "P1S", "A1MINI")),
    ),
    Case(
        name="stop_air_purification", action="bambu_printer.stop_air_purification",
        model="H2D", requests=(order("close_air_filt"),), shows=acknowledged,
        lacks=tuple((model, "idle", "not_supported")
                    for model in ("X1C", "P1S", "A1MINI")),
    ),
)  # fmt: skip


def light(key: str, model: str, action: str, *requests: Body, lacking: str) -> Case:
    return Case(
        name=f"set_light_state {key}",
        action=f"light.turn_{action}",
        key=key,
        model=model,
        enabled=True,
        prepare=know_profiles,
        requests=requests,
        shows=state("light", key, action),
        lacks=((lacking, "idle", NO_ENTITY),) if lacking else (),
    )


LIGHTS = (
    light("chamber_light", "X1C", "off", lamp("chamber_light", "off"), lacking=""),
    light("chamber_light", "H2D", "off", lamp("chamber_light", "off"),
          lamp("chamber_light2", "off"), lacking=""),
    light("chamber_light_2", "H2D", "off", lamp("chamber_light2", "off"),
          lacking="X1C"),
    light("heatbed_light", "H2D", "on", lamp("heatbed_light", "on", timed=False),
          lacking="X1C"),
    light("work_light", "X1C", "off", lamp("work_light", "off"), lacking="P1S"),
)  # fmt: skip

JOB = (
    Case(
        name="refresh", action="button.press", key="refresh", prepare=long_ago,
        requests=(
            {"info": {"command": "get_version"}},
            {"pushing": {"command": "pushall", "version": 1, "push_target": 1}},
        ),
        shows=acknowledged,
    ),
    Case(
        name="pause_printing", action="button.press", key="pause", scenario="printing",
        requests=(order("pause", param=""),),
        shows=both(state("sensor", "status", "pause"),
                   state("button", "pause", "unavailable")),
    ),
    Case(
        name="resume_printing", action="button.press", key="resume", scenario="paused",
        requests=(order("resume", param=""),),
        shows=both(state("sensor", "status", "running"),
                   state("button", "resume", "unavailable")),
    ),
    Case(
        name="stop_printing", action="button.press", key="stop", scenario="printing",
        requests=(order("stop", param=""),),
        shows=both(state("sensor", "status", "failed"),
                   state("button", "stop", "unavailable")),
    ),
    Case(
        name="skip_objects", action="bambu_printer.skip_objects", scenario="printing",
        data={"objects": [409, 1463]},
        requests=(order("skip_objects", obj_list=[409, 1463]),),
        shows=job(skipped_objects=[409, 1463]),
        wrong=(({"objects": []}, SCHEMA), ({"objects": [-1]}, SCHEMA),
               ({"objects": ["lid"]}, "objects_unknown")),
        lacks=(("X1C", "idle", "wrong_state"), ("A1MINI", "finished", "wrong_state")),
    ),
    Case(
        name="speed_level", action="select.select_option", key="speed_profile",
        scenario="printing", data={"option": "ludicrous"},
        requests=(order("print_speed", param="4"),),
        shows=state("select", "speed_profile", "ludicrous"),
        wrong=(({"option": "warp"}, "not_valid_option"),),
    ),
    Case(
        name="send_gcode", action="bambu_printer.send_gcode",
        data={"gcode": "M106 P1 S127\n\n  M140 S60"},
        requests=(gcode("M106 P1 S127", "M140 S60"),),
        shows=both(answers(command="gcode_line", result="SUCCESS"),
                   attribute("climate", "bed", "temperature", 60),
                   attribute("fan", "part_fan", "percentage", 50)),
        wrong=(({"gcode": " \n"}, "invalid_value"), ({"gcode": "M117 é"}, "invalid_value"),
               ({"gcode": "G1 X1\n" * 300}, "invalid_value")),
    ),
    Case(
        name="send_anything", action="bambu_printer.send_command", scenario="printing",
        data={"message": {"print": {"command": "print_speed", "param": "2"}}},
        requests=(order("print_speed", param="2"),),
        shows=answers(command="print_speed", result="success"),
        wrong=(({"message": "no JSON"}, "invalid_value"), ({"message": {}}, "invalid_value"),
               ({"message": {"print": {}}}, "invalid_value"),
               ({"message": {"unheard": {"command": "of"}}}, "invalid_value"),
               ({"message": {"print": {"command": "a"}, "info": {"command": "b"}}},
                "invalid_value")),
    ),
)  # fmt: skip

_NOZZLE: Body = {
    "command": "set_accessories",
    "accessory_type": "nozzle",
    "nozzle_type": "hardened_steel",
    "nozzle_diameter": 0.6,
}

TOOLS = (
    Case(
        name="set_active_tool", action="select.select_option", key="active_tool",
        data={"option": "left_nozzle"}, model="H2D", seconds=30,
        requests=(order("select_extruder", extruder_index=1),),
        shows=state("select", "active_tool", "left_nozzle"),
        wrong=(({"option": "third_nozzle"}, "not_valid_option"),),
        lacks=tuple((model, "idle", NO_ENTITY) for model in ("X1C", "P1S", "A1MINI", "P2S")),
    ),
    Case(
        name="set_active_tool", action="select.select_option", key="active_tool",
        data={"option": "main_nozzle"}, model="X2D", seconds=30,
        requests=(order("select_extruder", extruder_index=1),),
        shows=state("select", "active_tool", "main_nozzle"),
    ),
    Case(
        name="set_nozzle_details", action="bambu_printer.set_nozzle",
        data={"diameter": "0.6", "material": "stainless_steel"},
        requests=({"system": {**_NOZZLE, "nozzle_type": "stainless_steel"}},),
        shows=both(state("select", "mounted_nozzle_diameter", "0.6"),
                   state("select", "mounted_nozzle_material", "stainless_steel")),
        wrong=(({"diameter": 0.5}, SCHEMA), ({"material": "butter"}, SCHEMA),
               ({"material": "brass"}, SCHEMA)),
        lacks=(("H2D", "idle", "not_supported"), ("P2S", "idle", "not_supported"),
               ("X2D", "idle", "not_supported"), ("X1C", "printing", "wrong_state")),
    ),
    Case(
        name="set_nozzle_details", action="select.select_option",
        key="mounted_nozzle_diameter", data={"option": "0.6"},
        requests=({"system": _NOZZLE},),
        shows=state("select", "mounted_nozzle_diameter", "0.6"),
        wrong=(({"option": "0.5"}, "not_valid_option"),),
        lacks=tuple((model, "idle", NO_ENTITY) for model in ("H2D", "X2D", "P2S")),
    ),
    Case(
        name="set_nozzle_details", action="select.select_option",
        key="mounted_nozzle_material", data={"option": "tungsten_carbide"}, model="A1MINI",
        requests=({"system": {**_NOZZLE, "nozzle_type": "tungsten_carbide",
                              "nozzle_diameter": 0.4}},),
        shows=state("select", "mounted_nozzle_material", "tungsten_carbide"),
        wrong=(({"option": "brass"}, "not_valid_option"),),
    ),
    Case(
        name="refresh_nozzles", action="bambu_printer.refresh_nozzles", model="H2D",
        requests=(order("refresh_nozzle"),), shows=acknowledged,
        lacks=tuple((model, "idle", "not_supported")
                    for model in ("X1C", "P1S", "A1MINI", "P2S")),
    ),
    Case(
        name="refresh_nozzles", action="button.press", key="refresh_nozzles", model="X2D",
        enabled=True,
        requests=(order("refresh_nozzle"),), shows=acknowledged,
        lacks=tuple((model, "idle", NO_ENTITY)
                    for model in ("X1C", "P1S", "A1MINI", "P2S")),
    ),
)  # fmt: skip


def load(model: str, slot: str, **fields: int) -> Case:
    return Case(
        name="load_filament",
        action="bambu_printer.load_filament",
        data={"slot": slot},
        model=model,
        requests=(order("ams_change_filament", **fields),),
        shows=ams("filament_change"),
        wrong=(
            ({"slot": "ams_4_tray_1"}, "invalid_value"),
            ({"slot": "ams_9_tray_1"}, SCHEMA),
        ),
        lacks=(("X1C", "printing", "wrong_state"), ("P1P", "idle", "invalid_value"))
        if slot == "ams_1_tray_2"
        else (),
    )


_SPOOL = {"slot": "ams_1_tray_3", "filament": "Generic PETG"}
_PETG: Body = order(
    "ams_filament_setting",
    ams_id=0,
    slot_id=2,
    tray_id=2,
    tray_info_idx="GFG99",
    setting_id="GFSG99",
    tray_color="FF8C00FF",
    nozzle_temp_min=220,
    nozzle_temp_max=270,
    tray_type="PETG",
)
_NOTHING: Body = order(
    "ams_filament_setting",
    ams_id=0,
    slot_id=2,
    tray_id=2,
    tray_info_idx="",
    setting_id="",
    tray_color="00000000",
    nozzle_temp_min=0,
    nozzle_temp_max=0,
    tray_type="",
)
_SELECT_PROFILE: Body = order(
    "extrusion_cali_sel",
    tray_id=0,
    ams_id=0,
    slot_id=0,
    cali_idx=1,
    filament_id="GFA00",
    nozzle_diameter="0.4",
)


def control(
    word: str,
    *,
    model: str = "X1C",
    prepare: Any = change_filament,
    status: str = "filament_change",
) -> Case:
    return Case(
        name=f"send_ams_control_command {word}",
        action="bambu_printer.ams_control",
        data={"command": word},
        model=model,
        prepare=prepare,
        requests=(order("ams_control", param=word),),
        shows=ams(status),
        wrong=(({"command": "explode"}, SCHEMA),),
        lacks=tuple(
            (name, "idle", "not_supported") for name in ("X1C", "P1S", "A1MINI", "P2S")
        )
        if word == "abort"
        else (),
    )


def setting(name: str, *, on: bool, **fields: bool) -> tuple[Case, Case]:
    request = order("ams_user_setting", ams_id=-1, **{**_ON_INSERT, **fields})
    shows = state("switch", f"ams_{name}", "on" if on else "off")
    return (
        Case(
            name=f"set_ams_user_setting {name}",
            action="bambu_printer.set_ams_setting",
            data={"setting": name, "enabled": on},
            requests=(request,),
            shows=shows,
            wrong=(({"setting": "clean"}, SCHEMA), ({"enabled": "perhaps"}, SCHEMA)),
            lacks=(("P1P", "idle", "not_supported"),),
        ),
        Case(
            name=f"set_ams_user_setting {name}",
            action=f"switch.turn_{'on' if on else 'off'}",
            key=f"ams_{name}",
            requests=(request,),
            shows=shows,
            lacks=(("P1P", "idle", NO_ENTITY),),
        ),
    )


FILAMENT = (
    load("X1C", "ams_1_tray_2", ams_id=0, slot_id=1, target=1, curr_temp=210, tar_temp=210),
    load("H2D", "ams_ht_1", ams_id=128, slot_id=0, target=128, curr_temp=210, tar_temp=275),
    load("H2D", "external_left", ams_id=254, slot_id=0, target=254, curr_temp=210,
         tar_temp=270),
    load("P1S", "external", ams_id=255, slot_id=0, target=254, curr_temp=210, tar_temp=255),
    Case(
        name="load_filament", action="button.press", key="ams_0_tray_4_load",
        model="A1MINI",
        requests=(order("ams_change_filament", ams_id=0, slot_id=3, target=3,
                        curr_temp=210, tar_temp=215),),
        shows=ams("filament_change"),
        lacks=(("P1P", "idle", NO_ENTITY),),
    ),
    Case(
        name="unload_filament", action="bambu_printer.unload_filament", scenario="paused",
        requests=(order("ams_change_filament", ams_id=0, slot_id=255, target=255,
                        curr_temp=210, tar_temp=210),),
        shows=ams("filament_change"),
        wrong=(({"ams": "ams_4"}, "invalid_value"), ({"ams": "ams_9"}, SCHEMA)),
        lacks=(("X1C", "printing", "wrong_state"),),
    ),
    Case(
        name="unload_filament", action="button.press", key="unload_filament",
        scenario="paused", model="H2D",
        requests=(order("ams_change_filament", ams_id=128, slot_id=255, target=255,
                        curr_temp=275, tar_temp=275),),
        shows=ams("filament_change"),
    ),
    control("resume"),
    Case(
        name="send_ams_control_command resume", action="button.press", key="ams_retry",
        prepare=change_filament, requests=(order("ams_control", param="resume"),),
        shows=ams("filament_change"),
        lacks=(("P1P", "idle", NO_ENTITY),),
    ),
    control("done", prepare=load_from_outside),
    control("pause"),
    control("reset", status="idle"),
    control("abort", model="H2D", status="idle"),
    *setting("read_on_insert", on=False, tray_read_option=False),
    *setting("read_on_power_up", on=True, startup_read_option=True),
    *setting("estimate_remaining", on=False, calibrate_remain_flag=False),
    Case(
        name="refresh_spool_rfid", action="bambu_printer.read_spool_tag",
        data={"slot": "ams_1_tray_2"},
        requests=(order("ams_get_rfid", ams_id=0, slot_id=1),),
        shows=ams("reading_rfid"),
        wrong=(({"slot": "external"}, SCHEMA), ({"slot": "ams_2_tray_1"}, "invalid_value")),
        lacks=(("P1P", "idle", "invalid_value"), ("X1C", "printing", "wrong_state")),
    ),
    Case(
        name="refresh_spool_rfid", action="button.press", key="ams_128_tray_1_read_tag",
        model="H2D", enabled=True, prepare=know_profiles,
        requests=(order("ams_get_rfid", ams_id=128, slot_id=0),),
        shows=ams("reading_rfid"),
        lacks=(("P1P", "idle", NO_ENTITY),),
    ),
    Case(
        name="set_spool_details", action="bambu_printer.set_spool",
        data={**_SPOOL, "color": [255, 140, 0]}, requests=(_PETG,),
        shows=both(attribute("sensor", "ams_0_tray_3", "type", "PETG"),
                   tray("ams_1_tray_3", color="#FF8C00", filament_id="GFG99",
                        nozzle_temp_max=270)),
        wrong=(({"filament": "Nonsense"}, "invalid_value"),
               ({"color": "reddish"}, "invalid_value"),
               ({"color": [255, 140]}, SCHEMA), ({"color": [256, 0, 0]}, SCHEMA),
               ({"nozzle_temp_max": 301}, "out_of_range"),
               ({"nozzle_temp_min": 280}, "out_of_range"),
               ({"slot": "ams_1_tray_4"}, "invalid_value"),
               ({"slot": "ams_2_tray_1"}, "invalid_value")),
        lacks=(("P1P", "idle", "invalid_value"),),
    ),
    Case(
        name="set_spool_details", action="bambu_printer.set_spool", model="H2D",
        data={"slot": "external_left", "filament": "GFB00", "color": "Dark Orange"},
        requests=(order("ams_filament_setting", ams_id=254, slot_id=0, tray_id=254,
                        tray_info_idx="GFB00", setting_id="GFSB00",
                        tray_color="FF8C00FF", nozzle_temp_min=240, nozzle_temp_max=280,
                        tray_type="ABS"),),
        shows=tray("external_left", color="#FF8C00", type="ABS"),
    ),
    Case(
        name="clear_spool_details", action="bambu_printer.clear_spool",
        data={"slot": "ams_1_tray_3"}, requests=(_NOTHING,),
        shows=tray("ams_1_tray_3", type=None, filament_id=None),
        wrong=(({"slot": "ams_1_tray_4"}, "invalid_value"),),
        lacks=(("P1P", "idle", "invalid_value"),),
    ),
    Case(
        name="set_spool_k_factor", action="bambu_printer.set_k_factor", model="P1S",
        data={"slot": "ams_1_tray_2", "k": 0.025}, prepare=report(cali_version=-1),
        requests=(order("extrusion_cali_set", tray_id=1, k_value=0.025, n_coef=1.4),),
        shows=tray("ams_1_tray_2", k=0.025),
        wrong=(({"k": 2.1}, "out_of_range"), ({"k": -0.1}, "out_of_range"),
               ({"k": "much"}, SCHEMA), ({"slot": "ams_1_tray_4"}, "invalid_value")),
        lacks=(("P1P", "idle", "invalid_value"),),
    ),
    Case(
        name="set_spool_k_factor", action="bambu_printer.set_k_factor",
        data={"slot": "ams_1_tray_1", "k": 0.025},
        requests=(
            order("extrusion_cali_set", nozzle_diameter="0.4", filaments=[{
                "tray_id": 0, "ams_id": 0, "slot_id": 0, "extruder_id": 0,
                "nozzle_id": "HS00-0.4", "nozzle_diameter": "0.4",
                "filament_id": "GFA00", "setting_id": "", "name": "PLA Basic K0.025",
                "k_value": "0.025000", "n_coef": "0.000000",
            }]),
            order("extrusion_cali_get", filament_id="GFA00", nozzle_diameter="0.4"),
            order("extrusion_cali_sel", tray_id=0, ams_id=0, slot_id=0, cali_idx=2,
                  filament_id="GFA00", nozzle_diameter="0.4"),
        ),
        shows=tray("ams_1_tray_1", calibration_profile=2),
    ),
    Case(
        name="select_extrusion_calibration_profile",
        action="bambu_printer.select_calibration_profile",
        data={"slot": "ams_1_tray_1", "profile": 1}, requests=(_SELECT_PROFILE,),
        shows=tray("ams_1_tray_1", calibration_profile=1),
        wrong=(({"profile": -2}, SCHEMA), ({"profile": "best"}, SCHEMA),
               ({"slot": "ams_1_tray_4"}, "invalid_value")),
        lacks=(("P1P", "idle", "invalid_value"),),
    ),
    Case(
        name="select_extrusion_calibration_profile", action="select.select_option",
        key="ams_0_tray_1_calibration_profile", data={"option": "PLA Basic, dry"},
        enabled=True, prepare=know_profiles, requests=(_SELECT_PROFILE,),
        shows=both(state("select", "ams_0_tray_1_calibration_profile", "PLA Basic, dry"),
                   tray("ams_1_tray_1", calibration_profile=1)),
        wrong=(({"option": "another"}, "not_valid_option"),),
    ),
    Case(
        name="get_extrusion_calibration_profiles",
        action="bambu_printer.get_calibration_profiles", data={"filament": "GFA00"},
        requests=(order("extrusion_cali_get", filament_id="GFA00", nozzle_diameter="0.4"),),
        shows=lambda _, answer: answer == {"profiles": [{
            "profile": 1, "name": "PLA Basic, dry", "filament_id": "GFA00", "k": 0.021,
            "extruder": 0, "nozzle_diameter": 0.4,
        }]},
        wrong=(({"filament": ["GFA00"]}, SCHEMA),),
    ),
)  # fmt: skip


def drying(
    unit: int, filament: str, temperature: int, hours: int, **fields: Any
) -> Body:
    return order(
        "ams_filament_drying",
        **{
            "ams_id": unit,
            "mode": 1,
            "filament": filament,
            "temp": temperature,
            "duration": hours,
            "humidity": 0,
            "rotate_tray": False,
            "cooling_temp": 45,
            "close_power_conflict": False,
        }
        | fields,
    )


_NO_DRYER = tuple(
    (model, "idle", error)
    for model, error in (
        ("X1C", "not_supported"),
        ("P1S", "not_supported"),
        ("A1MINI", "not_supported"),
        ("P1P", "invalid_value"),
    )
)
_STOP = drying(0, "", 0, 0, mode=0, cooling_temp=0)

DRYING = (
    Case(
        name="turn_on_ams_dryer", action="bambu_printer.start_drying", model="H2D",
        data={"ams": "ams_1", "temperature": 65, "hours": 12}, seconds=12,
        requests=(drying(0, "PLA", 65, 12),),
        shows=both(state("switch", "ams_0_dryer", "on"),
                   state("sensor", "ams_0_drying_phase", "drying")),
        wrong=(({"temperature": 66}, "out_of_range"), ({"temperature": 44}, "out_of_range"),
               ({"hours": 25}, "out_of_range"), ({"hours": 0}, "out_of_range"),
               ({"ams": "ams_4"}, "invalid_value"), ({"ams": "oven"}, SCHEMA)),
        lacks=_NO_DRYER,
    ),
    Case(
        name="turn_on_ams_dryer", action="bambu_printer.start_drying", model="X2D",
        data={"ams": "ams_ht_1", "temperature": 85, "hours": 1, "filament": "PA-CF",
              "rotate_tray": True, "accept_power_limit": True},
        requests=(drying(128, "PA-CF", 85, 1, rotate_tray=True, close_power_conflict=True),),
        shows=state("switch", "ams_128_dryer", "on"),
    ),
    Case(
        name="turn_on_ams_dryer", action="switch.turn_on", key="ams_0_dryer", model="P2S",
        requests=(drying(0, "PLA", 45, 8),),
        shows=both(state("switch", "ams_0_dryer", "on"),
                   state("binary_sensor", "ams_0_drying", "on")),
        lacks=tuple((model, "idle", NO_ENTITY) for model in ("X1C", "P1S", "A1MINI")),
    ),
    Case(
        name="turn_off_ams_dryer", action="bambu_printer.stop_drying", model="H2D",
        scenario="drying", data={"ams": "ams_1"}, requests=(_STOP,),
        shows=both(state("switch", "ams_0_dryer", "off"),
                   state("switch", "ams_128_dryer", "on")),
        wrong=(({"ams": "ams_4"}, "invalid_value"), ({"ams": "oven"}, SCHEMA)),
        lacks=_NO_DRYER,
    ),
    Case(
        name="turn_off_ams_dryer", action="bambu_printer.stop_drying", model="H2D",
        scenario="drying", requests=(order("auto_stop_ams_dry"),),
        shows=both(state("switch", "ams_0_dryer", "off"),
                   state("switch", "ams_128_dryer", "off")),
        lacks=(("P1S", "idle", "not_supported"), ("X1C", "idle", "not_supported")),
    ),
    Case(
        name="turn_off_ams_dryer", action="switch.turn_off", key="ams_0_dryer",
        model="P2S", scenario="drying", requests=(_STOP,),
        shows=state("switch", "ams_0_dryer", "off"),
        lacks=tuple((model, "idle", NO_ENTITY) for model in ("X1C", "P1S", "A1MINI")),
    ),
)  # fmt: skip


def detector(
    kind: str, module: str, model: str, level: str | None = None, *, on: bool = False
) -> tuple[Case, ...]:
    """Describe a detector: as an action, as a switch, and its sensitivity beside."""
    switch = f"{kind}_detector"
    levels = {"sensitivity": "high"} if level else {}
    cases = [
        Case(
            name=f"set_detector {kind}",
            action="bambu_printer.set_detector",
            data={"detector": kind, "enabled": on, **levels},
            model=model,
            requests=(xcam(module, on=on, level="high" if level else None),),
            shows=state("switch", switch, "on" if on else "off"),
            wrong=(
                ({"detector": "smell"}, SCHEMA),
                ({"sensitivity": "extreme"}, SCHEMA),
                *(
                    (({"sensitivity": "never_halt"}, "invalid_value"),)
                    if kind != "ai_monitoring"
                    else ()
                ),
                *((({"sensitivity": "low"}, "invalid_value"),) if not level else ()),
            ),
            lacks=(
                ("A1MINI", "idle", "not_supported"),
                ("P1S", "idle", "not_supported"),
            ),
        ),
        Case(
            name=f"set_detector {kind}",
            action=f"switch.turn_{'on' if on else 'off'}",
            key=switch,
            model=model,
            requests=(xcam(module, on=on, level=level),),
            shows=state("switch", switch, "on" if on else "off"),
            lacks=(("A1MINI", "idle", NO_ENTITY), ("P1S", "idle", NO_ENTITY)),
        ),
    ]
    if level:
        select = f"{kind}_sensitivity"
        cases.append(
            Case(
                name=f"set_detector {kind}",
                action="select.select_option",
                key=select,
                data={"option": "low"},
                model=model,
                requests=(xcam(module, on=True, level="low"),),
                shows=both(
                    state("select", select, "low"), state("switch", switch, "on")
                ),
                wrong=(({"option": "extreme"}, "not_valid_option"),),
                lacks=(("A1MINI", "idle", NO_ENTITY), ("P1S", "idle", NO_ENTITY)),
            )
        )
    return tuple(cases)


def option(
    name: str, model: str, request: Body, *lacking: str, on: bool = False
) -> tuple[Case, Case]:
    word = "on" if on else "off"
    return (
        Case(
            name=f"set_print_option {name}",
            action="bambu_printer.set_print_option",
            data={"option": name, "enabled": on},
            model=model,
            requests=(request,),
            shows=state("switch", name, word),
            wrong=(({"option": "turbo"}, SCHEMA), ({"enabled": "perhaps"}, SCHEMA)),
            lacks=tuple((other, "idle", "not_supported") for other in lacking),
        ),
        Case(
            name=f"set_print_option {name}",
            action=f"switch.turn_{word}",
            key=name,
            model=model,
            requests=(request,),
            shows=state("switch", name, word),
            lacks=tuple((other, "idle", NO_ENTITY) for other in lacking),
        ),
    )


WATCHING = (
    *detector("ai_monitoring", "printing_monitor", "X1C", "medium"),
    *detector("spaghetti", "spaghetti_detector", "H2D", "medium"),
    *detector("purge_chute_pileup", "pileup_detector", "H2D", "medium"),
    *detector("nozzle_clumping", "clump_detector", "X2D", "medium"),
    *detector("air_printing", "airprint_detector", "P2S", "medium"),
    *detector("first_layer", "first_layer_inspector", "X1C"),
    *detector("build_plate_marker", "buildplate_marker_detector", "X1C", on=True),
    *detector("build_plate_alignment", "plate_offset_switch", "P2S"),
    *detector("foreign_object", "fod_check", "P2S"),
    *detector("displacement", "model_movement_check", "P2S", on=True),
    *option("auto_recovery", "X1C", order("print_option", auto_recovery=False, option=0)),
    *option("auto_switch_filament", "P1S", order("print_option", auto_switch_filament=False)),
    *option("tangle_detection", "X1C", order("print_option", filament_tangle_detect=False)),
    *option("prompt_sound", "H2D", order("print_option", sound_enable=False), "X1C", "P1S"),
    *option("nozzle_blob_detection", "H2D", order("print_option", nozzle_blob_detect=False),
            "X1C", "P1S"),
    *option("air_print_detection", "A1MINI", order("print_option", air_print_detect=False),
            "X1C", "H2D"),
    *option("store_sent_files", "X1C",
            {"system": {"command": "print_cache_set", "config": False}}),
    *option("idle_heating_protection", "H2D",
            order("set_against_continued_heating_mode", enable=False), "X1C", "P1S",
            "A1MINI"),
    Case(
        name="set_door_reaction", action="select.select_option", key="door_reaction",
        data={"option": "pause"},
        requests=({"system": {"command": "set_door_stat", "config": 2}},),
        shows=state("select", "door_reaction", "pause"),
        wrong=(({"option": "lock"}, "not_valid_option"),),
        lacks=(("P1S", "idle", NO_ENTITY), ("A1MINI", "idle", NO_ENTITY)),
    ),
)  # fmt: skip

_DIALOG: Body = {
    "system": {
        "command": "uiop",
        "name": "print_error",
        "action": "close",
        "source": 1,
        "type": "dialog",
        "err": "03008012",
    }
}


def answer(word: str, sent_as: str, status: str) -> Case:
    return Case(
        name=f"answer_print_error {word}",
        action="bambu_printer.answer_error",
        data={"answer": word},
        scenario="printing",
        prepare=fail,
        requests=(order(sent_as, err=str(WRONG_PLATE), param="reserve", job_id="0"),),
        shows=state("sensor", "status", status),
        wrong=(({"answer": "shrug"}, SCHEMA),),
        lacks=(("X1C", "idle", "wrong_state"), ("X1C", "printing", "wrong_state")),
    )


def press_answer(word: str, sent_as: str) -> Case:
    return Case(
        name=f"answer_print_error {word}",
        action="button.press",
        key=f"{word}_error",
        scenario="printing",
        prepare=fail,
        requests=(order(sent_as, err=str(WRONG_PLATE), param="reserve", job_id="0"),),
        shows=state("sensor", "status", "running"),
    )


def jog(axis: str, distance: float, line: str, model: str) -> Case:
    return Case(
        name="jog",
        action="bambu_printer.jog",
        data={"axis": axis, "distance": distance},
        model=model,
        requests=(
            gcode(
                "M211 S ",
                "M211 X1 Y1 Z1",
                "M1002 push_ref_mode",
                "G91 ",
                line,
                "M1002 pop_ref_mode",
                "M211 R",
            ),
        ),
        shows=acknowledged,
        wrong=(
            ({"distance": 100.1}, "out_of_range"),
            ({"distance": -101}, "out_of_range"),
            ({"distance": "nan"}, "out_of_range"),
            ({"axis": "e"}, SCHEMA),
        ),
        lacks=(("X1C", "printing", "wrong_state"),),
    )


_TOO_COLD = tuple(
    (model, "idle", "out_of_range") for model in ("X1C", "P1S", "A1MINI", "H2D")
)

CARE = (
    Case(
        name="set_chamber_temp", action="bambu_printer.set_chamber_temperature",
        data={"temperature": 32.5}, model="P1S",
        shows=state("sensor", "chamber_temperature", "32.5"),
        wrong=(({"temperature": 151}, "out_of_range"), ({"temperature": -41}, "out_of_range"),
               ({"temperature": "nan"}, "out_of_range"), ({"temperature": "warm"}, SCHEMA)),
        lacks=(("X1C", "idle", "not_supported"), ("H2D", "idle", "not_supported")),
        answered=False,
    ),
    Case(
        name="rename_printer", action="bambu_printer.rename_printer",
        data={"name": " Workshop "}, prepare=rename_quickly, answered=False,
        requests=({"update": {"name": "Workshop"}},),
        shows=lambda rig, _: rig.entry.title == rig.printer.name == "Workshop",
        wrong=(({"name": "  "}, "invalid_value"), ({"name": "x" * 33}, "invalid_value"),
               ({"name": "a\nb"}, "invalid_value")),
    ),
    Case(
        name="clean_print_error", action="bambu_printer.clear_error", scenario="printing",
        prepare=fail,
        requests=(order("clean_print_error", subtask_id="4711", print_error=WRONG_PLATE),
                  _DIALOG),
        shows=both(state("button", "clear_error", "unavailable"),
                   state("binary_sensor", "problem", "off")),
        lacks=(("X1C", "idle", "wrong_state"),),
    ),
    Case(
        name="clean_print_error", action="button.press", key="clear_error", model="H2D",
        prepare=warn,
        requests=(order("clean_print_error", subtask_id="0", print_error=WRONG_PLATE),
                  _DIALOG),
        shows=state("button", "clear_error", "unavailable"),
    ),
    answer("retry", "resume", "running"),
    answer("ignore", "ignore", "running"),
    answer("stop", "stop", "failed"),
    press_answer("retry", "resume"),
    press_answer("ignore", "ignore"),
    Case(
        name="answer_print_error dismiss", action="bambu_printer.answer_error",
        data={"answer": "dismiss"}, prepare=warn,
        requests=(order("idle_ignore", err=str(WRONG_PLATE), type=0),),
        shows=state("button", "clear_error", "unavailable"),
        wrong=(({"answer": "retry"}, "wrong_state"), ({"answer": "shrug"}, SCHEMA)),
        lacks=(("H2D", "idle", "wrong_state"),),
    ),
    Case(
        name="silence_alarm", action="bambu_printer.silence_alarm", model="H2D",
        requests=(order("buzzer_ctrl", mode=0, reason=""),), shows=acknowledged,
        lacks=tuple((model, "idle", "not_supported")
                    for model in ("X1C", "P1S", "A1MINI", "P2S", "X2D")),
    ),
    Case(
        name="calibrate", action="bambu_printer.calibrate",
        data={"routines": ["bed_leveling", "vibration"]},
        requests=(order("calibration", option=6),),
        shows=both(state("sensor", "status", "running"),
                   lambda rig, _: rig.printer.report["print_type"] == "system"),
        wrong=(({"routines": []}, SCHEMA), ({"routines": ["dance"]}, SCHEMA),
               ({"routines": ["motor_noise"]}, "not_supported"),
               ({"routines": ["bed_leveling", "nozzle_offset"]}, "not_supported")),
        lacks=(("X1C", "printing", "wrong_state"),),
    ),
    Case(
        name="home_axes", action="bambu_printer.home_axes",
        requests=(order("back_to_center"),),
        shows=state("sensor", "stage", "homing_toolhead"),
        lacks=(("X1C", "printing", "wrong_state"), ("P1S", "printing", "wrong_state")),
    ),
    Case(
        name="home_axes", action="button.press", key="home_axes", model="P1S", enabled=True,
        prepare=know_profiles, requests=(gcode("G28 "),),
        shows=state("sensor", "stage", "homing_toolhead"),
    ),
    jog("z", 10, "G1 Z10.0 F900", "X1C"),
    jog("y", -5.25, "G1 Y5.2 F3000", "A1MINI"),
    Case(
        name="extrude", action="bambu_printer.extrude", data={"length": -10},
        prepare=warm_up, requests=(gcode("M83 ", "G0 E-10.0 F900"),), shows=acknowledged,
        model="P1S",
        wrong=(({"length": 51}, "out_of_range"), ({"length": "nan"}, "out_of_range"),
               ({"tool": "left"}, "invalid_value"), ({"tool": "middle"}, SCHEMA)),
        lacks=_TOO_COLD,
    ),
    Case(
        name="extrude", action="bambu_printer.extrude", model="H2D",
        data={"length": 10, "tool": "right"}, prepare=warm_up_right,
        requests=(order("set_extrusion_length", extruder_index=0, length=10),),
        shows=acknowledged,
        wrong=(({"tool": "left"}, "out_of_range"),),
    ),
)  # fmt: skip


async def offer_firmware(rig: Rig) -> None:
    rig.printer.simulation.offer_firmware("01.99.00.00")
    await rig.report(full=True)


def camera(command: str, **fields: str) -> Body:
    return {"camera": {"command": command, **fields}}


CAMERA = (
    Case(
        name="set_camera_recording",
        action="switch.turn_off",
        key="camera_recording",
        model="P1S",
        requests=(camera("ipcam_record_set", control="disable"),),
        shows=state("switch", "camera_recording", "off"),
    ),
    Case(
        name="set_timelapse",
        action="switch.turn_on",
        key="timelapse",
        model="H2D",
        requests=(camera("ipcam_timelapse", control="enable"),),
        shows=state("switch", "timelapse", "on"),
    ),
    Case(
        name="set_camera_resolution",
        action="select.select_option",
        key="camera_resolution",
        data={"option": "720p"},
        model="X1C",
        requests=(camera("ipcam_resolution_set", resolution="720p"),),
        shows=state("select", "camera_resolution", "720p"),
        wrong=(({"option": "4k"}, "not_valid_option"),),
        lacks=(("P1S", "idle", NO_ENTITY), ("H2D", "idle", NO_ENTITY)),
    ),
    Case(
        name="install_firmware",
        action="update.install",
        key="firmware",
        prepare=offer_firmware,
        requests=({"upgrade": {"command": "upgrade_confirm", "src_id": 1}},),
        shows=attribute("update", "firmware", "in_progress", True),
    ),
)

CASES: tuple[Case, ...] = (
    *HEAT,
    *AIR,
    *LIGHTS,
    *JOB,
    *TOOLS,
    *FILAMENT,
    *DRYING,
    *WATCHING,
    *CARE,
    *CAMERA,
)

__all__ = ["CASES", "WRONG_PLATE", "call"]
