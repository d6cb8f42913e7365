"""Names that several modules share."""

from typing import Final

DOMAIN: Final = "bambu_printer"
MANUFACTURER: Final = "Bambu Lab"

CONF_ACCESS_CODE: Final = "access_code"
CONF_CAMERA_PORT: Final = "camera_port"
CONF_CHAMBER_SENSOR: Final = "chamber_sensor"
CONF_CERTIFICATE: Final = "certificate"
CONF_DETECT_PORT: Final = "detect_port"
CONF_ERROR_TEXTS_ONLINE: Final = "error_texts_online"
CONF_FTPS_PORT: Final = "ftps_port"
CONF_GRACE: Final = "grace"
CONF_MQTT_PORT: Final = "mqtt_port"
CONF_PORTS: Final = "ports"
CONF_POWER: Final = "power"
CONF_POWER_SWITCH: Final = "power_switch"
CONF_RELEASE: Final = "release"
CONF_RETURN_AFTER: Final = "return_after"
CONF_SERIAL: Final = "serial"
CONF_TAKE_OVER: Final = "take_over"
CONF_WAKE: Final = "wake"

FTPS_PORT: Final = 990
