"""A1 and A1 mini: deltas only, AMS lite, no chamber, no fans but the part fan."""

from dataclasses import replace

from ..ams import AmsKind, AmsUnit
from ..bits import bits
from ..filaments import PLA_BASIC, PLA_MATTE, PLA_OTHER, PLA_SILK, TPU, Spool
from .base import (
    HOME_COMMON,
    Board,
    DemoJob,
    External,
    Family,
    Json,
    Profile,
    common,
    small_blocks,
)

A1 = Profile(
    key="A1",
    product="Bambu Lab A1",
    code="N2S",
    serial="03919D4A1500731",
    family=Family.A1,
    firmware="01.07.00.00",
    demo_name="Living room A1",
    boards=(
        Board(name="esp32", hardware="AP05", version="01.13.22.05"),
        Board(name="mc", hardware="MC02", version="00.00.35.16"),
        Board(name="th", hardware="TH01", version="00.00.09.44"),
    ),
    job=DemoJob(name="Articulated gecko", layers=96, minutes=71, bed=65, source=(0, 3)),
    ams=(
        AmsUnit(
            kind=AmsKind.LITE,
            id=0,
            spools=(
                Spool(
                    filament=PLA_MATTE, color="0086D6FF", color_name="A01-B4", remain=22
                ),
                Spool(
                    filament=PLA_BASIC, color="FFFFFFFF", color_name="A00-W1", remain=91
                ),
                Spool(filament=PLA_OTHER, color="F4EE2AFF"),
                Spool(
                    filament=PLA_SILK, color="16B08EFF", color_name="A05-G3", remain=56
                ),
            ),
        ),
    ),
    aux_fan=False,
    chamber_fan=False,
    external=External.VT_TRAY,
    modern_trays=False,
    idle_stage=255,
    remote_drying=False,
    home_flag=HOME_COMMON | bits(16, 17, 18, 19, 20, 21, 24, 25, 28, 29),
    nozzle_type="stainless_steel",
    wifi=-55,
    stages=(2, 13, 14, 1),
)

A1_MINI = replace(
    A1,
    key="A1 mini",
    product="Bambu Lab A1 mini",
    code="N1",
    serial="0300DA390504482",
    demo_name="Kitchen A1 mini",
    bed_max=80,
    job=DemoJob(name="Cookie cutter set", layers=40, minutes=38, bed=60, source=(0, 1)),
    external_spools=(Spool(filament=TPU, color="898989FF"),),
    wifi=-61,
)


def report(profile: Profile) -> Json:
    """Build the idle report."""
    return common(profile) | small_blocks(profile)
