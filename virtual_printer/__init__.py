"""A Bambu Lab printer on loopback, for tests and for the demo.

It shares no code with the integration, so that each checks the other.

    async with VirtualPrinter("H2D", autostart_reports=False) as printer:
        ...                                        # connect to printer.mqtt_port
        request = await printer.wait_for_request("print", "pause")
        printer.update({"wifi_signal": "-80dBm"})  # merged into the report
        await printer.tick(60)                     # a minute passes
        await printer.push()                       # full or delta, as the model does
        printer.make_project("box.gcode.3mf")      # on the card behind printer.ftps_port

The report is the state: what `update` writes is what commands and the simulated print go
on from. Requests are obeyed and acknowledged at once, `faults` says what goes wrong, and
`python -m virtual_printer --model A1MINI --speed 60` runs one for a demonstration.
"""

from .ams import AmsKind
from .faults import Faults, Refusal, Stage
from .filaments import Filament, Spool
from .printer import VirtualPrinter
from .profiles import PROFILES
from .simulation import SCENARIOS

__all__ = [
    "PROFILES",
    "SCENARIOS",
    "AmsKind",
    "Faults",
    "Filament",
    "Refusal",
    "Spool",
    "Stage",
    "VirtualPrinter",
]
