"""Turning the library's errors into Home Assistant's."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .printer import BambuError
from .printer.errors import (
    FileMissingError,
    InvalidPathError,
    InvalidValueError,
    OutOfRangeError,
    PrintRefusedError,
    ProjectError,
    UnsupportedError,
    WrongStateError,
)

_CALLERS_FAULT = (
    FileMissingError,
    InvalidPathError,
    InvalidValueError,
    OutOfRangeError,
    PrintRefusedError,
    ProjectError,
    UnsupportedError,
    WrongStateError,
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise errors of the library as translated errors of Home Assistant.

    Every code of the library's errors is the key of a text in the translations.
    """
    try:
        yield
    except _CALLERS_FAULT as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=err.code,
            translation_placeholders=err.details,
        ) from err
    except BambuError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=err.code,
            translation_placeholders=err.details,
        ) from err
