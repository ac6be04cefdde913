"""One compactor at a time: what a compaction makes of the tail, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakehouse import object_names
from lakehouse.errors import (
    CreateStateUnknownError,
    FormatTooNewError,
    ObjectMissingError,
    SnapshotHistoryLostError,
)
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.store.memory import MemoryStore
from lakehouse.table.snapshot import EMPTY, to_json
from tests._support.lakes import parquet_bombs as bombs
from tests._support.lakes.compactors import (
    Clock,
    MeddlingStore,
    compactor,
    latest,
    month_rows,
    numbers,
    problems,
    random_rows,
    snapshot,
    table_rows,
)
from tests._support.lakes.rows import land, newest, raw_parquet, row, table


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def _raise(error: Exception) -> None:
    raise error


# -- what a compaction makes -----------------------------------------------------------------------------------


def test_nothing_is_committed_when_there_is_no_tail(store: MemoryStore, tmp_path: Path) -> None:
    report = compactor(store, tmp_path).compact()
    assert (report.snapshot, report.months, report.absorbed_files, report.pending_files) == (0, [], 0, 0)
    assert list(store.list("")) == []


def test_the_tail_becomes_one_file_a_month_in_one_snapshot(store: MemoryStore, tmp_path: Path) -> None:
    january, december = row("2013-01-05"), row("2012-12-31")
    landed = frozenset([land(store, [january]), land(store, [december]), land(store, [row("2013-01-06")])])
    report = compactor(store, tmp_path).compact()
    assert (report.snapshot, report.months, report.absorbed_files) == (1, ["2012-12", "2013-01"], 3)
    assert (report.pending_files, report.rebases, report.unreadable) == (0, 0, {})
    table = latest(store)
    assert (table.number, table.min_retained, table.absorbed) == (1, 1, landed)
    (entry,) = table.months["2013-01"]
    assert (entry.added_snapshot, entry.rows) == (1, 2)
    assert (entry.min_flight_date, entry.max_flight_date) == (dt.date(2013, 1, 5), dt.date(2013, 1, 6))
    assert entry.max_event_time == january["event_time"]
    assert month_rows(store, "2012-12") == [december]
    assert problems(store) == ()


def test_the_newest_event_of_each_flight_wins_over_month_file_and_tail(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path)
    old = row(number=1, event_time="2013-01-01 10:00")
    new = row(number=1, event_time="2013-01-01 12:00", status="cancelled")
    land(store, [old, row(number=3)])
    land(store, [new, row(number=2)])
    made.compact()
    assert [(r["flight_number"], r["status"]) for r in month_rows(store, "2013-01")] == [
        (1, "cancelled"),
        (2, "arrived"),
        (3, "arrived"),
    ]
    late = row(number=1, event_time="2013-01-01 11:00")  # a tail event may be older than the merged one
    newer = row(number=2, event_time="2013-01-01 13:00", status="void")
    land(store, [late, newer])
    made.compact()
    assert [(r["flight_number"], r["status"]) for r in month_rows(store, "2013-01")] == [
        (1, "cancelled"),
        (2, "void"),
        (3, "arrived"),
    ]


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        ({"event_time": dt.datetime(2013, 1, 1, 12, 0, 0, 1, tzinfo=dt.UTC)}, {"message_id": "9"}),
        ({"publish_time": dt.datetime(2013, 1, 2, tzinfo=dt.UTC)}, {"message_id": "9"}),
        ({"message_id": "10"}, {"message_id": "1", "message_line": 7}),
        ({"message_id": "9"}, {"message_id": "10"}),  # as bytes, not as numbers
        ({"message_id": "é"}, {"message_id": "z"}),
        ({"message_line": 10}, {"message_line": 9, "decoder_version": 2}),
        ({"decoder_version": 2}, {"decoder_version": 1}),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_each_part_of_the_order_decides(
    winner: dict[str, Any], loser: dict[str, Any], is_first: bool, store: MemoryStore, tmp_path: Path
) -> None:
    made = compactor(store, tmp_path)
    rows = [row(status="arrived") | winner, row(status="departed") | loser]
    for each in rows if is_first else reversed(rows):
        land(store, [each])
        made.compact()
    assert [r["status"] for r in month_rows(store, "2013-01")] == ["arrived"]


def test_a_month_file_is_what_plain_python_says_after_many_compactions(store: MemoryStore, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    made = compactor(store, tmp_path)
    everything = []
    for _ in range(6):
        for day in ("2013-01-30", "2013-01-31", "2013-02-01"):
            rows = random_rows(rng, 60, 40, [day])
            land(store, rows)
            everything += rows
        made.compact()
    assert table_rows(store) == newest(everything)
    assert problems(store) == ()


def test_a_month_file_is_sorted_by_key_with_strings_by_bytes(store: MemoryStore, tmp_path: Path) -> None:
    rows = [
        row(number=number, carrier=carrier, operational_suffix=suffix, origin=origin)
        for carrier in ("ZZ", "9W", "AA")
        for number in (10, 9)
        for suffix in ("B", "")
        for origin in ("ZRH", "EWR", "EWRX", "1AB")
    ]
    land(store, rows)
    compactor(store, tmp_path).compact()
    assert month_rows(store, "2013-01") == newest(rows)


# -- names, since, absorbed ------------------------------------------------------------------------------------


def test_a_month_file_is_named_by_the_since_of_what_it_was_built_from(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path)
    for day in ("2013-01-01", "2013-02-01", "2013-01-02"):  # January, February, January again
        land(store, [row(day)])
        made.compact()
    added_snapshot = {
        number: {month: snapshot(store, number).added_snapshot(month) for month in snapshot(store, number).months}
        for number in (1, 2, 3)
    }
    assert added_snapshot == {1: {"2013-01": 1}, 2: {"2013-01": 1, "2013-02": 2}, 3: {"2013-01": 3, "2013-02": 2}}
    built_from = {
        number: {m: object_names.parse_month_file(e[-1].name) for m, e in snapshot(store, number).months.items()}
        for number in (1, 3)
    }
    assert built_from[1]["2013-01"] == object_names.MonthFileName("2013-01", 0)
    assert built_from[3]["2013-01"] == object_names.MonthFileName("2013-01", 1)
    assert built_from[3]["2013-02"] == object_names.MonthFileName("2013-02", 0)


def test_absorbed_names_only_files_that_are_still_listed(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path)
    first, second = land(store, [row()]), land(store, [row(number=2)])
    made.compact()
    assert latest(store).absorbed == {first, second}
    store.delete(first)
    third = land(store, [row(number=3)])
    made.compact()
    assert latest(store).absorbed == {second, third}


def test_objects_under_landing_with_other_names_are_left_alone(store: MemoryStore, tmp_path: Path) -> None:
    store.create("landing/flight_date=2013-01-01/notes.txt", b"")
    store.create("landing/flight_date=2013-02-30/" + "0" * 32 + ".parquet", b"")
    land(store, [row()])
    report = compactor(store, tmp_path).compact()
    assert (report.absorbed_files, report.pending_files, report.unreadable) == (1, 0, {})


# -- unreadable files ------------------------------------------------------------------------------------------


def test_an_unreadable_landed_file_stays_is_reported_and_does_not_block_its_month(
    store: MemoryStore, tmp_path: Path
) -> None:
    bad = object_names.landed_file(dt.date(2013, 1, 1), "f" * 32)
    store.create(bad, b"PAR1 but not really")
    wrong_date = land(store, [row("2013-01-03")], day="2013-01-02")
    land(store, [row()])
    report = compactor(store, tmp_path).compact()
    assert set(report.unreadable) == {bad, wrong_date}
    assert "another flight_date" in report.unreadable[wrong_date]
    assert (report.absorbed_files, report.pending_files) == (1, 2)
    assert latest(store).absorbed.isdisjoint({bad, wrong_date})
    assert month_rows(store, "2013-01") == [row()]
    again = compactor(store, tmp_path).compact()  # with nothing else to do, there is no commit
    assert (again.snapshot, again.absorbed_files, set(again.unreadable)) == (1, 0, {bad, wrong_date})
    assert numbers(store) == [1]


@pytest.mark.parametrize("bomb", [bombs.many_rows, bombs.long_text])
def test_a_landed_file_that_no_writer_makes_stays_and_all_months_are_merged(
    store: MemoryStore, tmp_path: Path, bomb: Callable[[], bytes]
) -> None:
    foreign = object_names.landed_file(dt.date(2013, 1, 1), "f" * 32)
    store.create(foreign, bomb())
    land(store, [row()])
    land(store, [row("2013-02-01")])
    report = compactor(store, tmp_path).compact()
    assert set(report.unreadable) == {foreign}
    assert (report.months, report.absorbed_files, report.pending_files) == (["2013-01", "2013-02"], 2, 1)
    assert foreign not in latest(store).absorbed
    assert month_rows(store, "2013-01") == [row()]


def test_a_landed_file_larger_than_a_writer_lands_stays_and_its_month_is_merged(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.table.parquet_limits.LANDED_MAX_BYTES", 100_000)
    foreign = object_names.landed_file(dt.date(2013, 1, 1), "0" * 32)
    store.create(foreign, b"x" * 100_001)
    land(store, [row()])
    report = compactor(store, tmp_path).compact()
    assert set(report.unreadable) == {foreign}
    assert "a writer lands at most 100000 in a file" in report.unreadable[foreign]
    assert (report.failed, report.months, report.absorbed_files) == ({}, ["2013-01"], 1)


def test_a_snapshot_names_no_more_absorbed_files_than_it_may(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_writer.compaction.compactor.MAX_ABSORBED", 2)
    first = [land(store, [row(number=number)]) for number in (1, 2)]
    compactor(store, tmp_path).compact()
    land(store, [row(number=3)])
    compactor(store, tmp_path).compact()
    assert latest(store).absorbed == set(first)  # the third is merged again, which changes nothing
    assert month_rows(store, "2013-01") == [row(number=number) for number in (1, 2, 3)]


def test_an_unreadable_month_file_blocks_only_its_month(tmp_path: Path) -> None:
    clock = Clock()
    store = MemoryStore(clock)
    made = compactor(store, tmp_path)
    land(store, [row("2013-01-01")])
    land(store, [row("2013-02-01")])
    made.compact()
    broken = latest(store).months["2013-01"][0].name
    data = bytearray(store.read(broken))
    data[len(data) // 2] ^= 1
    store.delete(broken)
    store.create(broken, bytes(data))
    waiting = land(store, [row("2013-01-01", number=2)])
    land(store, [row("2013-02-02")])
    report = made.compact()
    assert report.months == ["2013-02"]
    assert set(report.unreadable) == {broken}
    assert (report.absorbed_files, report.pending_files) == (1, 1)
    assert waiting not in latest(store).absorbed
    assert latest(store).months["2013-01"][0].name == broken


@pytest.mark.parametrize("prefix", [object_names.SNAPSHOTS, object_names.LANDING])
def test_a_format_that_is_too_new_is_refused(prefix: str, store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path)
    land(store, [row()])
    if prefix == object_names.SNAPSHOTS:
        store.create(object_names.snapshot(1), b'{"format_version": %d}' % (FORMAT_VERSION + 1))
    else:
        newer = raw_parquet(tmp_path / "newer", table([row("2013-01-02")]), str(FORMAT_VERSION + 1))
        store.create(object_names.landed_file(dt.date(2013, 1, 2), "e" * 32), newer.read_bytes())
    before = [info.name for info in store.list("")]
    with pytest.raises(FormatTooNewError):
        made.compact()
    assert [info.name for info in store.list("")] == before


def test_a_history_that_has_lost_its_end_is_refused(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path)
    land(store, [row()])
    made.compact()
    store.delete(object_names.snapshot(1))
    land(store, [row(number=2)])
    with pytest.raises(SnapshotHistoryLostError):
        made.compact()


# -- bounds of a merge -----------------------------------------------------------------------------------------


# -- creates of unknown outcome --------------------------------------------------------------------------------


def test_a_commit_of_unknown_outcome_that_happened_is_one_commit(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)
    meddling.after("create", object_names.SNAPSHOTS, lambda name: _raise(CreateStateUnknownError(name)))
    name = land(store, [row()])
    report = compactor(meddling, tmp_path).compact()
    assert (report.snapshot, report.absorbed_files, report.rebases) == (1, 1, 0)
    assert numbers(store) == [1]
    assert latest(store).absorbed == {name}


def test_a_commit_of_unknown_outcome_that_did_not_happen_is_made_again(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)
    meddling.before("create", object_names.SNAPSHOTS, lambda name: _raise(CreateStateUnknownError(name)))
    land(store, [row()])
    report = compactor(meddling, tmp_path).compact()
    assert (report.snapshot, report.absorbed_files) == (1, 1)
    assert numbers(store) == [1]
    assert len(meddling.called("create", object_names.FLIGHTS)) == 1  # the merge is kept


def test_a_commit_of_unknown_outcome_that_happens_late_is_found(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)
    made: list[bytes] = []

    def lose(name: str) -> None:
        meddling.after("list", object_names.SNAPSHOTS, lambda _: store.create(name, made[0]))
        raise CreateStateUnknownError(name)

    create = meddling.create

    def remember(name: str, source: object) -> None:
        if name.startswith(object_names.SNAPSHOTS) and isinstance(source, bytes):
            made.append(source)
        create(name, source)  # type: ignore[arg-type]

    meddling.create = remember  # type: ignore[method-assign]
    meddling.before("create", object_names.SNAPSHOTS, lose)
    land(store, [row()])
    compactor(meddling, tmp_path).compact()
    assert numbers(store) == [1]
    assert month_rows(store, "2013-01") == [row()]
    assert compactor(store, tmp_path).compact().absorbed_files == 0


def test_files_deleted_during_their_merge_are_left_to_who_absorbed_them(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)
    gone = land(store, [row()])
    meddling.before("download", gone, lambda name: _raise(ObjectMissingError(name)))
    land(store, [row(number=2)])
    report = compactor(meddling, tmp_path).compact()
    assert (report.absorbed_files, report.unreadable) == (1, {})


# -- the oldest snapshot retained ------------------------------------------------------------------------------


def test_min_retained_is_the_first_that_was_the_latest_within_the_retention(tmp_path: Path) -> None:
    clock = Clock()
    store = MemoryStore(clock)
    made = compactor(store, tmp_path, retention_s=100.0)
    min_retained = []
    for number in range(1, 7):
        land(store, [row(number=number)])
        made.compact()
        min_retained.append(latest(store).min_retained)
        clock.advance(40)
    # Snapshots at 0, 40, 80, ...: when n+1 is made, the newest is n; k was the latest until k+1 came.
    assert min_retained == [1, 1, 1, 1, 1, 2]


def test_min_retained_never_decreases_and_follows_the_stores_clock(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    clock = Clock()
    store = MemoryStore(clock)
    for number in range(1, 25):
        land(store, [row(number=number)])
        # Compactors may be configured differently, and the clock of a store may be set back.
        compactor(store, tmp_path, retention_s=rng.choice([0.0, 50.0, 1e6])).compact()
        clock.advance(rng.choice([1, 30, 100, -20]))
    history = [snapshot(store, number) for number in numbers(store)]
    assert len(history) == 24
    assert all(
        earlier.min_retained <= later.min_retained <= later.number for earlier, later in itertools.pairwise(history)
    )


def test_at_most_a_thousand_snapshots_are_retained(store: MemoryStore, tmp_path: Path) -> None:
    for number in range(1, 1006):
        store.create(object_names.snapshot(number), to_json(dataclasses.replace(EMPTY, number=number, min_retained=1)))
    land(store, [row()])
    compactor(store, tmp_path, retention_s=1e9).compact()
    assert latest(store).number == 1006
    assert latest(store).min_retained == 7


def test_without_retention_only_the_base_and_the_new_snapshot_are_retained(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path, retention_s=0.0)
    for number in range(1, 4):
        land(store, [row(number=number)])
        made.compact()
    assert latest(store).min_retained == 2
