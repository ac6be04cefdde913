"""From messages to stored objects: poison messages, objects a date, their bytes, and tries to store them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest_writer.decoding.decoder import Decoded, decode_messages
from ingest_writer.landing import (
    PendingObject,
    Prepared,
    by_flight_date,
    by_publish_date,
    isolate_poison_messages,
    prepare,
    rejected_table,
    sorted_by_key,
    store_object,
    store_with_retry,
    to_parquet,
)
from ingest_writer.message import Message
from lakehouse.errors import CreateStateUnknownError, StoreAccessDeniedError, StoreUnavailableError
from lakehouse.object_names import RandomId
from lakehouse.schema.event import EVENT_SCHEMA, REJECTED_SCHEMA
from lakehouse.store.memory import MemoryStore
from lakehouse.table.parquet_files import check_landed_file, read_rejected_file
from tests._support.events.builders import (
    encode,
    event,
    ids,
    later_fields,
    line,
    message,
    microseconds,
    rows_of,
    whole_event,
)
from tests._support.events.mistakes import Mistake
from tests._support.lakes.compactors import MeddlingStore


def an_object() -> PendingObject:
    names = ids()
    return PendingObject(names, b"data")


def _lose(name: str) -> None:
    raise CreateStateUnknownError(name)


def test_every_try_has_a_name_of_its_own() -> None:
    store = MemoryStore()
    landed = an_object()
    assert store_object(store, landed) != store_object(store, landed)
    assert len(list(store.list(""))) == 2


def test_a_create_of_unknown_outcome_is_tried_again_until_one_is_known() -> None:
    meddling = MeddlingStore(MemoryStore())
    for _ in range(4):
        meddling.after("create", "", _lose)
    stored = store_with_retry(meddling, an_object())
    assert stored == meddling.called("create", "")[-1]
    assert len(set(meddling.called("create", ""))) == 5
    assert meddling.called("delete", "") == []


def test_storage_that_loses_five_answers_is_away() -> None:
    meddling = MeddlingStore(MemoryStore())
    for _ in range(5):
        meddling.after("create", "", _lose)
    with pytest.raises(StoreUnavailableError):
        store_with_retry(meddling, an_object())


def test_a_definite_failure_is_not_tried_again() -> None:
    meddling = MeddlingStore(MemoryStore())

    def refuse(name: str) -> None:
        raise StoreAccessDeniedError(name)

    meddling.before("create", "", refuse)
    with pytest.raises(StoreAccessDeniedError):
        store_with_retry(meddling, an_object())
    assert len(meddling.called("create", "")) == 1


def test_a_thousand_poison_messages_among_others_take_a_bounded_search(monkeypatch: pytest.MonkeyPatch) -> None:
    poison = [f"m{number}" for number in range(1, 2001, 2)]
    mistake = Mistake(*poison)
    mistake.plant_in_encoding(monkeypatch)
    messages = [message(line(), f"m{number}") for number in range(1, 2001)]
    tries = 0

    def counted(given: Sequence[Message], random_id: RandomId) -> Prepared:
        nonlocal tries
        tries += 1
        return prepare(given, random_id)

    monkeypatch.setattr("ingest_writer.landing.prepare", counted)
    prepared, found = isolate_poison_messages(messages, ids())
    assert set(poison) <= found.keys()
    assert prepared.events == len(messages) - len(found)
    assert tries <= 2 * 1000 + 3


def test_messages_that_fail_only_together_all_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(messages: Sequence[Message]) -> Decoded:
        if len(messages) == 4:
            raise ZeroDivisionError("four at once")
        return decode_messages(messages)

    monkeypatch.setattr("ingest_writer.landing.decode_messages", decode)
    prepared, found = isolate_poison_messages([message(line(), f"m{number}") for number in range(4)], ids())
    assert (list(prepared.objects), set(found)) == ([], {"m0", "m1", "m2", "m3"})


def test_events_come_apart_by_flight_date_in_the_order_of_their_keys() -> None:
    tables = [
        decode_messages(
            [message(line(flight_date=day, scheduled_departure=f"{day}T10:00:00Z", flight_number=number))]
        ).events
        for day, number in [("2013-01-02", 2), ("2013-01-01", 9), ("2013-01-02", 1)]
    ]
    dates = by_flight_date(tables)
    assert {date: [row[2] for row in rows_of(table)] for date, table in dates.items()} == {
        dt.date(2013, 1, 1): [9],
        dt.date(2013, 1, 2): [1, 2],
    }
    assert by_flight_date([]) == {}


def test_rejected_lines_come_apart_by_the_date_they_were_published() -> None:
    bad = [message(b"bad", published=f"2013-01-0{day}T23:59:59.999999Z") for day in (3, 4, 3)]
    dates = by_publish_date(decode_messages(bad).rejected)
    assert {date: len(lines) for date, lines in dates.items()} == {dt.date(2013, 1, 3): 2, dt.date(2013, 1, 4): 1}


def test_more_events_of_a_date_than_a_file_may_have_become_several_objects(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ingest_writer.landing.LANDED_MAX_ROWS", 2)
    messages = [message(line(flight_number=number), f"m{number}") for number in range(1, 6)]
    objects = prepare(messages, ids()).objects
    assert len({each.name() for each in objects}) == 3
    path = tmp_path / "x"
    found = []
    for each in objects:
        path.write_bytes(each.data)
        found.append([row["flight_number"] for row in pq.read_table(path).to_pylist()])
    assert found == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize(("bound", "most"), [("LANDED_MAX_ROWS", 2), ("REJECTED_SPLIT_BYTES", 2_500)])
def test_more_rejected_lines_than_a_file_may_have_become_several_objects(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bound: str, most: int
) -> None:
    lines = [character * 1_000 for character in (b"a", b"b", b"c", b"d", b"e")]
    messages = [message(bad, f"m{number}") for number, bad in enumerate(lines)]
    monkeypatch.setattr(f"ingest_writer.landing.{bound}", most)
    path = tmp_path / "x"
    found = []
    for each in prepare(messages, ids()).objects:
        path.write_bytes(each.data)
        found.append(read_rejected_file("rejected/x", path)["bytes"].to_pylist())
    assert [bad for part in found for bad in part] == lines
    assert 3 <= len(found) <= 5


def test_a_landed_file_passes_the_readers_check_and_holds_every_value(tmp_path: Path) -> None:
    events = decode_messages([message(encode(whole_event())), message(encode(event()), "2")]).events
    path = tmp_path / "landed.parquet"
    path.write_bytes(to_parquet(sorted_by_key(events)))
    assert check_landed_file("landed", path, dt.date(2013, 1, 1)).rows == 2
    table = pq.read_table(path)
    assert table.schema.equals(EVENT_SCHEMA)
    minimal, whole = table.to_pylist()
    assert whole == {
        "flight_date": dt.date(2013, 1, 1),
        "carrier": "UA",
        "flight_number": 1545,
        "operational_suffix": "A",
        "origin": "EWR",
        "destination": "IAH",
        "diverted_to": "DFW",
        "scheduled_departure": dt.datetime(2013, 1, 1, 10, 15, tzinfo=dt.UTC),
        "scheduled_departure_hour": 5,
        "scheduled_arrival": dt.datetime(2013, 1, 1, 14, 19, tzinfo=dt.UTC),
        "actual_departure": dt.datetime(2013, 1, 1, 10, 17, tzinfo=dt.UTC),
        "actual_arrival": dt.datetime(2013, 1, 1, 14, 30, tzinfo=dt.UTC),
        "status": "diverted",
        "departure_delay_minutes": 2,
        "arrival_delay_minutes": 11,
        "air_time_minutes": 227,
        "distance_km": 2253,
        "tail_number": "N14228",
        "event_time": dt.datetime(2013, 1, 1, 11, tzinfo=dt.UTC),
        "publish_time": dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC),
        "message_id": "1",
        "message_line": 0,
        "decoder_version": 3,
    } | dict.fromkeys(later_fields())
    assert minimal["message_id"] == "2"
    assert minimal["diverted_to"] is None


@pytest.mark.parametrize("text", ["0001-01-02T00:00:00.000001Z", "9999-12-29T23:59:59.999999Z"])
def test_times_far_from_today_come_back_to_the_microsecond(text: str, tmp_path: Path) -> None:
    events = decode_messages([message(line(actual_arrival=text))]).events
    path = tmp_path / "landed.parquet"
    path.write_bytes(to_parquet(sorted_by_key(events)))
    [row] = pq.read_table(path).to_pylist()
    assert row["actual_arrival"] == dt.datetime.fromisoformat(text)


def test_a_landed_file_is_sorted_by_key_whatever_the_order_of_arrival() -> None:
    keys = [
        *(
            ("AA", 1, "", "EWR"),
            ("AA", 1, "", "JFK"),
            ("AA", 1, "A", "EWR"),
            ("AA", 2, "", "EWR"),
            ("AA", 10, "", "EWR"),
        ),
        *(("UA", 1, "", "EWR"), ("UA", 1, "", "EWRX")),
    ]
    messages = [
        message(line(carrier=carrier, flight_number=number, operational_suffix=suffix, origin=origin))
        for carrier, number, suffix, origin in keys
    ]
    seed = 7
    random.Random(seed).shuffle(messages)
    table = sorted_by_key(decode_messages(messages).events)
    columns = ("carrier", "flight_number", "operational_suffix", "origin")
    assert list(zip(*(table[name].to_pylist() for name in columns), strict=True)) == keys, f"seed {seed}"


def test_a_rejected_file_holds_bytes_attributes_stage_reason_and_origin(tmp_path: Path) -> None:
    bad = [
        message(b"\xff\x00", "m-1", "2013-01-03T01:02:03.000004Z", {"ordering": "1", "from": "é"}),
        message(line() + b"\n" + line(status="?"), "m-2"),
    ]
    path = tmp_path / "rejected.parquet"
    path.write_bytes(to_parquet(rejected_table(decode_messages(bad).rejected)))
    table = read_rejected_file("rejected", path)
    assert table.schema.equals(REJECTED_SCHEMA)
    first, second = table.to_pylist()
    assert first == {
        "bytes": b"\xff\x00",
        "attributes": [("ordering", "1"), ("from", "é")],
        "stage": "decode",
        "reason": "not UTF-8: byte 0 is 0xff",
        "message_id": "m-1",
        "message_line": 0,
        "publish_time": dt.datetime(2013, 1, 3, 1, 2, 3, 4, tzinfo=dt.UTC),
    }
    assert (second["stage"], second["message_line"], second["attributes"]) == ("validate", 1, [])
    assert second["publish_time"] == dt.datetime.fromtimestamp(microseconds("2013-01-01T12:00:00Z") / 1e6, dt.UTC)


def test_landed_files_are_quick_to_read_and_rejected_ones_small(tmp_path: Path) -> None:
    found = prepare([message(line() + b"\nnot an event")], ids())
    codecs = set()
    for number, each in enumerate(found.objects):
        path = tmp_path / str(number)
        path.write_bytes(each.data)
        chunk = pq.read_metadata(path).row_group(0).column(0)
        codecs.add((each.name().partition("/")[0], chunk.compression))
    assert codecs == {("landing", "SNAPPY"), ("rejected", "ZSTD")}
