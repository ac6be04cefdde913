"""docs/prices.json: what a price must say of itself, and what a quantity of it costs."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tools.cost.prices import Charges, Price, load_prices

PRICES = load_prices()
FREE = Price("free", "", 2, 1_000, "things", 500, "billing account", "", "", "", True, "")


@pytest.mark.parametrize("price", PRICES.values(), ids=PRICES)
def test_a_price_says_where_and_when_it_was_read(price: Price) -> None:
    assert price.source.startswith("https://cloud.google.com/")
    assert price.region
    assert price.basis, "what it rests on"
    if price.verified:
        assert dt.date(2025, 1, 1) <= dt.date.fromisoformat(price.read) <= dt.datetime.now(dt.UTC).date()


def test_what_is_unverified_says_so() -> None:
    unverified = {name for name, price in PRICES.items() if not price.verified}
    assert unverified == {
        *("alert_condition", "alert_points", "internet", "bigquery"),
        *("storage_dual", "class_a_dual", "replication_turbo"),
    }


def test_pubsub_storage_is_not_ten_times_too_cheap() -> None:
    assert PRICES["pubsub_storage"].each == 0.27


def test_worker_pools_have_a_price_of_their_own() -> None:
    assert PRICES["worker_pool_cpu"].each < PRICES["job_cpu"].each < PRICES["service_cpu"].each


@pytest.mark.parametrize(("quantity", "dollars"), [(0, 0), (500, 0), (501, 0.002), (1_500, 2)])
def test_what_is_beyond_the_free_is_charged(quantity: float, dollars: float) -> None:
    assert Charges({"free": FREE})(free=quantity) == pytest.approx(dollars)


def test_what_is_free_for_a_project_is_free_for_each() -> None:
    per_project = Charges({"free": replace(FREE, free_per="project")}, projects=3)
    assert per_project(free=1_500) == 0
    assert Charges({"free": FREE}, projects=3)(free=1_500) == pytest.approx(2)


@pytest.mark.parametrize("wrong", [{"dollars": 0}, {"per": 0}, {"free": -1}, {"free": 0}, {"free_per": "month"}])
def test_a_price_that_cannot_be_right_is_refused(wrong: dict[str, float | str]) -> None:
    with pytest.raises(ValueError, match="free"):
        replace(FREE, **wrong)  # type: ignore[arg-type]


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    entry = {name: getattr(FREE, name) for name in Price.__dataclass_fields__}
    (tmp_path / "prices.json").write_text(json.dumps([entry, entry]))
    with pytest.raises(ValueError, match="twice"):
        load_prices(tmp_path / "prices.json")
