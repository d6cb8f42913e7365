"""Trying whether the data of an entry lead to its printer."""

from collections.abc import Mapping
import logging
from typing import Any

from homeassistant.const import CONF_HOST

from .const import (
    CONF_ACCESS_CODE,
    CONF_CAMERA_PORT,
    CONF_CERTIFICATE,
    CONF_DETECT_PORT,
    CONF_FTPS_PORT,
    CONF_MQTT_PORT,
    CONF_SERIAL,
    FTPS_PORT,
)
from .printer import (
    CHECK_TIMEOUT,
    DETECT_PORT,
    Endpoint,
    PrinterConnectionError,
    check_connection,
)

_LOGGER = logging.getLogger(__name__)


def endpoint_from_data(data: Mapping[str, Any]) -> Endpoint:
    """Read where a printer is from the data of its entry."""
    return Endpoint(
        host=data[CONF_HOST],
        serial=data[CONF_SERIAL],
        access_code=data[CONF_ACCESS_CODE],
        pin=data[CONF_CERTIFICATE],
        mqtt_port=data[CONF_MQTT_PORT],
        detect_port=data.get(CONF_DETECT_PORT, DETECT_PORT),
        camera_port=data.get(CONF_CAMERA_PORT),
        ftps_port=data.get(CONF_FTPS_PORT, FTPS_PORT),
    )


async def async_try_connection(
    data: Mapping[str, Any], limit: float = CHECK_TIMEOUT
) -> str | None:
    """Log in and leave again; return the code of what is wrong, None when all is well."""
    try:
        await check_connection(endpoint_from_data(data), limit=limit)
    except PrinterConnectionError as err:
        return err.code
    except Exception:
        _LOGGER.exception("Unexpected error while connecting to a printer")
        return "unknown"
    return None
