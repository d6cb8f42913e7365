"""P1P and P1S: deltas only, no device object, no chamber sensor, the old external spool."""

from dataclasses import replace

from ..ams import AmsKind, AmsUnit
from ..bits import bits
from ..filaments import ABS, PETG_HF, PETG_OTHER, PLA_BASIC, PLA_OTHER, Spool
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

P1S = Profile(
    key="P1S",
    product="Bambu Lab P1S",
    code="C12",
    serial="01P09C4B2201876",
    family=Family.P1,
    firmware="01.09.00.00",
    demo_name="Garage P1S",
    boards=(
        Board(name="esp32", hardware="AP04", version="01.12.40.11"),
        Board(name="mc", hardware="MC07", version="00.01.34.20"),
        Board(name="th", hardware="TH09", version="00.00.10.08"),
    ),
    job=DemoJob(
        name="Bike light bracket",
        layers=174,
        minutes=128,
        nozzle=255,
        bed=75,
        source=(0, 2),
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.AMS,
            id=0,
            humidity=29,
            temperature=26.2,
            spools=(
                Spool(
                    filament=PLA_BASIC, color="FF9016FF", color_name="A00-A0", remain=33
                ),
                Spool(filament=PLA_OTHER, color="2850E0FF"),
                Spool(
                    filament=PETG_HF, color="515151FF", color_name="G02-D0", remain=78
                ),
                None,
            ),
        ),
    ),
    external=External.VT_TRAY,
    external_spools=(Spool(filament=ABS, color="C12E1FFF"),),
    modern_trays=False,
    idle_stage=255,
    remote_drying=False,
    home_flag=HOME_COMMON | bits(11, 15, 16, 19, 20, 27),
    nozzle_type="stainless_steel",
    wifi=-47,
    stages=(2, 13, 14, 1),
)

P1P = replace(
    P1S,
    key="P1P",
    product="Bambu Lab P1P",
    code="C11",
    serial="01S00A310300229",
    firmware="01.08.02.00",
    demo_name="Classroom P1P",
    job=DemoJob(name="Schlüsselanhänger Löwe", layers=61, minutes=47, source=(255, 0)),
    ams=(),
    external_spools=(Spool(filament=PETG_OTHER, color="8BD3E6FF"),),
    aux_fan=False,
    chamber_fan=False,
    home_flag=HOME_COMMON | bits(15, 19, 27),
    wifi=-63,
)


def report(profile: Profile) -> Json:
    """Build the idle report."""
    return common(profile) | small_blocks(profile) | {"ams_rfid_status": 6}
