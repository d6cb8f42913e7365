"""H2D, H2D Pro, H2S and H2C: heated chamber, air duct; all but the H2S have two nozzles."""

from dataclasses import replace

from ..ams import AmsKind, AmsUnit
from ..bits import bits
from ..filaments import (
    ABS,
    ASA,
    PA_CF,
    PC,
    PETG_HF,
    PLA_BASIC,
    PLA_OTHER,
    SUPPORT,
    Spool,
)
from .base import (
    HOME_COMMON,
    XCAM_CFG,
    Airduct,
    Board,
    DemoJob,
    External,
    Family,
    Json,
    Profile,
    cfg_bits,
    common,
    linux_blocks,
    xcam_block,
)

_DUCT = Airduct(
    parts=((16, 0), (32, 1), (48, 2), (96, 3)),
    modes=((0, (16, 32, 48), (96,)), (1, (16,), (32, 48)), (2, (48,), ())),
)
_FUN = bits(
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 18, 19, 24, 25, 26, 27, 31
)
_FUN_HIGH = bits(32, 38, 39, 40, 41, 42, 43, 44, 45, 46, 49, 62)
_BOARDS = (
    Board(name="ahb", hardware="AHB02", version="02.00.10.12"),
    Board(
        name="pc",
        hardware="PC01",
        version="00.00.11.02",
        title="Air Pump",
        visible=True,
    ),
    Board(name="mc", hardware="MC09", version="02.06.14.30"),
    Board(name="mc-sub", hardware="N/A", version="02.06.14.30"),
    Board(name="th", hardware="TH08", version="02.01.18.60"),
    Board(name="ext", hardware="EXT07", version="00.00.09.04"),
    Board(name="smc", hardware="SMC09", version="02.01.13.25"),
    Board(name="ap", hardware="AP05", version="00.00.53.40"),
)

H2D = Profile(
    key="H2D",
    product="Bambu Lab H2D",
    code="O1D",
    serial="0948BD4B0700415",
    family=Family.H2,
    firmware="01.03.00.00",
    demo_name="Atelier H2D",
    extruders=2,
    nozzle_max=350,
    bed_max=120,
    chamber_sensor=True,
    chamber_max=65,
    boards=_BOARDS,
    job=DemoJob(
        name="Drone landing gear",
        layers=256,
        minutes=338,
        nozzle=280,
        bed=100,
        chamber=55,
        source=(128, 0),
        extruder=0,
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.PRO_2,
            id=0,
            humidity=16,
            temperature=29.5,
            extruder=1,
            spools=(
                Spool(
                    filament=PLA_BASIC, color="0A2CA5FF", color_name="A00-B9", remain=74
                ),
                Spool(
                    filament=SUPPORT, color="FFFFFFFF", color_name="S02-W0", remain=62
                ),
                Spool(filament=PLA_OTHER, color="F2C230FF"),
                None,
            ),
        ),
        AmsUnit(
            kind=AmsKind.HT,
            id=128,
            humidity=8,
            temperature=44.8,
            extruder=0,
            spools=(
                Spool(filament=PA_CF, color="2B2B2DFF", color_name="N03-K0", remain=69),
            ),
        ),
    ),
    external_spools=(None, Spool(filament=PC, color="DDE3E8FF")),
    external=External.BOTH,
    lights=("chamber_light", "work_light", "chamber_light2"),
    heatbed_light=True,
    airduct=_DUCT,
    dry_settings=True,
    home_flag=HOME_COMMON | bits(5, 11, 15, 16, 30, 31),
    fun=_FUN | _FUN_HIGH,
    fun2=bits(0, 2, 3, 4, 5, 13, 14, 15),
    cfg=cfg_bits(
        lidar=True,
        monitor=True,
        door=2,
        sound=True,
        tangle=True,
        blob=True,
        heating=1,
        purify=1,
    )
    | 1 << 43,
    aux=0x2D01004,
    stat=0x46258008,
    xcam=xcam_block(cfg=XCAM_CFG),
    rtsp=True,
    nozzle_code="HS01",
    wifi=-50,
    stages=(13, 2, 14, 49, 1, 39),
)

H2D_PRO = replace(
    H2D,
    key="H2D Pro",
    product="Bambu Lab H2D Pro",
    code="O1E",
    serial="23909E4C1100062",
    firmware="01.02.00.00",
    demo_name="Factory H2D Pro",
    nozzle_code="HX05",
    job=DemoJob(
        name="Cooling duct ASA v7",
        layers=412,
        minutes=510,
        nozzle=260,
        bed=100,
        chamber=60,
        source=(0, 1),
        extruder=1,
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.PRO_2,
            id=0,
            humidity=11,
            temperature=34.0,
            extruder=1,
            spools=(
                Spool(filament=ABS, color="A8A9ADFF", color_name="B00-D1", remain=44),
                Spool(filament=ASA, color="F0F0ECFF", color_name="B01-W0", remain=95),
                None,
                None,
            ),
        ),
        AmsUnit(
            kind=AmsKind.PRO_2,
            id=1,
            humidity=13,
            temperature=30.2,
            spools=(
                Spool(
                    filament=PETG_HF, color="000000FF", color_name="G02-K0", remain=38
                ),
                Spool(filament=PLA_OTHER, color="29A19CFF"),
                Spool(
                    filament=PETG_HF, color="000000FF", color_name="G02-K0", remain=100
                ),
                Spool(
                    filament=SUPPORT, color="FFFFFFFF", color_name="S02-W0", remain=12
                ),
            ),
        ),
    ),
)

H2S = replace(
    H2D,
    key="H2S",
    product="Bambu Lab H2S",
    code="O1S",
    serial="0938AD511200357",
    firmware="01.02.00.00",
    demo_name="Basement H2S",
    extruders=1,
    boards=tuple(
        replace(board, hardware="TH04") if board.name == "th" else board
        for board in _BOARDS
        if board.name not in ("ext", "pc")
    ),
    job=DemoJob(
        name="Ventilation grille",
        layers=142,
        minutes=187,
        nozzle=255,
        bed=90,
        source=(0, 0),
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.PRO_2,
            id=0,
            humidity=17,
            temperature=28.3,
            spools=(
                Spool(filament=ASA, color="5B6579FF", color_name="B01-B0", remain=51),
                Spool(filament=PLA_OTHER, color="FFB3C7FF"),
                None,
                Spool(
                    filament=PETG_HF, color="F5547CFF", color_name="G02-P0", remain=29
                ),
            ),
        ),
    ),
    external=External.VIR_SLOT,
    external_spools=(None,),
    stages=(13, 2, 14, 49, 1),
)

H2C = replace(
    H2D,
    key="H2C",
    product="Bambu Lab H2C",
    code="O1C2",
    serial="31B8BJ5A2000128",
    firmware="01.02.00.00",
    demo_name="Showroom H2C",
    external=External.VIR_SLOT,
    fun=_FUN | _FUN_HIGH | bits(60),
    boards=(
        *_BOARDS,
        *(
            Board(name=name, hardware="WTM01", version="00.01.04.11")
            for name in ("wtm", "wtm/16", "wtm/17", "wtm/18", "wtm/19")
        ),
    ),
    job=DemoJob(
        name="Toucan seven colours", layers=303, minutes=268, source=(0, 0), extruder=1
    ),
)


def report(profile: Profile) -> Json:
    """Build the idle report."""
    result = common(profile) | linux_blocks(profile)
    result |= {
        "2D": {
            "bs": {"bi": [], "total_time": 0},
            "cond": 14,
            "cur_stage": {
                "clock_in_time": 0,
                "idx": 0,
                "left_time": 0,
                "process": 0,
                "state": 0,
            },
            "first_confirm": False,
            "makeable": False,
            "material": {"cur_id_list": [], "state": 0, "tar_id": "", "tar_name": ""},
        },
        "3D": {"layer_num": 0, "total_layer_num": 0},
        "maintain": 3,
    }
    device = result["device"]
    if profile.dual:
        result["chamber_temper"] = 24
        result["ctt"] = 0
        result["online"]["ext"] = True
        device["cham_temp"] = 24
        device["nozzle"]["info"][1]["type"] = "HH01"
        # Stale on the real printer, too: device.nozzle is what counts.
        result["nozzle_type"] = "stainless_steel"
    else:
        result["info"] = {"temp": 24}
        result["nozzle_type"] = profile.nozzle_code
        device["fire_ext"] = {
            "bot_err": 0,
            "cd": 0,
            "cd_init": 15,
            "connect_flag": 0,
            "drill_flag": 0,
            "history": [],
            "remain_time": 0,
            "rm_init": 33,
            "state": 0,
        }
    if profile.key == "H2C":
        rack = {
            16: ("HS01", 0.4),
            17: ("HH01", 0.4),
            18: ("HS01", 0.2),
            19: ("HS05", 0.6),
        }
        device["nozzle"]["exist"] |= sum(1 << position for position in rack)
        device["nozzle"] |= {"src_id": 0, "tar_id": 0}
        device["nozzle"]["info"] += [
            {
                "id": position,
                "type": code,
                "diameter": diameter,
                "tm": 350,
                "wear": 2,
                "stat": 0,
                "sn": f"2B0VP{position:04d}00",
                "color_m": "0A2CA5FF",
                "fila_id": "GFA00",
            }
            for position, (code, diameter) in rack.items()
        ]
        device["holder"] = {"stat": 0, "pos": 1, "info": 1}
    return result
