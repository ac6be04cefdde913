"""A query finds its metric, aligned and reduced as Cloud Monitoring does it."""

from __future__ import annotations

from typing import Any

import pytest

from tools.monitoring_picture.incident import MINUTES, Metric
from tools.monitoring_picture.queries import MissingSeriesError, lines

_ALL = MINUTES + 61
KNOWN = {
    "a.com/requests": Metric("", (120.0,) * _ALL, counts=True),
    "a.com/runs one": Metric("", (1.0,) * _ALL, counts=True),
    "a.com/runs two": Metric("", (2.0,) * _ALL, counts=True),
    "a.com/latency p95": Metric("ms", (95.0,) * _ALL),
    "slo_health speed": Metric("%", (0.9,) * _ALL),
}


def query(asked: str, aligner: str = "ALIGN_MEAN", period: str = "60s", **more: Any) -> dict[str, Any]:
    how = {"alignmentPeriod": period, "perSeriesAligner": aligner, **more}
    return {"timeSeriesFilter": {"filter": asked, "aggregation": how}}


def test_rate_of_a_counter_is_a_second() -> None:
    [line] = lines(query('metric.type="a.com/requests" resource.type="x"', "ALIGN_RATE"), KNOWN)
    assert (line.unit, set(line.values), len(line.values)) == ("/s", {2.0}, MINUTES + 1)


def test_groups_are_a_line_each_with_a_sum_at_the_end_of_each_period() -> None:
    asked = query('metric.type="a.com/runs"', "ALIGN_DELTA", "3600s", groupByFields=["metric.label.result"])
    one, two = lines(asked, KNOWN)
    assert (one.name, two.name) == ("one", "two")
    assert {minute: value for minute, value in enumerate(two.values) if value} == dict.fromkeys(range(0, 181, 60), 120)


def test_percentile_and_objective_have_series_of_their_own() -> None:
    [p95] = lines(query('metric.type="a.com/latency"', crossSeriesReducer="REDUCE_PERCENTILE_95"), KNOWN)
    [slo] = lines(query('select_slo_health("projects/p/services/s/serviceLevelObjectives/speed")'), KNOWN)
    assert (p95.values[0], slo.values[0]) == (95.0, 0.9)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (query('metric.type="a.com/new"'), "no series of a.com/new"),
        (query('metric.type="a.com/latency"', crossSeriesReducer="REDUCE_PERCENTILE_50"), "a.com/latency p50"),
        (query('select_slo_health("p/serviceLevelObjectives/new")'), "slo_health new"),
        (query('resource.type="x"'), "names no metric"),
        (query('metric.type="a.com/requests"', "ALIGN_MAX"), "ALIGN_MAX"),
    ],
)
def test_what_has_no_series_is_named(asked: dict[str, Any], named: str) -> None:
    with pytest.raises(MissingSeriesError, match=named):
        lines(asked, KNOWN)
