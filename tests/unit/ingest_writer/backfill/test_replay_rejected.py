"""Rejected lines that a later decoder understands are landed as if they had been good from the start."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from ingest_writer.backfill.load_report import Reasons
from ingest_writer.backfill.replay_rejected import replay_rejected
from ingest_writer.decoding.decoder import RejectedLine, decode_messages
from ingest_writer.landing import rejected_table, to_parquet
from lakehouse import object_names
from lakehouse.errors import CreateStateUnknownError
from lakehouse.store.memory import MemoryStore
from tests._support.events.builders import PUBLISHED, ids, line, message, microseconds
from tests._support.lakes.compactors import MeddlingStore, compactor, month_rows, table_rows
from tests._support.lakes.rows import land, row, unique

NO_TIME = microseconds(PUBLISHED)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def reject(store: MemoryStore, *lines: RejectedLine) -> str:
    """A rejected file, as an older decoder wrote it."""
    name = object_names.rejected_file(dt.date(2013, 1, 1), unique())
    store.create(name, to_parquet(rejected_table(list(lines))))
    return name


def old(data: bytes, message_id: str = "m", message_line: int = 0) -> RejectedLine:
    return RejectedLine(data, {"k": "v"}, "validate", "not known then", message_id, message_line, NO_TIME)


def bad(data: bytes) -> RejectedLine:
    [rejected] = decode_messages([message(data)]).rejected
    return rejected


def test_a_line_that_is_good_now_lands_under_its_original_ids(store: MemoryStore, tmp_path: Path) -> None:
    reject(store, old(line(), "original", 7))
    report = replay_rejected(store, ids())
    assert (report.files, report.landed, report.reasons, report.unreadable) == (1, 1, Reasons(), {})
    compactor(store, tmp_path).compact()
    [landed] = table_rows(store)
    assert (landed["message_id"], landed["message_line"]) == ("original", 7)
    assert landed["publish_time"] == dt.datetime.fromisoformat(PUBLISHED)
    assert landed["decoder_version"] == 3


def test_a_line_that_is_good_now_does_not_win_over_a_newer_state(store: MemoryStore, tmp_path: Path) -> None:
    reject(store, old(line(status="scheduled", event_time="2013-01-01T10:00:00Z")))
    land(store, [row(event_time="2013-01-01 11:00", status="arrived")])
    replay_rejected(store, ids())
    compactor(store, tmp_path).compact()
    assert [r["status"] for r in month_rows(store, "2013-01")] == ["arrived"]


def test_a_line_that_is_still_bad_is_counted_by_reason_and_kept(store: MemoryStore) -> None:
    name = reject(store, bad(b"\xff"), bad(line(status="late")), bad(line(status="late")), old(line()))
    report = replay_rejected(store, ids())
    assert report.landed == 1
    found = {reason.text: reason.rows for reason in report.reasons.by_kind.values()}
    assert sorted(found.values()) == [1, 2]
    assert found["not UTF-8: byte 0 is 0xff"] == 1
    assert (report.rejected, report.exit_code) == (3, 3)
    assert name in [info.name for info in store.list(object_names.REJECTED)]


def test_replaying_twice_lands_twice_and_changes_nothing(store: MemoryStore, tmp_path: Path) -> None:
    reject(store, old(line(flight_number=1)), old(line(flight_number=2), message_line=1))
    replay_rejected(store, ids())
    made = compactor(store, tmp_path)
    made.compact()
    before = table_rows(store)
    new_names = ids()
    for _ in range(100):
        new_names()
    assert replay_rejected(store, new_names).landed == 2
    made.compact()
    assert table_rows(store) == before
    assert len(before) == 2


def test_lines_of_several_dates_and_files_land_by_date(store: MemoryStore) -> None:
    reject(store, old(line(flight_date="2013-01-01")), old(line(flight_date="2013-01-02")))
    reject(store, old(line(flight_date="2013-01-02")))
    assert replay_rejected(store, ids()).landed == 3
    dates = [object_names.parse_landed_file(info.name) for info in store.list(object_names.LANDING)]
    assert dates == [dt.date(2013, 1, 1), dt.date(2013, 1, 2), dt.date(2013, 1, 2)]


def test_an_unreadable_rejected_file_is_reported_and_the_others_are_replayed(store: MemoryStore) -> None:
    broken = object_names.rejected_file(dt.date(2013, 1, 1), "0" * 31 + "f")
    store.create(broken, b"?")
    store.create("rejected/date=2013-01-01/notes.txt", b"?")
    reject(store, old(line()))
    report = replay_rejected(store, ids())
    assert (report.files, report.landed, set(report.unreadable)) == (2, 1, {broken})


def test_an_empty_lake_has_nothing_to_replay(store: MemoryStore) -> None:
    report = replay_rejected(store, ids())
    assert (report.files, report.landed) == (0, 0)


def test_a_create_of_unknown_outcome_is_followed_by_one_under_another_name(store: MemoryStore) -> None:
    meddling = MeddlingStore(store)

    def lose(name: str) -> None:
        raise CreateStateUnknownError(name)

    meddling.before("create", object_names.LANDING, lose)
    reject(store, old(line()))
    assert replay_rejected(meddling, ids()).landed == 1
    assert len(set(meddling.called("create", object_names.LANDING))) == 2
    assert len(list(store.list(object_names.LANDING))) == 1


def test_lines_beyond_a_message_s_flight_dates_land_when_they_are_replayed(store: MemoryStore) -> None:
    dates = [dt.date(2013, 1, 1) + dt.timedelta(days=day) for day in range(402)]
    lines = [line(flight_date=f"{date}", scheduled_departure=f"{date}T09:00:00Z") for date in dates]
    rejected = decode_messages([message(b"\n".join(lines))]).rejected
    assert len(rejected) == 2
    reject(store, *rejected)
    assert (replay_rejected(store, ids()).landed, len(list(store.list(object_names.LANDING)))) == (2, 2)


def test_a_row_of_a_file_keeps_the_local_hour_that_stands_next_to_its_time(store: MemoryStore, tmp_path: Path) -> None:
    exported = line(scheduled_departure="2013-01-01T10:15:00Z", scheduled_departure_hour=5)
    reject(store, old(exported, "load:0123"), old(exported.replace(b"1545", b"1546"), "a message"))
    assert replay_rejected(store, ids()).landed == 2
    compactor(store, tmp_path).compact()
    hours = {r["message_id"]: r["scheduled_departure_hour"] for r in table_rows(store)}
    assert hours == {"load:0123": 5, "a message": 10}


def test_the_summary_says_where_the_first_line_of_each_reason_came_from(store: MemoryStore) -> None:
    of_a_file = old(line(status="late"), "load:0123", 6)._replace(attributes={"file": "a.ndjson", "line": "7"})
    reject(store, of_a_file, old(b"{", "m", 3))
    report = replay_rejected(store, ids())
    assert [text.split()[:2] for text in report.lines()][2:] == [["1", "a.ndjson:7"], ["1", "message"]]
    assert next(report.lines()) == "read 2 lines of 1 files: landed 0, rejected 2"
    assert report.exit_code == 1


def test_the_exit_code_says_how_much_passed(store: MemoryStore) -> None:
    assert replay_rejected(store, ids()).exit_code == 0
    reject(store, old(line()))
    assert replay_rejected(store, ids()).exit_code == 0
    reject(store, old(b"{"))
    assert replay_rejected(store, ids()).exit_code == 3
