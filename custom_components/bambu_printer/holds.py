"""Reasons for which Home Assistant leaves a printer alone on purpose."""

from enum import StrEnum


class Hold(StrEnum):
    """Why there is no connection, though the printer may be there."""

    RELEASED = "released"
    """The user made room for another program."""
    POWERED_OFF = "powered_off"
    """The plug of the printer is switched off."""
