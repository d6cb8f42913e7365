"""Reports that come late, twice, or with numbers that say nothing."""

import pytest

from custom_components.bambu_printer.printer.counters import Episode
from custom_components.bambu_printer.printer.order import ReportOrder


def status(number: object, *keys: str) -> dict:
    return {"sequence_id": number, **dict.fromkeys(keys, 1)}


def test_in_order():
    order = ReportOrder()
    for number in range(1, 50):
        assert order.overtaken(status(str(number), "a")) is None


def test_what_was_told_later_is_overtaken():
    order = ReportOrder()
    order.overtaken(status("1", "a", "b", "c"))
    order.overtaken(status("3", "a"))
    order.overtaken(status("4", "b"))
    assert order.overtaken(status("2", "a", "b", "d")) == {"a", "b", "sequence_id"}


@pytest.mark.parametrize("number", [None, "0", "", "x", -5, {}, [], 1.5, "9" * 5000])
def test_numbers_that_say_nothing(number):
    order = ReportOrder()
    order.overtaken(status("10", "a"))
    assert order.overtaken(status(number, "a")) is None
    assert not order.repeated


def test_a_constant_number():
    order = ReportOrder()
    for _ in range(5):
        assert order.overtaken(status("2021", "a")) is None
    assert order.repeated
    order.overtaken(status("2022", "a"))
    assert not order.repeated


def test_a_series_that_starts_anew():
    order = ReportOrder()
    for number in (20, 21, 22):
        order.overtaken(status(number, "a"))
    assert order.overtaken(status(11, "a"))
    assert order.overtaken(status(12, "a"))
    assert order.overtaken(status(13, "a")) is None
    assert order.overtaken(status(14, "a")) is None


def test_far_away_is_another_series():
    order = ReportOrder()
    order.overtaken(status(58072, "a"))
    assert order.overtaken(status(1, "a")) is None
    assert order.overtaken(status(2, "a")) is None


def test_a_new_connection_starts_anew():
    order = ReportOrder()
    order.overtaken(status(20, "a"))
    order.forget()
    assert order.overtaken(status(19, "a")) is None


def test_an_episode_is_told_once():
    episode = Episode()
    assert episode.strike(0)
    assert not any(episode.strike(now) for now in range(1, 2000, 100))
    assert episode.strike(2600)
