"""Heat: how fast things warm up and cool down, and how much the sensors flicker."""

from dataclasses import dataclass, field
import math

from .machine import Machine

AMBIENT = 23.0


@dataclass(slots=True)
class _Mass:
    """Something with a temperature of its own."""

    heating: float  # degrees per second at full power
    cooling: float  # time constant in seconds
    noise: float
    value: float = AMBIENT
    written: float = field(default=math.nan)


class Thermal:
    """The temperatures of a printer."""

    def __init__(self, machine: Machine) -> None:
        """Start from what the report says."""
        self._machine = machine
        self._nozzles = [
            _Mass(heating=5.0, cooling=110.0, noise=0.35)
            for _ in range(machine.profile.extruders)
        ]
        self._bed = _Mass(heating=0.55, cooling=900.0, noise=0.12)
        self._chamber = _Mass(heating=0.06, cooling=1500.0, noise=0.1)
        self.settle()

    def settle(self) -> None:
        """Put everything that has a target at its target."""
        machine = self._machine
        for index, nozzle in enumerate(self._nozzles):
            nozzle.value = machine.nozzle_target(index) or nozzle.value
            machine.set_nozzle(index, current=nozzle.value)
            nozzle.written = machine.nozzle_current(index)
        self._bed.value = machine.bed_target() or self._bed.value
        machine.set_bed(current=self._bed.value)
        self._bed.written = machine.bed_current()
        self._chamber.value = machine.chamber_target() or self._warmed()
        machine.set_chamber(current=self._chamber.value)
        self._chamber.written = machine.chamber_current()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        machine = self._machine
        for index, nozzle in enumerate(self._nozzles):
            self._adopt(nozzle, machine.nozzle_current(index))
            self._step(nozzle, machine.nozzle_target(index), AMBIENT + 1, seconds)
            machine.set_nozzle(index, current=self._measured(nozzle))
            nozzle.written = machine.nozzle_current(index)
        self._adopt(self._bed, machine.bed_current())
        self._step(self._bed, machine.bed_target(), AMBIENT, seconds)
        machine.set_bed(current=self._measured(self._bed))
        self._bed.written = machine.bed_current()
        if machine.profile.chamber_sensor:
            self._adopt(self._chamber, machine.chamber_current())
            rest = self._warmed()
            self._step(self._chamber, machine.chamber_target() or rest, rest, seconds)
            machine.set_chamber(current=self._measured(self._chamber))
            self._chamber.written = machine.chamber_current()

    def _warmed(self) -> float:
        """Return where the chamber settles by the warmth of the bed alone."""
        return AMBIENT + 0.3 * max(0.0, self._bed.value - AMBIENT)

    def _adopt(self, mass: _Mass, reported: float) -> None:
        """Go on from a value that somebody else wrote into the report."""
        if not math.isnan(mass.written) and reported != mass.written:
            mass.value = reported

    def _step(self, mass: _Mass, target: float, rest: float, seconds: float) -> None:
        if target > mass.value:
            mass.value = min(target, mass.value + mass.heating * seconds)
        else:
            floor = max(target, rest)
            mass.value = floor + (mass.value - floor) * math.exp(
                -seconds / mass.cooling
            )

    def _measured(self, mass: _Mass) -> float:
        """Return what the sensor says: the value with a little noise."""
        return max(0.0, mass.value + self._machine.rng.gauss(0.0, mass.noise))
