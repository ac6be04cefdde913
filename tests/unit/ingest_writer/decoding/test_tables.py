"""What the tables of events and of rejected lines look like."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest_writer.decoding.decoder import decode_messages
from ingest_writer.decoding.tables import by_flight_date, by_publish_date, rejected_table, sorted_by_key
from lakehouse.schema.event import EVENT_SCHEMA, REJECTED_SCHEMA
from lakehouse.table.parquet_files import check_landed_file, read_rejected_file, to_parquet
from tests._support.events import encode, event, line, message, microseconds, rows_of, whole_event


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
        "decoder_version": 2,
    }
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
