"""Recognising sentences: from a language's file to what the recogniser needs.

The recogniser is hassil, Home Assistant's own.  It is needed twice: Home Assistant's
built-in agent finds out *that* a sentence is meant for a printer, and `Recognizer` finds
out *what* it says.  The first one knows no lists and no rules, only plain sentences in
which anything in braces stands for any words.  So everything that can be written out is
(names, areas, words), and only numbers are left open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import re
from typing import Any, Final

from hassil.intents import Intents
from hassil.recognize import recognize_best

from .phrases import Phrases

RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "temperature": (0, 999),
    "percentage": (0, 100),
    "slot": (1, 16),
    "ams": (1, 16),
    "hours": (1, 48),
}
"""Numbers that can be heard; whether they make sense is told afterwards, in words."""

_RULE = re.compile(r"<(\w+)>")
_LIST = re.compile(r"\{(\w+)(?::\w+)?\}")
"""A list, and perhaps the slot that its value goes into."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What printers and the areas that they are in are called."""

    names: tuple[str, ...]
    areas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recognized:
    """What a sentence says."""

    phrases: Phrases
    intent: str
    slots: Mapping[str, Any]


class Recognizer:
    """Understands the sentences of one language."""

    def __init__(self, phrases: Phrases, vocabulary: Vocabulary) -> None:
        """Prepare the sentences; takes a moment, so not for the event loop."""
        self.phrases = phrases
        texts = _texts(phrases, vocabulary)
        rules = {
            name: _alternatives(_usable(rule, texts))
            for name, rule in phrases.rules.items()
        }
        self._intents = Intents.from_dict(
            {
                "language": phrases.language,
                "intents": {
                    name: {
                        "data": [
                            {
                                "sentences": [_sentence(group, texts)],
                                "slots": dict(group.get("slots", {})),
                            }
                            for group in groups
                        ]
                    }
                    for name, groups in phrases.sentences.items()
                },
                "lists": {
                    **{
                        name: {
                            "values": [
                                {"in": text, "out": value}
                                for value, text in values.items()
                            ]
                        }
                        for name, values in texts.items()
                    },
                    **{
                        name: {"range": {"from": low, "to": high}}
                        for name, (low, high) in RANGES.items()
                    },
                },
                "expansion_rules": rules,
            }
        )
        words = {name: _alternatives(values.values()) for name, values in texts.items()}
        self.sentences = [
            _written_out(_sentence(group, texts), rules, words)
            for groups in phrases.sentences.values()
            for group in groups
        ]
        """The sentences without rules and lists, as the built-in agent needs them."""

    def recognize(self, text: str) -> Recognized | None:
        """Return what a sentence says; None when it is none of this language's."""
        found = recognize_best(
            text, self._intents, language=self.phrases.language, best_slot_name="name"
        )
        if found is None:
            return None
        return Recognized(
            self.phrases,
            found.intent.name,
            {name: entity.value for name, entity in found.entities.items()},
        )


def _written_out(
    sentence: str, rules: Mapping[str, str], words: Mapping[str, str]
) -> str:
    """Return a sentence with everything in it that it refers to."""
    while _RULE.search(sentence):
        sentence = _RULE.sub(lambda match: rules[match[1]], sentence)
    return _LIST.sub(lambda match: words.get(match[1], match[0]), sentence)


def _texts(phrases: Phrases, vocabulary: Vocabulary) -> dict[str, dict[str, str]]:
    """Return all lists of words: what they mean, and how they are said."""
    return {
        **{name: dict(values) for name, values in phrases.lists.items()},
        "name": {name: name for name in vocabulary.names},
        "area": {area: area for area in vocabulary.areas},
    }


def _alternatives(items: Iterable[str]) -> str:
    return f"({'|'.join(items)})"


def _sentence(group: Mapping[str, Any], texts: Mapping[str, Mapping[str, str]]) -> str:
    """Return all sentences of a group as one, with room for polite words around it.

    The agent parses what it is given on the event loop: so the less it is, the better.
    """
    return f"[<before>] {_alternatives(_usable(group['sentences'], texts))} [<after>]"


def _usable(
    sentences: Sequence[str], texts: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Leave out what speaks of something that does not exist here, as areas may not."""
    return [
        sentence
        for sentence in sentences
        if all(texts.get(name) or name in RANGES for name in _LIST.findall(sentence))
    ]
