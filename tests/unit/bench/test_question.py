"""The usual question: as a URL and as the SQL that peers run, over the same dates."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

from bench.question import Window, by_glob, month_of, single_file, thirty_days
from bench.scale import Lake
from tests._support.lakes.rows import row, write

LAKE = Lake(Path("lake"), ("2013-01", "2013-02", "2013-03"), 0)


def test_a_window_is_asked_of_the_api_by_its_dates() -> None:
    path = Window(dt.date(2013, 1, 1), dt.date(2013, 1, 30)).path("origin")
    assert urlsplit(path).path == "/v1/stats"
    asked = {"date_from": ["2013-01-01"], "date_to": ["2013-01-30"], "group_by": ["origin"]}
    assert parse_qs(urlsplit(path).query) == asked


@pytest.mark.parametrize(("index", "last"), [(0, 30), (1, 28), (2, 30)])
def test_a_month_is_asked_for_thirty_days_or_all_of_a_february(index: int, last: int) -> None:
    window = month_of(LAKE, index)
    assert (window.first, window.last) == (dt.date(2013, index + 1, 1), dt.date(2013, index + 1, last))


def test_the_usual_question_is_about_the_month_in_the_middle() -> None:
    assert thirty_days(LAKE) == month_of(LAKE, 1)


def test_the_sql_runs_over_files_of_others_and_counts_what_is_in_the_window(tmp_path: Path) -> None:
    rows = [row("2013-01-01", 1), row("2013-01-30", 2), row("2013-01-31", 3), row("2013-01-02", 4, carrier="AA")]
    (tmp_path / "day").mkdir()
    file = write(tmp_path / "day" / "all.parquet", rows)
    window = month_of(LAKE, 0)
    for relation in (single_file(file), by_glob(tmp_path)):
        question = window.question(relation)
        found = duckdb.execute(str(question["sql"]), question["values"]).to_arrow_table().to_pylist()
        assert [(each["carrier"], each["flights"]) for each in found] == [("AA", 1), ("UA", 2)]
