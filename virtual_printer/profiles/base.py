"""What a model is, and the parts of a report that several families share."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..ams import AmsUnit, existence, unit_report
from ..bits import bits, hexstr, packed, signed32
from ..filaments import Spool, blank, external

type Json = dict[str, Any]


class Family(StrEnum):
    """Generations that share firmware."""

    X1 = "X1"
    P1 = "P1"
    A1 = "A1"
    A2 = "A2"
    P2 = "P2"
    H2 = "H2"
    X2 = "X2"


class External(StrEnum):
    """The form in which the external spool is reported."""

    VT_TRAY = "vt_tray"
    BOTH = "both"
    VIR_SLOT = "vir_slot"


@dataclass(frozen=True, kw_only=True)
class Board:
    """A circuit board in the list of versions."""

    name: str
    hardware: str
    version: str
    title: str = ""
    visible: bool = False


@dataclass(frozen=True, kw_only=True)
class DemoJob:
    """The print that the printer is busy with when it starts in the middle of one."""

    name: str
    layers: int
    minutes: int
    nozzle: int = 220
    bed: int = 60
    chamber: int = 0
    # Unit and slot that feed it; (255, 0) and (254, 0) are the external spools.
    source: tuple[int, int] = (0, 0)
    extruder: int = 0


@dataclass(frozen=True, kw_only=True)
class Airduct:
    """The air duct: its parts and what each mode lets the user set."""

    # (part id, function)
    parts: tuple[tuple[int, int], ...]
    # (mode id, settable parts, parts forced off)
    modes: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One printer model."""

    key: str
    product: str
    code: str
    serial: str
    family: Family
    firmware: str
    demo_name: str
    job: DemoJob
    boards: tuple[Board, ...]
    full_reports: bool = False
    extruders: int = 1
    nozzle_max: int = 300
    bed_max: int = 100
    chamber_sensor: bool = False
    chamber_max: int = 0
    aux_fan: bool = True
    chamber_fan: bool = True
    lights: tuple[str, ...] = ("chamber_light",)
    heatbed_light: bool = False
    airduct: Airduct | None = None
    idle_stage: int = -1
    external: External = External.VIR_SLOT
    modern_trays: bool = True
    dry_settings: bool = False
    remote_drying: bool = True
    external_spools: tuple[Spool | None, ...] = (None,)
    ams: tuple[AmsUnit, ...] = ()
    home_flag: int = 0
    fun: int | None = None
    fun2: int | None = None
    cfg: int | None = None
    aux: int | None = None
    stat: int | None = None
    xcam: Json | None = None
    rtsp: bool = False
    nozzle_code: str = "HS01"
    nozzle_type: str = "hardened_steel"
    wifi: int = -52
    stages: tuple[int, ...] = (2, 13, 14, 1)
    extra: Json = field(default_factory=dict)

    @property
    def dual(self) -> bool:
        """Whether there are two extruders."""
        return self.extruders > 1


# home_flag: X, Y, Z homed, 220 V, auto recovery, remain estimate, card normal, auto refill.
HOME_COMMON = bits(0, 1, 2, 3, 4, 7, 8, 10, 22)


def cfg_bits(
    *,
    lidar: bool = False,
    monitor: bool = False,
    door: int = 0,
    sound: bool = False,
    tangle: bool = False,
    blob: bool = False,
    purify: int = 0,
    heating: int = 0,
    light: bool = True,
) -> int:
    """Build the cfg word of the newer firmware with usual settings."""
    value = bits(0, 3, 4, 16, 17, 18, 19) | 2 << 8
    value |= bits(7) if light else 0
    value |= bits(12) if lidar else 0
    value |= bits(15) | 2 << 13 if monitor else 0
    value |= door << 20 | int(sound) << 22 | int(tangle) << 23 | int(blob) << 24
    return value | heating << 32 | purify << 36


def xcam_block(*, cfg: int | None = None, plate: bool = True) -> Json:
    """Build the detectors of a model with camera intelligence."""
    block: Json = {
        "allow_skip_parts": False,
        "buildplate_marker_detector": plate,
        "first_layer_inspector": True,
        "halt_print_sensitivity": "medium",
        "print_halt": True,
        "printing_monitor": True,
        "spaghetti_detector": True,
    }
    if cfg is not None:
        block["cfg"] = cfg
    return block


# All four detectors on with medium sensitivity; bits 0-2 and 4 are always seen set.
XCAM_CFG = bits(0, 1, 2, 4, 7, 10, 13, 16) | 1 << 8 | 1 << 11 | 1 << 14 | 1 << 17


def common(profile: Profile) -> Json:
    """Build what every model reports, for a printer that is idle."""
    report: Json = {
        "command": "push_status",
        "msg": 0,
        "sequence_id": "0",
        "nozzle_temper": 24.0,
        "nozzle_target_temper": 0,
        "bed_temper": 23.0,
        "bed_target_temper": 0,
        "heatbreak_fan_speed": "0",
        "cooling_fan_speed": "0",
        "big_fan1_speed": "0",
        "big_fan2_speed": "0",
        "fan_gear": 0,
        "gcode_state": "IDLE",
        "gcode_file": "",
        "gcode_file_prepare_percent": "0",
        "subtask_name": "",
        "subtask_id": "0",
        "task_id": "0",
        "project_id": "0",
        "profile_id": "0",
        "mc_percent": 0,
        "mc_remaining_time": 0,
        "mc_print_stage": "1",
        "mc_print_sub_stage": 0,
        "layer_num": 0,
        "total_layer_num": 0,
        "s_obj": [],
        "stg": [],
        "stg_cur": profile.idle_stage,
        "print_type": "idle",
        "print_error": 0,
        "hms": [],
        "home_flag": signed32(profile.home_flag),
        "hw_switch_state": 1,
        "sdcard": True,
        "spd_lvl": 2,
        "spd_mag": 100,
        "ams_status": 0,
        "ams_rfid_status": 0,
        "queue_est": 0,
        "queue_number": 0,
        "queue_sts": 0,
        "queue_total": 0,
        "force_upgrade": False,
        "wifi_signal": f"{profile.wifi}dBm",
        "nozzle_diameter": "0.4",
        "nozzle_type": profile.nozzle_type,
        "cali_version": 0,
        "lights_report": [
            {"node": node, "mode": "flashing" if node == "work_light" else "on"}
            for node in profile.lights
        ],
        "ams": ams_block(profile),
    }
    report |= external_block(profile)
    if profile.xcam is not None:
        report["xcam"] = dict(profile.xcam)
    for key in ("fun", "fun2", "cfg", "aux", "stat"):
        value: int | None = getattr(profile, key)
        if value is not None:
            report[key] = hexstr(value)
    return report


def ams_block(profile: Profile) -> Json:
    """Build the report of the AMS units."""
    units = [
        unit_report(
            unit,
            modern=profile.modern_trays,
            dry_setting=profile.dry_settings,
        )
        for unit in profile.ams
    ]
    block: Json = {
        "ams": units,
        **existence(units),
        "tray_now": "255",
        "tray_pre": "255",
        "tray_tar": "255",
        "version": 12,
        "insert_flag": True,
        "power_on_flag": False,
    }
    if profile.modern_trays:
        block |= {
            "ams_exist_bits_raw": block["ams_exist_bits"],
            "cali_id": 255,
            "cali_stat": 0,
            "unbind_ams_stat": 0,
        }
    return block


def external_block(profile: Profile) -> Json:
    """Build the report of the external spools, in the form of the model."""
    modern = profile.modern_trays
    short = profile.family is Family.A2

    def one(slot: int, spool: Spool | None) -> Json:
        if spool is None:
            return blank(slot, modern=modern, short=short)
        return external(slot, spool, modern=modern, short=short)

    if profile.external is External.VT_TRAY:
        return {"vt_tray": one(254, profile.external_spools[0])}
    spools = (*profile.external_spools, None, None)
    ids = (254, 255) if profile.dual else (255,)
    # The main holder (255) comes first in the profile, last in the report.
    by_id = {255: spools[0], 254: spools[1]}
    block: Json = {"vir_slot": [one(slot, by_id[slot]) for slot in ids]}
    if profile.external is External.BOTH:
        block["vt_tray"] = one(255, by_id[255])
    return block


def linux_blocks(profile: Profile) -> Json:
    """Build what the printers with a Linux board (X1, P2S, H2, X2D) report in addition."""
    device: Json = {
        "type": 1,
        "fan": 0,
        "laser": {"power": 0},
        "cam": {"laser": {"cond": 252, "state": 0}},
        "bed": {"info": {"temp": 23}, "state": 0},
        "bed_temp": 23,
        "ctc": {"info": {"temp": 24}, "state": 0},
        "ext_tool": {
            "calib": 2,
            "low_prec": True,
            "mount": 0,
            "mount_3d": 0,
            "th_temp": 0,
            "type": "",
        },
        "extruder": extruder_block(profile),
        "nozzle": nozzle_block(profile),
        "plate": {"base": 1, "mat": 1, "cur_id": "", "tar_id": "", "cali2d_id": ""},
    }
    if profile.airduct is not None:
        device["airduct"] = airduct_block(profile.airduct)
    return {
        "ap_err": 0,
        "aux_part_fan": profile.family is Family.X1,
        "batch_id": 0,
        "canvas_id": 0,
        "care": [{"id": "cr", "info": "1A20640"}, {"id": "ls", "info": "20C1860"}],
        "design_id": "0",
        "device": device,
        "err": "0",
        "fail_reason": "0",
        "file": "",
        "ipcam": ipcam_block(profile),
        "job": {
            "cur_stage": {"idx": 0, "state": 0},
            "stage": [
                {
                    "clock_in": False,
                    "color": [""] * profile.extruders,
                    "diameter": [0.4000000059604645] * profile.extruders,
                    "est_time": 0,
                    "heigh": 0.0,
                    "idx": 0,
                    "platform": "",
                    "print_then": False,
                    "proc_list": [],
                    "tool": [profile.nozzle_code] * profile.extruders,
                    "type": 2,
                }
            ],
        },
        "job_attr": 0,
        "job_id": "0",
        "lan_task_id": "0",
        "mapping": [],
        "mc_action": 255,
        "mc_err": 0,
        "mc_print_error_code": "0",
        "mc_stage": 1,
        "model_id": "",
        "net": {"conf": 16, "info": [{"ip": 0, "mask": 0}, {"ip": 0, "mask": 0}]},
        "online": {"ahb": bool(profile.ams), "version": 7},
        "percent": 0,
        "plate_cnt": 1,
        "plate_id": 0,
        "plate_idx": 0,
        "prepare_per": 0,
        "print_gcode_action": 255,
        "print_real_action": 0,
        "queue": 0,
        "remain_time": 0,
        "state": 0,
        "t_utc": 0,
        "upgrade_state": {
            "ahb_new_version_number": "",
            "ams_new_version_number": "",
            "consistency_request": False,
            "dis_state": 0,
            "err_code": 0,
            "ext_new_version_number": "",
            "force_upgrade": False,
            "idx": 4,
            "idx2": 240117,
            "lower_limit": "00.00.00.00",
            "message": "",
            "module": "",
            "new_version_state": 2,
            "ota_new_version_number": "",
            "progress": "0",
            "sequence_id": 0,
            "sn": "",
            "status": "IDLE",
        },
        "upload": {
            "file_size": 0,
            "finish_size": 0,
            "message": "Good",
            "oss_url": "",
            "progress": 0,
            "sequence_id": "0903",
            "speed": 0,
            "status": "idle",
            "task_id": "",
            "time_remaining": 0,
            "trouble_id": "",
        },
        "ver": "20010",
        "xcam_status": "0",
    }


def small_blocks(profile: Profile) -> Json:
    """Build what the printers with a microcontroller (P1, A1, A2L) report in addition."""
    return {
        # No sensor: the firmware reports this constant.
        "chamber_temper": 5,
        "filam_bak": [],
        "flag3": 15,
        "ipcam": ipcam_block(profile),
        "k": "0.0200",
        "lifecycle": "product",
        "mc_print_line_number": "0",
        "mess_production_state": "active",
        "net": {"conf": 0, "info": [{"ip": 0, "mask": 0}]},
        "online": {"ahb": False, "rfid": False, "version": 1733501},
        "upgrade_state": {
            "consistency_request": False,
            "cur_state_code": 0,
            "dis_state": 0,
            "err_code": 0,
            "force_upgrade": False,
            "idx2": 240117,
            "message": "0%, 0B/s",
            "module": "",
            "new_ver_list": [],
            "new_version_state": 2,
            "progress": "",
            "sequence_id": 0,
            "status": "IDLE",
        },
        "upload": {"status": "idle", "progress": 0, "message": ""},
    }


def ipcam_block(profile: Profile) -> Json:
    """Build the report of the camera."""
    block: Json = {
        "ipcam_dev": "1",
        "ipcam_record": "enable",
        "timelapse": "disable",
        "resolution": "1080p" if profile.rtsp or profile.family is Family.A2 else "",
        "tutk_server": "disable",
        "mode_bits": 2 if profile.rtsp else 3,
    }
    if profile.rtsp:
        block |= {
            "agora_service": "disable",
            "brtc_service": "enable",
            "bs_state": 0,
            "laser_preview_res": 5,
            # The H2 series comes with the live view switched off; the address is wrong
            # on real printers too.
            "rtsp_url": "disable"
            if profile.family is Family.H2
            else "rtsps://192.0.2.10:322/streaming/live/1",
            "tl_store_hpd_type": 2,
            "tl_store_path_type": 2,
        }
    return block


def extruder_block(profile: Profile) -> Json:
    """Build the report of the extruders; the right one is 0 and active."""
    empty = {0: 65535, 1: 65279}
    return {
        "state": profile.extruders,
        "info": [
            {
                "id": index,
                "temp": packed(0, 24),
                "info": 8,
                "snow": empty[index],
                "spre": empty[index],
                "star": empty[index],
                "stat": 0,
                "hnow": index,
                "hpre": index,
                "htar": index,
                "filam_bak": [],
            }
            for index in range(profile.extruders)
        ],
    }


def nozzle_block(profile: Profile) -> Json:
    """Build the report of the nozzles."""
    return {
        "exist": (1 << profile.extruders) - 1,
        "state": 0,
        "info": [
            {
                "id": index,
                "type": profile.nozzle_code,
                "diameter": 0.4,
                "tm": 0,
                "wear": 0,
            }
            for index in range(profile.extruders)
        ],
    }


def airduct_block(duct: Airduct) -> Json:
    """Build the report of the air duct."""
    parts = [
        {"id": part, "func": function, "range": 100 << 16, "state": 0}
        for part, function in duct.parts
    ]
    if not duct.modes:
        return {"parts": parts, "version": 1}
    return {
        "modeCur": 0,
        "modeList": [
            {"modeId": mode, "ctrl": list(settable), "off": list(off)}
            for mode, settable, off in duct.modes
        ],
        "parts": parts,
        "subMode": 0,
        "version": 1,
    }
