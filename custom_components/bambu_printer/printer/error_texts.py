"""The maker's texts for error codes: what to ask for, and reading the answer.

Nothing is fetched here.  The question names a language and what all serial numbers of a
model begin with; it says nothing of the printer, its owner, or the error.
"""

from collections.abc import Mapping
from typing import Final
import unicodedata

import orjson

from .state.errors import Fault, HmsMessage
from .values import integer, mapping, records, text

ENDPOINT: Final = "https://e.bambulab.com/query.php"
LARGEST_ANSWER: Final = 8 << 20
"""Bytes; the catalogue of a model takes about one megabyte."""
_HELP: Final = "https://wiki.bambulab.com/en/hms/home"
_PREFIX_LENGTH = 3
_MOST_TEXTS = 20_000
_LONGEST = 1000

_LANGUAGES = frozenset(["en", "de", "fr", "es", "it", "nl", "sv", "hu", "ja", "pl"])
_OTHER_LANGUAGES = {"pt": "pt-br", "zh": "zh-cn"}
_CURRENT = 201


class CatalogueError(ValueError):
    """The answer holds no catalogue of texts."""


def catalogue_language(language: str) -> str:
    """Return the language of the catalogue for a user's language; English if there is none."""
    base = language.replace("_", "-").lower().partition("-")[0]
    if base in _LANGUAGES:
        return base
    return _OTHER_LANGUAGES.get(base, "en")


def model_prefix(serial: str) -> str:
    """Return what the serial numbers of a model begin with."""
    return serial[:_PREFIX_LENGTH].upper()


def catalogue_query(language: str, prefix: str, version: str = "") -> dict[str, str]:
    """Return the parameters of the question; `version` is that of the texts at hand."""
    query = {"lang": language, "d": prefix}
    return {**query, "v": version} if version else query


def read_catalogue(body: bytes, language: str) -> tuple[str, dict[str, str]] | None:
    """Read the answer: its version, and the texts by code.

    None: the texts at hand are current.  Raises `CatalogueError`.
    """
    try:
        answer = mapping(orjson.loads(body))
    except ValueError as err:
        raise CatalogueError("not JSON") from err
    result = integer(answer.get("result"), None)
    if result == _CURRENT:
        return None
    if result != 0:
        raise CatalogueError(f"result {result}")
    data = mapping(answer.get("data"))
    texts: dict[str, str] = {}
    for kind in ("device_hms", "device_error"):
        for item in records(mapping(data.get(kind)).get(language)):
            code = text(item.get("ecode"), "").upper()
            intro = " ".join(text(item.get("intro"), "").split())
            # Some languages have marks in between that only say where lines may break.
            words = "".join(x for x in intro if unicodedata.category(x) != "Cf")
            if code and words.isprintable() and len(texts) < _MOST_TEXTS:
                texts[code] = words[:_LONGEST]
    if not texts:
        raise CatalogueError("no texts in this language")
    return text(answer.get("ver"), ""), texts


def find_text(fault: Fault, texts: Mapping[str, str]) -> str | None:
    """Return the text of a fault.

    Health messages that differ only in which one of several parts they mean share one.
    """
    found = texts.get(fault.catalogue_key)
    if found is None and isinstance(fault, HmsMessage):
        general = HmsMessage(attr=fault.attr & ~0xFF, code=fault.code)
        found = texts.get(general.catalogue_key)
    return found or None


def help_link(fault: Fault) -> str:
    """Return the maker's page about a fault.

    It is the index of all codes, scrolled to this one by browsers that can: each code
    has a page of its own, but where it is depends on code and model, and nobody tells.
    """
    code = fault.text_code
    if isinstance(fault, HmsMessage):
        code = code.replace("_", "-").replace("-", "_", 1)
    return f"{_HELP}#:~:text={code.replace('-', '%2D')}"
