"""The dollars that are quoted: what the choices of docs/cost.md rest on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tools.cost.bill import bill_of, storage_requests
from tools.cost.figures import figures
from tools.cost.prices import load_prices
from tools.cost.sizes import DAYS, SIZES

PRICES = load_prices()
FIGURES = figures(PRICES)
AIRPORT = SIZES[1]


def test_a_canary_that_is_a_service_would_not_halve_what_runs_always() -> None:
    """Otherwise it would have to be built."""
    saved = FIGURES["canary"] - FIGURES["canary service"]
    assert 0 < saved < FIGURES["airport fixed"] / 2


def test_fewer_canaries_save_as_much_as_a_service() -> None:
    fewer = bill_of(replace(AIRPORT, canary_every_min=5), PRICES).fixed
    assert FIGURES["airport fixed"] - fewer > FIGURES["canary"] - FIGURES["canary service"]


def test_a_month_that_each_run_rewrote_was_284_gb_in_soft_delete() -> None:
    assert FIGURES["rewritten month"] == pytest.approx(141e6 * 288 * 7 / 2**30 * PRICES["storage"].each)
    assert FIGURES["soft-deleted"] < FIGURES["rewritten month"] / 10


def test_two_regions_cost_what_is_stored_written_and_replicated_there() -> None:
    landed = AIRPORT.landed_bytes
    stored = (landed * 7.5 * 7 / 30 + 1_000 * 365 * 3 * 27) / 2**30
    more = stored * (0.044 - 0.02) + storage_requests(AIRPORT).a * (0.01 - 0.005) / 1000 + landed * 7.5 / 2**30 * 0.04
    assert FIGURES["two regions"] == pytest.approx(more)


def test_at_the_break_even_both_cost_the_same() -> None:
    """The whole bill of one airport that is asked so often: requests, logs and answers to the internet too."""
    asked = replace(AIRPORT, questions_per_day=round(FIGURES["even"] / DAYS))
    theirs = asked.questions / 1e6 * FIGURES["queries"] - PRICES["bigquery"].free * PRICES["bigquery"].each
    assert bill_of(asked, PRICES).total == pytest.approx(theirs, abs=0.01)


def test_a_million_questions_cost_less_when_they_share_a_refresh() -> None:
    alone = 1e6 * 0.1 * (2 * 0.000024 + 2 * 0.0000025) + 0.40 + 2e6 * 5e-6
    assert FIGURES["questions alone"] == pytest.approx(alone)
    assert FIGURES["questions together"] == pytest.approx(1e6 * 0.015 * 0.000053 + 0.40 + 2e4 * 5e-6)


def test_a_question_to_bigquery_is_billed_at_ten_mebibytes() -> None:
    assert FIGURES["queries"] == pytest.approx(1e6 * 10 * 2**20 / 2**40 * 7.5)


def test_a_retained_million_costs_a_week_of_its_bytes() -> None:
    assert FIGURES["events retained"] == pytest.approx(1e6 * 375 / 2**30 * 7 / 30 * 0.27)
