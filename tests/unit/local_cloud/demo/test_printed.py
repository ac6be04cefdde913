"""Tables of 80 columns with names and units; commands that are never cut."""

from __future__ import annotations

import pytest

from local_cloud.demo import printed
from local_cloud.demo.freshness import Freshness
from local_cloud.flights.replay import ReplayReport

ROW = {
    "carrier": "EV",
    "route": "LGA-XXX",
    "flights": 54_173,
    "cancellation_rate": 0.0345,
    "on_time_arrival_rate": 1.0,
    "arrival_delay_mean": -117.45,
    "arrival_delay_p50": -100,
    "arrival_delay_p90": None,
    "arrival_delay_max": 1272,
}
EXPORTS = {"LAKE_URL": "gs://flights-lake", "STORAGE_EMULATOR_HOST": "http://127.0.0.1:4443"}


def test_tables_fit_80_columns_with_all_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    printed.tables(printed.by_carrier([ROW]), printed.worst_routes([ROW, ROW | {"route": "EWR-OKC"}]))
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert "…" not in said
    for words in (
        "cancelled on time   mean median   p90 worst",
        "EV ExpressJet Airlines      54,173       3.5   100.0 -117.5   -100     - 1,272",
        "EWR-OKC Oklahoma City ",
        "LGA-XXX ",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("flights", "title"),
    [
        (336_776, "A year of flights: 336,776 of New York in 2013"),
        (1_000, "The first 1,000 flights of New York in 2013"),
    ],
)
def test_the_title_says_which_flights_are_shown(flights: int, title: str, capsys: pytest.CaptureFixture[str]) -> None:
    report, fresh = ReplayReport(1_002_073, 10_021, 59.0), Freshness(63, 13.3, 16.0, 16.9)
    lake = {"snapshot": 12, "months": [{"rows": 336_839, "bytes": 9_500_000}]}
    writer = {"landed_objects": 1_234, "rows": 1_002_073, "rejected": 0}
    printed.tables(printed.numbers(flights, report, 3.5, lake, writer, fresh))
    said = capsys.readouterr().out
    assert said.startswith(title)
    assert max(map(len, said.splitlines())) <= 80
    assert "median 13.3 s, worst 16.9 s" in said


def test_the_dashboard_comes_first_and_commands_are_whole_lines() -> None:
    first, *lines = printed.how_to_ask("http://127.0.0.1:8080", EXPORTS)
    assert first.split() == ["Dashboard:", "http://127.0.0.1:8080/"]
    assert "  export STORAGE_EMULATOR_HOST=http://127.0.0.1:4443" in lines
    assert f'  python -m lakehouse sql "{printed.QUERY}"' in lines
    assert any('lakehouse.connect("gs://flights-lake").sql(' in line for line in lines)
