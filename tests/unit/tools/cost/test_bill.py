"""The bill of a size, against sums that are written out here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tools.cost.bill import active, bill_of, soft_deleted_gib, storage_requests
from tools.cost.prices import Charges, load_prices
from tools.cost.sizes import SIZES

PRICES = load_prices()
HOBBY, AIRPORT, FIFTY = SIZES
MONTH_S = 30 * 86_400
GIB = 2**30


def each(name: str) -> float:
    return PRICES[name].dollars / PRICES[name].per


def job(runs: float, cpu: float, gib: float) -> float:
    return runs * 60 * (cpu * each("job_cpu") + gib * each("job_memory"))


WRITER = MONTH_S * (each("worker_pool_cpu") + 2 * each("worker_pool_memory"))
IDLE = 2 * each("service_idle_cpu") + 2 * each("service_idle_memory")
ACTIVE = 2 * each("service_cpu") + 2 * each("service_memory")


def test_what_a_hobby_always_runs_is_its_writer_and_two_schedules() -> None:
    runs = job(30 * 144, 1, 4) + job(30 * 288, 1, 0.5)
    waits = 30 * 288 * 6 * ACTIVE
    assert bill_of(HOBBY, PRICES).fixed == pytest.approx(WRITER + runs + waits - each("run_free_tier"))


def test_what_an_airport_always_runs_has_a_warm_instance_too() -> None:
    runs = job(30 * 288, 1, 4) + job(30 * 1440, 1, 0.5)
    waits = 30 * 1440 * 6 * (ACTIVE - IDLE)
    expected = WRITER + MONTH_S * IDLE + runs + waits - each("run_free_tier")
    assert bill_of(AIRPORT, PRICES).fixed == pytest.approx(expected)


def test_fifty_systems_are_fifty_times_one_but_for_what_is_free_once() -> None:
    one, fifty = (bill_of(size, PRICES) for size in (AIRPORT, FIFTY))
    paid = ("the writer", "warm API instances", "the compactor's runs", "the canary's runs")
    assert all(fifty.always[what] == pytest.approx(50 * one.always[what]) for what in paid)
    assert fifty.always["Cloud Run's free tier"] == one.always["Cloud Run's free tier"] == -each("run_free_tier")
    assert fifty.always["schedules"] == pytest.approx((100 - 3) * each("schedule"))
    assert fifty.use["logs"] == 0, "50 GiB are free for each project"


def test_a_run_of_a_job_is_a_minute_however_short() -> None:
    assert bill_of(AIRPORT, PRICES).always["the canary's runs"] == pytest.approx(
        30 * 1440 * 60 * (each("job_cpu") + 0.5 * each("job_memory"))
    )


def test_requests_to_a_warm_instance_add_what_it_does_not_cost_idle() -> None:
    charge = Charges(PRICES)
    assert active(charge, AIRPORT, 10) == pytest.approx(10 * (ACTIVE - IDLE))
    assert active(charge, HOBBY, 10) == pytest.approx(10 * ACTIVE)


def test_events_are_paid_while_they_travel_and_while_the_topic_keeps_them() -> None:
    many = replace(AIRPORT, events_per_day=10_000_000)
    use = bill_of(many, PRICES).use
    retained = (10_000_000 + 1440) * 7 * 375 / GIB
    assert use["Pub/Sub, a week of events"] == pytest.approx(retained * each("pubsub_storage"))
    published, delivered = many.events * 1_000, many.events * 375
    billed = (published + delivered) / GIB - PRICES["pubsub_throughput"].free
    assert use["Pub/Sub, events both ways"] == pytest.approx(billed * each("pubsub_throughput"))


def test_requests_to_storage_are_the_counted_ones() -> None:
    objects, runs, refreshes = AIRPORT.objects, 30 * 288, AIRPORT.refreshes
    requests = storage_requests(AIRPORT)
    assert requests.a == objects + runs * (12 + 10 + 3) + 2 * refreshes
    assert requests.b == 2 * objects + runs * (3 + 3)
    use = bill_of(AIRPORT, PRICES).use
    assert use["storage, writes and listings"] == pytest.approx(requests.a * each("class_a"))
    assert use["storage, reads"] == pytest.approx(requests.b * each("class_b"))


def test_soft_delete_keeps_a_week_of_what_landed_and_of_what_was_rewritten() -> None:
    landed = AIRPORT.objects * 4_500 + AIRPORT.events * 40
    assert soft_deleted_gib(AIRPORT) == pytest.approx(landed * 7.5 * 7 / 30 / GIB)
    dollars = bill_of(AIRPORT, PRICES).use["storage, soft-deleted"]
    assert dollars == pytest.approx(soft_deleted_gib(AIRPORT) * each("storage"))


def test_log_based_metrics_are_free_for_one_system_and_not_for_fifty() -> None:
    mib = 43_200 * (14 * 8 + 10 * 80) / 2**20
    assert bill_of(AIRPORT, PRICES).use["log-based metrics"] == 0
    fifty = bill_of(FIFTY, PRICES).use["log-based metrics"]
    assert fifty == pytest.approx((50 * mib - 150) * each("metrics"))


def test_alerting_is_told_but_not_in_the_sum() -> None:
    bill = bill_of(AIRPORT, PRICES)
    conditions = 36 * (each("alert_condition") + 86_400 * each("alert_points"))
    assert bill.announced == pytest.approx(conditions)
    assert bill.total == pytest.approx(sum(bill.always.values()) + sum(bill.use.values()))
