"""Builds lakes from plain Python dicts, without the writer and the compactor."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq

from ingest_writer.landing import to_parquet
from lakehouse import object_names
from lakehouse.schema.event import EVENT_SCHEMA, FORMAT_VERSION, KEY, ORDER, PROBE_CARRIER
from lakehouse.store.store import Store
from lakehouse.table.snapshot import MonthFile, Snapshot, to_json

Row = dict[str, Any]
Key = tuple[Any, ...]

_unique = itertools.count(1)


def unique() -> str:
    return f"{next(_unique):032x}"


def at(text: str) -> dt.datetime:
    """`at("2013-01-01 05:15")` in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def row(day: str = "2013-01-01", number: int = 1545, event_time: str = "2013-01-01 12:00", **changes: Any) -> Row:
    """A valid row of a landed file; `changes` by column."""
    values: Row = {
        "flight_date": dt.date.fromisoformat(day),
        "carrier": "UA",
        "flight_number": number,
        "operational_suffix": "",
        "origin": "EWR",
        "destination": "IAH",
        "scheduled_departure": at(f"{day} 10:15"),
        "scheduled_departure_hour": 5,
        "status": "arrived",
        "event_time": at(event_time),
        "publish_time": at(event_time),
        "message_id": "1",
        "message_line": 0,
        "decoder_version": 1,
    }
    return {**dict.fromkeys(EVENT_SCHEMA.names), **values, **changes}


def table(rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=EVENT_SCHEMA)


def write(path: Path, rows: Sequence[Row]) -> Path:
    """A Parquet file of the lake at `path`."""
    path.write_bytes(to_parquet(table(rows)))
    return path


def raw_parquet(path: Path, rows: pa.Table, version: str | None = str(FORMAT_VERSION)) -> Path:
    """A Parquet file of another program: any columns, any format_version."""
    with pq.ParquetWriter(path, rows.schema, store_schema=False) as writer:
        writer.write_table(rows)
        if version is not None:
            writer.add_key_value_metadata({"format_version": version})
    return path


def key(of: Mapping[str, Any]) -> Key:
    return tuple(of[column] for column in KEY)


def order(of: Mapping[str, Any]) -> tuple[Any, ...]:
    """The five parts of the order, strings by their bytes."""
    return tuple(value.encode() if isinstance(value := of[column], str) else value for column in ORDER)


def newest(rows: Iterable[Row]) -> list[Row]:
    """The newest row of each flight, sorted by key: the plain definition."""
    groups: dict[Key, list[Row]] = {}
    for each in rows:
        groups.setdefault(key(each), []).append(each)
    return [max(groups[k], key=order) for k in sorted(groups)]


def is_hidden(of: Mapping[str, Any]) -> bool:
    """Whether no answer shows the flight while this is its newest state."""
    return bool(of["status"] == "void" or of["carrier"] == PROBE_CARRIER)


def land(store: Store, rows: Sequence[Row], day: str | None = None) -> str:
    """Creates a landed file; returns its name."""
    date = rows[0]["flight_date"] if day is None else dt.date.fromisoformat(day)
    name = object_names.landed_file(date, unique())
    store.create(name, to_parquet(table(rows)))
    return name


def put_month(
    store: Store, rows: Sequence[Row], added_snapshot: int, name_since: int = 0, month: str | None = None
) -> MonthFile:
    """Creates a month file with exactly `rows`; returns its entry, right in all that can be computed.

    It is a hidden one if all of them are of flights that no answer shows.
    """
    return put_month_bytes(store, to_parquet(table(rows)), rows, added_snapshot, name_since, month)


def put_month_bytes(
    store: Store, data: bytes, rows: Sequence[Row], added_snapshot: int, name_since: int = 0, month: str | None = None
) -> MonthFile:
    dates = [each["flight_date"] for each in rows]
    month = month or object_names.month_of(min(dates))
    path = object_names.month_file(month, name_since, unique(), is_hidden=all(map(is_hidden, rows)))
    store.create(path, data)
    return MonthFile(
        name=path,
        added_snapshot=added_snapshot,
        rows=len(rows),
        size=len(data),
        crc32c=google_crc32c.value(data),
        min_flight_date=min(dates),
        max_flight_date=max(dates),
        max_event_time=max(each["event_time"] for each in rows),
    )


def commit(
    store: Store, number: int, entries: Sequence[MonthFile], absorbed: Sequence[str] = (), min_retained: int = 1
) -> Snapshot:
    """Creates the snapshot `number`."""
    sides: tuple[dict[str, tuple[MonthFile, ...]], dict[str, tuple[MonthFile, ...]]] = ({}, {})
    for entry in sorted(entries, key=lambda each: each.min_flight_date):
        side, month = sides[object_names.is_hidden(entry.name)], entry.name.split("=")[1][:7]
        side[month] = (*side.get(month, ()), entry)
    snapshot = Snapshot(number, min_retained, sides[0], frozenset(absorbed), sides[1])
    store.create(object_names.snapshot(number), to_json(snapshot))
    return snapshot
