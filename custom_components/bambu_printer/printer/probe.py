"""A command that changes nothing, to learn whether a printer obeys."""

from . import commands
from .commands import Command
from .filaments import find_filament
from .state import PrinterState

_DEFAULT_CALIBRATION = (None, -1)


def harmless_command(state: PrinterState) -> Command | None:
    """Return a command that only repeats what is so already; None when there is none.

    It describes the filament on the external spool as the printer describes it.  Printers
    may forget the calibration profile of a slot that is described, and the description
    that is in use is needed: so not while a job is active, and not when a profile was
    chosen.  That nothing else happens is reported by others, and not known for all models.
    """
    spool = next(iter(state.ams.externals), None)
    if (
        spool is None
        or state.job.gcode_state is None
        or state.job.active
        or spool.calibration not in _DEFAULT_CALIBRATION
    ):
        return None
    preset = find_filament(spool.filament_id) if spool.filament_id else None
    color = (spool.color or "#00000000").removeprefix("#")
    return commands.set_filament(
        spool.slot.unit,
        spool.slot.slot,
        spool.slot.setting_tray,
        filament_id=spool.filament_id,
        setting_id=preset.setting_id if preset else "",
        kind=spool.type,
        color=color if len(color) == 8 else f"{color}FF",
        temp_min=spool.nozzle_temp_min or 0,
        temp_max=spool.nozzle_temp_max or 0,
    )
