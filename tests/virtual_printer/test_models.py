"""Every model: what it says about itself, and in which form it reports."""

import pytest

from virtual_printer import PROFILES, VirtualPrinter

SMALL = {"P1P", "P1S", "A1 mini", "A1"}
DUAL = {"H2D", "H2D Pro", "H2C", "X2D"}
PREFIXES = {
    "X1C": "00M",
    "X1": "00W",
    "X1E": "03W",
    "P1P": "01S",
    "P1S": "01P",
    "P2S": "22E",
    "A1 mini": "030",
    "A1": "039",
    "A2L": "26A",
    "H2D": "094",
    "H2D Pro": "239",
    "H2S": "093",
    "H2C": "31B",
    "X2D": "20P",
}


@pytest.mark.parametrize("model", PROFILES)
async def test_identity(start, model):
    printer, client = await start(model)
    assert len(printer.serial) == 15
    assert printer.serial.startswith(PREFIXES[model])
    version = await client.ask("info", "get_version")
    modules = {item["name"]: item for item in version["module"]}
    assert modules["ota"]["sn"] == printer.serial
    assert modules["ota"]["product_name"] == printer.profile.product
    assert modules["ota"]["sw_ver"] == printer.firmware
    units = {int(unit["id"]) for unit in printer.report["ams"]["ams"]}
    assert units == {
        int(n.split("/")[1]) for n in modules if n[:3] in ("ams", "n3f", "n3s")
    }


@pytest.mark.parametrize("model", PROFILES)
async def test_report_has_the_form_of_the_family(start, model):
    _printer, client = await start(model, scenario="idle")
    report = await client.report(full=True)
    assert report["gcode_state"] == "IDLE"
    assert ("fun" in report) == (model not in SMALL)
    assert ("device" in report) == (model not in SMALL)
    assert ("vt_tray" in report) == (
        model in SMALL | {"X1C", "X1", "X1E", "H2D", "H2D Pro"}
    )
    if model in SMALL:
        assert report["chamber_temper"] == 5
        assert "vir_slot" not in report
        assert report["vt_tray"]["id"] == "254"
    else:
        extruders = report["device"]["extruder"]
        assert extruders["state"] & 15 == len(extruders["info"])
        assert len(extruders["info"]) == (2 if model in DUAL else 1)
        assert [slot["id"] for slot in report["vir_slot"]] == (
            ["254", "255"] if model in DUAL else ["255"]
        )
        assert int(report["fun"], 16) >> 29 & 1 == 0
    assert -(2**31) <= report["home_flag"] < 2**31


@pytest.mark.parametrize("model", PROFILES)
async def test_reports_are_full_or_deltas(start, model):
    printer, client = await start(model, scenario="idle")
    await client.send("pushing", "pushall")
    assert (await client.next())["print"]["msg"] == 0
    printer.update({"wifi_signal": "-71dBm"})
    report = await client.report()
    assert report["wifi_signal"] == "-71dBm"
    if model in ("X1C", "X1", "X1E"):
        assert report["msg"] == 0
    else:
        assert report["msg"] == 1
        assert report.keys() <= {
            "command",
            "msg",
            "sequence_id",
            "t_utc",
            "wifi_signal",
        }
        await printer.push()
        assert await client.nothing()


@pytest.mark.parametrize("model", PROFILES)
@pytest.mark.parametrize(
    ("scenario", "state"),
    [
        ("idle", "IDLE"),
        ("preparing", "PREPARE"),
        ("printing", "RUNNING"),
        ("paused", "PAUSE"),
        ("finished", "FINISH"),
        ("failed", "FAILED"),
        ("drying", "IDLE"),
    ],
)
def test_scenarios(model, scenario, state):
    report = VirtualPrinter(model, scenario=scenario).report
    assert report["gcode_state"] == state
    assert report["print_error"] == 0


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("A1MINI", "A1 mini"),
        ("a1 mini", "A1 mini"),
        ("H2DPRO", "H2D Pro"),
        ("Bambu Lab P1S", "P1S"),
        ("O1S", "H2S"),
    ],
)
def test_names_of_models(name, model):
    assert VirtualPrinter(name).model == model


def test_unknown_model():
    with pytest.raises(ValueError, match="unknown model"):
        VirtualPrinter("Ender")


def test_unknown_scenario():
    with pytest.raises(ValueError, match="unknown scenario"):
        VirtualPrinter("X1C", scenario="levitating")


async def test_delta_carries_only_the_changed_slot(start):
    printer, client = await start("P1S", scenario="idle")
    await client.report(full=True)
    printer.update({"ams": {"ams": [{"id": "0", "tray": [{"id": "1", "remain": 50}]}]}})
    report = await client.report()
    units = report["ams"]["ams"]
    assert report["ams"].keys() == {"ams"}
    assert [tray["id"] for tray in units[0]["tray"]] == ["1"]
    printer.update({"ams": {"ams": [{"id": "0", "humidity": "1"}]}})
    units = (await client.report())["ams"]["ams"]
    assert units[0]["humidity"] == "1"
    assert "tray" not in units[0]


async def test_ams_comes_and_goes(start):
    printer, client = await start("X1C", scenario="idle")
    printer.plug_ams("AMS HT", 128)
    printer.plug_ams("AMS 2 Pro", 2)
    report = printer.report
    assert report["ams"]["ams_exist_bits"] == "15"
    version = await client.ask("info", "get_version")
    assert {"ams/0", "n3f/2", "n3s/128"} <= {item["name"] for item in version["module"]}
    printer.unplug_ams(0)
    assert printer.report["ams"]["ams_exist_bits"] == "14"
    assert printer.report["ams"]["tray_exist_bits"] == "0"


def test_bits_of_the_a2l():
    report = VirtualPrinter("A2L", scenario="idle").report
    assert report["ams"]["ams_exist_bits"] == "1000"
    assert report["ams"]["tray_exist_bits"] == "e000000"


def test_active_slot_of_two_nozzles():
    report = VirtualPrinter("H2D Pro").report
    left = report["device"]["extruder"]["info"][1]
    assert report["device"]["extruder"]["state"] == 0x112
    assert left["snow"] == 0x0001
    # The flat number is the slot inside the unit, and only one of the nozzles.
    assert report["ams"]["tray_now"] == "1"
