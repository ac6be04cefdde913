"""The dollars that docs/cost.md, other pages and Terraform's variables quote, by a short name."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tools.cost.bill import MIB, bill_of, idle, job, pool, service, soft_deleted_gib, storage_requests
from tools.cost.prices import Charges, Price
from tools.cost.sizes import (
    API,
    BUSY_QUESTION_S,
    CANARY,
    CANARY_WAIT_S,
    COMPACTOR,
    DAYS,
    EVENT_BYTES,
    FLIGHT_BYTES,
    GIB,
    JOB_MIN_S,
    MONTH_S,
    QUESTION_S,
    REQUEST_MIN_BYTES,
    REQUESTS,
    RETENTION_DAYS,
    REWRITTEN,
    SHARED,
    SIZES,
    WRITER,
    YEARS_STORED,
)

AIRPORT: Final = SIZES[1]
MILLION: Final = 1_000_000
MONTH_BYTES: Final = 141_000_000
"""A busy month, once one file that each run rewrote (ADR 24)."""
RUNS_PER_DAY: Final = 288
BUILD_MIN: Final = 30

_CANARY_SERVICE_S: Final = 8
"""Publish, wait, two questions more: what a service instead of the job would be busy for."""
_QUERY_GIB: Final = 10 * MIB / GIB
"""The least that BigQuery bills for a question."""
_MINUTES: Final = MONTH_S / 60


def figures(prices: Mapping[str, Price]) -> dict[str, float]:
    """Dollars a month, where the name does not say otherwise; what is free is left out of parts, not of bills."""
    one = Charges({name: replace(price, free=0, free_per="") for name, price in prices.items()})
    return _of_bills(prices) | _of_parts(one) | _of_a_million(one)


def _of_bills(prices: Mapping[str, Price]) -> dict[str, float]:
    hobby, airport, fifty, shared = (bill_of(size, prices) for size in (*SIZES, SHARED))
    return {
        "hobby fixed": hobby.fixed,
        "airport": airport.total,
        "airport fixed": airport.fixed,
        "fifty a day": fifty.total / DAYS,
        "shared": shared.total,
        "compactions": airport.always["the compactor's runs"],
        "wait": airport.always["the API while canaries wait"],
        "soft-deleted": airport.use["storage, soft-deleted"],
        "keys": Charges(prices)(secret_version=2, secret_access=AIRPORT.canaries),
        "even": _break_even(prices),
        "two regions": _two_regions(prices),
    }


def _of_parts(one: Charges) -> dict[str, float]:
    canary = job(one, CANARY, _MINUTES * JOB_MIN_S)
    return {
        "writer": pool(one, WRITER, MONTH_S),
        "warm": idle(one, API, MONTH_S),
        "busy": service(one, API, MONTH_S),
        "two cores": job(one, COMPACTOR._replace(cpu=2), AIRPORT.compactions * JOB_MIN_S),
        "canary": canary,
        "canary of five minutes": canary / 5,
        "canary pool": pool(one, CANARY, MONTH_S),
        "canary service": service(one, CANARY, _MINUTES * _CANARY_SERVICE_S) + one(service_requests=_MINUTES),
        "wait, cold": service(one, API, _MINUTES * CANARY_WAIT_S),
        "batches": one(class_a=AIRPORT.objects),
        "rewritten month": one(storage=MONTH_BYTES * RUNS_PER_DAY * RETENTION_DAYS / GIB),
        "build": one(build=BUILD_MIN),
    }


def _of_a_million(one: Charges) -> dict[str, float]:
    return {
        "events alone": one(pubsub_throughput=2 * MILLION * REQUEST_MIN_BYTES / GIB),
        "events together": one(pubsub_throughput=2 * MILLION * EVENT_BYTES / GIB),
        "events retained": one(pubsub_storage=MILLION * EVENT_BYTES / GIB * RETENTION_DAYS / DAYS),
        "questions alone": _questions(one, QUESTION_S, 1),
        "questions together": _questions(one, BUSY_QUESTION_S, 100),
        "queries": one(bigquery=MILLION * _QUERY_GIB / 1024),
    }


def _questions(one: Charges, seconds: float, per_second: float) -> float:
    """Computed, requested, and the refreshes of the plan, one a second while anybody asks."""
    refreshes = MILLION / per_second * REQUESTS["a refresh of the plan"].a
    return service(one, API, MILLION * seconds) + one(service_requests=MILLION, class_a=refreshes)


def _two_regions(prices: Mapping[str, Price]) -> float:
    """What a lake in two regions adds for one airport: the same requests, bytes and writes at other prices."""
    charge = Charges(prices)
    stored = AIRPORT.flights_per_day * 365 * YEARS_STORED * FLIGHT_BYTES / GIB + soft_deleted_gib(AIRPORT)
    writes = storage_requests(AIRPORT).a
    written = AIRPORT.landed_bytes * (1 + REWRITTEN) / GIB
    two = charge(storage_dual=stored, class_a_dual=writes, replication_turbo=written)
    return two - charge(storage=stored, class_a=writes)


def _break_even(prices: Mapping[str, Price]) -> float:
    """Questions a month from which BigQuery costs more than one airport, each with its questions and what is free."""

    def bigquery_costs_more(questions_per_day: int) -> bool:
        airport = replace(AIRPORT, questions_per_day=questions_per_day)
        asked = Charges(prices)(bigquery=airport.questions * _QUERY_GIB / 1024)
        return asked > bill_of(airport, prices).total

    return bisect_left(range(MILLION), True, key=bigquery_costs_more) * DAYS
