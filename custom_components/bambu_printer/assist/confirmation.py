"""Making sure: what cannot be undone is done only after somebody has said yes."""

from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import Any, Final

from homeassistant.components.conversation.chat_log import current_chat_log
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

SPOKEN_SECONDS: Final = 30.0
"""For how long a spoken question waits for its answer."""
WRITTEN_SECONDS: Final = 300.0
"""For how long a language model may take to ask its user."""
_MOST_QUESTIONS: Final = 32
"""More than anybody asks at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: a conversation, and where or by whom it is held."""

    conversation_id: str | None
    place: tuple[str | None, str | None, str | None]
    """Satellite, device, and user."""
    turn: object
    """What tells one thing that the user says from the next; None: nobody knows."""

    def same_conversation(self, other: Asker) -> bool:
        """Whether both are parts of one conversation."""
        return (
            self.conversation_id is not None
            and self.conversation_id == other.conversation_id
        )

    def same_person(self, other: Asker) -> bool:
        """Whether both come from one conversation, or at least from one place."""
        return self.same_conversation(other) or (
            any(self.place) and self.place == other.place
        )


@callback
def async_asker(
    context: Context | None,
    *,
    device_id: str | None = None,
    satellite_id: str | None = None,
) -> Asker:
    """Describe who asks just now.

    In a conversation each message of the user is a turn; elsewhere each request is one.
    """
    log = current_chat_log.get()
    turn: object = context.id if context else None
    if log is not None:
        turn = sum(content.role == "user" for content in log.content)
    return Asker(
        conversation_id=log.conversation_id if log else None,
        place=(satellite_id, device_id, context.user_id if context else None),
        turn=turn,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that waits for a yes."""

    subject: Any
    """What is to be done, and to which printer."""
    asker: Asker
    until: float
    token: str
    """What only somebody knows who has been told that there is a question."""


class Questions:
    """The questions that wait for an answer."""

    def __init__(self) -> None:
        """Start without questions."""
        self._open: list[Question] = []

    @callback
    def async_ask(self, subject: Any, asker: Asker, seconds: float) -> Question:
        """Remember a question."""
        self._forget_old()
        question = Question(
            subject=subject,
            asker=asker,
            until=monotonic() + seconds,
            token=token_hex(4),
        )
        self._open.append(question)
        return question

    @callback
    def async_find(self, asker: Asker) -> Question | None:
        """Return the last question that this asker was asked."""
        self._forget_old()
        mine = (x for x in reversed(self._open) if x.asker.same_person(asker))
        return next(mine, None)

    @callback
    def async_find_token(self, token: str) -> Question | None:
        """Return the question that belongs to a token."""
        self._forget_old()
        return next((x for x in self._open if x.token == token), None)

    @callback
    def async_close(self, question: Question) -> None:
        """Forget a question that has been answered."""
        self._open = [x for x in self._open if x is not question]

    def _forget_old(self) -> None:
        now = monotonic()
        self._open = [x for x in self._open if x.until > now][-_MOST_QUESTIONS:]


_SPOKEN: HassKey[Questions] = HassKey("bambu_printer_spoken_questions")
_WRITTEN: HassKey[Questions] = HassKey("bambu_printer_written_questions")


@callback
def async_spoken_questions(hass: HomeAssistant) -> Questions:
    """Return the questions that people are asked aloud."""
    return hass.data.setdefault(_SPOKEN, Questions())


@callback
def async_written_questions(hass: HomeAssistant) -> Questions:
    """Return the questions that language models have to ask their users."""
    return hass.data.setdefault(_WRITTEN, Questions())
