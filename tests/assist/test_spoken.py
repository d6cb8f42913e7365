"""Everything that people say, in every language: what is answered, and what is done."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
import yaml

from tests.conftest import NOW, Clock, Rig

from .conftest import Say, speech

FOLDER = Path(__file__).parent / "spoken"
TALKS = [
    pytest.param(path.stem, steps, *talk.split(), id=f"{path.stem} {talk}")
    for path in sorted(FOLDER.glob("*.yaml"))
    for talk, steps in yaml.safe_load(path.read_text()).items()
]


def brief(request: dict[str, Any]) -> str:
    """Return what the printer was asked, in few words."""
    ((section, body),) = request.items()
    values = (
        body.get(key)
        for key in (
            "param",
            "led_mode",
            "ctt_val",
            "mode",
            "ams_id",
            "temp",
            "duration",
        )
    )
    words = [section, body["command"], *(str(x) for x in values if x not in (None, ""))]
    return " ".join(word.strip() for word in words)


@pytest.mark.parametrize(("language", "steps", "model", "scenario"), TALKS)
async def test_talk(
    hass: HomeAssistant,
    clock: Clock,
    rig: Rig,
    say: Say,
    language: str,
    steps: list[dict[str, Any]],
) -> None:
    await hass.config.async_update(language=language, time_zone="America/Los_Angeles")
    await hass.async_block_till_done()
    wrong = []
    with patch.object(dt_util, "now", lambda: dt_util.as_local(NOW)):
        for step in steps:
            if "change" in step:
                await rig.report(step["change"], full=True)
            rig.printer.clear_requests()
            answer = speech(await say(step["say"], language=language))
            sent = [brief(request) for request in rig.printer.requests]
            if (answer, sent) != (step["answer"], step.get("sends", [])):
                wrong.append(
                    f"{step['say']}\n    {answer}\n    {step['answer']}\n    {sent}"
                )
            await rig.printer.tick(1)
            await rig.report(full=True)
    assert not wrong, "\n" + "\n".join(wrong)
