"""What is said of states that are rare: in every language, and without a gap in it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from custom_components.bambu_printer.assist.answers import Speaker
from custom_components.bambu_printer.assist.phrases import load_phrases
from custom_components.bambu_printer.printer import PrinterState
from custom_components.bambu_printer.printer.state.ams import AmsState, AmsUnit, Tray
from custom_components.bambu_printer.printer.state.errors import (
    CANCELLED_CODES,
    ErrorState,
)
from custom_components.bambu_printer.printer.state.job import GcodeState, JobState

PHRASES = load_phrases()
NOTHING = PrinterState()


def state(gcode: GcodeState | None, **facts: Any) -> PrinterState:
    return replace(NOTHING, job=replace(JobState(gcode_state=gcode), **facts))


def speaker(what: PrinterState, language: str = "en", several: bool = False) -> Speaker:
    known = Mock()
    known.name = "Workshop"
    return Speaker(
        phrases=PHRASES[language],
        printer=known,
        state=what,
        several=several,
        text_of=lambda _problem: None,
    )


RUNNING = GcodeState.RUNNING
SAID: list[tuple[Callable[[Speaker], str], PrinterState, str]] = [
    (Speaker.progress, NOTHING, "state_unknown"),
    (Speaker.what, NOTHING, "state_unknown"),
    (Speaker.progress, state(GcodeState.FINISH, name="Vase.3mf"), "finished"),
    (Speaker.progress, state(GcodeState.FAILED, name="Vase"), "failed"),
    (
        Speaker.progress,
        replace(
            state(GcodeState.FAILED, name="Vase"),
            errors=ErrorState(print_error=min(CANCELLED_CODES)),
        ),
        "cancelled",
    ),
    (Speaker.progress, state(GcodeState.PREPARE), "preparing"),
    (Speaker.progress, state(GcodeState.PAUSE, name="Vase"), "paused_only"),
    (Speaker.progress, state(RUNNING, progress=7), "progress_only"),
    (Speaker.progress, state(RUNNING), "time_unknown"),
    (Speaker.remaining, state(RUNNING, progress=7), "time_unknown"),
    (Speaker.what, state(RUNNING), "printing_only"),
    (Speaker.what, state(GcodeState.PAUSE), "paused_job"),
    (Speaker.what, state(GcodeState.IDLE), "nothing"),
    (Speaker.what, state(GcodeState.FINISH, name="Vase"), "nothing_last"),
    (Speaker.progress, state(GcodeState.IDLE), "nothing"),
    (Speaker.low_spools, NOTHING, "remain_unknown"),
    (Speaker.problems, NOTHING, "problems_unknown"),
    (
        Speaker.problems,
        replace(NOTHING, errors=ErrorState(print_error=0x03008001)),
        "print_error",
    ),
    (
        Speaker.problems,
        replace(state(GcodeState.PAUSE), errors=ErrorState(print_error=0, hms=())),
        "no_problem_paused",
    ),
]


@pytest.mark.parametrize("language", sorted(PHRASES))
@pytest.mark.parametrize("several", [False, True])
def test_rare_answers(language: str, several: bool) -> None:
    for ask, what, key in SAID:
        said = ask(speaker(what, language, several))
        assert said.strip(), key
        assert "{" not in said, key
        assert "None" not in said, key


def test_the_right_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said is what the state calls for."""
    asked: list[str] = []
    kind = type(PHRASES["en"])
    say = kind.say

    def listen(self: object, key: str, **facts: str) -> str:
        asked.append(key)
        return say(self, key, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "say", listen)
    for ask, what, _key in SAID:
        ask(speaker(what))
    assert asked == [key for _ask, _what, key in SAID]


@pytest.mark.parametrize("language", sorted(PHRASES))
def test_moments(language: str) -> None:
    """Today, tomorrow, on a day of this week, on a date; and those that are past."""
    now = datetime.now(UTC)
    said = [
        speaker(
            state(
                GcodeState.FINISH, name="Vase", finish_time=now + timedelta(days=days)
            ),
            language,
        ).progress()
        for days in (0, 1, 3, 30, -30)
    ]
    assert all("{" not in text for text in said)
    assert len(set(said)) == len(said)


def test_slots() -> None:
    """Nothing in it, nobody knows what, and none such."""
    from custom_components.bambu_printer.printer import SlotAddress
    from custom_components.bambu_printer.printer.state.ams import AmsKind

    unit = AmsUnit(
        unit=0,
        kind=AmsKind.AMS,
        trays=(
            Tray(slot=SlotAddress(0, 0), present=False),
            Tray(slot=SlotAddress(0, 1), present=True),
        ),
    )
    about = speaker(replace(NOTHING, ams=AmsState(units=(unit,))))
    texts = [about.slot(unit, number) for number in (1, 2, 4)]
    assert len(set(texts)) == 3
    assert "1" in texts[0]
    assert "2" in texts[1]
    assert "4" in texts[2]
