"""Old snapshots: by number, while they are retained, and only the very object that was committed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

import lakehouse
from lakehouse import object_names
from lakehouse.__main__ import main
from lakehouse.client.connection import connect_store
from lakehouse.errors import (
    ConfigError,
    LakeError,
    ObjectMissingError,
    SnapshotExpiredError,
    SnapshotNotYetError,
    UnreadableError,
)
from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import MonthFile, from_json, to_json
from lakehouse.table.time_travel import read_snapshot
from tests._support.lakes.rows import commit, land, put_month, row
from tests._support.lakes.stores import SpyStore

Now = Callable[[], dt.datetime]


def grown(store: Store, min_retained: int = 1) -> None:
    """Three commits of 1, 2 and 3 flights, the last retaining from `min_retained` on; one more flight in the tail."""
    for number in (1, 2, 3):
        rows = [row(number=n) for n in range(1, number + 1)]
        commit(
            store, number, [put_month(store, rows, number, number - 1)], min_retained=min_retained if number == 3 else 1
        )
    land(store, [row(number=99)])


def months_of(store: Store, number: int) -> list[MonthFile]:
    name = object_names.snapshot(number)
    return list(from_json(name, store.read(name)).all_files())


def read(store: Store, number: int, now: Now) -> int:
    snapshot = read_snapshot(store, number, Planner(store, now).latest_snapshot)
    assert snapshot.number == number
    return snapshot.months["2013-01"][0].rows


def test_each_retained_snapshot_is_found_in_every_store(store: Store, now: Now) -> None:
    grown(store)
    assert [read(store, number, now) for number in (1, 2, 3)] == [1, 2, 3]


def test_numbers_outside_of_what_is_retained_are_refused(memory: MemoryStore, now: Now) -> None:
    grown(memory, min_retained=2)
    with pytest.raises(SnapshotNotYetError, match="snapshot 4 is not there yet; the latest is 3"):
        read(memory, 4, now)
    with pytest.raises(SnapshotExpiredError, match=r"snapshot 1 is not retained any more; .* is 2"):
        read(memory, 1, now)  # its object is still there
    for number in (0, -1):
        with pytest.raises(ConfigError, match="the first one is 1"):
            read(memory, number, now)


def test_an_old_snapshot_larger_than_any_can_be_is_named_and_not_read(
    memory: MemoryStore, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.create(object_names.snapshot(1), b" " * 10_000)
    commit(memory, 2, [put_month(memory, [row()], 2)])
    monkeypatch.setattr("lakehouse.table.snapshot.MAX_BYTES", 9_999)
    spy = SpyStore(memory)
    with pytest.raises(UnreadableError, match="has 10000 bytes"):
        read(spy, 1, now)
    assert spy.count("read", object_names.snapshot(1)) == 0


def test_before_the_first_commit_there_is_no_snapshot(memory: MemoryStore, now: Now) -> None:
    with pytest.raises(SnapshotNotYetError, match="the latest is 0"):
        read(memory, 1, now)


def test_what_was_created_at_an_expired_number_is_refused(memory: MemoryStore, now: Now) -> None:
    """The collector, and a compactor that slept, come between the first look at the latest snapshot and the read."""
    grown(memory)

    def collect_and_replace(call: str, name: str) -> None:
        if (call, name) == ("list", object_names.snapshot(2)):
            commit(memory, 4, months_of(memory, 3), min_retained=3)
            memory.delete(name)
            commit(memory, 2, [])

    with pytest.raises(SnapshotExpiredError):
        read(SpyStore(memory, collect_and_replace), 2, now)


def test_a_snapshot_that_is_collected_before_it_is_read_is_gone(memory: MemoryStore, now: Now) -> None:
    grown(memory)

    def collect(call: str, name: str) -> None:
        if (call, name) == ("read", object_names.snapshot(2)):
            commit(memory, 4, months_of(memory, 3), min_retained=3)
            memory.delete(name)

    with pytest.raises(SnapshotExpiredError):
        read(SpyStore(memory, collect), 2, now)


def test_a_retained_snapshot_that_is_lost_or_broken_is_named(memory: MemoryStore, now: Now) -> None:
    grown(memory)
    memory.delete(object_names.snapshot(1))
    with pytest.raises(ObjectMissingError, match=object_names.snapshot(1)):
        read(memory, 1, now)
    memory.create(object_names.snapshot(1), b"{}")
    with pytest.raises(UnreadableError, match=object_names.snapshot(1)):
        read(memory, 1, now)


def numbers(store: Store, snapshot: int | None, now: Now, folder: Path) -> list[int]:
    with connect_store(store, now, folder, 1 << 20, snapshot) as connection:
        return [n for (n,) in connection.sql("SELECT flight_number FROM flights ORDER BY ALL").fetchall()]


def test_views_are_of_that_snapshot_without_the_tail(memory: MemoryStore, now: Now, tmp_path: Path) -> None:
    grown(memory)
    assert numbers(memory, None, now, tmp_path) == [1, 2, 3, 99]
    assert [numbers(memory, n, now, tmp_path) for n in (1, 2, 3)] == [[1], [1, 2], [1, 2, 3]]
    with connect_store(memory, now, tmp_path, 1 << 20, 2) as connection:
        names = ["airports", "carriers", "flights", "probes", "snapshot"]
        assert connection.sql("SHOW TABLES").fetchall() == [(name,) for name in names]


def test_probes_and_withdrawn_flights_are_as_the_snapshot_has_them(
    memory: MemoryStore, now: Now, tmp_path: Path
) -> None:
    commit(memory, 1, [put_month(memory, [row(number=1), row(number=2, status="void"), row(carrier="ZZ")], 1)])
    assert numbers(memory, 1, now, tmp_path) == [1]
    with connect_store(memory, now, tmp_path, 1 << 20, 1) as connection:
        assert connection.sql("SELECT carrier FROM probes").fetchall() == [("ZZ",)]


def test_a_month_file_that_is_collected_meanwhile_makes_the_snapshot_gone(
    memory: MemoryStore, now: Now, tmp_path: Path
) -> None:
    grown(memory)

    def collect(call: str, name: str) -> None:
        if call == "download":
            commit(memory, 4, months_of(memory, 3), min_retained=3)
            memory.delete(object_names.snapshot(2))
            memory.delete(name)

    with pytest.raises(SnapshotExpiredError):
        numbers(SpyStore(memory, collect), 2, now, tmp_path)
    assert not list(tmp_path.glob("sessions/*"))


def test_a_lost_month_file_of_a_retained_snapshot_is_named(memory: MemoryStore, now: Now, tmp_path: Path) -> None:
    grown(memory)
    lost = read_snapshot(memory, 2, Planner(memory, now).latest_snapshot).months["2013-01"][0].name
    memory.delete(lost)
    with pytest.raises(ObjectMissingError, match=lost):
        numbers(memory, 2, now, tmp_path)
    assert numbers(memory, 1, now, tmp_path) == [1]


def test_connect_takes_a_snapshot(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "lake")
    grown(store, min_retained=2)
    with lakehouse.connect(store.url, snapshot=2, cache_dir=tmp_path) as connection:
        assert connection.sql("SELECT count(*) FROM flights").fetchone() == (2,)
    for number in (1, 4):
        with pytest.raises(LakeError, match=f"snapshot {number} is not"):
            lakehouse.connect(store.url, snapshot=number, cache_dir=tmp_path)
    with pytest.raises(ConfigError):
        lakehouse.connect(store.url, snapshot=0, cache_dir=tmp_path)


def test_sql_takes_a_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = LocalStore(tmp_path / "lake")
    grown(store, min_retained=2)
    command = ["sql", "SELECT count(*) AS n FROM flights", "--lake", store.url, "--snapshot"]
    assert main([*command, "2"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "2"
    for number, why in (("1", "snapshot 1 is not retained any more"), ("9", "snapshot 9 is not there yet")):
        assert main([*command, number]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"lakehouse: {why}")
        assert len(captured.err.splitlines()) == 1
    with pytest.raises(SystemExit):
        main([*command, "0"])


def test_a_snapshot_has_the_bytes_that_were_committed(memory: MemoryStore, now: Now) -> None:
    grown(memory)
    snapshot = read_snapshot(memory, 2, Planner(memory, now).latest_snapshot)
    assert to_json(snapshot) == memory.read(object_names.snapshot(2))
