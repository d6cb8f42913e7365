"""X2D: two extruders (0 auxiliary, 1 main), heated chamber, two auxiliary fans."""

from ..ams import AmsKind, AmsUnit
from ..bits import bits
from ..filaments import PETG_HF, PLA_BASIC, PLA_OTHER, SUPPORT, Spool
from .base import (
    HOME_COMMON,
    XCAM_CFG,
    Airduct,
    Board,
    DemoJob,
    Family,
    Json,
    Profile,
    cfg_bits,
    common,
    linux_blocks,
    xcam_block,
)

X2D = Profile(
    key="X2D",
    product="Bambu Lab X2D",
    code="N6",
    serial="20P9BJ5C1000284",
    family=Family.X2,
    firmware="01.01.00.00",
    demo_name="Makerspace X2D",
    extruders=2,
    bed_max=120,
    chamber_sensor=True,
    chamber_max=65,
    boards=(
        Board(name="ahb", hardware="AHB-N703", version="01.00.13.20"),
        Board(name="th", hardware="TH05", version="02.00.30.06"),
        Board(name="ext", hardware="EXT08", version="00.00.10.01"),
        Board(name="smc", hardware="SMC01", version="02.00.15.17"),
        Board(name="mc", hardware="MC10", version="01.01.12.09"),
        Board(name="ap", hardware="AP06", version="00.00.72.05"),
    ),
    job=DemoJob(
        name="Prosthetic hand knuckles",
        layers=220,
        minutes=195,
        nozzle=245,
        bed=70,
        source=(0, 2),
        extruder=1,
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.PRO_2,
            id=0,
            humidity=18,
            temperature=27.7,
            extruder=1,
            spools=(
                Spool(
                    filament=PLA_BASIC, color="F55A74FF", color_name="A00-P6", remain=37
                ),
                Spool(filament=PLA_OTHER, color="4A4A4AFF"),
                Spool(
                    filament=PETG_HF, color="EBD9C0FF", color_name="G02-Y1", remain=90
                ),
                None,
            ),
        ),
        AmsUnit(
            kind=AmsKind.HT,
            id=128,
            humidity=10,
            temperature=26.0,
            extruder=0,
            spools=(
                Spool(
                    filament=SUPPORT, color="FFFFFFFF", color_name="S02-W0", remain=55
                ),
            ),
        ),
    ),
    external_spools=(None, None),
    lights=("chamber_light", "chamber_light2"),
    airduct=Airduct(
        parts=((16, 0), (32, 1), (48, 2), (96, 3), (160, 1)),
        modes=((0, (16, 32, 48, 160), (96,)), (1, (16, 32, 160), (48,))),
    ),
    dry_settings=True,
    home_flag=HOME_COMMON | bits(5, 11, 15, 16, 30, 31),
    fun=bits(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 24, 25, 31)
    | bits(32, 38, 39, 40, 41, 42, 43, 44, 45, 46, 49, 62),
    fun2=bits(0, 2, 3, 4, 5, 13, 14, 15),
    cfg=cfg_bits(
        lidar=True, monitor=True, door=1, sound=True, tangle=True, blob=True, heating=1
    )
    | 1 << 43,
    aux=0x2801004,
    stat=0x46258008,
    xcam=xcam_block(cfg=XCAM_CFG),
    rtsp=True,
    wifi=-57,
    stages=(13, 2, 14, 1, 39),
)


def report(profile: Profile) -> Json:
    """Build the idle report."""
    result = common(profile) | linux_blocks(profile)
    result |= {
        "3D": {"layer_num": 0, "total_layer_num": 0},
        "info": {"temp": 24},
        "stg_cd": 0,
    }
    result["online"]["ext"] = True
    result["device"]["ext_tool"]["type"] = ""
    return result
