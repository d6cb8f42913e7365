"""What is said in each language: a file per language, and the grammar of numbers.

A language is one file in `sentences/`: what people say, what is answered, and the words
for both.  Nothing else has to be changed for another one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util, language as language_util
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.yaml import load_yaml_dict

FOLDER: Final = Path(__file__).parents[1] / "sentences"
FALLBACK: Final = "en"

_HOUR, _DAY = 60, 24 * 60
_ROUND_FROM, _ROUND_COARSELY_FROM = 10, 3 * _HOUR
"""Minutes from which on nobody wants to hear each minute, and each five of them."""
_STEP, _COARSE_STEP = 5, 15
_WEEK = 7


def _few_many(number: int) -> str:
    """Tell the plural of Czech and Slovak."""
    return "one" if number == 1 else "few" if number in (2, 3, 4) else "many"


def _polish(number: int) -> str:
    """Tell the plural of Polish, in which the last digits decide."""
    if number == 1:
        return "one"
    few = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
    return "few" if few else "many"


_PLURALS: Mapping[str, Callable[[int], str]] = {
    "one": lambda number: "one" if number == 1 else "other",
    "zero_one": lambda number: "one" if number in (0, 1) else "other",
    "one_few_many": _few_many,
    "polish": _polish,
    "none": lambda _number: "other",
}
"""How many forms a noun has after a number, and which numbers take which."""


class Phrases:
    """One language."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take over the content of a language's file."""
        self.language: str = data["language"]
        self.rules: Mapping[str, Sequence[str]] = data["rules"]
        self.lists: Mapping[str, Mapping[str, str]] = data["lists"]
        self.sentences: Mapping[str, Sequence[Mapping[str, Any]]] = data["sentences"]
        self.answers_to_question: Mapping[str, Sequence[str]] = data[
            "answers_to_question"
        ]
        self._plural = _PLURALS[data["plural"]]
        self._units: Mapping[str, Mapping[str, str]] = data["units"]
        self._words: Mapping[str, Any] = data["words"]
        self._time: Mapping[str, str] = data["time"]
        self._responses: Mapping[str, str] = data["responses"]

    def say(self, key: str, **facts: str) -> str:
        """Return a response with its facts, as a sentence of its own."""
        text = " ".join(self.part(key, **facts).split())
        return text[:1].upper() + text[1:]

    def part(self, key: str, **facts: str) -> str:
        """Return a response that is part of another one."""
        return self._responses[key].format_map(facts)

    def word(self, group: str, key: str) -> str:
        """Return a word; where nobody knows one, the key itself."""
        words: Mapping[str, str] = self._words[group]
        return words.get(key) or words.get("unknown") or key

    def count(self, unit: str, number: float) -> str:
        """Return a number with its unit."""
        forms = self._units[unit]
        whole = round(number)
        form = forms.get(self._plural(whole)) or forms["other"]
        return form.format(n=whole)

    def listing(self, items: Iterable[str], conjunction: str = "and") -> str:
        """Join items as in speech."""
        *first, last = items
        if not first:
            return last
        joined = self._words["comma"].join(first)
        text: str = self._words[conjunction]
        return text.format(first=joined, last=last)

    def duration(self, minutes: float) -> str:
        """Return a duration, as exact as it is worth.

        Under ten minutes to the minute, then to five, and from three hours on to a
        quarter of an hour; days have no minutes.
        """
        if minutes < 1:
            return self._time["soon"]
        total = round(minutes)
        if total >= _ROUND_FROM:
            step = _COARSE_STEP if total >= _ROUND_COARSELY_FROM else _STEP
            total = max(round(total / step) * step, _ROUND_FROM)
        days, rest = divmod(total, _DAY)
        hours, rest = divmod(rest, _HOUR)
        parts = [("day", days), ("hour", hours), ("minute", 0 if days else rest)]
        return self.listing(
            self.count(unit, number) for unit, number in parts if number
        )

    def moment(self, when: datetime) -> str:
        """Return when something is or was, in local time, to five minutes."""
        local = dt_util.as_local(when)
        now = dt_util.now()
        if abs(local - now) >= timedelta(minutes=_ROUND_FROM):
            step = timedelta(minutes=_STEP)
            local = local + step / 2
            local -= timedelta(
                minutes=local.minute % _STEP,
                seconds=local.second,
                microseconds=local.microsecond,
            )
        clock = self._time["clock"].format(
            h12=local.hour % 12 or 12,
            h24=local.hour,
            mm=f"{local.minute:02}",
            ampm="AM" if local.hour < 12 else "PM",
        )
        days = (local.date() - now.date()).days
        weekdays: Sequence[str] = self._words["weekday"]
        if days == 0:
            form = "today"
        elif days == 1:
            form = "tomorrow"
        elif abs(days) < _WEEK:
            form = "this_week"
        else:
            form = "far" if days > 0 else "long_ago"
        return self._time[form].format(
            clock=clock,
            weekday=weekdays[local.weekday()],
            days=self.count("day", abs(days)),
        )


_PHRASES: HassKey[dict[str, Phrases]] = HassKey("bambu_printer_phrases")


def load_phrases() -> dict[str, Phrases]:
    """Read the files of all languages; blocks."""
    return {
        path.stem: Phrases(load_yaml_dict(str(path)))
        for path in sorted(FOLDER.glob("*.yaml"))
    }


async def async_load_phrases(hass: HomeAssistant) -> dict[str, Phrases]:
    """Return all languages; their files are read once."""
    if _PHRASES not in hass.data:
        phrases = await hass.async_add_executor_job(load_phrases)
        hass.data.setdefault(_PHRASES, phrases)
    return hass.data[_PHRASES]


def choose_language(phrases: Mapping[str, Phrases], language: str | None) -> Phrases:
    """Return the language that comes closest, and English where none does."""
    found = language_util.matches(language or FALLBACK, phrases)
    return phrases[found[0] if found else FALLBACK]
