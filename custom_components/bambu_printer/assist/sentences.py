"""The sentences of the integration, for Home Assistant's built-in agent.

An integration has no place to put sentences into: `custom_sentences` belongs to the user,
and the agent reads no other files.  What it does have is what sentence triggers of
automations use, `AgentManager.register_trigger`: sentences with a function to call.  That
works without any cloud, at once, and also in front of language models.

Registered sentences go before Home Assistant's own.  Three things keep ours from taking
what is meant for others: they all speak of a printer, a print or a part of a printer;
they are only there while a printer is exposed to Assist; and when Home Assistant itself
understands the same words as being about something else, it gets them.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
import logging
from typing import TYPE_CHECKING, Final

from hassil.recognize import RecognizeResult
from homeassistant.components import conversation
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.components.conversation.chat_log import current_chat_log
from homeassistant.components.conversation.const import METADATA_CUSTOM_SENTENCE
from homeassistant.components.homeassistant.exposed_entities import (
    async_listen_entity_updates,
    async_should_expose,
)
from homeassistant.const import (
    EVENT_CORE_CONFIG_UPDATE,
    EVENT_HOMEASSISTANT_STARTED,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    intent,
)
from homeassistant.helpers.event import async_call_later
from homeassistant.setup import async_when_setup
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .confirmation import SPOKEN_SECONDS, Asker, async_asker, async_spoken_questions
from .phrases import Phrases, async_load_phrases, choose_language
from .printers import async_exposed_printers
from .recognition import Recognized, Recognizer, Vocabulary

if TYPE_CHECKING:
    from homeassistant.components.assist_pipeline.pipeline import PipelineData

_LOGGER = logging.getLogger(__name__)

CANCEL: Final = "BambuPrinterCancel"
CONFIRM: Final = "BambuPrinterConfirm"

# Importing the component itself would make every user install what only speech needs.
_ASSISTANTS: HassKey[PipelineData] = HassKey("assist_pipeline")

_EVENTS: Final = (
    EVENT_CORE_CONFIG_UPDATE,
    EVENT_HOMEASSISTANT_STARTED,
    ar.EVENT_AREA_REGISTRY_UPDATED,
    dr.EVENT_DEVICE_REGISTRY_UPDATED,
)
"""What may change the names of printers, or the languages that are spoken."""
PAUSE = 0.5
"""Seconds between two looks at all that: a printer that is added changes it a hundred times."""


class Sentences:
    """Keeps the sentences in step with printers, areas and languages."""

    def __init__(self, hass: HomeAssistant, phrases: dict[str, Phrases]) -> None:
        """Prepare; nothing is registered yet."""
        self._hass = hass
        self._phrases = phrases
        self._known: tuple[Vocabulary, tuple[str, ...]] | None = None
        self._recognizers: Sequence[Recognizer] = ()
        self._unregister: CALLBACK_TYPE | None = None
        self._changed = asyncio.Event()
        self._updating = False
        self._next_look = 0.0
        self._end_question: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> None:
        """Register the sentences, and follow what changes them."""
        for event in _EVENTS:
            self._hass.bus.async_listen(str(event), self._async_something_changed)
        self._hass.bus.async_listen(
            str(er.EVENT_ENTITY_REGISTRY_UPDATED),
            self._async_something_changed,
            event_filter=self._async_is_ours,
        )
        self._hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._async_stop)
        async_listen_entity_updates(
            self._hass, conversation.DOMAIN, self._async_something_changed
        )
        async_when_setup(self._hass, str(_ASSISTANTS), self._async_follow_assistants)
        self._async_something_changed()

    async def _async_follow_assistants(
        self, hass: HomeAssistant, _component: str
    ) -> None:
        """Learn when a voice assistant is added that speaks another language."""

        async def changed(_change: str, _pipeline_id: str, _pipeline: object) -> None:
            self._async_something_changed()

        hass.data[_ASSISTANTS].pipeline_store.async_add_listener(changed)
        self._async_something_changed()

    @callback
    def _async_stop(self, _event: object) -> None:
        if self._end_question:
            self._end_question()

    @callback
    def _async_is_ours(self, data: er.EventEntityRegistryUpdatedData) -> bool:
        """Whether an entity is a printer's; of one that is gone nobody knows any more."""
        entity = er.async_get(self._hass).async_get(data["entity_id"])
        return entity is None or entity.platform == DOMAIN

    @callback
    def _async_something_changed(self, _event: object = None) -> None:
        self._changed.set()
        if not self._updating:
            self._updating = True
            self._hass.async_create_task(self._async_update(), f"{DOMAIN} sentences")

    async def _async_update(self) -> None:
        """Register the sentences anew, if names or languages are other ones."""
        try:
            while self._changed.is_set():
                await asyncio.sleep(self._next_look - self._hass.loop.time())
                self._next_look = self._hass.loop.time() + PAUSE
                self._changed.clear()
                vocabulary, languages = known = self._async_look_around()
                if known != self._known:
                    self._known = known
                    self._recognizers = await self._hass.async_add_executor_job(
                        self._prepare, vocabulary, languages
                    )
                    self._async_register()
        finally:
            self._updating = False

    def _prepare(
        self, vocabulary: Vocabulary, languages: Sequence[str]
    ) -> list[Recognizer]:
        if not vocabulary.names:
            return []
        return [Recognizer(self._phrases[key], vocabulary) for key in languages]

    @callback
    def _async_register(self) -> None:
        if self._unregister:
            self._unregister()
            self._unregister = None
        sentences = [
            sentence
            for recognizer in self._recognizers
            for sentence in recognizer.sentences
        ]
        if sentences:
            # All are one trigger: the agent runs every trigger that fits, at once.
            self._unregister = get_agent_manager(self._hass).register_trigger(
                sentences, self._async_hear
            )

    @callback
    def _async_look_around(self) -> tuple[Vocabulary, tuple[str, ...]]:
        """Return the names of printers and areas, and the languages that are spoken."""
        printers = async_exposed_printers(self._hass, conversation.DOMAIN)
        spoken = [self._hass.config.language]
        if assistants := self._hass.data.get(_ASSISTANTS):
            spoken += [
                assistant.conversation_language
                for assistant in assistants.pipeline_store.data.values()
            ]
        languages = dict.fromkeys(
            choose_language(self._phrases, language).language for language in spoken
        )
        vocabulary = Vocabulary(
            names=tuple(sorted({name for x in printers for name in x.names})),
            areas=tuple(sorted({area for x in printers for area in x.areas})),
        )
        return vocabulary, tuple(languages)

    # Hearing

    async def _async_hear(
        self, user_input: conversation.ConversationInput, _result: RecognizeResult
    ) -> str | None:
        """Answer a sentence that fits one of ours."""
        if (
            answer := await self._async_leave_to_home_assistant(user_input)
        ) is not None:
            return answer
        language = choose_language(self._phrases, user_input.language)
        recognized = await self._hass.async_add_executor_job(
            self._recognize, user_input.text, language
        )
        if recognized is None:
            return language.say("not_understood")
        answer = await self._async_obey(user_input, recognized)
        asker = _asker(user_input)
        if recognized.intent == CANCEL and async_spoken_questions(
            self._hass
        ).async_find(asker):
            self._async_wait_for_answer(recognized.phrases)
        return answer

    def _recognize(self, text: str, language: Phrases) -> Recognized | None:
        """Return what a sentence says, in the language of who speaks if possible."""
        found = None
        for recognizer in sorted(
            self._recognizers, key=lambda x: x.phrases is not language
        ):
            if found := recognizer.recognize(text):
                break
        return found

    async def _async_leave_to_home_assistant(
        self, user_input: conversation.ConversationInput
    ) -> str | None:
        """Let Home Assistant answer what it understands as being about something else."""
        agent, log = get_agent_manager(self._hass).default_agent, current_chat_log.get()
        if agent is None or log is None:
            return None
        found = await agent.async_recognize_intent(user_input, strict_intents_only=True)
        if found is None or self._async_is_about_printer(found):
            return None
        response = await conversation.async_handle_intents(self._hass, user_input, log)
        if response is None:
            return None
        speech: str = response.speech.get("plain", {}).get("speech", "")
        return speech

    @callback
    def _async_is_about_printer(self, found: RecognizeResult) -> bool:
        """Whether all entities that are called so are a printer's."""
        if (found.intent_metadata or {}).get(METADATA_CUSTOM_SENTENCE):
            return False
        name = found.entities.get("name")
        if name is None:
            return False
        registry = er.async_get(self._hass)
        for state in self._hass.states.async_all():
            entry = registry.async_get(state.entity_id)
            if (
                (entry is None or entry.platform != DOMAIN)
                and async_should_expose(
                    self._hass, conversation.DOMAIN, state.entity_id
                )
                and name.value
                in intent.async_get_entity_aliases(self._hass, entry, state=state)
            ):
                return False
        return True

    async def _async_obey(
        self, user_input: conversation.ConversationInput, recognized: Recognized
    ) -> str:
        """Hand a sentence to its intent, and return the answer."""
        try:
            response = await intent.async_handle(
                self._hass,
                conversation.DOMAIN,
                recognized.intent,
                {name: {"value": value} for name, value in recognized.slots.items()},
                user_input.text,
                user_input.context,
                recognized.phrases.language,
                assistant=conversation.DOMAIN,
                device_id=user_input.device_id,
                satellite_id=user_input.satellite_id,
                conversation_agent_id=user_input.agent_id,
            )
        except intent.IntentError:
            _LOGGER.exception("Could not handle %s", recognized.intent)
            return recognized.phrases.say("not_understood")
        speech: str = response.speech["plain"]["speech"]
        return speech

    # Asking back

    @callback
    def _async_wait_for_answer(self, phrases: Phrases) -> None:
        """Listen for a bare yes or no, for as long as the question stands."""
        if self._end_question:
            self._end_question()
        manager = get_agent_manager(self._hass)
        ends = [
            manager.register_trigger(
                list(phrases.answers_to_question[word]),
                partial(self._async_hear_answer, phrases, word == "yes"),
            )
            for word in ("yes", "no")
        ]

        @callback
        def end(_now: object = None) -> None:
            self._end_question = None
            for unregister in (*ends, cancel_timer):
                unregister()

        cancel_timer = async_call_later(self._hass, SPOKEN_SECONDS, end)
        self._end_question = end

    async def _async_hear_answer(
        self,
        phrases: Phrases,
        yes: bool,
        user_input: conversation.ConversationInput,
        _result: RecognizeResult,
    ) -> str:
        """Do what was asked about, or leave it, if the same conversation says so."""
        questions, asker = async_spoken_questions(self._hass), _asker(user_input)
        question = questions.async_find(asker)
        if question is None:
            return phrases.say("nothing_to_confirm")
        if yes and not question.asker.same_conversation(asker):
            # It may be the answer to something else that was asked in the same place.
            return phrases.say("say_it_all")
        if self._end_question:
            self._end_question()
        if yes:
            return await self._async_obey(user_input, Recognized(phrases, CONFIRM, {}))
        questions.async_close(question)
        return phrases.say("kept")


def _asker(user_input: conversation.ConversationInput) -> Asker:
    return async_asker(
        user_input.context,
        device_id=user_input.device_id,
        satellite_id=user_input.satellite_id,
    )


async def async_setup_sentences(hass: HomeAssistant) -> None:
    """Start to understand sentences."""
    Sentences(hass, await async_load_phrases(hass)).async_start()
