"""When a silent printer is asked, and when it is given up."""

from itertools import pairwise

import pytest

from custom_components.bambu_printer.printer.models import MODELS, UNKNOWN_MODEL
from custom_components.bambu_printer.printer.watchdog import (
    ANSWER_TIME,
    Patience,
    Step,
    Watchdog,
    patience,
)

NEVER = float("-inf")
WEAK = Patience(30, 300, 300)
STRONG = Patience(10, 20, 5)


def test_what_speaks_is_left_alone():
    watchdog = Watchdog(0)
    for now in range(0, 1000, 5):
        watchdog.heard(now, report=True)
        assert watchdog.look(now, STRONG, NEVER) == (Step.WAIT, 10)


def test_the_cheap_question_comes_first():
    watchdog = Watchdog(0)
    assert watchdog.look(10, WEAK, 0) == (Step.WAIT, 20)
    assert watchdog.look(30, WEAK, 0) == (Step.ASK_VERSION, ANSWER_TIME)
    assert watchdog.look(35, WEAK, 0) == (Step.WAIT, 5)
    watchdog.heard(36, report=False)
    assert watchdog.look(40, WEAK, 0) == (Step.WAIT, 26)


def test_a_weak_printer_that_does_not_answer_is_not_burdened():
    watchdog = Watchdog(0)
    watchdog.look(30, WEAK, 0)
    assert watchdog.look(40, WEAK, 0) == (Step.GIVE_UP, 0)


def test_a_strong_one_is_asked_for_a_report_before_it_is_given_up():
    watchdog = Watchdog(0)
    assert watchdog.look(10, STRONG, 0)[0] is Step.ASK_VERSION
    assert watchdog.look(20, STRONG, 0)[0] is Step.ASK_REPORT
    assert watchdog.look(25, STRONG, 20) == (Step.WAIT, 5)
    assert watchdog.look(30, STRONG, 20) == (Step.GIVE_UP, 0)


def test_answers_are_no_reports():
    """Some firmware answers questions on a session on which it reports no more."""
    watchdog = Watchdog(0)
    for now in (5, 10, 15, 20):
        watchdog.heard(now, report=False)
    assert watchdog.look(20, STRONG, 0)[0] is Step.ASK_REPORT
    watchdog.heard(22, report=False)
    assert watchdog.look(30, STRONG, 20) == (Step.GIVE_UP, 0)


def test_a_report_ends_the_doubt():
    watchdog = Watchdog(0)
    watchdog.heard(20, report=False)
    assert watchdog.look(20, STRONG, 0)[0] is Step.ASK_REPORT
    watchdog.heard(21, report=True)
    assert watchdog.look(22, STRONG, 20) == (Step.WAIT, 9)


def test_a_weak_printer_is_asked_for_a_report_every_five_minutes_at_most():
    watchdog, asked, last, now = Watchdog(0), [], 0.0, 0.0
    while now < 3000:
        step, wait = watchdog.look(now, WEAK, last)
        assert step is not Step.GIVE_UP
        if step is Step.ASK_REPORT:
            asked.append(now)
            last = now
        if step is not Step.WAIT:
            watchdog.heard(now + 1, report=step is Step.ASK_REPORT)
        now += wait
    assert len(asked) >= 8
    assert all(b - a >= 300 for a, b in pairwise(asked))


@pytest.mark.parametrize("model", [*MODELS, UNKNOWN_MODEL], ids=lambda item: item.key)
def test_every_model(model):
    found = patience(model)
    assert found.full_report == model.pushall_interval
    assert found.report >= found.any_message
    assert found.any_message == (10 if model.full_reports else 30)
    assert found.report >= 300 if model.pushall_interval >= 300 else found.report <= 60
