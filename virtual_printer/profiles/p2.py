"""P2S: the first of the air-duct generation, one nozzle, a chamber sensor without a heater."""

from ..ams import AmsKind, AmsUnit
from ..bits import bits
from ..filaments import ABS, PETG_HF, PLA_BASIC, PLA_OTHER, Spool
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

P2S = Profile(
    key="P2S",
    product="Bambu Lab P2S",
    code="N7",
    serial="22E8BJ610500738",
    family=Family.P2,
    firmware="01.02.00.00",
    demo_name="Print farm P2S",
    boards=(
        Board(
            name="ahb",
            hardware="AHB-N703",
            version="01.00.12.04",
            title="Filament Buffer - for P2",
            visible=True,
        ),
        Board(name="th", hardware="TH03", version="02.00.21.16"),
        Board(name="smc", hardware="SMC01", version="02.00.14.02"),
        Board(name="mc", hardware="MC06", version="01.00.70.41"),
        Board(name="ap", hardware="AP04", version="00.00.70.13"),
    ),
    job=DemoJob(
        name="Drawer organiser 2x3",
        layers=188,
        minutes=152,
        nozzle=245,
        bed=70,
        source=(0, 1),
    ),
    ams=(
        AmsUnit(
            kind=AmsKind.PRO_2,
            id=0,
            humidity=14,
            temperature=31.6,
            spools=(
                Spool(
                    filament=PLA_BASIC, color="00AE42FF", color_name="A00-G1", remain=48
                ),
                Spool(
                    filament=PETG_HF, color="E8E4DAFF", color_name="G02-W0", remain=83
                ),
                Spool(filament=PLA_OTHER, color="5E43B7FF"),
                Spool(filament=ABS, color="000000FF", color_name="B00-K0", remain=9),
            ),
        ),
    ),
    bed_max=110,
    chamber_sensor=True,
    lights=("chamber_light", "work_light"),
    airduct=Airduct(
        parts=((16, 0), (32, 6), (48, 2)),
        modes=((0, (16, 32, 48, 160), ()), (1, (16, 32), (160, 48))),
    ),
    dry_settings=True,
    home_flag=HOME_COMMON | bits(5, 11, 15, 16, 19, 20, 24, 25, 30, 31),
    fun=bits(0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 24, 25, 31)
    | bits(32, 38, 39, 40, 41, 42, 43, 44, 45, 46, 49, 61, 62),
    fun2=bits(0, 2, 3, 4, 5, 13, 14, 15),
    cfg=cfg_bits(
        lidar=True, monitor=True, door=1, sound=True, tangle=True, blob=True, heating=1
    )
    | 1 << 43,
    aux=0x2801004,
    stat=0x1000_2080_F0 & ~(1 << 23),
    xcam=xcam_block(cfg=XCAM_CFG | bits(20, 21)),
    rtsp=True,
    wifi=-66,
    stages=(29, 2, 13, 11, 14, 1, 8),
)


def report(profile: Profile) -> Json:
    """Build the idle report."""
    result = common(profile) | linux_blocks(profile)
    result |= {
        "3D": {"layer_num": 0, "total_layer_num": 0},
        "info": {"temp": 24},
        "stg_cd": 0,
    }
    # The firmware reports the nozzle's code where older models say its material.
    result["nozzle_type"] = profile.nozzle_code
    result["device"]["holder"] = None
    result["device"]["nozzle"] |= {"src_id": 0, "tar_id": 0}
    result["device"]["nozzle"]["info"][0] |= {
        "color_m": "00000000",
        "fila_id": "",
        "sn": "2A0VP00410025",
        "stat": 0,
    }
    result["device"]["cam"]["timelapse_path"] = ""
    result["device"]["airduct"] |= {
        "modeFunc": 0,
        "modeVisable": 7,  # the firmware's own spelling
        "subFunc": 0,
        "subVisable": 7,
    }
    result["ipcam"]["cap_pic_enable"] = "enable"
    return result
