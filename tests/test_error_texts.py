"""Errors in words: the maker's where they can be had, else our own, and never a delay."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bambu_printer import error_texts
from custom_components.bambu_printer.const import CONF_ERROR_TEXTS_ONLINE
from custom_components.bambu_printer.error_texts import ErrorTexts

from .conftest import Rig, wait_until

FETCH = ErrorTexts._async_fetch
STORE = "bambu_printer.error_texts"

RUNOUT = {"attr": 0x07002200, "code": 0x00020001}
RUNOUT_KEY = "0700220000020001"
ERROR = 0x07008011
ERROR_KEY = "07008011"
WORDS = {
    "en": "The spool in slot 3 is used up.",
    "de": "Die Spule in Fach 3 ist leer.",
    "zh-cn": "插槽3中的耗材已用完。",
}
OWN = "AMS: a problem that needs attention (0700-8011)"


def answer(language: str, text: str, version: str = "7") -> dict[str, Any]:
    """Return a catalogue as the maker's server sends it."""
    return {
        "result": 0,
        "t": 1,
        "ver": version,
        "data": {
            "device_hms": {
                "ver": version,
                language: [
                    {"ecode": RUNOUT_KEY, "intro": f"{text} (HMS)"},
                    {"ecode": "0C00010000010001", "intro": "Another."},
                ],
            },
            "device_error": {
                "ver": version,
                language: [{"ecode": ERROR_KEY, "intro": text}],
            },
        },
    }


class Maker:
    """The maker's server."""

    def __init__(self) -> None:
        self.queries: list[dict[str, str]] = []
        self.languages = dict(WORDS)
        self.reply: web.Response | None = None
        self.delay = 0.0

    async def handle(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        await asyncio.sleep(self.delay)
        if self.reply is not None:
            return self.reply
        language = request.query["lang"]
        if request.query.get("v") == "7":
            return web.json_response({"result": 201})
        if language not in self.languages:
            return web.json_response({"result": 0, "ver": "7", "data": []})
        return web.json_response(answer(language, self.languages[language]))


@pytest.fixture
async def maker(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Maker]:
    """Return a server that answers as the maker's."""
    maker = Maker()
    app = web.Application()
    app.router.add_get("/query.php", maker.handle)
    async with TestServer(app) as server:
        monkeypatch.setattr(error_texts, "ENDPOINT", str(server.make_url("/query.php")))
        monkeypatch.setattr(ErrorTexts, "_async_fetch", FETCH)
        yield maker


async def complain(rig: Rig) -> None:
    """Let the printer have an error."""
    await rig.report({"print_error": ERROR, "hms": [RUNOUT]})


async def nothing_is_fetched(hass: HomeAssistant) -> None:
    """Wait until nobody asks the maker any more."""

    def fetching() -> bool:
        return any(
            task.get_name() == "bambu_printer error texts"
            for task in asyncio.all_tasks()
        )

    await wait_until(hass, lambda: not fetching())


def said(rig: Rig) -> str:
    return rig.state("sensor", "current_error").state


async def test_marks_that_cannot_be_seen_are_left_out(
    hass: HomeAssistant, rig: Rig, maker: Maker
) -> None:
    maker.languages["en"] = "No\u00a0\u200bfila\u00adment"
    await complain(rig)
    await wait_until(hass, lambda: said(rig) == "No filament")


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "en"), ("de", "de"), ("zh-Hans", "zh-cn"), ("de-CH", "de"), ("tr", "en")],
)
@pytest.mark.usefixtures("all_enabled")
async def test_languages(
    hass: HomeAssistant, maker: Maker, rig: Rig, language: str, expected: str
) -> None:
    hass.config.language = language
    assert said(rig) == "none"
    await complain(rig)
    await wait_until(hass, lambda: said(rig) == WORDS[expected])
    attributes = rig.state("sensor", "current_error").attributes
    assert attributes["code"] == "0700-8011"
    assert attributes["severity"] == "serious"
    assert attributes["module"] == "ams"
    assert attributes["text"] == WORDS[expected]
    assert attributes["link"].startswith("https://wiki.bambulab.com/")
    assert attributes["problems"] == 2
    (message,) = rig.state("sensor", "hms").attributes["messages"]
    assert message["text"] == f"{WORDS[expected]} (HMS)"
    # Nothing that tells printer, owner or error.
    assert maker.queries == [{"lang": expected, "d": rig.printer.serial[:3]}]
    # What is cleared vanishes.
    await rig.report({"print_error": 0, "hms": []})
    assert said(rig) == "none"
    assert rig.state("sensor", "hms").attributes["messages"] == []
    assert "code" not in rig.state("sensor", "current_error").attributes


async def test_language_that_the_maker_does_not_have(
    hass: HomeAssistant, maker: Maker, rig: Rig
) -> None:
    hass.config.language = "hu"
    await complain(rig)
    await wait_until(hass, lambda: said(rig) == WORDS["en"])
    assert [query["lang"] for query in maker.queries] == ["hu", "en"]


async def test_offline(hass: HomeAssistant, rig: Rig) -> None:
    await complain(rig)
    assert said(rig) == OWN
    assert rig.state("sensor", "current_error").attributes["text"] == OWN


GARBAGE = {
    "not json": web.Response(text="<html>sorry</html>"),
    "empty": web.Response(body=b""),
    "list": web.json_response([1, 2]),
    "error": web.json_response({"result": 5, "data": {}}),
    "null": web.json_response({"result": 0, "data": None}),
    "no lists": web.json_response(
        {"result": 0, "data": {"device_hms": {"en": 5}, "device_error": []}}
    ),
    "odd items": web.json_response(
        {
            "result": 0,
            "data": {
                "device_error": {"en": [None, 3, {"ecode": None}, {"ecode": ERROR_KEY}]}
            },
        }
    ),
    "control characters": web.json_response(
        {
            "result": 0,
            "data": {
                "device_error": {"en": [{"ecode": ERROR_KEY, "intro": "a\x07\x1b[1m"}]}
            },
        }
    ),
    "unchanged, but of what": web.json_response({"result": 201}),
    "server error": web.Response(status=500),
    "redirect": web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"}),
    "bits": web.Response(body=bytes(range(256)) * 40),
    "too long": web.Response(body=b" " * ((8 << 20) + 1)),
    "deep": web.Response(body=b"[" * 100_000),
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_corrupt_answer(
    hass: HomeAssistant,
    maker: Maker,
    rig: Rig,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = GARBAGE[kind]
    maker.reply = web.Response(
        body=source.body, status=source.status, headers=source.headers
    )
    await complain(rig)
    await wait_until(hass, lambda: maker.queries)
    await nothing_is_fetched(hass)
    assert said(rig) == OWN
    assert not [
        record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")
    ]


async def test_slow_answer_delays_nothing(
    hass: HomeAssistant,
    maker: Maker,
    printer: Any,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The start neither waits for the answer nor for the end of waiting."""
    maker.delay = 60
    printer.update({"print_error": ERROR})
    entry.add_to_hass(hass)
    async with asyncio.timeout(20):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    rig = Rig(hass, printer, entry)
    await wait_until(hass, lambda: maker.queries)
    assert said(rig) == OWN
    # Neither does the end.
    async with asyncio.timeout(20):
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_answer_that_never_comes(
    hass: HomeAssistant, maker: Maker, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_texts, "_TIMEOUT", 0.5)
    maker.delay = 1
    await complain(rig)
    await wait_until(hass, lambda: maker.queries)
    await nothing_is_fetched(hass)
    assert said(rig) == OWN


async def test_nothing_is_asked_when_switched_off(
    hass: HomeAssistant, maker: Maker, rig: Rig
) -> None:
    flow = await hass.config_entries.options.async_init(rig.entry.entry_id)
    await hass.config_entries.options.async_configure(
        flow["flow_id"], {CONF_ERROR_TEXTS_ONLINE: False}
    )
    await hass.async_block_till_done()
    await complain(rig)
    await nothing_is_fetched(hass)
    assert said(rig) == OWN
    assert maker.queries == []


async def test_nothing_is_asked_without_an_error(
    hass: HomeAssistant, maker: Maker, rig: Rig, hass_storage: dict[str, Any]
) -> None:
    await rig.report({"print_error": 0x0300400C})
    await nothing_is_fetched(hass)
    assert said(rig) == "none"
    assert maker.queries == []
    assert STORE not in hass_storage


async def test_kept_for_a_month(
    hass: HomeAssistant,
    maker: Maker,
    socket_enabled: None,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    from custom_components.bambu_printer.printer.state.errors import PrintError

    async def find(language: str = "en", prefix: str = "00M") -> str | None:
        # Each time as after a restart.
        found = await ErrorTexts(hass).async_find(
            language, prefix, [PrintError(ERROR), PrintError(0x03009999)]
        )
        assert set(found) <= {PrintError(ERROR)}
        return found.get(PrintError(ERROR))

    assert await find() == WORDS["en"]
    for _ in range(3):
        freezer.tick(timedelta(days=9))
        assert await find() == WORDS["en"]
    assert len(maker.queries) == 1
    # Too old: asked whether there are newer ones.
    freezer.tick(timedelta(days=9))
    assert await find() == WORDS["en"]
    assert maker.queries[1:] == [{"lang": "en", "d": "00M", "v": "7"}]
    assert await find() == WORDS["en"]
    assert len(maker.queries) == 2
    # Old ones are better than none.
    freezer.tick(timedelta(days=31))
    maker.reply = web.Response(status=503)
    assert await find() == WORDS["en"]
    maker.reply = None
    # There is a bound to what is kept.
    for prefix in ("01P", "030", "039", "093", "094"):
        assert await find(prefix=prefix) == WORDS["en"]
    assert len(hass_storage[STORE]["data"]) == 4
    assert json.dumps(hass_storage[STORE]["data"]).count(WORDS["en"]) == 8


@pytest.mark.parametrize(
    "data",
    [["x"], {"en/00M": 5}, {"en/00M": {"fetched": "x"}}, {"en/00M": {"texts": 1}}],
)
async def test_spoilt_store(
    hass: HomeAssistant, maker: Maker, hass_storage: dict[str, Any], data: Any
) -> None:
    from custom_components.bambu_printer.printer.state.errors import PrintError

    hass_storage[STORE] = {"version": 1, "minor_version": 1, "key": STORE, "data": data}
    found = await ErrorTexts(hass).async_find("en", "00M", [PrintError(ERROR)])
    assert found == {PrintError(ERROR): WORDS["en"]}
