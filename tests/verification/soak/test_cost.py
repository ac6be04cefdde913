"""The cost of a fault: the requests of its window, the lost ones, and the times until all was well."""

from __future__ import annotations

import pytest

from tests.verification.soak.cost import ALLOWED_AFTER_S, COUNTED_S, FRESH_S, Stale, Window, cost
from tests.verification.soak.faults import Fault
from tests.verification.soak.load import Answer
from tests.verification.soak.question import Question

FULL = Fault("disk full", "", (0.0,), lasts_s=10.0, may_lose=("503 Local",))
KILL = Fault("API killed", "", (0.0,), lasts_s=1.0, kills="api", may_lose=("no answer",))
LOST = "503 Local cache unavailable"
FRESH = Stale([], [])


def answer(asked_s: float, kind: str = "200") -> Answer:
    return Answer(Question("/v1/stats"), asked_s, asked_s + 0.5, kind)


def test_requests_count_until_the_first_good_answer_after_the_last_lost() -> None:
    answers = [answer(99.0), answer(101.0, LOST), answer(105.0), answer(112.0, LOST), answer(114.0), answer(120.0)]
    found = cost([Window(FULL, 100.0, 110.0, 200.0)], answers, FRESH)
    assert (found.requests, found.lost, found.good_after_s) == (4, 2, 4.5)
    assert found.kinds == {LOST: 2, "200": 2}


def test_a_killed_process_recovers_from_its_death_on() -> None:
    answers = [answer(100.5, "no answer: refused"), answer(103.0)]
    assert cost([Window(KILL, 100.0, 102.0, 200.0)], answers, FRESH).good_after_s == 3.5


def test_what_never_is_good_again_takes_forever() -> None:
    found = cost([Window(FULL, 100.0, 110.0, 200.0)], [answer(101.0, LOST)], FRESH)
    assert found.good_after_s == float("inf")


def test_fresh_again_when_answers_are_young_and_everything_is_stored() -> None:
    ages = [(105.0, FRESH_S + 1), (113.0, FRESH_S + 1), (115.0, FRESH_S - 1), (300.0, FRESH_S + 1)]
    windows = [Window(FULL, 100.0, 110.0, 200.0)]
    assert cost(windows, [], Stale(ages, [])).fresh_after_s == 3.0
    assert cost(windows, [], Stale(ages, [(108.0, 117.0)])).fresh_after_s == 7.0
    assert cost(windows, [], Stale(ages, [(108.0, float("inf"))])).fresh_after_s == 90.0


def test_of_several_times_the_requests_are_summed_and_the_slowest_counts() -> None:
    windows = [Window(KILL, 100.0, 101.0, 200.0), Window(KILL, 200.0, 201.0, 300.0)]
    answers = [answer(100.5, "no answer"), answer(101.0), answer(200.5, "no answer"), answer(204.0)]
    found = cost(windows, answers, FRESH)
    assert (found.requests, found.lost, found.good_after_s) == (4, 2, 4.5)


def test_a_stroke_that_costs_nothing_still_has_its_requests() -> None:
    answers = [answer(100.0 + second) for second in range(20)]
    assert cost([Window(KILL, 100.0, 100.0, 200.0)], answers, FRESH).requests == COUNTED_S + 1


@pytest.mark.parametrize(
    ("asked_s", "kind", "is_explained"),
    [
        (105.0, LOST, True),
        (110.0 + ALLOWED_AFTER_S - 1, LOST, True),
        (110.0 + ALLOWED_AFTER_S + 1, LOST, False),
        (98.0, LOST, False),
        (105.0, "500 Unexpected error", False),
        (105.0, "no answer: refused", False),
    ],
)
def test_a_fault_explains_its_own_kinds_in_its_time(asked_s: float, kind: str, is_explained: bool) -> None:
    assert Window(FULL, 100.0, 110.0).explains(answer(asked_s, kind)) is is_explained


def test_a_fault_that_may_lose_nothing_explains_nothing() -> None:
    assert not Window(Fault("writer killed", "", (0.0,), kills="writer"), 100.0, 110.0).explains(answer(105.0, LOST))
