"""X1 Carbon, X1 and X1E: a full report every second, a lidar, a new-style device object."""

from dataclasses import replace

from ..ams import AmsKind, AmsUnit
from ..bits import bits
from ..filaments import PAHT_CF, PETG_HF, PLA_BASIC, PLA_MATTE, PLA_OTHER, Spool
from .base import (
    HOME_COMMON,
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

_BOARDS = (
    Board(
        name="ahb",
        hardware="AHB01",
        version="00.00.00.47",
        title="AMS Hub",
        visible=True,
    ),
    Board(name="mc", hardware="MC07", version="00.00.33.12"),
    Board(name="mc-sub", hardware="N/A", version="00.00.33.12"),
    Board(name="th", hardware="TH09", version="00.00.07.21"),
    Board(name="ap", hardware="AP05", version="00.00.52.09"),
)

X1C = Profile(
    key="X1C",
    product="Bambu Lab X1-Carbon",
    code="BL-P001",
    serial="00M09D4C1708342",
    family=Family.X1,
    firmware="01.09.01.00",
    demo_name="Workshop X1C",
    full_reports=True,
    boards=_BOARDS,
    job=DemoJob(
        name="Herb planter with drip tray", layers=342, minutes=214, source=(0, 1)
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.AMS,
            id=0,
            humidity=19,
            temperature=27.4,
            spools=(
                Spool(
                    filament=PLA_BASIC, color="F7F5F0FF", color_name="A00-W1", remain=64
                ),
                Spool(
                    filament=PLA_MATTE, color="3E7C59FF", color_name="A01-G7", remain=87
                ),
                Spool(filament=PLA_OTHER, color="E4572EFF"),
                None,
            ),
        ),
    ),
    bed_max=110,
    chamber_sensor=True,
    lights=("chamber_light", "work_light"),
    external=External.BOTH,
    home_flag=HOME_COMMON | bits(5, 11, 15, 16, 19, 20, 27, 30, 31),
    fun=bits(0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 15, 16, 17, 18, 19, 24, 25, 31, 32, 36),
    cfg=cfg_bits(lidar=True, monitor=True, door=1, tangle=True),
    aux=0x280100C | 1 << 12,
    stat=0x7A18000,
    xcam=xcam_block(plate=False),
    rtsp=True,
    nozzle_code="HX01",
    stages=(2, 13, 14, 1, 8, 3),
    wifi=-58,
)

X1 = replace(
    X1C,
    key="X1",
    product="Bambu Lab X1",
    code="BL-P002",
    serial="00W09C3B1104117",
    demo_name="Office X1",
    nozzle_code="HS00",
    nozzle_type="stainless_steel",
    job=DemoJob(name="Cable chain links", layers=118, minutes=96, source=(0, 0)),
    ams=(
        AmsUnit(
            kind=AmsKind.AMS,
            id=0,
            humidity=24,
            temperature=25.1,
            spools=(
                Spool(
                    filament=PLA_BASIC, color="1F3A5FFF", color_name="A00-B8", remain=41
                ),
                Spool(
                    filament=PLA_BASIC, color="D9D9D9FF", color_name="A00-D1", remain=72
                ),
                Spool(
                    filament=PETG_HF, color="111111FF", color_name="G02-K0", remain=15
                ),
                Spool(
                    filament=PLA_MATTE,
                    color="C98BB9FF",
                    color_name="A01-P4",
                    remain=100,
                ),
            ),
        ),
    ),
)

X1E = replace(
    X1C,
    key="X1E",
    product="Bambu Lab X1E",
    code="C13",
    serial="03W09E4A0912560",
    firmware="01.02.00.00",
    demo_name="Lab X1E",
    nozzle_max=320,
    chamber_max=60,
    boards=tuple(
        replace(board, hardware="AP02") if board.name == "ap" else board
        for board in _BOARDS
    ),
    job=DemoJob(
        name="Gearbox housing PAHT",
        layers=268,
        minutes=402,
        nozzle=290,
        bed=100,
        chamber=55,
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.AMS,
            id=0,
            humidity=12,
            temperature=33.0,
            spools=(
                Spool(
                    filament=PAHT_CF, color="1C1C1CFF", color_name="N04-K0", remain=58
                ),
                None,
                None,
                None,
            ),
        ),
    ),
)


def report(profile: Profile) -> Json:
    """Build the idle report."""
    result = common(profile) | linux_blocks(profile)
    result["nozzle_temper"] = result["bed_temper"] = 24.0
    result["online"]["ext"] = False
    result["info"] = {"temp": 24}
    result["ctt"] = 0
    result["maintain"] = 3
    return result
