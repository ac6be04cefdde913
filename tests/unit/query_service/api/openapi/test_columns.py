"""Columns of statistics: each says what it counts, in which unit."""

from __future__ import annotations

from query_service.api.openapi.columns import STATS
from query_service.queries.model import GROUPS, METRICS
from tests._support.api.in_process import Api


def test_each_group_and_metric_is_described_in_the_order_of_answers() -> None:
    assert [name for name in STATS if name in GROUPS] == list(GROUPS)
    assert all(STATS[name]["description"] for name in (*GROUPS, *METRICS))
    assert STATS["arrival_delay_p90"]["description"].startswith(
        "Percentile of the known arrival delays in minutes of flights that arrived as planned; early is negative: the"
        " smallest that at least 90 % of them do not exceed"
    )


def test_on_time_is_defined_where_it_is_counted(api: Api) -> None:
    document = api.json("/openapi.json")
    row = document["components"]["schemas"]["StatsRow"]["properties"]
    for text in (
        document["info"]["description"],
        row["on_time_departure_rate"]["description"],
        row["on_time_arrival_rate"]["description"],
    ):
        assert "less than `on_time_minutes` after the schedule (15 unless" in text
    assert [name for name in row if name in METRICS] == list(METRICS)
