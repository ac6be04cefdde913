"""A connection fetches the files of its dates, each once for all processes, and landed ones when they are used."""

from __future__ import annotations

import datetime as dt
import gc
import multiprocessing
import textwrap
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

import lakehouse
from lakehouse import object_names
from lakehouse.client.connection import Options, connect_store
from lakehouse.client.reading import Reading, dates_between
from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from tests._support.lakes.rows import commit, land, put_month, row
from tests._support.lakes.stores import SpyStore
from tests._support.processes.forks import in_a_fork

Connect = Callable[..., duckdb.DuckDBPyConnection]


@pytest.fixture
def spy(memory: MemoryStore) -> SpyStore:
    """June and July, of two days each; on one of them a correction in the tail; an absorbed landed file."""
    june = put_month(memory, [row("2013-06-30", 1), row("2013-06-01", 2)], 1)
    july = put_month(memory, [row("2013-07-01", 3, status="scheduled"), row("2013-07-31", 4)], 1)
    absorbed = land(memory, [row("2013-07-01", 3, status="scheduled")])
    commit(memory, 1, [june, july], absorbed=[absorbed])
    land(memory, [row("2013-07-01", 3, "2013-07-01 12:00", status="departed")])
    land(memory, [row("2013-06-30", 5), row("2013-06-30", 6, carrier="ZZ")])
    return SpyStore(memory)


@pytest.fixture
def connect(spy: SpyStore, now: Callable[[], dt.datetime], cache_dir: Path) -> Iterator[Connect]:
    opened: list[duckdb.DuckDBPyConnection] = []

    def connect(first: str | None = None, last: str | None = None, **options: object) -> duckdb.DuckDBPyConnection:
        read = Options(dates=dates_between(first, last), **options)  # type: ignore[arg-type]
        opened.append(connect_store(spy, now, cache_dir, 1 << 20, options=read))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def _downloads(spy: SpyStore) -> list[str]:
    """Folders of what was downloaded since the last look, sorted."""
    found = [name.partition("=")[2].partition("/")[0] for call, name in spy.calls if call == "download"]
    spy.calls.clear()
    return sorted(found)


def _numbers(connection: duckdb.DuckDBPyConnection, view: str = "flights") -> list[int]:
    return [n for (n,) in connection.execute(f"SELECT flight_number FROM {view} ORDER BY ALL").fetchall()]


def test_a_connection_of_some_dates_has_their_flights_alone_and_reads_no_other_month(
    connect: Connect, spy: SpyStore
) -> None:
    connection = connect("2013-07-01", "2013-07-30")
    assert _downloads(spy) == ["2013-07", "2013-07-01"]
    assert connection.sql("SELECT flight_number, status FROM flights").fetchall() == [(3, "departed")]


@pytest.mark.parametrize(
    ("first", "last", "flights", "probes"),
    [
        (None, None, [1, 2, 3, 4, 5], [6]),
        ("2013-06-30", None, [1, 3, 4, 5], [6]),
        (None, "2013-06-29", [2], []),
        ("2013-07-31", "2013-07-31", [4], []),
        ("2014-01-01", None, [], []),
    ],
)
def test_an_answer_never_depends_on_which_dates_share_a_file(
    connect: Connect, first: str | None, last: str | None, flights: list[int], probes: list[int]
) -> None:
    connection = connect(first, last)
    assert (_numbers(connection), _numbers(connection, "probes")) == (flights, probes)


def test_the_dates_stay_after_a_refresh(connect: Connect, memory: MemoryStore) -> None:
    connection = connect("2013-07-01", "2013-07-31")
    land(memory, [row("2013-07-02", 7)])
    land(memory, [row("2013-08-01", 8)])
    assert lakehouse.refresh(connection)
    assert _numbers(connection) == [3, 4, 7]


def test_a_second_connection_downloads_nothing_and_reads_no_snapshot_again(connect: Connect, spy: SpyStore) -> None:
    first = connect()
    assert len(_downloads(spy)) == 4
    second = connect()
    assert {call for call, _ in spy.calls} == {"list"}
    assert _numbers(second) == _numbers(first)


def test_absorbed_files_are_fetched_when_landing_is_used_and_once(connect: Connect, spy: SpyStore) -> None:
    connection = connect()
    assert _downloads(spy) == ["2013-06", "2013-06-30", "2013-07", "2013-07-01"]
    assert _numbers(connection, "landing") == [3, 3, 5]
    assert _downloads(spy) == ["2013-07-01"]
    with connection.cursor() as cursor:
        assert _numbers(cursor, "landing") == [3, 3, 5]
    assert _downloads(spy) == []


def test_landing_has_the_dates_of_the_connection(connect: Connect, spy: SpyStore) -> None:
    assert _numbers(connect("2013-06-30", "2013-06-30"), "landing") == [5]
    assert "2013-07-01" not in _downloads(spy)


def test_an_absorbed_file_that_is_collected_before_landing_is_used_is_left_out(
    connect: Connect, memory: MemoryStore
) -> None:
    connection = connect()
    for info in list(memory.list(object_names.LANDING)):
        memory.delete(info.name)  # those of the tail are here already
    assert _numbers(connection, "landing") == [3, 5]


def test_an_absorbed_file_that_cannot_be_read_is_an_error_of_landing_that_names_it(
    connect: Connect, memory: MemoryStore
) -> None:
    absorbed, _ = (info.name for info in memory.list(f"{object_names.LANDING}flight_date=2013-07-01/"))
    memory.delete(absorbed)
    memory.create(absorbed, b"garbage")
    connection = connect()
    assert _numbers(connection)
    with pytest.raises(duckdb.InvalidInputException, match=absorbed):
        _numbers(connection, "landing")


@pytest.mark.parametrize(
    ("query", "downloads", "answer"),
    [
        ("SELECT count(*) FROM flights WHERE flight_date = '2013-07-01'", ["2013-07", "2013-07-01"], [(1,)]),
        ("SELECT count(*) FROM flights WHERE flight_date < '2013-06-15'", ["2013-06"], [(1,)]),
        ("SELECT number FROM snapshot", [], [(1,)]),
        ("SELECT name FROM carriers WHERE code = 'UA'", [], [("United Air Lines Inc.",)]),
        ("SELECT count(*) FROM flights", ["2013-06", "2013-06-30", "2013-07", "2013-07-01"], [(5,)]),
        (
            "SELECT airports.name FROM flights JOIN airports ON code = origin WHERE flight_date = '2013-07-31'",
            ["2013-07"],
            [("Newark Liberty International Airport",)],
        ),
    ],
)
def test_the_dates_of_a_query_are_those_that_are_fetched(
    connect: Connect, spy: SpyStore, query: str, downloads: list[str], answer: list[object]
) -> None:
    connection = connect(query=query)
    assert _downloads(spy) == downloads
    assert connection.execute(query).fetchall() == answer


def test_what_is_read_is_told_before_it_is_read(connect: Connect, spy: SpyStore) -> None:
    told: list[tuple[Reading, int]] = []
    connect("2013-07-01", "2013-07-01", on_read=lambda reading: told.append((reading, len(_downloads(spy)))))
    ((reading, downloads),) = told
    assert (reading.months, reading.all_months, reading.landed, downloads) == (1, 2, 1, 0)


def test_airports_and_carriers_have_names_and_every_column_a_comment(connect: Connect) -> None:
    connection = connect()
    newark = connection.sql("SELECT city, country, time_zone, latitude, longitude FROM airports WHERE code = 'EWR'")
    assert newark.fetchall()[0][:3] == ("Newark", "US", "America/New_York")
    without = "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake' AND comment IS NULL"
    assert connection.sql(without).fetchall() == []
    comments = "SELECT comment FROM duckdb_columns() WHERE database_name = 'lake' AND table_name = 'flights' AND"
    assert connection.sql(f"{comments} column_name = 'event_time'").fetchall()[0][0].endswith(" In UTC.")
    for (text,) in connection.sql(f"{comments} column_name LIKE '%_minutes'").fetchall():
        assert "in minutes" in text


def test_a_cursor_whose_connection_is_gone_says_so(
    connect: Connect, spy: SpyStore, now: object, tmp_path: Path
) -> None:
    cursor = connect_store(spy, now, tmp_path / "other", 1 << 20).cursor()  # type: ignore[arg-type]
    gc.collect()
    with closing(cursor):
        for view in ("flights", "probes", "landing", "snapshot"):
            with pytest.raises(duckdb.InvalidInputException, match=r"lakehouse\.connect gave is gone"):
                cursor.execute(f"FROM {view}")


def test_a_relation_and_an_answer_keep_the_files_of_their_connection(
    spy: SpyStore, now: Callable[[], dt.datetime], tmp_path: Path
) -> None:
    def connection() -> duckdb.DuckDBPyConnection:
        return connect_store(spy, now, tmp_path / "cache", 1 << 20)

    relation = connection().sql("FROM flights").filter("flight_number > 3").aggregate("count(*)")
    answer = connection().execute("SELECT count(*) FROM flights")
    reader = connection().sql("FROM flights").to_arrow_reader(1)
    gc.collect()
    assert (relation.fetchall(), answer.fetchall(), reader.read_all().num_rows) == ([(2,)], [(5,)], 5)


def test_what_a_fork_does_leaves_the_files_of_its_parent(connect: Connect, cache_dir: Path) -> None:
    connection = connect()

    assert in_a_fork(weakref.finalize._exitfunc) == 0  # type: ignore[attr-defined]  # what the exit runs
    assert _numbers(connection) == [1, 2, 3, 4, 5]
    assert len(list((cache_dir / "sessions").iterdir())) == 2


def test_the_example_of_its_help_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = LocalStore(tmp_path / "lake")
    land(store, [row("2013-07-01", 1, arrival_delay_minutes=11)])
    example = (lakehouse.connect.__doc__ or "").partition("For example:\n")[2].partition("    Views:")[0]
    exec(textwrap.dedent(example).replace("gs://BUCKET", store.url), {})
    assert "United Air Lines Inc." in capsys.readouterr().out


def _count(url: str, cache: str) -> int:
    (row_,) = lakehouse.connect(url, cache_dir=cache).sql("SELECT count(*) FROM flights").fetchall()
    return int(row_[0])


def test_processes_share_the_kept_files(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "lake")
    land(store, [row(number=1)])
    arguments = [(store.url, str(tmp_path / "cache"))] * 4
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.starmap(_count, arguments) == [1] * 4
    assert list((tmp_path / "cache" / "sessions").iterdir()) == []
