"""The demo's printers: which ones, under what names and ports, from one run to the next."""

from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
import subprocess
import sys

from virtual_printer.profiles import PROFILES, find_profile

from . import FOLDER, ROOT, DemoError
from .processes import Child, port_is_free

HOST = "127.0.0.1"
#: Where the printers announce themselves: to everybody on this machine, and nobody else.
ANNOUNCE_TO = "127.255.255.255:2021"
ACCESS_CODE = "12345678"
#: Field of the config flow → where its ports begin; printers count up from there. The option of
#: virtual_printer has the same name, with dashes.
PORTS = {
    "mqtt_port": 8883,
    "ftps_port": 9990,
    "camera_port": 6000,
    "detect_port": 3002,
}
#: What `--printers N` takes when no model is asked for.
VARIETY = ("X1C", "P1S", "A1", "H2D", "A1 mini", "P2S", "H2S", "X1E")
_REGISTER = FOLDER / "printers.json"


@dataclass(kw_only=True)
class DemoPrinter:
    """A virtual printer, and the config entry that shows it."""

    model: str
    number: int
    serial: str
    name: str
    ports: dict[str, int] = field(default_factory=dict)
    access_code: str = ACCESS_CODE
    entry_id: str | None = None


def load() -> list[DemoPrinter]:
    """Return the printers of earlier runs."""
    try:
        return [DemoPrinter(**item) for item in json.loads(_REGISTER.read_text())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise DemoError(
            f"{_REGISTER.relative_to(ROOT)} is damaged ({error}); start anew with --fresh."
        ) from error


def save(printers: list[DemoPrinter]) -> None:
    """Remember the printers for the next run."""
    _REGISTER.parent.mkdir(parents=True, exist_ok=True)
    _REGISTER.write_text(json.dumps([asdict(p) for p in printers], indent=2) + "\n")


def choose(
    models: list[str], count: int, known: list[DemoPrinter]
) -> list[DemoPrinter]:
    """Return the printers for this run: known ones again, new ones added to `known`.

    The same models asked for again give the same printers, whose entries Home Assistant has.
    """
    try:
        wanted = [find_profile(model).key for model in models]
    except ValueError as error:
        raise DemoError(
            f"{error}.\n    --model takes one of: {', '.join(PROFILES)}"
        ) from error
    if not wanted:
        wanted = [VARIETY[0]] if count == 1 else list(VARIETY)

    chosen: list[DemoPrinter] = []
    for index in range(max(count, len(models))):
        model = wanted[index % len(wanted)]
        number = index // len(wanted) + 1
        printer = next(
            (p for p in known if p.model == model and p.number == number), None
        )
        if printer is None:
            printer = _new(model, number, known)
            known.append(printer)
        chosen.append(printer)
    for printer in chosen:
        for port in printer.ports.values():
            if not port_is_free(port, HOST):
                raise DemoError(
                    f"port {port}, which {printer.name} listens on, is in use. Does another"
                    " demo run? If not, scripts/develop --fresh chooses other ports."
                )
    return chosen


def _new(model: str, number: int, known: list[DemoPrinter]) -> DemoPrinter:
    """Describe a printer that no run had before."""
    profile = find_profile(model)
    serial = profile.serial
    if number > 1:
        serial = f"{serial[:-3]}{(int(serial[-3:]) + number - 1) % 1000:03d}"
    name = profile.demo_name if number == 1 else f"{profile.demo_name} {number}"
    ports: dict[str, int] = {}
    for key, first in PORTS.items():
        taken = {port for p in known for port in p.ports.values()} | set(ports.values())
        ports[key] = next(
            port
            for port in range(first, first + 1000)
            if port not in taken and port_is_free(port, HOST)
        )
    return DemoPrinter(
        model=model, number=number, serial=serial, name=name, ports=ports
    )


def child(printer: DemoPrinter, speed: float, scenario: str | None) -> Child:
    """Return the process of a printer."""
    options: dict[str, object] = {
        "--model": printer.model,
        "--serial": printer.serial,
        "--access-code": printer.access_code,
        "--name": printer.name,
        "--host": HOST,
        "--speed": f"{speed:g}",
        "--scenario": scenario,
        "--state-dir": state_folder(printer),
        "--announce": "",
        "--announce-to": ANNOUNCE_TO,
    } | {f"--{key.replace('_', '-')}": port for key, port in printer.ports.items()}
    supported = supported_options()
    command = [sys.executable, "-m", "virtual_printer"]
    for option, value in options.items():
        if value is not None and option in supported:
            command += [option, str(value)] if value != "" else [option]
    return Child(
        f"virtual printer {printer.name}",
        command,
        FOLDER / "logs" / f"printer-{printer.serial}.log",
    )


def state_folder(printer: DemoPrinter) -> Path:
    """Return where a printer keeps its certificate."""
    return FOLDER / "printers" / printer.serial


def supported_options() -> str:
    """Return the help of virtual_printer: not every version serves every port."""
    result = subprocess.run(
        [sys.executable, "-m", "virtual_printer", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise DemoError(f"virtual_printer does not start:\n{result.stderr}")
    return result.stdout
