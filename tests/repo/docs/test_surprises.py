"""docs/surprises.md: dated, newest first, each with something to look at; and some of what libraries do, done again."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from tools.pages import ROOT, links

PAGE = ROOT / "docs" / "surprises.md"
ROWS = re.findall(r"^\| (\d{4}-\d\d-\d\d) \| (.+) \| (.+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_surprises_are_dated_and_the_newest_is_first() -> None:
    dates = [row[0] for row in ROWS]
    assert len(dates) >= 20
    assert dates == sorted(dates, reverse=True)


def test_every_surprise_has_something_to_look_at() -> None:
    assert all("](" in row[3] for row in ROWS)
    assert len(links(PAGE)) >= len(ROWS)


def test_a_plain_set_in_duckdb_does_not_reach_a_cursor() -> None:
    with duckdb.connect() as connection:
        before = connection.execute("SELECT current_setting('TimeZone')").fetchone()
        other = "UTC" if before != ("UTC",) else "Asia/Tokyo"
        connection.execute(f"SET TimeZone = '{other}'")
        assert connection.cursor().execute("SELECT current_setting('TimeZone')").fetchone() == before
        connection.execute(f"SET GLOBAL TimeZone = '{other}'")
        assert connection.cursor().execute("SELECT current_setting('TimeZone')").fetchone() == (other,)


def test_duckdb_opens_the_file_of_a_view_when_the_view_is_created(tmp_path: Path) -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.IOException, match="No files found"):
        connection.execute(f"CREATE VIEW flights AS FROM read_parquet('{tmp_path / 'none.parquet'}')")
