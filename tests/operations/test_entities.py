"""Entities that are set: detectors, drying, sensitivities, profiles, and what is plugged in."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    mock_restore_cache_with_extra_data,
)

from custom_components.bambu_printer.const import DOMAIN
from tests.conftest import Rig, wait_until
from virtual_printer import Filament, Spool, VirtualPrinter

from .cases import drying
from .support import canonical, order, sent, xcam

NYLON = Spool(filament=Filament(preset="GFN03", material="PA-CF"), color="000000FF")
SWITCHES = {
    "X1C": {
        "ai_monitoring_detector", "auto_recovery", "auto_switch_filament",
        "build_plate_marker_detector", "first_layer_detector", "store_sent_files",
        "tangle_detection",
    },
    "P1S": {"auto_recovery", "auto_switch_filament", "store_sent_files", "tangle_detection"},
    "A1MINI": {
        "air_print_detection", "auto_recovery", "auto_switch_filament",
        "nozzle_blob_detection", "prompt_sound", "store_sent_files", "tangle_detection",
    },
    "P2S": {
        "ai_monitoring_detector", "air_printing_detector", "auto_recovery",
        "auto_switch_filament", "build_plate_alignment_detector",
        "build_plate_marker_detector", "displacement_detector", "first_layer_detector",
        "foreign_object_detector", "idle_heating_protection", "nozzle_blob_detection",
        "nozzle_clumping_detector", "prompt_sound", "purge_chute_pileup_detector",
        "spaghetti_detector", "store_sent_files", "tangle_detection", "ams_0_dryer",
    },
}  # fmt: skip
SWITCHES["H2D"] = SWITCHES["X2D"] = {*SWITCHES["P2S"], "ams_128_dryer"}
_AMS = {"ams_estimate_remaining", "ams_read_on_insert", "ams_read_on_power_up"}
_CAMERA = {"camera_recording", "timelapse"}


def keys(rig: Rig, platform: str) -> set[str]:
    """Return the unique ids of a platform's entities, less the serial number."""
    registry = er.async_get(rig.hass)
    return {
        item.unique_id.removeprefix(f"{rig.printer.serial}_")
        for item in er.async_entries_for_config_entry(registry, rig.entry.entry_id)
        if item.domain == platform
    }


@pytest.mark.parametrize("scenario", ["idle"])
@pytest.mark.parametrize("model", SWITCHES)
async def test_every_switch(rig: Rig, model: str) -> None:
    """Each one there is: off, on, and off again, always as the printer says."""
    there = keys(rig, "switch")
    # The one that lets go of the connection has tests of its own.
    there.remove("release_connection")
    assert there == SWITCHES[model] | _AMS | _CAMERA
    for key in sorted(there):
        if key.endswith("_dryer"):
            continue
        first = rig.state("switch", key).state
        assert first in ("on", "off")
        for word in ("off", "on", "off", first):
            rig.printer.clear_requests()
            await rig.call(f"switch.turn_{word}", key)
            assert len(sent(rig)) == 1, key
            assert rig.state("switch", key).state == word, key
            await rig.report(full=True)
            assert rig.state("switch", key).state == word, (key, word)
            # What is shown is what was reported, and not only held.
            reported = rig.entry.runtime_data.printer.state
            assert word == ("on" if _reported(reported, key) else "off"), key


def _reported(known: Any, key: str) -> bool:
    if key in _AMS:
        return bool(getattr(known.ams, key.removeprefix("ams_")))
    if key in _CAMERA:
        return bool(getattr(known.camera, key.removeprefix("camera_")))
    if key.endswith("_detector"):
        return bool(getattr(known.detectors, key.removesuffix("_detector")).enabled)
    return bool(getattr(known.options, key))


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_sensitivity_beside_the_switch(rig: Rig) -> None:
    """A level leaves the switch as it is, and the switch leaves the level."""
    await rig.call("select.select_option", "spaghetti_sensitivity", option="high")
    await rig.call("switch.turn_off", "spaghetti_detector")
    await rig.report(full=True)
    await rig.call("select.select_option", "spaghetti_sensitivity", option="low")
    await rig.report(full=True)
    assert canonical(sent(rig)) == canonical(
        [
            xcam("spaghetti_detector", on=True, level="high"),
            # Not reported yet when the switch was turned: the level of before.
            xcam("spaghetti_detector", on=False, level="medium"),
            xcam("spaghetti_detector", on=False, level="low"),
        ]
    )
    assert rig.state("switch", "spaghetti_detector").state == "off"
    assert rig.state("select", "spaghetti_sensitivity").state == "low"
    assert "never_halt" not in rig.state(
        "select", "spaghetti_sensitivity"
    ).attributes["options"]  # fmt: skip
    assert "never_halt" in rig.state(
        "select", "ai_monitoring_sensitivity"
    ).attributes["options"]  # fmt: skip


# Drying


@pytest.fixture
async def restored(
    hass: HomeAssistant, printer: VirtualPrinter, entry: MockConfigEntry
) -> Rig:
    """Return a printer after a restart of Home Assistant that remembers numbers."""
    registry = er.async_get(hass)
    entry.add_to_hass(hass)

    def number(key: str, value: float | str | None) -> tuple[State, dict[str, Any]]:
        item = registry.async_get_or_create(
            "number", DOMAIN, f"{printer.serial}_{key}", config_entry=entry
        )
        extra = {
            "native_value": value,
            "native_min_value": 1,
            "native_max_value": 100,
            "native_step": 1,
            "native_unit_of_measurement": None,
        }
        return State(item.entity_id, str(value)), extra

    mock_restore_cache_with_extra_data(
        hass,
        [
            number("ams_0_drying_temperature", 60),
            number("ams_0_drying_duration", 12),
            # From before the unit was replaced by another kind.
            number("ams_128_drying_temperature", 200),
            number("ams_128_drying_duration", None),
        ],
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    printer.clear_requests()
    return Rig(hass, printer, entry)


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_dries_by_restored_numbers(restored: Rig) -> None:
    rig = restored
    assert rig.state("number", "ams_0_drying_temperature").state == "60"
    assert rig.state("number", "ams_0_drying_duration").state == "12"
    assert rig.state("number", "ams_128_drying_temperature").state == "85"
    assert rig.state("number", "ams_128_drying_duration").state == "8"
    await rig.call("switch.turn_on", "ams_0_dryer")
    await rig.call("switch.turn_on", "ams_128_dryer")
    assert canonical(sent(rig)) == canonical(
        [drying(0, "PLA", 60, 12), drying(128, "PA-CF", 85, 8)]
    )


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_limits_of_the_numbers(rig: Rig) -> None:
    assert rig.state("number", "ams_0_drying_temperature").attributes["max"] == 65
    assert rig.state("number", "ams_128_drying_temperature").attributes["max"] == 85
    for key, value in (
        ("ams_0_drying_temperature", 66),
        ("ams_0_drying_temperature", 44),
        ("ams_128_drying_duration", 25),
    ):
        before = rig.state("number", key)
        with pytest.raises(ServiceValidationError) as caught:
            await rig.call("number.set_value", key, value=value)
        assert caught.value.translation_key == "out_of_range"
        assert rig.state("number", key) == before
    assert rig.printer.requests == []


OBSTACLES = {
    0: ("drying_printer_busy", "busy"),
    1: ("drying_not_enough_power", "power"),
    2: ("drying_ams_busy", "busy"),
    3: ("drying_filament_at_outlet", "Unload"),
    4: ("drying_starting", "about to dry"),
    5: ("drying_not_in_2d_mode", "laser"),
    6: ("drying_already_drying", "already drying"),
    7: ("drying_updating", "firmware"),
    8: ("drying_power_adapter_needed", "power adapter"),
    10: ("drying_unload_by_hand", "by hand"),
}


@pytest.mark.parametrize(("model", "scenario"), [("P2S", "idle")])
async def test_drying_refused_for_a_reason(rig: Rig) -> None:
    """The printer's own reasons are told in words."""
    unit = rig.printer._machine.unit(0)
    assert unit is not None
    for number, (key, words) in OBSTACLES.items():
        unit["dry_sf_reason"] = [number, 2]
        await rig.report(full=True)
        with pytest.raises(HomeAssistantError) as caught:
            await rig.call("switch.turn_on", "ams_0_dryer")
        assert caught.value.translation_key == key
        assert words in str(caught.value)
        assert "_" not in str(caught.value)
        assert rig.state("switch", "ams_0_dryer").state == "off"
    assert rig.printer.requests == []


# Hot-plugging


@pytest.mark.parametrize(("model", "scenario"), [("H2D", "idle")])
async def test_ams_comes_and_goes(rig: Rig) -> None:
    """Without a reload: its switch, numbers and buttons, which also work."""
    before = {
        platform: keys(rig, platform) for platform in ("switch", "number", "button")
    }
    session = rig.entry.runtime_data
    rig.printer.plug_ams("AMS HT", 129, (NYLON,), extruder=1)
    await rig.report(full=True)
    await wait_until(rig.hass, lambda: keys(rig, "switch") != before["switch"])
    assert keys(rig, "switch") - before["switch"] == {"ams_129_dryer"}
    assert keys(rig, "number") - before["number"] == {
        "ams_129_drying_temperature",
        "ams_129_drying_duration",
    }
    assert keys(rig, "button") - before["button"] == {
        "ams_129_tray_1_load",
        "ams_129_tray_1_read_tag",
    }
    await rig.call("number.set_value", "ams_129_drying_temperature", value=80)
    await rig.call("switch.turn_on", "ams_129_dryer")
    await rig.report(full=True)
    assert rig.state("switch", "ams_129_dryer").state == "on"
    assert rig.state("switch", "ams_128_dryer").state == "off"
    await rig.call("switch.turn_off", "ams_129_dryer")
    await rig.report(full=True)
    await rig.call("button.press", "ams_129_tray_1_load")
    # That a new unit's versions are asked for is not of interest here.
    told = [request for request in sent(rig) if "info" not in request]
    assert canonical(told) == canonical(
        [
            drying(129, "PA-CF", 80, 8),
            drying(129, "", 0, 0, mode=0, cooling_temp=0),
            order(
                "ams_change_filament",
                ams_id=129,
                slot_id=0,
                target=129,
                curr_temp=210,
                tar_temp=210,
            ),
        ]
    )
    rig.printer.unplug_ams(129)
    await rig.report(full=True)
    for platform, key in (
        ("switch", "ams_129_dryer"),
        ("number", "ams_129_drying_temperature"),
        ("button", "ams_129_tray_1_load"),
    ):
        assert rig.state(platform, key).state == STATE_UNAVAILABLE, key
    assert rig.state("switch", "ams_128_dryer").state == "off"
    # Back again: the same entities, and what was set is remembered.
    rig.printer.plug_ams("AMS HT", 129, (NYLON,), extruder=1)
    await rig.report(full=True)
    assert rig.state("switch", "ams_129_dryer").state == "off"
    assert rig.state("number", "ams_129_drying_temperature").state == "80"
    assert rig.entry.state is ConfigEntryState.LOADED
    assert rig.entry.runtime_data is session


# Calibration profiles


@pytest.mark.parametrize(("model", "scenario", "enabled"), [("X1C", "idle", True)])
async def test_profiles_of_the_filament(rig: Rig) -> None:
    """Those of the filament in the slot are offered, and no others."""
    coordinator = rig.entry.runtime_data
    await wait_until(rig.hass, lambda: coordinator.profiles.items)
    select = "ams_0_tray_1_calibration_profile"
    assert rig.state("select", select).attributes["options"] == [
        "default",
        "PLA Basic, dry",
    ]
    assert rig.state("select", select).state == "default"
    other = rig.state("select", "ams_0_tray_2_calibration_profile")
    assert other.attributes["options"] == ["default"]
    assert rig.state("select", "ams_0_tray_4_calibration_profile").state == (
        STATE_UNAVAILABLE
    )
    # Stored at the printer: the list is asked for again.
    table = rig.printer._machine.cali_table
    table.append({**table[0], "cali_idx": 7, "name": "PLA Basic, damp"})
    rig.printer.clear_requests()
    await rig.report({"cali_version": 1}, full=True)
    await wait_until(
        rig.hass,
        lambda: "PLA Basic, damp" in rig.state("select", select).attributes["options"],
    )
    assert sent(rig) == [
        order("extrusion_cali_get", filament_id="", nozzle_diameter="0.4")
    ]
    await rig.call("select.select_option", select, option="PLA Basic, damp")
    await rig.report(full=True)
    assert rig.state("select", select).state == "PLA Basic, damp"
    await rig.call("select.select_option", select, option="default")
    await rig.report(full=True)
    assert rig.state("select", select).state == "default"
    assert [body["print"]["cali_idx"] for body in sent(rig)[1:]] == [7, -1]


@pytest.mark.parametrize(("model", "scenario"), [("X1C", "idle")])
async def test_firmware_without_profiles(rig: Rig) -> None:
    """Nothing is asked of firmware that keeps no profiles."""
    await rig.report({"cali_version": -1}, full=True)
    device = {"device_id": rig.entry.runtime_data.device_id}
    for action, data in (
        ("get_calibration_profiles", {}),
        ("select_calibration_profile", {"slot": "ams_1_tray_1", "profile": 1}),
    ):
        with pytest.raises(ServiceValidationError) as caught:
            await rig.hass.services.async_call(
                DOMAIN,
                action,
                {**device, **data},
                blocking=True,
                return_response=action.startswith("get_"),
            )
        assert caught.value.translation_key == "not_supported"
    assert rig.printer.requests == []


# A thermometer of Home Assistant


@pytest.mark.parametrize("model", ["P1S", "A1MINI"])
async def test_chamber_thermometer(rig: Rig) -> None:
    rig.hass.states.async_set("sensor.box", "86", {ATTR_UNIT_OF_MEASUREMENT: "°F"})
    rig.hass.config_entries.async_update_entry(
        rig.entry, options={"chamber_sensor": "sensor.box"}
    )
    assert await rig.hass.config_entries.async_reload(rig.entry.entry_id)
    await rig.hass.async_block_till_done()
    assert float(rig.state("sensor", "chamber_temperature").state) == 30
    for value, unit, shown in (
        ("31.5", "°C", "31.5"),
        ("unavailable", "°C", "unknown"),
        ("28", "°C", "28.0"),
        ("nonsense", "°C", "unknown"),
        ("5000", "°C", "unknown"),
        ("20", "hPa", "unknown"),
        ("300", "K", "26.85"),
    ):
        rig.hass.states.async_set("sensor.box", value, {ATTR_UNIT_OF_MEASUREMENT: unit})
        await rig.hass.async_block_till_done()
        state = rig.state("sensor", "chamber_temperature").state
        if shown == "unknown":
            assert state == shown, value
        else:
            assert float(state) == pytest.approx(float(shown), abs=0.06), value
    rig.hass.states.async_remove("sensor.box")
    await rig.hass.async_block_till_done()
    assert rig.state("sensor", "chamber_temperature").state == "unknown"
