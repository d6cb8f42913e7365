"""Drying in an AMS 2 Pro or AMS HT."""

from dataclasses import dataclass
from typing import Any

from .machine import Machine

# Drying states in bits 4-7 of a unit's info.
OFF, CHECKING, DRYING, COOLING, STOPPING = range(5)


@dataclass(slots=True)
class _Run:
    target: float
    minutes: float
    cool_to: float
    state: int = CHECKING
    age: float = 0.0
    temperature: float = 25.0
    humidity: float = 20.0


class Drying:
    """Every unit that is drying."""

    def __init__(self, machine: Machine) -> None:
        """Start with none."""
        self._machine = machine
        self._runs: dict[int, _Run] = {}

    def start(
        self,
        unit_id: int,
        *,
        temperature: float,
        hours: float,
        filament: str,
        cool_to: float = 45,
    ) -> bool:
        """Start a unit; tell whether it can dry."""
        kind, unit = self._machine.kinds.get(unit_id), self._machine.unit(unit_id)
        if kind is None or unit is None or not kind.value.dries:
            return False
        if temperature < 45 or not 1 <= hours <= 24:
            return False
        target = min(temperature, kind.value.dry_max)
        run = _Run(
            target,
            hours * 60,
            cool_to,
            temperature=float(unit["temp"]),
            humidity=float(unit["humidity_raw"]),
        )
        self._runs[unit_id] = run
        unit["dry_time"] = round(run.minutes)
        if "dry_setting" in unit:
            unit["dry_setting"] = {
                "dry_filament": filament,
                "dry_temperature": round(target),
                "dry_duration": round(hours),
            }
            unit["dry_sf_reason"] = [6]
        self._show(unit_id, run)
        return True

    def stop(self, unit_id: int) -> None:
        """Let a unit cool down."""
        if (run := self._runs.get(unit_id)) is not None:
            run.minutes = 0
            run.state = COOLING
            self._finish(unit_id)
            self._show(unit_id, run)

    def stop_all(self) -> None:
        """Let every unit cool down."""
        for unit_id in list(self._runs):
            self.stop(unit_id)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        for unit_id, run in list(self._runs.items()):
            if self._machine.unit(unit_id) is None:
                del self._runs[unit_id]
                continue
            run.age += seconds
            if run.state == CHECKING and run.age >= 8:
                run.state = DRYING
            if run.state == DRYING:
                run.minutes -= seconds / 60
                run.temperature += min(run.target - run.temperature, 0.08 * seconds)
                run.humidity = max(5.0, run.humidity - 0.0012 * seconds)
                if run.minutes <= 0:
                    run.minutes, run.state = 0, COOLING
                    self._finish(unit_id)
            elif run.state == COOLING:
                run.temperature -= 0.05 * seconds
                if run.temperature <= max(run.cool_to, 30.0):
                    run.state = OFF
            self._show(unit_id, run)
            if run.state == OFF:
                del self._runs[unit_id]

    def _finish(self, unit_id: int) -> None:
        unit = self._machine.unit(unit_id)
        if unit is not None and "dry_setting" in unit:
            unit["dry_setting"] = {
                "dry_filament": "",
                "dry_temperature": -1,
                "dry_duration": -1,
            }
            unit["dry_sf_reason"] = []

    def _show(self, unit_id: int, run: _Run) -> None:
        machine = self._machine
        unit: dict[str, Any] | None = machine.unit(unit_id)
        if unit is None:
            return
        unit["dry_time"] = max(0, -int(-run.minutes // 1))
        unit["temp"] = f"{run.temperature:.1f}"
        unit["humidity_raw"] = str(round(run.humidity))
        active = run.state == DRYING
        heating = run.target - run.temperature > 1
        machine.set_unit_info(unit_id, 4, 4, run.state)
        machine.set_unit_info(unit_id, 18, 2, int(active))
        machine.set_unit_info(unit_id, 20, 2, int(active))
        machine.set_unit_info(unit_id, 22, 2, (1 if heating else 2) if active else 0)
