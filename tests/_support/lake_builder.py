"""Writes lakes for tests from plain dicts: landed files, month files, snapshots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import google_crc32c
import pyarrow as pa

from lakehouse import object_names
from lakehouse.schema.event import COLUMNS, DECODER_VERSION, REJECTED_SCHEMA
from lakehouse.store.store import Store
from lakehouse.table.parquet_files import to_parquet
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot, to_json
from tests._support.lakes import newest, table, unique

Event = dict[str, Any]

T0 = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)


def event(**given: Any) -> Event:
    """A whole event; fields that are not given are those of UA 1545 of 2013-01-01."""
    day: dt.date = given.get("flight_date", dt.date(2013, 1, 1))
    hour: int = given.get("scheduled_departure_hour", 5)
    departure = dt.datetime(day.year, day.month, day.day, hour, 15, tzinfo=dt.UTC)
    base: Event = dict.fromkeys(COLUMNS) | {
        "flight_date": day,
        "carrier": "UA",
        "flight_number": 1545,
        "operational_suffix": "",
        "origin": "EWR",
        "destination": "IAH",
        "scheduled_departure": departure,
        "scheduled_departure_hour": hour,
        "status": "arrived",
        "event_time": T0,
        "publish_time": T0,
        "message_id": "m1",
        "message_line": 1,
        "decoder_version": DECODER_VERSION,
    }
    assert given.keys() <= base.keys(), given.keys() - base.keys()
    return base | given


def parquet(rows: Sequence[Event]) -> bytes:
    return to_parquet(table(rows))


class LakeBuilder:
    """Writes the objects that writers and compactors would."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.snapshot: Snapshot = EMPTY
        self.landed: dict[str, list[Event]] = {}

    def land(self, *events: Event) -> list[str]:
        """One landed file a flight date; the names."""
        written = []
        for day in sorted({row["flight_date"] for row in events}):
            rows = [row for row in events if row["flight_date"] == day]
            written.append(self.land_bytes(day, parquet(rows)))
            self.landed[written[-1]] = rows
        return written

    def land_bytes(self, day: dt.date, data: bytes) -> str:
        name = object_names.landed_file(day, unique())
        self.store.create(name, data)
        return name

    def merge(self, collect: bool = False) -> Snapshot:
        """Absorbs all landed files into new month files and commits; `collect` deletes what was absorbed."""
        tail = [name for name in self.landed if name not in self.snapshot.absorbed]
        by_month: dict[str, list[Event]] = {}
        for name in tail:
            for row in self.landed[name]:
                by_month.setdefault(object_names.month_of(row["flight_date"]), []).append(row)
        months = dict(self.snapshot.months)
        for month, rows in by_month.items():
            before = self.merged_rows.get(month, [])
            self.merged_rows[month] = newest([*before, *rows])
            months[month] = self.month_file(month, parquet(self.merged_rows[month]))
        self.commit(months, self.snapshot.absorbed | set(tail))
        if collect:
            for name in tail:
                self.store.delete(name)
        return self.snapshot

    @property
    def merged_rows(self) -> dict[str, list[Event]]:
        return self.__dict__.setdefault("_merged_rows", {})  # type: ignore[no-any-return]

    def month_file(self, month: str, data: bytes) -> MonthFile:
        """Writes a month file of `data`; its entry says what the rows of `merged_rows` are."""
        rows = self.merged_rows[month]
        path = object_names.month_file(month, self.snapshot.added_snapshot(month), unique())
        self.store.create(path, data)
        return MonthFile(
            name=path,
            added_snapshot=self.snapshot.number + 1,
            rows=len(rows),
            size=len(data),
            crc32c=google_crc32c.value(data),
            min_flight_date=min(row["flight_date"] for row in rows),
            max_flight_date=max(row["flight_date"] for row in rows),
            max_event_time=max(row["event_time"] for row in rows),
        )

    def commit(self, months: dict[str, MonthFile], absorbed: Iterable[str]) -> None:
        number = self.snapshot.number + 1
        self.snapshot = Snapshot(number, max(1, self.snapshot.min_retained), months, frozenset(absorbed))
        self.store.create(object_names.snapshot(number), to_json(self.snapshot))

    def reject(self, count: int) -> str:
        row = dict.fromkeys(REJECTED_SCHEMA.names) | {"bytes": b"x", "stage": "json", "reason": "not JSON"}
        name = object_names.rejected_file(dt.date(2013, 1, 1), unique())
        self.store.create(name, to_parquet(pa.Table.from_pylist([row] * count, schema=REJECTED_SCHEMA)))
        return name
