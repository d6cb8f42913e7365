"""Every language has the same texts, and a language that is written is also spoken."""

from collections.abc import Iterator
from itertools import combinations

from .integration import Integration, differences, leaves, placeholders

UNSPOKEN = frozenset[str]()
"""Languages in which nobody has written sentences yet."""


def complete(integration: Integration) -> Iterator[str]:
    """The same keys as English, with the same placeholders."""
    english = dict(leaves(integration.english))
    for language, content in integration.translations.items():
        texts = dict(leaves(content))
        yield from differences(language, set(texts), set(english))
        for where in texts.keys() & english.keys():
            if placeholders(str(texts[where])) != placeholders(str(english[where])):
                yield f"{language}: {where} has other placeholders than English"
            if _marks(texts[where]) != _marks(english[where]):
                yield f"{language}: {where} has other Markdown than English"


def _marks(text: object) -> tuple[int, ...]:
    return tuple(str(text).count(mark) for mark in ("`", "**", "\n\n"))


def distinct(integration: Integration) -> Iterator[str]:
    """What has different names in English has different ones in every language.

    Entities of one platform and kind are side by side on a device's page, and make their
    entity ids of their names; options are side by side in a list.
    """
    english = integration.english
    for language, content in integration.translations.items():
        for platform, entities in content.get("entity", {}).items():
            own = english.get("entity", {}).get(platform, {})
            for one, other in combinations(entities, 2):
                names = entities[one].get("name"), entities[other].get("name")
                originals = (own.get(key, {}).get("name") for key in (one, other))
                if names[0] and names[0] == names[1] and len(set(originals)) == 2:
                    yield f"{language}: {platform} {one} and {other} are both {names[0]}"
        for key, selector in content.get("selector", {}).items():
            options = list(selector.get("options", {}).values())
            originals = english.get("selector", {}).get(key, {}).get("options", {})
            if len(set(options)) < len(set(originals.values())):
                yield f"{language}: selector {key} has options with the same name"


def spoken(integration: Integration) -> Iterator[str]:
    """There are sentences for voice in each language."""
    for language in integration.translations.keys() - UNSPOKEN:
        if not (integration.folder / "sentences" / f"{language}.yaml").exists():
            yield f"{language} has texts, but no sentences"


CHECKS = (complete, distinct, spoken)
