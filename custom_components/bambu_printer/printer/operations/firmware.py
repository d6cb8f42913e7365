"""Updates of the firmware."""

from .. import commands
from ..errors import NotAuthorizedError, NoUpdateError, WrongStateError
from ..state.job import GcodeState
from .base import Operations

_IDLE = frozenset({GcodeState.IDLE, GcodeState.FINISH, GcodeState.FAILED})


class FirmwareOperations(Operations):
    """Only what the printer itself has found, and offers."""

    @property
    def can_install_firmware(self) -> bool:
        """Whether the printer would obey; it need not have anything to install."""
        return not self.state.capabilities.signature_required

    async def install_firmware(self) -> None:
        """Tell the printer to install what it offers; it fetches that by itself.

        Nothing is downloaded or chosen here.  Refused unless the printer offers an update
        and does nothing else: `NoUpdateError`, `WrongStateError`.  Whether firmware that
        wants signed commands would take this one is not known, so it is not sent.
        """
        state, name = self.state, "upgrade_confirm"
        if not self.can_install_firmware:
            raise NotAuthorizedError(name, "commands must be signed")
        if state.firmware.updating:
            raise WrongStateError(name, state.firmware.status or "")
        if not state.firmware.update_offered:
            raise NoUpdateError("the printer offers no update")
        self._require(name, allowed=state.job.gcode_state in _IDLE)
        if any(unit.is_drying for unit in state.ams.units):
            raise WrongStateError(name, "drying")
        await self._command(commands.confirm_upgrade())
