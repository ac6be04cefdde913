"""Landing, compactor and reader against a Cloud Storage that lies once, at the worst place."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from ingest_writer.decoding.decoder import decode_messages
from ingest_writer.landing import PendingObject, store_with_retry, to_parquet
from lakehouse import object_names
from lakehouse.client.connection import connect_store
from lakehouse.errors import LakeError, StoreUnavailableError, UnreadableError
from lakehouse.store.store import Store
from lakehouse.table.planner import LandedFile, Planner, utc_now
from lakehouse.table.snapshot import Snapshot
from tests._support.events.builders import ids, line, message
from tests._support.lakes.compactors import compactor, numbers, problems, table_rows
from tests._support.lakes.rows import Row, land, newest, row
from tests.verification.fault_injection.faults import (
    FLIP_UPLOAD,
    LATE,
    LOST_ANSWERS,
    OUTAGES,
    RESET,
    STALL,
    Fault,
    Kind,
    Operation,
    Plan,
    in_turn,
    times,
    told,
)
from tests.verification.fault_injection.lakes import LyingLake

pytestmark = pytest.mark.early

OLD = row("2013-01-01", 1, "2013-01-01 12:00", message_id="1")
NEW = row("2013-01-01", 1, "2013-01-01 13:00", message_id="2", status="cancelled")
ECHO = Fault(Kind.STATUS, after=True, status=412)
NO_CONFLICT = Fault(Kind.STATUS, status=412)
FLIP = Fault(Kind.FLIP_ANSWER, at=0.4)


def _create(prefix: str, fault: Fault) -> Plan:
    return times(1, fault, Operation.CREATE, named=prefix)


def _read(prefix: str, fault: Fault) -> Plan:
    return times(1, fault, Operation.READ, named=prefix)


def _check_table(lake: LyingLake, *rows: Row) -> None:
    """Merged, exactly, in a line without problems."""
    lake.proxy.be_honest()
    assert table_rows(lake.truth) == newest(list(rows))
    assert problems(lake.truth) == ()


def _connect(store: Store, folder: Path) -> list[Any]:
    connection = connect_store(store, lambda: dt.datetime.now(dt.UTC), folder, 1 << 30)
    return connection.sql("SELECT message_id FROM flights ORDER BY ALL").fetchall()


def _files(store: Store) -> tuple[Snapshot, tuple[LandedFile, ...]]:
    """What a reader's answer is computed from."""
    plan = Planner(store, utc_now).plan()
    return plan.snapshot, plan.tail


# -- landing -------------------------------------------------------------------------------------------------------


def test_what_is_landed_for_sure_is_there_and_everything_that_is_there_is_whole(lake: LyingLake) -> None:
    lies = (ECHO, FLIP_UPLOAD, Fault(Kind.STATUS, after=True, status=503), RESET)
    lake.proxy.plan = in_turn(*lies)
    random_ids = ids()
    landed = PendingObject(
        lambda: object_names.landed_file(dt.date(2013, 1, 1), random_ids()),
        to_parquet(decode_messages([message(line())]).events),
    )
    name = store_with_retry(lake.store, landed)
    assert lake.proxy.lies() == list(lies)
    listed = [info.name for info in lake.truth.list(object_names.LANDING)]
    assert len(listed) == 3  # the echo, the lost answer and the one for sure
    assert name == listed[-1]
    assert len({lake.truth.read(each) for each in listed}) == 1


# -- commit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=told)
def test_a_commit_whose_answer_is_lost_is_found(lake: LyingLake, tmp_path: Path, fault: Fault) -> None:
    land(lake.truth, [OLD, NEW])
    lake.proxy.plan = _create(object_names.SNAPSHOTS, fault)
    report = compactor(lake.store, tmp_path).compact()
    assert (report.snapshot, report.rebases, len(lake.proxy.lies())) == (1, 0, 1)
    assert numbers(lake.truth) == [1]
    _check_table(lake, OLD, NEW)


@pytest.mark.parametrize("fault", [RESET, STALL, LATE, FLIP_UPLOAD, NO_CONFLICT, *OUTAGES], ids=told)
def test_a_commit_that_did_not_happen_is_made_again(lake: LyingLake, tmp_path: Path, fault: Fault) -> None:
    land(lake.truth, [OLD, NEW])
    lake.proxy.plan = _create(object_names.SNAPSHOTS, fault)
    report = compactor(lake.store, tmp_path).compact()
    assert (report.snapshot, report.rebases, len(lake.proxy.lies())) == (1, 1, 1)
    assert len(list(lake.truth.list(object_names.FLIGHTS))) == 1  # what was merged is kept
    lake.proxy.be_honest()  # the late one comes, and finds its name taken
    assert numbers(lake.truth) == [1]
    _check_table(lake, OLD, NEW)


def test_a_commit_that_is_answered_by_its_own_echo_is_not_made_twice(lake: LyingLake, tmp_path: Path) -> None:
    land(lake.truth, [OLD, NEW])
    lake.proxy.plan = _create(object_names.SNAPSHOTS, ECHO)
    compactor(lake.store, tmp_path).compact()
    assert len(lake.proxy.lies()) == 1
    assert numbers(lake.truth) == [1]
    _check_table(lake, OLD, NEW)


@pytest.mark.parametrize("fault", [*LOST_ANSWERS, RESET, LATE, FLIP_UPLOAD, ECHO, NO_CONFLICT, OUTAGES[-1]], ids=told)
def test_a_month_file_that_may_not_be_there_gets_another_name(lake: LyingLake, tmp_path: Path, fault: Fault) -> None:
    land(lake.truth, [OLD, NEW])
    lake.proxy.plan = _create(object_names.FLIGHTS, fault)
    report = compactor(lake.store, tmp_path).compact()
    assert (report.snapshot, report.rebases, len(lake.proxy.lies())) == (1, 0, 1)
    _check_table(lake, OLD, NEW)


@pytest.mark.parametrize("prefix", [object_names.LANDING, object_names.FLIGHTS])
def test_what_was_damaged_on_its_way_to_a_merge_is_not_merged_but_the_next_time(
    lake: LyingLake, tmp_path: Path, prefix: str
) -> None:
    land(lake.truth, [NEW])
    compactor(lake.truth, tmp_path).compact()
    land(lake.truth, [OLD])
    lake.proxy.plan = _read(prefix, FLIP)
    report = compactor(lake.store, tmp_path).compact()
    assert (report.snapshot, len(report.unreadable), len(lake.proxy.lies())) == (1, 1, 1)
    assert numbers(lake.truth) == [1]
    assert compactor(lake.store, tmp_path).compact().snapshot == 2
    _check_table(lake, OLD, NEW)


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.SHORT], ids=lambda kind: kind.name)
@pytest.mark.parametrize("prefix", [object_names.LANDING, object_names.SNAPSHOTS])
def test_nothing_is_committed_from_a_part_of_a_listing(
    lake: LyingLake, tmp_path: Path, prefix: str, kind: Kind
) -> None:
    for number in range(1, 4):
        land(lake.truth, [row(number=number)])
    lake.proxy.plan = times(1000, Fault(kind, at=0.6), Operation.LIST, named=prefix)
    lake.store._retry = lake.store._retry.with_timeout(0.3)  # several tries
    with pytest.raises(StoreUnavailableError, match=prefix):
        compactor(lake.store, tmp_path).compact()
    assert numbers(lake.truth) == []


# -- reader --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [FLIP, Fault(Kind.SHORT)], ids=told)
@pytest.mark.parametrize("prefix", [object_names.LANDING, object_names.FLIGHTS, object_names.SNAPSHOTS])
def test_a_reader_refuses_what_was_damaged_on_its_way_and_asks_again_the_next_time(
    lake: LyingLake, tmp_path: Path, prefix: str, fault: Fault
) -> None:
    land(lake.truth, [OLD])
    compactor(lake.truth, tmp_path / "compactor").compact()
    land(lake.truth, [NEW])
    lake.proxy.plan = _read(prefix, fault)
    with pytest.raises(UnreadableError, match=prefix):
        _connect(lake.store, tmp_path / "reader")
    assert _connect(lake.store, tmp_path / "reader") == [("2",)]


@pytest.mark.parametrize("prefix", [object_names.LANDING, object_names.SNAPSHOTS])
def test_an_answer_never_comes_from_a_damaged_listing(lake: LyingLake, tmp_path: Path, prefix: str) -> None:
    land(lake.truth, [OLD])
    compactor(lake.truth, tmp_path / "compactor").compact()
    land(lake.truth, [NEW])
    assert _connect(lake.store, tmp_path / "reader") == [("2",)]
    honest = _files(lake.store)
    for step in range(60):
        fault = Fault(Kind.FLIP_ANSWER, at=step / 60, spares_names=True)
        lake.proxy.plan = times(1, fault, Operation.LIST, named=prefix)
        try:
            if _files(lake.store) == honest:  # those of the answer above, which need not be asked again
                continue
            lake.proxy.plan = times(1, fault, Operation.LIST, named=prefix)
            assert _connect(lake.store, tmp_path / "reader") == [("2",)], fault
        except LakeError:
            continue
