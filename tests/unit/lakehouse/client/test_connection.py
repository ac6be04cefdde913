"""`lakehouse.connect`: exact views over one plan, or an error that names what is wrong."""

from __future__ import annotations

import datetime as dt
import gc
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

import lakehouse
from lakehouse import object_names
from lakehouse.client.connection import connect_store
from lakehouse.client.views import comment_of
from lakehouse.errors import (
    CacheFullError,
    ConfigError,
    FormatTooNewError,
    LakeError,
    LocalDiskError,
    ObjectMissingError,
    StoreUnavailableError,
    UnreadableError,
)
from lakehouse.schema.event import COLUMNS, FIELDS, FORMAT_VERSION
from lakehouse.store.checksum import file_crc32c
from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.snapshot import MonthFile
from tests._support.lakes import parquet_bombs as bombs
from tests._support.lakes import rows as lakes
from tests._support.lakes.rows import Row, commit, land, put_month, row
from tests._support.lakes.stores import SpyStore
from tests._support.processes.full_disk import files_limited_to

Connect = Callable[[Store], duckdb.DuckDBPyConnection]


@pytest.fixture
def connect(now: Callable[[], dt.datetime], cache_dir: Path) -> Iterator[Connect]:
    opened = []

    def open_(store: Store) -> duckdb.DuckDBPyConnection:
        opened.append(connect_store(store, now, cache_dir, 1 << 20))
        return opened[-1]

    yield open_
    for connection in opened:
        connection.close()


def _left(cache_dir: Path) -> list[str]:
    """What processes that are gone have left behind, but for what is kept on purpose."""
    return [path.name for path in cache_dir.glob("sessions/*")]


def _rows(connection: duckdb.DuckDBPyConnection, view: str) -> list[Row]:
    found = connection.execute(f"FROM {view}")
    assert [column[0] for column in found.description or ()] == list(COLUMNS)
    return sorted((dict(zip(COLUMNS, values, strict=True)) for values in found.fetchall()), key=lakes.key)


def _events() -> list[Row]:
    """Two months; corrections, an older event that came late, a duplicate, a void flight, probes."""
    return [
        row("2013-01-01", 1, "2013-01-01 10:00", status="scheduled"),
        row("2013-01-01", 1, "2013-01-01 12:00", status="departed"),
        row("2013-01-01", 1, "2013-01-01 11:00", status="cancelled"),
        row("2013-01-01", 2, "2013-01-01 10:00"),
        row("2013-01-01", 2, "2013-01-01 10:00"),
        row("2013-01-31", 3, "2013-01-01 10:00"),
        row("2013-01-31", 3, "2013-01-01 11:00", status="void"),
        row("2013-01-31", 4, "2013-01-01 10:00", status="void"),
        row("2013-01-31", 4, "2013-01-01 11:00", operational_suffix="", status="scheduled"),
        row("2013-02-01", 5, "2013-01-01 10:00", operational_suffix="A"),
        row("2013-02-01", 5, "2013-01-01 10:00"),
        row("2013-02-01", 1, "2013-01-01 10:00", carrier="ZZ"),
        row("2013-02-01", 1, "2013-01-01 11:00", carrier="ZZ", status="void"),
        row("2013-02-01", 2, "2013-01-01 11:00", carrier="ZZ"),
    ]


def _visible(rows: list[Row], is_probe: bool = False) -> list[Row]:
    return [each for each in lakes.newest(rows) if each["status"] != "void" and (each["carrier"] == "ZZ") == is_probe]


def _build(store: Store, absorbed: list[Row], tail: list[Row]) -> list[str]:
    """A lake whose snapshot holds `absorbed`, with a landed file for each event of `tail`; their names."""
    months: dict[str, list[Row]] = {}
    for each in lakes.newest(absorbed):
        months.setdefault(object_names.month_of(each["flight_date"]), []).append(each)
    if months:
        commit(store, 1, [put_month(store, rows, added_snapshot=1) for rows in months.values()])
    return [land(store, [each]) for each in tail]


@pytest.mark.parametrize("split", range(len(_events()) + 1))
def test_views_are_exact_however_much_is_absorbed(memory: MemoryStore, connect: Connect, split: int) -> None:
    events = _events()
    _build(memory, events[:split], events[split:])
    connection = connect(memory)
    assert _rows(connection, "flights") == _visible(events)
    assert _rows(connection, "probes") == _visible(events, is_probe=True)


def test_landing_has_rows_as_they_arrived_of_all_landed_files_still_there(
    memory: MemoryStore, connect: Connect
) -> None:
    events = [each for each in _events() if each["carrier"] != "ZZ"]
    absorbed, gone = land(memory, events[:3]), land(memory, [events[3]])
    land(memory, events[3:5])
    land(memory, [row(carrier="ZZ")])
    commit(memory, 1, [put_month(memory, lakes.newest(events[:4]), added_snapshot=1)], absorbed=[absorbed, gone])
    memory.delete(gone)
    assert connect(memory).sql("SELECT flight_number, status FROM landing ORDER BY ALL").fetchall() == sorted(
        (each["flight_number"], each["status"]) for each in events[:5]
    )


def test_an_empty_lake_has_the_views_and_no_rows(memory: MemoryStore, connect: Connect) -> None:
    connection = connect(memory)
    for view in ("flights", "landing", "probes"):
        assert _rows(connection, view) == []


@pytest.mark.parametrize("store", ["memory", "local", "gcs"], indirect=True)
def test_every_store_gives_the_same(store: Store, connect: Connect) -> None:
    events = _events()
    _build(store, events[:7], events[7:])
    assert _rows(connect(store), "flights") == _visible(events)


def test_times_are_in_utc_also_in_cursors(memory: MemoryStore, connect: Connect) -> None:
    land(memory, [row()])
    connection = connect(memory)
    query = "SELECT DISTINCT scheduled_departure::VARCHAR, current_setting('TimeZone') FROM flights"
    expected = [("2013-01-01 10:15:00+00", "UTC")]
    assert connection.execute(query).fetchall() == expected
    assert connection.cursor().execute(query).fetchall() == expected


def test_a_public_connect_takes_a_url_and_works_twice(tmp_path: Path, cache_dir: Path) -> None:
    """Twice: a module of the same name would replace the function once it is imported."""
    store = LocalStore(tmp_path / "a lake")
    land(store, [row()])
    for _ in range(2):
        with lakehouse.connect(store.url, cache_dir=cache_dir / "new" / "folder") as connection:
            assert connection.sql("SELECT count(*) FROM flights").fetchall() == [(1,)]
    with pytest.raises(ConfigError, match="LAKE_URL is 's3://lake'"):
        lakehouse.connect("s3://lake")
    with pytest.raises(CacheFullError):
        lakehouse.connect(store.url, cache_dir=cache_dir, cache_max_bytes=1)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, lakehouse; print([m for m in ('duckdb', 'pyarrow', 'google.cloud.storage') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_files_live_as_long_as_the_connection_or_what_was_made_of_it(
    memory: MemoryStore, now: Callable[[], dt.datetime], cache_dir: Path
) -> None:
    land(memory, [row()])
    relation = connect_store(memory, now, cache_dir, 1 << 20).sql("SELECT flight_number FROM flights")
    gc.collect()
    assert relation.fetchall() == [(1545,)]
    assert len(_left(cache_dir)) == 2  # a folder and its lock
    del relation
    gc.collect()
    assert _left(cache_dir) == []


def test_the_files_are_removed_at_exit(tmp_path: Path, cache_dir: Path) -> None:
    store = LocalStore(tmp_path / "lake")
    land(store, [row()])
    arguments = f"{store.url!r}, cache_dir={str(cache_dir)!r}"
    code = f"import lakehouse; c = lakehouse.connect({arguments}); print(len(c.sql('FROM flights')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
    assert _left(cache_dir) == []


def _damage(store: MemoryStore, name: str, data: bytes) -> None:
    store.delete(name)
    store.create(name, data)


@pytest.mark.parametrize("what", ["landed", "month"])
def test_an_object_that_cannot_be_read_is_an_error_that_names_it(
    memory: MemoryStore, connect: Connect, cache_dir: Path, what: str
) -> None:
    land(memory, [row()])
    entry = put_month(memory, [row()], added_snapshot=1)
    commit(memory, 1, [entry])
    name = entry.name if what == "month" else land(memory, [row()])
    _damage(memory, name, memory.read(name)[:-20])
    with pytest.raises(UnreadableError, match=name):
        connect(memory)
    assert _left(cache_dir) == []


def test_a_landed_file_that_no_writer_makes_is_an_error_that_names_it(memory: MemoryStore, connect: Connect) -> None:
    land(memory, [row()])
    _damage(memory, foreign := land(memory, [row()]), bombs.many_rows())
    with pytest.raises(UnreadableError, match=f"{foreign}.*has 1000001 rows"):
        connect(memory)


def test_a_newer_format_is_refused(memory: MemoryStore, connect: Connect) -> None:
    memory.create(object_names.snapshot(1), b'{"format_version": %d}' % (FORMAT_VERSION + 1))
    with pytest.raises(FormatTooNewError, match=f"format_version {FORMAT_VERSION + 1}"):
        connect(memory)


@pytest.mark.parametrize("error", [StoreUnavailableError("down"), CacheFullError("full")])
def test_any_failure_leaves_nothing_on_disk(
    memory: MemoryStore, connect: Connect, cache_dir: Path, error: LakeError
) -> None:
    def fail(call: str, name: str) -> None:
        if call == "download":
            raise error

    land(memory, [row()])
    with pytest.raises(type(error)):
        connect(SpyStore(memory, before=fail))
    assert _left(cache_dir) == []


def test_a_landed_file_absorbed_and_collected_meanwhile_is_planned_around(
    memory: MemoryStore, connect: Connect
) -> None:
    landed = land(memory, [row()])

    def compact(call: str, name: str) -> None:
        if (call, name) == ("download", landed) and memory.generation(landed):
            commit(memory, 1, [put_month(memory, [row()], added_snapshot=1)], absorbed=[landed])
            memory.delete(landed)

    spy = SpyStore(memory, before=compact)
    assert len(_rows(connect(spy), "flights")) == 1
    assert spy.count("list", object_names.LANDING) == 2


def test_a_month_file_superseded_and_collected_meanwhile_is_planned_around(
    memory: MemoryStore, connect: Connect
) -> None:
    """Three times running, which is as often as it is tried again."""
    entries = [put_month(memory, [row(), row(number=number)], number, number - 1) for number in range(1, 5)]
    commit(memory, 1, [entries[0]])
    numbers = {entry.name: number for number, entry in enumerate(entries, start=1)}

    def supersede(call: str, name: str) -> None:
        if call == "download" and numbers[name] < 4:
            commit(memory, numbers[name] + 1, [entries[numbers[name]]])
            memory.delete(name)

    spy = SpyStore(memory, before=supersede)
    assert [each["flight_number"] for each in _rows(connect(spy), "flights")] == [4, 1545]
    assert spy.count("list", object_names.LANDING) == 4


def test_a_file_gone_after_the_third_new_plan_is_an_error_that_names_it(memory: MemoryStore, connect: Connect) -> None:
    def replace(call: str, name: str) -> None:
        if call == "download":
            memory.delete(name)
            land(memory, [row()])

    land(memory, [row()])
    spy = SpyStore(memory, before=replace)
    with pytest.raises(ObjectMissingError, match=object_names.LANDING):
        connect(spy)
    assert spy.count("list", object_names.LANDING) == 4


def test_a_file_that_is_gone_and_still_named_is_an_error_at_once(memory: MemoryStore, connect: Connect) -> None:
    entry = put_month(memory, [row()], added_snapshot=1)
    commit(memory, 1, [entry])
    memory.delete(entry.name)
    spy = SpyStore(memory)
    with pytest.raises(ObjectMissingError, match=entry.name):
        connect(spy)
    assert spy.count("list", object_names.LANDING) == 2


def test_files_of_the_first_plan_are_not_downloaded_again_for_the_second(memory: MemoryStore, connect: Connect) -> None:
    entry = put_month(memory, [row("2013-02-01")], added_snapshot=1)
    commit(memory, 1, [entry])
    landed = land(memory, [row()])

    def collect(call: str, name: str) -> None:
        if (call, name) == ("download", landed) and memory.generation(landed):
            commit(memory, 2, [entry, put_month(memory, [row()], added_snapshot=2)], absorbed=[landed])
            memory.delete(landed)

    spy = SpyStore(memory, before=collect)
    connect(spy)
    assert spy.count("download", entry.name) == 1


def test_a_lake_larger_than_memory_can_be_asked(tmp_path: Path, now: Callable[[], dt.datetime]) -> None:
    """Scaled down: some 60 MB of rows through a database that may use 24 MB."""
    store = LocalStore(tmp_path / "lake")
    commit(store, 1, [_put_large_month(store, tmp_path)])
    land(store, [row("2013-01-15", 9_999, "2013-01-01 11:00")])  # older than the merged one: changes nothing
    with connect_store(store, now, tmp_path, 1 << 30) as connection:
        connection.execute("SET memory_limit = '24MB'; SET threads = 1")
        query = "SELECT count(*), sum(length(message_id)) FROM flights"
        assert connection.execute(query).fetchall() == [(300_000, 300_000 * 64)]


def _put_large_month(store: Store, folder: Path) -> MonthFile:
    """10,000 flights on each of 30 days."""
    template, month = lakes.write(folder / "row.parquet", [row()]), folder / "month.parquet"
    expressions = {
        "flight_date": "DATE '2013-01-01' + (i // 10000)::INTEGER",
        "flight_number": "(i % 10000)::INTEGER",
        "message_id": "md5(i::VARCHAR) || md5((i + 1)::VARCHAR)",
    }
    columns = ", ".join(f"{expressions.get(column, column)} AS {column}" for column in COLUMNS)
    duckdb.sql(
        f"COPY (SELECT {columns} FROM read_parquet('{template}'), range(300000) t(i)) TO '{month}'"
        f" (FORMAT parquet, ROW_GROUP_SIZE 20000, KV_METADATA {{format_version: '{FORMAT_VERSION}'}})"
    )
    return MonthFile(
        name=_create(store, object_names.month_file("2013-01", 0, lakes.unique()), month),
        added_snapshot=1,
        rows=300_000,
        size=month.stat().st_size,
        crc32c=file_crc32c(month),
        min_flight_date=dt.date(2013, 1, 1),
        max_flight_date=dt.date(2013, 1, 30),
        max_event_time=lakes.at("2013-01-01 12:00"),
    )


def _create(store: Store, name: str, source: Path) -> str:
    store.create(name, source)
    return name


def test_views_have_a_comment_on_every_column_also_after_a_refresh(connect: Connect) -> None:
    store = MemoryStore()
    connection = connect(store)
    for has_changed in (False, True):
        assert lakehouse.refresh(connection) == has_changed
        for view in ("flights", "probes", "landing"):
            comments = (
                "SELECT column_name, comment FROM duckdb_columns() WHERE database_name = 'lake' AND table_name = ?"
            )
            found = connection.execute(comments, [view]).fetchall()
            assert found == [(field.name, comment_of(field)) for field in FIELDS]
        land(store, [row()])


def test_refresh_brings_back_what_a_cleaner_took(memory: MemoryStore, connect: Connect, cache_dir: Path) -> None:
    rows = [row(number=1)]
    commit(memory, 1, [put_month(memory, rows, 1)])
    connection = connect(memory)
    for folder in cache_dir.iterdir():
        shutil.rmtree(folder)
    with pytest.raises(duckdb.Error):
        _rows(connection, "flights")
    assert not lakehouse.refresh(connection)  # the lake is as it was
    assert _rows(connection, "flights") == rows


def test_a_full_disk_is_an_error_that_names_the_folder_and_the_room(
    memory: MemoryStore, now: Callable[[], dt.datetime], cache_dir: Path
) -> None:
    land(memory, [row()])
    for size in (100, 10_000):  # less than a landed file; less than a database of views
        with files_limited_to(size), pytest.raises(LocalDiskError, match=rf"{cache_dir}/.*MB are free"):
            connect_store(memory, now, cache_dir, 1 << 20)
        assert _left(cache_dir) == []


def test_a_cache_folder_that_cannot_be_made_is_named(memory: MemoryStore, now: Callable[[], dt.datetime]) -> None:
    with pytest.raises(LocalDiskError, match="/proc/no: No such file or directory"):
        connect_store(memory, now, "/proc/no", 1 << 20)


def test_a_fork_leaves_the_connections_folder_to_its_parent(tmp_path: Path, cache_dir: Path) -> None:
    LocalStore(tmp_path / "lake").create("x", b"")
    program = """if True:
        import os, sys, warnings, lakehouse
        connection = lakehouse.connect(sys.argv[1], cache_dir=sys.argv[2])
        warnings.simplefilter("ignore")
        if os.fork() == 0:
            sys.exit(0)  # runs what is registered for the exit
        os.wait()
        print(len(os.listdir(sys.argv[2] + '/sessions')), connection.sql("FROM flights").fetchall())
    """
    arguments = [sys.executable, "-c", program, f"file://{tmp_path}/lake", str(cache_dir)]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "2 []\n"
    assert _left(cache_dir) == []
