"""The protocol is safe in every small world, and each rule is needed.

`python -m tests.verification.model_checker --big` searches more.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.verification.model_checker.checker import Step, explore
from tests.verification.model_checker.configurations import SAFE, VARIANTS, Configuration
from tests.verification.model_checker.lake import Event, World
from tests.verification.model_checker.starvation import simulate

pytestmark = pytest.mark.early

QUICK = {
    "landing listed in two pages, a reader",
    "landing listed in two pages, two compactors",
    "two months",
    "two dates of a month, two compactors",
    "a flight is withdrawn, in any order",
    "a withdrawn flight is restored",
    "crashes",
    "crashes, a create of unknown outcome",
}
"""Of those that must be safe, the worlds of less than 20,000 states."""


def _named(configuration: Configuration) -> str:
    return configuration.name


@pytest.mark.parametrize(
    "configuration",
    [each if each.name in QUICK else pytest.param(each, marks=pytest.mark.long) for each in SAFE],
    ids=_named,
)
def test_no_event_is_lost_whatever_the_schedule(configuration: Configuration) -> None:
    outcome = configuration.search()
    assert outcome.problem is None, str(outcome)
    assert outcome.complete


@pytest.mark.parametrize("configuration", VARIANTS, ids=_named)
def test_data_is_lost_when_a_rule_is_broken(configuration: Configuration) -> None:
    outcome = configuration.search()
    assert configuration.as_expected(outcome), str(outcome)


def test_a_slow_month_commits_next_to_a_fast_one_when_it_is_rebased() -> None:
    commits = simulate({"slow": 60, "fast": 5}, run_s=1200, rebase=True)
    assert commits.committed["slow"] >= 19  # 1200 s / 60 s, less the last one
    assert commits.committed["fast"] >= 230
    assert not commits.redone


def test_a_slow_month_starves_next_to_a_fast_one_without_the_rebase() -> None:
    commits = simulate({"slow": 60, "fast": 5}, run_s=1200, rebase=False)
    assert (commits.committed["slow"], commits.committed["fast"]) == (0, 239)
    assert commits.redone["slow"] == 19


class _Counter:
    """Two processes count to two in a shared number, which must not become three."""

    def start(self) -> tuple[int, int]:
        return (0, 0)

    def canonical(self, state: tuple[int, int]) -> tuple[int, ...]:
        return tuple(sorted(state))

    def steps(self, state: tuple[int, int]) -> Iterator[Step[tuple[int, int]]]:
        for actor in (0, 1):
            if state[actor] < 2:
                after = (state[0] + (actor == 0), state[1] + (actor == 1))
                yield Step(f"process {actor}", f"counts to {after[actor]}", after, self._problem(after))

    def _problem(self, state: tuple[int, int]) -> str | None:
        return "three" if sum(state) == 3 else None


class _Unchecked(_Counter):
    def _problem(self, state: tuple[int, int]) -> str | None:
        return None


def test_the_search_gives_a_shortest_trace_to_a_problem() -> None:
    outcome = explore(_Counter(), max_states=100)
    assert (outcome.problem, len(outcome.trace), outcome.complete) == ("three", 3, False)


def test_the_search_visits_states_that_only_differ_in_names_once() -> None:
    outcome = explore(_Unchecked(), max_states=100)
    assert (outcome.states, outcome.complete) == (6, True)  # of nine


def test_the_search_says_so_when_it_was_cut_short() -> None:
    assert not explore(_Unchecked(), max_states=3).complete


def test_the_search_starts_where_the_prologue_ends() -> None:
    outcome = explore(_Counter(), max_states=100, prologue=[("process 1", "counts"), ("process 1", "to 2")])
    assert outcome.trace[:2] == ("process 1: counts to 1", "process 1: counts to 2")
    with pytest.raises(ValueError, match="process 1 cannot"):
        explore(_Counter(), max_states=100, prologue=[("process 1", "to 3")])


def test_an_event_covers_the_older_ones_of_its_flight() -> None:
    world = World((Event("a", 2), Event("a", 1), Event("b")), 1)
    assert [world.covered_by(1 << bit) for bit in range(3)] == [0b011, 0b010, 0b100]


def test_only_events_that_are_alike_land_in_one_order() -> None:
    alike = World((Event("a"), Event("b")), 1)
    assert alike.before(1) == 0b01
    for other in (
        World((Event("a", 2), Event("a", 1)), 1),
        World((Event("a"), Event("b", month=1)), 1),
        World((Event("a"), Event("b")), 1, pages=(1, 2)),
    ):
        assert other.before(1) == 0
