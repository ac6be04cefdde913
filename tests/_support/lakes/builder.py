"""Writes lakes for tests from plain dicts: landed files, month files, snapshots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import google_crc32c
import pyarrow as pa

from ingest_writer.landing import to_parquet
from lakehouse import object_names
from lakehouse.schema.event import COLUMNS, DECODER_VERSION, REJECTED_SCHEMA
from lakehouse.store.store import Store
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot, to_json
from tests._support.lakes.rows import is_hidden, newest, table, unique

Event = dict[str, Any]
Months = Mapping[str, MonthFile | tuple[MonthFile, ...]]

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

    def __init__(self, store: Store, *, dates_a_file: int = 31) -> None:
        """`dates_a_file`: so many of the dates that a month has flights of; by default a month is one file."""
        self._dates_a_file = dates_a_file
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
        months, hidden = dict(self.snapshot.months), dict(self.snapshot.hidden)
        for month, rows in by_month.items():
            self.merged_rows[month] = newest([*self.merged_rows.get(month, []), *rows])
            for side, of_hidden in ((months, False), (hidden, True)):
                side.pop(month, None)
                if kept := [row for row in self.merged_rows[month] if is_hidden(row) == of_hidden]:
                    side[month] = tuple(self.month_file(month, parquet(part), part) for part in self._parts(kept))
        self.commit(months, self.snapshot.absorbed | set(tail), hidden)
        if collect:
            for name in tail:
                self.store.delete(name)
        return self.snapshot

    def _parts(self, rows: list[Event]) -> list[list[Event]]:
        dates = sorted({row["flight_date"] for row in rows})
        of_files = [dates[first : first + self._dates_a_file] for first in range(0, len(dates), self._dates_a_file)]
        return [[row for row in rows if row["flight_date"] in of_file] for of_file in of_files]

    @property
    def merged_rows(self) -> dict[str, list[Event]]:
        return self.__dict__.setdefault("_merged_rows", {})  # type: ignore[no-any-return]

    def month_file(self, month: str, data: bytes, rows: Sequence[Event] = ()) -> MonthFile:
        """Writes a month file of `data`; its entry says what `rows` are, or those of `merged_rows`."""
        rows = rows or self.merged_rows[month]
        since = self.snapshot.added_snapshot(month)
        path = object_names.month_file(month, since, unique(), is_hidden=all(map(is_hidden, rows)))
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

    def commit(self, months: Months, absorbed: Iterable[str], hidden: Months | None = None) -> None:
        number, oldest = self.snapshot.number + 1, max(1, self.snapshot.min_retained)
        hidden = self.snapshot.hidden if hidden is None else hidden
        sides = [{month: _listed(files) for month, files in side.items()} for side in (months, hidden)]
        self.snapshot = Snapshot(number, oldest, sides[0], frozenset(absorbed), sides[1])
        self.store.create(object_names.snapshot(number), to_json(self.snapshot))

    def reject(self, count: int) -> str:
        row = dict.fromkeys(REJECTED_SCHEMA.names) | {"bytes": b"x", "stage": "json", "reason": "not JSON"}
        name = object_names.rejected_file(dt.date(2013, 1, 1), unique())
        self.store.create(name, to_parquet(pa.Table.from_pylist([row] * count, schema=REJECTED_SCHEMA)))
        return name


def _listed(files: MonthFile | tuple[MonthFile, ...]) -> tuple[MonthFile, ...]:
    return files if isinstance(files, tuple) else (files,)
