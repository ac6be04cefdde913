"""The invariants hold for some tens of seeds and for a kill at any operation; mutations are found.

More of both: `make verify`; any number: `python -m tests.verification.simulation`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from tests.verification.simulation.crashes import SCRIPT, pairs_from, single_kills
from tests.verification.simulation.mutations import FIRST_SEED_THAT_FINDS, MUTATIONS, mutated
from tests.verification.simulation.run import run
from tests.verification.simulation.scenario import Scenario, from_seed
from tests.verification.simulation.shrink import shrink

pytestmark = pytest.mark.early


@pytest.mark.timeout(900)  # ten a second; `make verify` tries a thousand
def test_the_invariants_hold_whatever_goes_wrong(pytestconfig: pytest.Config) -> None:
    for seed in sorted({*range(pytestconfig.getoption("--seeds")), *FIRST_SEED_THAT_FINDS.values()}):
        _check(from_seed(seed))


@pytest.mark.timeout(300)
def test_the_invariants_hold_with_real_files_and_the_real_merge(pytestconfig: pytest.Config) -> None:
    for seed in range(pytestconfig.getoption("--real-seeds")):
        _check(from_seed(seed, is_real=True))


@pytest.mark.timeout(300)
def test_the_invariants_hold_whatever_operation_a_process_dies_at() -> None:
    for scenario in single_kills():
        _check(scenario)


@pytest.mark.timeout(300)
def test_the_invariants_hold_when_a_process_dies_and_soon_another_one(pytestconfig: pytest.Config) -> None:
    for scenario in islice(pairs_from(60), pytestconfig.getoption("--pairs")):
        _check(scenario)


def test_a_seed_replays_exactly() -> None:
    for seed in (1, 9):
        assert run(from_seed(seed), trace=True) == run(from_seed(seed), trace=True)


def test_months_are_rewritten_without_anything_to_absorb_next_to_other_commits() -> None:
    outcome = run(replace(from_seed(2), rewrite_rate=0.5), trace=True)
    commits = [line for line in outcome.trace if "committed" in line]
    alone = [line for line in commits if line.endswith("1 months, absorbed 0")]
    assert 0 < len(alone) < len(commits)
    assert not outcome.violations


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_is_found_by_a_seed_of_this_gate(mutation: str) -> None:
    with mutated(mutation):
        assert run(from_seed(FIRST_SEED_THAT_FINDS[mutation])).violations


def test_a_failing_scenario_becomes_smaller_and_still_fails() -> None:
    scenario = from_seed(FIRST_SEED_THAT_FINDS["tail overrides merged"])
    with mutated("tail overrides merged"):
        before = run(scenario)
        smaller, outcome = shrink(scenario, max_runs=60)
        assert run(smaller).violations == outcome.violations
    assert outcome.violations
    assert smaller.writers == smaller.compactors == 1
    assert len(outcome.trace) < len(before.trace)
    assert len(outcome.fired) <= 3


def test_kills_are_at_points_that_the_script_reaches() -> None:
    outcome = run(SCRIPT, trace=True)
    assert not outcome.violations
    assert len(outcome.points) > 200
    operations = {where.split()[1] for where in outcome.points}
    assert operations >= {"pull", "create", "replace", "ack", "delete", "list", "read"}
    assert "KILLED" in "\n".join(run(next(single_kills()), trace=True).trace)


def _check(scenario: Scenario) -> None:
    outcome = run(scenario)
    if outcome.violations:
        scenario, outcome = shrink(scenario, max_runs=100)
        pytest.fail("\n".join([str(scenario), *outcome.trace[-200:], *outcome.violations]))
