"""A2L: the deltas of an A1 with the words and the device object of the newer firmware."""

from ..ams import AmsKind, AmsUnit
from ..bits import bits
from ..filaments import PETG_OTHER, PLA_BASIC, PLA_MATTE, Spool
from .base import (
    HOME_COMMON,
    Airduct,
    Board,
    DemoJob,
    Family,
    Json,
    Profile,
    airduct_block,
    cfg_bits,
    common,
    extruder_block,
    nozzle_block,
    small_blocks,
)

A2L = Profile(
    key="A2L",
    product="Bambu Lab A2L",
    code="N9",
    serial="26A19E5C0800193",
    family=Family.A2,
    firmware="01.01.02.00",
    demo_name="Studio A2L",
    boards=(
        Board(name="ap", hardware="AP03", version="01.12.51.07"),
        Board(name="mc", hardware="MC04", version="01.01.91.02"),
        Board(name="th", hardware="TH03", version="01.01.27.11"),
        Board(name="smc", hardware="SMC03", version="01.01.19.05"),
    ),
    job=DemoJob(
        name="Wall shelf rails", layers=210, minutes=305, bed=65, source=(16, 1)
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.LITE_A2L,
            id=16,
            spools=(
                None,
                Spool(
                    filament=PLA_MATTE, color="9B9EA0FF", color_name="A01-D3", remain=67
                ),
                Spool(filament=PETG_OTHER, color="0B6E4FFF"),
                Spool(
                    filament=PLA_BASIC, color="C12E1FFF", color_name="A00-R0", remain=80
                ),
            ),
        ),
    ),
    bed_max=80,
    aux_fan=False,
    chamber_fan=False,
    airduct=Airduct(parts=((16, 0),)),
    modern_trays=False,
    dry_settings=True,
    idle_stage=255,
    home_flag=HOME_COMMON | bits(16, 17, 18, 19, 20, 21, 24, 25, 28, 29),
    fun=bits(0, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 17, 32, 38, 39, 40, 48),
    fun2=bits(4, 5, 8, 10, 12, 18, 20, 24),
    cfg=cfg_bits(sound=True, tangle=True, blob=True),
    aux=0x31004,
    stat=0x30040000,
    xcam={"buildplate_marker_detector": True},
    nozzle_code="HA00",
    nozzle_type="stainless_steel",
    wifi=-49,
    stages=(2, 13, 14, 1),
)


def report(profile: Profile) -> Json:
    """Build the idle report."""
    result = common(profile) | small_blocks(profile)
    assert profile.airduct is not None
    result |= {
        "2D": {
            "bs": {"bi": [], "total_time": 0},
            "cond": 15,
            "cur_stage": {"clock_in_time": False, "idx": 0, "left_time": 0, "state": 0},
            "makeable": False,
            "material": {"cur_id_list": [], "state": 0, "tar_id": "", "tar_name": ""},
        },
        "3D": {"layer_num": 0, "total_layer_num": 0},
        "ap_err": 0,
        "batch_id": 0,
        "canvas_id": 0,
        "device": {
            "type": 1,
            "airduct": airduct_block(profile.airduct),
            "bed": {"info": {"temp": 23}, "state": 0},
            "ext_tool": {
                "mount": 0,
                "mount_3d": 0,
                "type": "",
                "calib": 2,
                "th_temp": 0,
            },
            "extruder": extruder_block(profile),
            "nozzle": nozzle_block(profile),
        },
        "err": "0",
        "flag3": 25240,
        "job_attr": 0,
        "job_id": "0",
        "mapping": [65535] * 32,
        "percent": 0,
        "plate_id": 0,
        "prepare_per": 0,
        "remain_time": 0,
        "state": 0,
        "ver": "20020",
    }
    for part in result["device"]["airduct"]["parts"]:
        part["tar_state"] = 0
    result["net"]["conf"] = 16
    return result
