"""The files of the languages: complete, understood by themselves, and modest."""

from collections.abc import Iterator, Mapping
from functools import cache
import json
from pathlib import Path
from random import Random
from string import Formatter
from typing import Any

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    TextChunk,
)
from hassil.intents import Intents, RangeSlotList, TextSlotList, WildcardSlotList
from hassil.parse_expression import parse_sentence
from hassil.recognize import recognize_all
import home_assistant_intents
from homeassistant.components.conversation.trigger import has_no_punctuation
from homeassistant.util import language as language_util
import pytest

from custom_components.bambu_printer.assist.intents import KINDS
from custom_components.bambu_printer.assist.phrases import (
    FALLBACK,
    Phrases,
    choose_language,
    load_phrases,
)
from custom_components.bambu_printer.assist.recognition import (
    RANGES,
    Recognizer,
    Vocabulary,
)

VOCABULARY = Vocabulary(
    names=("workshop x1c", "x1c", "x 1 c", "garage p1s", "p1s"),
    areas=("workshop", "garage"),
)
PHRASES = load_phrases()
LANGUAGES = sorted(PHRASES)
WORDS = {
    "name": ["kitchen light", "ceiling fan", "bed lamp", "tv", "coffee machine"],
    "area": ["kitchen", "bedroom", "living room"],
    "floor": ["first floor", "basement"],
}


@cache
def recognizer(language: str) -> Recognizer:
    return Recognizer(PHRASES[language], VOCABULARY)


@cache
def trigger(language: str) -> Intents:
    """Return what the built-in agent makes of the sentences."""
    intents = Intents.from_dict(
        {
            "language": language,
            "intents": {
                "Ours": {"data": [{"sentences": recognizer(language).sentences}]}
            },
        }
    )
    intents.slot_lists.update({name: WildcardSlotList(name) for name in RANGES})
    return intents


class Sampler:
    """Says something that fits a template."""

    def __init__(
        self, seed: int, lists: Mapping[str, Any], rules: Mapping[str, Any]
    ) -> None:
        self.random, self.lists, self.rules = Random(seed), lists, rules

    def say(self, expression: Expression) -> str:
        return " ".join(self._say(expression).split())

    def _say(self, expression: Expression) -> str:
        match expression:
            case TextChunk():
                return expression.text
            case ListReference():
                return self._word(expression.list_name)
            case RuleReference():
                rule = self.rules[expression.rule_name]
                return self._say(rule.expression)
            case Alternative():
                return self._say(self.random.choice(expression.items))
            case Permutation() | Group():
                return "".join(self._say(item) for item in expression.items)
        raise AssertionError(expression)

    def _word(self, name: str) -> str:
        if name in WORDS and name not in self.lists:
            return self.random.choice(WORDS[name])
        match self.lists.get(name):
            case RangeSlotList() as numbers:
                return str(
                    self.random.randint(
                        numbers.start, max(numbers.start, min(numbers.stop, 90))
                    )
                )
            case TextSlotList() as texts:
                return self._say(self.random.choice(texts.values).text_in)
        return "milk"


def samples(intents: Intents, count: int) -> Iterator[tuple[str, str]]:
    """Yield sentences, and the intents that they belong to."""
    for name, kind in intents.intents.items():
        for data in kind.data:
            lists = {**intents.slot_lists, **data.slot_lists}
            rules = {**intents.expansion_rules, **data.expansion_rules}
            sampler = Sampler(7, lists, rules)
            for sentence in data.sentences:
                for _ in range(count):
                    yield name, sampler.say(sentence.expression)


@pytest.mark.parametrize("language", LANGUAGES)
def test_complete(language: str) -> None:
    """A language says everything that English says, with the same facts."""
    phrases, english = PHRASES[language], PHRASES[FALLBACK]
    assert phrases.language == language
    assert set(phrases.sentences) == {kind.name for kind in KINDS}
    for name in ("lists", "_units", "_words", "_time", "_responses"):
        ours, theirs = getattr(phrases, name), getattr(english, name)
        assert set(ours) == set(theirs), name
        for key, text in theirs.items():
            if isinstance(text, dict) and name != "_units":
                assert set(ours[key]) == set(text), key
            if name in ("_responses", "_time") and key != "clock":
                assert _fields(ours[key]) <= _fields(text), key
    assert len(phrases._words["weekday"]) == 7
    for forms in phrases._units.values():
        for number in range(130):
            form = phrases._plural(number)
            assert form in forms or "other" in forms, form
    assert set(phrases.answers_to_question) == {"yes", "no"}
    assert all(phrases.answers_to_question.values())


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_understands_what_it_says(language: str) -> None:
    """What fits a template is taken for what the template stands for."""
    wrong = []
    for name, text in samples(recognizer(language)._intents, 12):
        found = recognizer(language).recognize(text)
        if found is None or found.intent != name:
            wrong.append((text, name, found and found.intent))
        elif next(iter(recognize_all(text, trigger(language))), None) is None:
            wrong.append((text, name, "not heard by the agent"))
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_good_for_triggers(language: str) -> None:
    sentences = [
        *recognizer(language).sentences,
        *PHRASES[language].answers_to_question["yes"],
        *PHRASES[language].answers_to_question["no"],
    ]
    for sentence in sentences:
        parse_sentence(sentence)
    has_no_punctuation(sentences)


@pytest.mark.parametrize("language", LANGUAGES)
def test_leaves_home_assistant_its_own(language: str) -> None:
    """None of Home Assistant's own sentences, about other things, is heard by ours."""
    folder = Path(home_assistant_intents.__file__).parent / "data"
    (known, *_) = language_util.matches(
        language, {x.stem for x in folder.glob("*.json")}
    )
    theirs = Intents.from_dict(json.loads((folder / f"{known}.json").read_text()))
    heard = [
        text
        for _, text in samples(theirs, 2)
        if next(iter(recognize_all(text, trigger(language))), None)
    ]
    assert not heard


def test_unknown_language_is_english() -> None:
    assert choose_language(PHRASES, "tlh").language == FALLBACK
    assert choose_language(PHRASES, "en-GB").language == "en"
    assert choose_language(PHRASES, None).language == FALLBACK


def test_durations() -> None:
    english = PHRASES["en"]
    assert {minutes: english.duration(minutes) for minutes in DURATIONS} == DURATIONS


DURATIONS = {
    0: "a minute",
    1: "1 minute",
    9: "9 minutes",
    12: "10 minutes",
    33: "35 minutes",
    59: "1 hour",
    61: "1 hour",
    84: "1 hour and 25 minutes",
    178: "3 hours",
    190: "3 hours and 15 minutes",
    60 * 24 + 10: "1 day",
    60 * 50: "2 days and 2 hours",
}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("one", {0: "other", 1: "one", 2: "other"}),
        ("zero_one", {0: "one", 1: "one", 2: "other"}),
        ("one_few_many", {1: "one", 2: "few", 5: "many", 22: "many"}),
        ("polish", {1: "one", 2: "few", 5: "many", 12: "many", 22: "few"}),
        ("none", {0: "other", 1: "other"}),
    ],
)
def test_plurals(rule: str, expected: dict[int, str]) -> None:
    data: Any = {
        key: {}
        for key in ("rules", "lists", "sentences", "answers_to_question", "time")
    }
    forms = {form: f"{{n}} {form}" for form in set(expected.values())}
    phrases = Phrases(
        data
        | {
            "language": "xx",
            "plural": rule,
            "units": {"x": forms},
            "words": {},
            "responses": {},
        }
    )
    for number, form in expected.items():
        assert phrases.count("x", number) == f"{number} {form}"


def test_without_areas() -> None:
    """Printers that are in no area leave no holes in the sentences."""
    alone = Recognizer(PHRASES["en"], Vocabulary(names=("x1c",), areas=()))
    assert not any("{area}" in sentence for sentence in alone.sentences)
    found = alone.recognize("how far is the print on the x1c")
    assert found is not None
    assert found.slots == {"name": "x1c"}
    assert alone.recognize("is anything wrong with the printer in the garage") is None
