"""The newest event wins: the SQL against the plain Python definition, and the algebra that merging relies on."""

from __future__ import annotations

import datetime as dt
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.schema.event import COLUMNS, ORDER, STATUSES
from lakehouse.table.latest_sql import VISIBLE, merged, newest, quoted, read_files, without_probes
from tests._support.lakes import rows as lakes
from tests._support.lakes.rows import Row, at, row

_DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")
_INSTANTS = [at("2013-01-01 12:00") + dt.timedelta(microseconds=n) for n in range(3)]
# By UTF-16 code units, U+1F6EB would sort below U+FFEE; by locale, "B" might sort next to "b".
_MESSAGE_IDS = ("", "10", "9", "B", "a", "b", "ä", "é", "\uffee", "\U0001f6eb", "load:ff")


def _event(day: str, carrier: str, number: int, order_parts: tuple[Any, ...]) -> Row:
    """The same message line, decoded by the same version, is the same event: what it says follows from the order."""
    event_time, publish_time, message_id, line, version = order_parts
    status = STATUSES[zlib.crc32(repr(order_parts).encode()) % len(STATUSES)]
    changes = {
        "carrier": carrier,
        "status": status,
        "event_time": event_time,
        "publish_time": publish_time,
        "message_id": message_id,
        "message_line": line,
        "decoder_version": version,
    }
    return {**row(day, number), **changes}


_EVENTS = st.builds(
    _event,
    day=st.sampled_from(_DAYS),
    carrier=st.sampled_from(["UA", "ZZ"]),
    number=st.integers(1, 2),
    order_parts=st.tuples(
        st.sampled_from(_INSTANTS),
        st.sampled_from(_INSTANTS),
        st.sampled_from(_MESSAGE_IDS),
        st.integers(0, 1),
        st.integers(1, 2),
    ),
)


_LISTS = st.lists(_EVENTS, max_size=12)
_FEW = settings(max_examples=40, deadline=None)  # each example runs some queries


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def _rows(database: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """The rows of a SELECT of our columns, sorted by key."""
    found = database.execute(query)
    assert [column[0] for column in found.description or ()] == list(COLUMNS)
    return sorted((dict(zip(COLUMNS, values, strict=True)) for values in found.fetchall()), key=lakes.key)


def _sql_newest(database: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> list[Row]:
    with database.cursor() as cursor:
        cursor.register("events", lakes.table(rows))
        return _rows(cursor, newest("events"))


@_FEW
@given(rows=_LISTS)
def test_newest_is_the_maximum_by_the_five_parts(database: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    assert _sql_newest(database, rows) == lakes.newest(rows)


@_FEW
@given(rows=_LISTS, shuffled=st.randoms())
def test_order_and_repetition_of_events_do_not_matter(
    database: duckdb.DuckDBPyConnection, rows: list[Row], shuffled: Any
) -> None:
    again = [*rows, *rows[::2]]
    shuffled.shuffle(again)
    assert _sql_newest(database, again) == _sql_newest(database, rows)


@_FEW
@given(a=_LISTS, b=_LISTS, c=_LISTS)
def test_merging_is_idempotent_commutative_and_associative(
    database: duckdb.DuckDBPyConnection, a: list[Row], b: list[Row], c: list[Row]
) -> None:
    def merge(*parts: list[Row]) -> list[Row]:
        return _sql_newest(database, [each for part in parts for each in part])

    assert merge(a, a) == merge(a)
    assert merge(b, a) == merge(a, b)
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == lakes.newest([*a, *b, *c])


@pytest.mark.parametrize(
    ("where", "keeps"),
    [
        ("", lambda each: True),
        ("carrier = 'UA'", lambda each: each["carrier"] == "UA"),
        ("flight_number = 1 OR carrier = 'ZZ'", lambda each: each["flight_number"] == 1 or each["carrier"] == "ZZ"),
    ],
)
@settings(max_examples=15, deadline=None)
@given(absorbed=_LISTS, tail=_LISTS)
def test_months_and_tail_together_are_the_newest_of_all_events(
    database: duckdb.DuckDBPyConnection,
    where: str,
    keeps: Callable[[Row], bool],
    absorbed: list[Row],
    tail: list[Row],
) -> None:
    by_date = {date: [each for each in tail if each["flight_date"] == date] for date in {_date(each) for each in tail}}
    with tempfile.TemporaryDirectory() as folder:
        month = lakes.write(Path(folder) / "month", lakes.newest(absorbed))
        landed = [lakes.write(Path(folder) / f"{date}", rows) for date, rows in by_date.items()]
        found = _rows(database, merged([month], landed, by_date, where))
    assert found == [each for each in lakes.newest([*absorbed, *tail]) if keeps(each)]


def _date(of: Row) -> dt.date:
    date: dt.date = of["flight_date"]
    return date


@pytest.mark.parametrize(
    ("part", "older", "newer"),
    [
        ("event_time", _INSTANTS[0], _INSTANTS[1]),
        ("publish_time", _INSTANTS[0], _INSTANTS[1]),
        ("message_id", "a", "b"),
        ("message_id", "10", "9"),
        ("message_id", "Z", "a"),
        ("message_id", "z", "é"),
        ("message_id", "\uffee", "\U0001f6eb"),
        ("message_id", "1", "10"),
        ("message_line", 9, 10),
        ("decoder_version", 9, 10),
    ],
)
def test_each_part_decides_when_all_before_it_are_equal(
    database: duckdb.DuckDBPyConnection, part: str, older: Any, newer: Any
) -> None:
    later = ORDER[ORDER.index(part) + 1 :]
    large = {"publish_time": _INSTANTS[2], "message_id": "~", "message_line": 99, "decoder_version": 99}
    rows = [{**row(), part: newer}, {**row(), part: older, **{name: large[name] for name in later}}]
    assert [each[part] for each in _sql_newest(database, rows)] == [newer]
    assert [each[part] for each in _sql_newest(database, rows[::-1])] == [newer]


def test_a_tail_event_older_than_the_merged_one_loses(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    month = lakes.write(tmp_path / "month", [row(event_time="2013-01-01 12:00", status="arrived")])
    tail = lakes.write(tmp_path / "tail", [row(event_time="2013-01-01 11:59", status="departed")])
    (found,) = _rows(database, merged([month], [tail], [dt.date(2013, 1, 1)]))
    assert found["status"] == "arrived"


def test_only_dates_that_the_tail_touches_are_decided_again(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A month file has one row per flight; this one does not, which shows where the decision is made."""
    month = lakes.write(tmp_path / "month", [row("2013-01-01")] * 2 + [row("2013-01-02")] * 2)
    tail = lakes.write(tmp_path / "tail", [row("2013-01-02")])
    found = _rows(database, merged([month], [tail], [dt.date(2013, 1, 2)]))
    assert [each["flight_date"].day for each in found] == [1, 1, 2]


def test_a_void_event_wins_like_any_other_and_is_then_not_visible(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    month = lakes.write(tmp_path / "month", [row(), row(number=2)])
    tail = lakes.write(tmp_path / "tail", [row(event_time="2013-01-01 13:00", status="void")])
    state = merged([month], [tail], [dt.date(2013, 1, 1)])
    assert [each["status"] for each in _rows(database, state)] == ["arrived", "void"]
    assert [each["flight_number"] for each in _rows(database, f"FROM ({state}) WHERE {VISIBLE}")] == [2]


def test_a_later_event_brings_a_void_flight_back(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    month = lakes.write(tmp_path / "month", [row(event_time="2013-01-01 13:00", status="void")])
    tail = lakes.write(tmp_path / "tail", [row(event_time="2013-01-01 14:00", status="scheduled")])
    state = merged([month], [tail], [dt.date(2013, 1, 1)])
    assert [each["status"] for each in _rows(database, f"FROM ({state}) WHERE {VISIBLE}")] == ["scheduled"]


def test_probes_are_left_out_by_their_carrier(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    month = lakes.write(tmp_path / "month", [row(), row(carrier="ZZ"), row(carrier="ZZZ")])
    found = _rows(database, merged([month], [], [], without_probes()))
    assert [each["carrier"] for each in found] == ["UA", "ZZZ"]


def test_no_files_are_no_rows_of_the_same_types_as_a_file(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = lakes.write(tmp_path / "file", [row()])
    assert database.sql(merged([], [], [])).types == database.sql(merged([file], [], [])).types
    assert _rows(database, merged([], [], [])) == []
    assert len(_rows(database, merged([], [file], [dt.date(2013, 1, 1)]))) == 1


def test_paths_with_unusual_characters_are_read_as_they_are(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for name in ("it's", "a[1]*?", "flight_date=2099-01-01"):
        folder = tmp_path / name
        folder.mkdir()
        file = lakes.write(folder / "file.parquet", [row()])
        assert (
            database.sql(f"FROM {read_files([file])}").fetchall()
            == database.sql(f"FROM {read_files([lakes.write(tmp_path / 'plain', [row()])])}").fetchall()
        )


def test_a_quoted_text_is_itself(database: duckdb.DuckDBPyConnection) -> None:
    text = "it's; DROP TABLE x -- \\ \"é\n"
    assert database.execute(f"SELECT {quoted(text)}").fetchone() == (text,)
