"""Whom a sentence is meant for, and what else has to be right beside the words."""

from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    intent,
)
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

from custom_components.bambu_printer.assist import confirmation
from custom_components.bambu_printer.assist.confirmation import SPOKEN_SECONDS
from custom_components.bambu_printer.const import DOMAIN
from tests.conftest import Rig, entry_data, wait_until
from virtual_printer import VirtualPrinter

from .conftest import Say, speech

DOES_NOT_UNDERSTAND = "Sorry, I couldn't understand that"
WHICH = "Which printer do you mean: Garage P1S or Workshop X1C?"


@pytest.fixture
async def garage(
    hass: HomeAssistant, rig: Rig
) -> AsyncIterator[tuple[VirtualPrinter, MockConfigEntry]]:
    """Return a second printer, in the garage and without a job; the first is printing."""
    areas, devices = ar.async_get(hass), dr.async_get(hass)
    async with VirtualPrinter(
        model="P1S", name="Garage P1S", scenario="idle", autostart_reports=False
    ) as printer:
        entry = MockConfigEntry(
            domain=DOMAIN,
            title="Garage P1S",
            unique_id=printer.serial,
            data=entry_data(printer),
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        for name, item in (("Workshop", rig.entry), ("Garage", entry)):
            area = areas.async_create(name, aliases={f"big {name}"})
            devices.async_update_device(item.runtime_data.device_id, area_id=area.id)
        yield printer, entry
        await hass.config_entries.async_unload(entry.entry_id)


def commands(printer: VirtualPrinter) -> list[str]:
    return [
        body["command"]
        for request in printer.requests
        for section, body in request.items()
        if section == "print"
    ]


def device_in(hass: HomeAssistant, area: str) -> str:
    """Return a device that listens in an area."""
    entry = MockConfigEntry(domain="esphome")
    entry.add_to_hass(hass)
    devices = dr.async_get(hass)
    device = devices.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("esphome", area)}
    )
    found = ar.async_get(hass).async_get_area_by_name(area)
    assert found
    devices.async_update_device(device.id, area_id=found.id)
    return device.id


# Several printers


async def test_ambiguous(rig: Rig, garage: Any, say: Say) -> None:
    """Without a name it is the printer that has a job; among equals one is asked."""
    answer = speech(await say("how far is the print"))
    assert answer.startswith(
        "Your print Herb planter with drip tray on Workshop X1C is 42 percent done"
    )
    assert speech(await say("turn on the printer light")) == WHICH
    await rig.report({"gcode_state": "IDLE"}, full=True)
    for words in (
        "how far is the print",
        "pause the print",
        "is anything wrong with the printer",
    ):
        assert speech(await say(words)) == WHICH
    assert rig.printer.requests == []


async def test_by_name_or_area(garage: Any, say: Say) -> None:
    for printer in (
        "the Garage P1S",
        "the p1s?",
        "the P 1 S printer",
        "the printer in the garage",
        "the big garage printer",
    ):
        answer = speech(await say(f"is anything wrong with {printer}"))
        assert answer == "Nothing is wrong with Garage P1S.", printer


async def test_order_reaches_only_the_named_one(
    rig: Rig, garage: tuple[VirtualPrinter, MockConfigEntry], say: Say
) -> None:
    printer, _ = garage
    printer.clear_requests()
    answer = speech(await say("set the bed of the garage printer to 60 degrees"))
    assert answer == "Setting the bed on Garage P1S to 60 degrees."
    assert commands(printer) == ["gcode_line"]
    assert commands(rig.printer) == []


async def test_area_of_the_listener(
    hass: HomeAssistant, rig: Rig, garage: Any, say: Say
) -> None:
    """A satellite means the printer beside it, unless another one is named."""
    here = device_in(hass, "Garage")
    question = "is anything wrong with the printer"
    answer = "Nothing is wrong with Garage P1S."
    assert speech(await say(question, device_id=here)) == answer
    answer = "Nothing is wrong with Workshop X1C."
    assert speech(await say(f"{question} in the workshop", device_id=here)) == answer
    # Nothing is printed here: that is the answer, although something is elsewhere.
    answer = "Garage P1S is not printing anything."
    assert speech(await say("how far is the print", device_id=here)) == answer


async def test_satellite(hass: HomeAssistant, garage: Any, say: Say) -> None:
    registry = er.async_get(hass)
    area = ar.async_get(hass).async_get_area_by_name("Workshop")
    satellite = registry.async_get_or_create("assist_satellite", "test", "1")
    registry.async_update_entity(satellite.entity_id, area_id=area.id)
    result = await intent.async_handle(
        hass,
        "conversation",
        "BambuPrinterProblems",
        {},
        assistant="conversation",
        satellite_id=satellite.entity_id,
    )
    assert result.speech["plain"]["speech"] == "Nothing is wrong with Workshop X1C."


async def test_renamed(hass: HomeAssistant, rig: Rig, garage: Any, say: Say) -> None:
    """Sentences follow the name that the user gives, and special characters do no harm."""
    devices = dr.async_get(hass)
    device_id = rig.entry.runtime_data.device_id
    devices.async_update_device(device_id, name_by_user="Old {Betsy} (blue) | [1]")
    await hass.async_block_till_done()
    answer = speech(await say("is anything wrong with old betsy blue 1"))
    assert answer == "Nothing is wrong with Old {Betsy} (blue) | [1]."


async def test_unknown_name_given_to_an_intent(
    hass: HomeAssistant, garage: Any, say: Say
) -> None:
    result = await intent.async_handle(
        hass,
        "conversation",
        "BambuPrinterJob",
        {"name": {"value": "Bench"}},
        assistant="conversation",
    )
    assert result.error_code is intent.IntentResponseErrorCode.NO_VALID_TARGETS
    assert result.speech["plain"]["speech"] == (
        "There is no such printer. There is Garage P1S or Workshop X1C."
    )


# What goes wrong


async def test_offline(hass: HomeAssistant, rig: Rig, say: Say) -> None:
    """A lost printer, and one that could not even be set up, are both said to be away."""
    await rig.printer.power_off()
    await wait_until(hass, lambda: not rig.entry.runtime_data.last_update_success)
    answer = "Workshop X1C cannot be reached right now."
    assert speech(await say("how long will the print take")) == answer
    assert speech(await say("pause the print")) == answer
    await hass.config_entries.async_unload(rig.entry.entry_id)
    assert speech(await say("how long will the print take")) == answer


async def test_refused(rig: Rig, say: Say, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is an answer in words, and no exception."""
    rig.printer.faults.refuse_control = True
    answer = speech(await say("pause the print"))
    assert answer == (
        "That did not work. The printer refused pause because it only takes signed"
        " commands. Switch on LAN only mode and Developer Mode on its screen."
    )
    assert "Traceback" not in caplog.text


@pytest.mark.usefixtures("impatient")
async def test_no_answer(rig: Rig, say: Say) -> None:
    rig.printer.faults.mute_acks = True
    answer = speech(await say("pause the print"))
    assert answer.startswith("That did not work. The printer did not answer to pause")


# Cancelling


async def ask_to_cancel(say: Say, **more: Any) -> str:
    result = await say("cancel the print", **more)
    assert speech(result).endswith("Say: yes, cancel the print.")
    conversation_id: str = result["conversation_id"]
    return conversation_id


@pytest.mark.parametrize("word", ["yes", "Do it!"])
async def test_yes_in_the_conversation(rig: Rig, say: Say, word: str) -> None:
    conversation_id = await ask_to_cancel(say)
    answer = speech(await say(word, conversation_id=conversation_id))
    assert answer == "Cancelling your print Herb planter with drip tray."
    assert commands(rig.printer) == ["stop"]
    # The question is answered: a yes means nothing any more.
    answer = speech(await say("yes", conversation_id=conversation_id))
    assert answer == DOES_NOT_UNDERSTAND


async def test_no_in_the_conversation(rig: Rig, say: Say) -> None:
    conversation_id = await ask_to_cancel(say)
    answer = speech(await say("no", conversation_id=conversation_id))
    assert answer == "All right, nothing is cancelled."
    answer = speech(await say("yes, cancel the print", conversation_id=conversation_id))
    assert answer == "There is nothing to confirm."
    assert commands(rig.printer) == []


async def test_too_late(
    hass: HomeAssistant, rig: Rig, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation_id = await ask_to_cancel(say)
    later = monotonic() + SPOKEN_SECONDS + 1
    monkeypatch.setattr(confirmation, "monotonic", lambda: later)
    answer = speech(await say("yes, cancel the print", conversation_id=conversation_id))
    assert answer == "There is nothing to confirm."
    assert commands(rig.printer) == []


async def test_someone_elses_yes(
    hass: HomeAssistant, rig: Rig, garage: Any, say: Say, hass_admin_user: User
) -> None:
    """Somebody in another room neither confirms nor sees the question."""
    await ask_to_cancel(say, device_id=device_in(hass, "Workshop"))
    elsewhere = device_in(hass, "Garage")
    for words in ("yes", "yes, cancel the print"):
        answer = speech(await say(words, device_id=elsewhere))
        assert answer == "There is nothing to confirm."
    assert commands(rig.printer) == []


async def test_yes_does_not_cancel_the_next_job(rig: Rig, say: Say) -> None:
    conversation_id = await ask_to_cancel(say)
    await rig.report({"task_id": "4712", "subtask_name": "Vase"}, full=True)
    answer = speech(await say("yes", conversation_id=conversation_id))
    assert answer == "There is nothing to confirm."
    assert commands(rig.printer) == []


async def test_yes_means_the_printer_that_was_asked_about(
    rig: Rig, garage: Any, say: Say
) -> None:
    result = await say("cancel the print on the workshop x1c")
    assert "on Workshop X1C is 42 percent done" in speech(result)
    answer = await say("yes", conversation_id=result["conversation_id"])
    assert speech(answer) == (
        "Cancelling your print Herb planter with drip tray on Workshop X1C."
    )
    assert commands(rig.printer) == ["stop"]


# Who may do what


async def expose(hass: HomeAssistant, rig: Rig, *domains: str) -> None:
    """Expose only entities of some domains."""
    registry = er.async_get(hass)
    for item in er.async_entries_for_config_entry(registry, rig.entry.entry_id):
        async_expose_entity(
            hass, "conversation", item.entity_id, item.domain in domains
        )
    await hass.async_block_till_done()


async def test_not_exposed(hass: HomeAssistant, rig: Rig, say: Say) -> None:
    """Without an exposed printer, Home Assistant has all sentences for itself."""
    await expose(hass, rig)
    answer = speech(await say("how long will the print take"))
    assert answer.startswith("Sorry")
    result = await intent.async_handle(
        hass, "conversation", "BambuPrinterJob", {}, assistant="conversation"
    )
    assert result.speech["plain"]["speech"] == "No printer is exposed to Assist."
    await expose(hass, rig, "sensor")
    assert speech(await say("how far is the print")).startswith("Your print Herb")


async def test_only_to_look_at(hass: HomeAssistant, rig: Rig, say: Say) -> None:
    await expose(hass, rig, "sensor", "binary_sensor")
    assert speech(await say("how far is the print")).startswith("Your print Herb")
    for order in ("pause the print", "turn off the printer light", "cancel the print"):
        answer = speech(await say(order))
        assert answer.startswith("Workshop X1C may be looked at, but not controlled")
    assert rig.printer.requests == []


async def test_user_without_the_right(
    hass: HomeAssistant, rig: Rig, say: Say, hass_read_only_user: User
) -> None:
    from homeassistant.core import Context

    result = await intent.async_handle(
        hass,
        "conversation",
        "BambuPrinterPause",
        {},
        context=Context(user_id=hass_read_only_user.id),
        assistant="conversation",
    )
    speech_ = result.speech["plain"]["speech"]
    assert speech_ == "You have no permission to control Workshop X1C."
    assert rig.printer.requests == []


# Home Assistant's own sentences


async def test_other_lights(
    hass: HomeAssistant, rig: Rig, garage: Any, say: Say
) -> None:
    """What is not said to a printer goes where it always went."""
    calls = async_mock_service(hass, "light", "turn_on")
    assert await async_setup_component(hass, "light", {})
    registry, areas = er.async_get(hass), ar.async_get(hass)
    lamp = registry.async_get_or_create("light", "test", "1", original_name="Ceiling")
    registry.async_update_entity(
        lamp.entity_id, area_id=areas.async_create("Kitchen").id
    )
    hass.states.async_set(lamp.entity_id, "off", {"friendly_name": "Ceiling"})
    await hass.async_block_till_done()
    kitchen = device_in(hass, "Kitchen")
    for order, more in (
        ("turn on the ceiling", {}),
        ("turn on the lights in the kitchen", {}),
        ("turn on the light", {"device_id": kitchen}),
    ):
        calls.clear()
        result = await say(order, **more)
        assert result["response"]["response_type"] == "action_done", order
        assert [call.data["entity_id"] for call in calls] == [[lamp.entity_id]], order
    assert rig.printer.requests == []


async def test_things_of_others_with_such_names(
    hass: HomeAssistant, rig: Rig, say: Say
) -> None:
    """Whoever calls something else "printer light" means that."""
    for domain, name, service, sentence in (
        ("switch", "printer", "turn_off", "turn off the printer"),
        ("light", "printer light", "turn_on", "turn on the printer light"),
        ("fan", "chamber fan", "turn_off", "turn off the chamber fan"),
        ("light", "chamber light", "turn_on", "turn on the chamber light"),
    ):
        assert await async_setup_component(hass, domain, {})
        calls = async_mock_service(hass, domain, service)
        entity_id = f"{domain}.other_{name.replace(' ', '_')}"
        hass.states.async_set(
            entity_id, "on" if service == "turn_off" else "off", {"friendly_name": name}
        )
        await hass.async_block_till_done()
        await say(sentence)
        assert [call.data["entity_id"] for call in calls] == [[entity_id]], name
    assert rig.printer.requests == []


async def test_sentence_of_the_user(hass: HomeAssistant, rig: Rig, say: Say) -> None:
    """A sentence trigger of an automation with the same words answers as well."""
    heard = async_mock_service(hass, "test", "heard")
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "triggers": {"trigger": "conversation", "command": "pause the print"},
                "actions": {"action": "test.heard"},
            }
        },
    )
    await hass.async_block_till_done()
    await say("pause the print")
    assert len(heard) == 1


# Languages


@pytest.fixture
async def assistants(hass: HomeAssistant, conversation: None) -> None:
    """Set up voice assistants; not later than the web server."""
    assert await async_setup_component(hass, "assist_pipeline", {})


async def test_language_of_a_voice_assistant(
    hass: HomeAssistant, rig: Rig, assistants: None, say: Say, hass_ws_client: Any
) -> None:
    """A language that only a voice assistant speaks is understood as soon as it is there."""
    question = {"text": "wie weit ist der Druck", "language": "de"}
    assert not speech(await say(**question)).startswith("Dein Druck")
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {
            "type": "assist_pipeline/pipeline/create",
            "conversation_engine": "conversation.home_assistant",
            "conversation_language": "de",
            "language": "de",
            "name": "Deutsch",
            "stt_engine": None,
            "stt_language": None,
            "tts_engine": None,
            "tts_language": None,
            "tts_voice": None,
            "wake_word_entity": None,
            "wake_word_id": None,
        }
    )
    assert (await client.receive_json())["success"]
    await hass.async_block_till_done()
    assert speech(await say(**question)).startswith("Dein Druck Herb planter")
    assert speech(await say("how far is the print")).startswith("Your print Herb")
    # What Home Assistant speaks itself, if nobody has translated it, is English.
    await hass.config.async_update(language="cy")
    await hass.async_block_till_done()
    assert speech(await say("what is printing", language="en")).startswith("Workshop")


@pytest.fixture
async def no_printer_yet(hass: HomeAssistant, socket_enabled: None) -> None:
    """Set up the integration; its views must not come later than the web server."""
    assert await async_setup_component(hass, "http", {})
    assert await async_setup_component(hass, DOMAIN, {})


async def test_names_of_printers_come_late(
    hass: HomeAssistant,
    no_printer_yet: None,
    say: Say,
    printer: VirtualPrinter,
    entry: MockConfigEntry,
) -> None:
    """Sentences work at once when the first printer is added after Assist was started."""
    assert speech(await say("what is printing")).startswith("Sorry")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert speech(await say("what is printing")).startswith("Workshop X1C is printing")


async def test_question_ends_by_itself(hass: HomeAssistant, rig: Rig, say: Say) -> None:
    from datetime import timedelta

    from homeassistant.util import dt as dt_util

    conversation_id = await ask_to_cancel(say)
    async_fire_time_changed(
        hass, dt_util.utcnow() + timedelta(seconds=SPOKEN_SECONDS + 1)
    )
    await hass.async_block_till_done()
    answer = speech(await say("yes", conversation_id=conversation_id))
    assert answer == DOES_NOT_UNDERSTAND


TEXTS = {
    "0300_0100_0001_0001": "The bed does not get warm. Look at its cable.",
    "0300-8014": "Something lies on the bed!",
}


@pytest.mark.parametrize(
    ("known", "language", "problems"),
    [
        # The worst first, and only what it is, not what to do about it.
        (TEXTS, "en", "The bed does not get warm and Something lies on the bed"),
        (
            {"0300-8014": TEXTS["0300-8014"]},
            "en",
            "a fatal one of the motion controller and Something lies on the bed",
        ),
        # The texts are in Home Assistant's language, which is not the one that is spoken.
        (
            TEXTS,
            "de",
            "a fatal one of the motion controller and a serious one of the motion controller",
        ),
    ],
)
async def test_problems_in_the_makers_words(
    hass: HomeAssistant,
    rig: Rig,
    say: Say,
    known: dict[str, str],
    language: str,
    problems: str,
) -> None:
    rig.printer.raise_hms(0x03000100, 0x00010001)
    await rig.report({"print_error": 0x03008014}, full=True)
    words = rig.entry.runtime_data.fault_words
    words._texts = {
        fault: text
        for fault in rig.entry.runtime_data.data.errors.problems
        for code, text in known.items()
        if fault.text_code.endswith(code)
    }
    assert len(words._texts) == len(known)
    hass.config.language = language
    answer = await say("is anything wrong with the printer", language="en")
    assert speech(answer) == f"Workshop X1C reports 2 problems: {problems}."
