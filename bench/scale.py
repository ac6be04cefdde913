"""Makes lakes of any size from the real flights: shifts years, copies flights, jitters delays.

Each is generated once and kept outside the repository, under $BENCH_CACHE_DIR or
~/.cache/flights-lakehouse. The product's own merger writes the month files, so their bytes are
those of a compactor.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest_writer.compaction.merge_sql import Merger, month_entry
from ingest_writer.decoding.decoder import decode_messages
from ingest_writer.landing import LANDED_COMPRESSION, sorted_by_key, to_parquet
from ingest_writer.message import Message
from lakehouse import object_names
from lakehouse.schema.event import EVENT_SCHEMA
from lakehouse.table.latest_sql import quoted
from lakehouse.table.snapshot import MonthFile, Snapshot, from_json, to_json
from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights

_VERSION = 1  # of what is generated: raise it when that changes
_SEED = 20_130_101
_PUBLISHED_US = 1_400_000_000_000_000
_LAST = (b'"status":"arrived"', b'"status":"cancelled"', b'"status":"diverted"')
_EVENTS_A_MESSAGE = 1000
_MEMORY_MB = 4096
_JITTER_MINUTES = 5
_LONG_TAIL_DATES = 300
_LONG_TAIL_ROWS = 30


@dataclass(frozen=True)
class Lake:
    """A folder laid out as a lake, all merged."""

    root: Path
    months: tuple[str, ...]
    flights: int

    @property
    def url(self) -> str:
        return f"file://{self.root}"

    @property
    def files(self) -> list[Path]:
        """The month files, by month."""
        return [next((self.root / f"{object_names.FLIGHTS}flight_month={month}").iterdir()) for month in self.months]


class ScaleData:
    """Makes lakes, or reuses existing ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"v{_VERSION}"

    def base(self, flights: int | None) -> Path:
        """A Parquet file of the last states of the first `flights` real flights (None: all)."""
        return self._made(f"base-{flights or 'all'}.parquet", lambda path: _make_base(path, flights))

    def lake(self, flights: int | None, years: int, copies: int = 1) -> Lake:
        """`years` times `copies` times the real flights; a copy has another operational suffix."""
        base = self.base(flights)
        root = self._made(
            f"lake-{flights or 'all'}-{years}x{copies}", lambda path: _make_lake(path, base, years, copies)
        )
        return _lake_at(root)

    def days(self, lake: Lake) -> Path:
        """The same rows as plain Parquet in the usual layout: a folder a date with one file."""
        return self._made(f"days-of-{lake.root.name}", lambda path: _copy(lake, path, "PARTITION_BY (flight_date)"))

    def single(self, lake: Lake) -> Path:
        """The same rows in the best single file that we could make by hand: sorted by date, zstd."""
        return self._made(f"single-of-{lake.root.name}.parquet", lambda path: _copy(lake, path, "COMPRESSION zstd"))

    def part(self, lake: Lake, months: int) -> Lake:
        """A lake of the first months of `lake`: the very same files."""
        root = self._made(f"first-{months}-of-{lake.root.name}", lambda path: _make_part(path, lake, months))
        return _lake_at(root)

    def with_tail(self, lake: Lake, first: dt.date, last: dt.date, rows: int) -> Lake:
        """`lake` with at least that many rows in the tail of these dates: older states of flights that it has."""
        name = f"{LANDED_COMPRESSION}-tail-{rows}-of-{first}-{last}-of-{lake.root.name}"
        return _lake_at(self._made(name, lambda path: _make_tail(path, lake, (first, last), rows)))

    def with_long_tail(self, lake: Lake, files: int) -> Lake:
        """`lake` with about as many landed files of few rows each on its last 300 dates: older states."""
        name = f"{LANDED_COMPRESSION}-long-tail-{files}-of-{lake.root.name}"
        return _lake_at(self._made(name, lambda path: _make_long_tail(path, lake, files)))

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        path = self._folder / name
        if path.exists():
            return path
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".{os.getpid()}-{name}"
        _remove(partial)
        try:
            make(partial)
            partial.rename(path)
        finally:
            _remove(partial)
        return path


def cache_folder() -> Path:
    """$BENCH_CACHE_DIR, or a folder of the user's."""
    return Path(os.environ.get("BENCH_CACHE_DIR") or Path.home() / ".cache" / "flights-lakehouse")


def _make_base(path: Path, flights: int | None) -> None:
    last = [event for event in events_of(read_flights(flights)) if any(status in event for status in _LAST)]
    messages = [
        Message("", b"\n".join(last[at : at + _EVENTS_A_MESSAGE]), {}, f"{at:020}", _PUBLISHED_US)
        for at in range(0, len(last), _EVENTS_A_MESSAGE)
    ]
    pq.write_table(sorted_by_key(decode_messages(messages).events), path, compression="zstd")


def _make_lake(root: Path, base: Path, years: int, copies: int) -> None:
    scratch = root / "scratch"
    scratch.mkdir(parents=True)
    merger = Merger(scratch, _MEMORY_MB, len(os.sched_getaffinity(0)))
    entries: dict[str, MonthFile] = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        months = connection.execute(
            f"SELECT DISTINCT year(flight_date), month(flight_date) FROM read_parquet({quoted(str(base))}) ORDER BY ALL"
        ).fetchall()
        for years_later in range(years):
            for year, month in months:
                rows = scratch / "rows.parquet"
                connection.execute(_month_sql(base, month, years_later, copies, rows))
                name = f"{year + years_later}-{month:02}"
                entries[name] = _month_file(root, name, rows, merger)
    merger.close()
    shutil.rmtree(scratch)
    _commit(root, entries)


def _month_sql(base: Path, month: int, years_later: int, copies: int, output: Path) -> str:
    """COPY of one month, shifted. Year 0 of copy 0 is as it really was."""
    times = ("scheduled_departure", "scheduled_arrival", "event_time", "publish_time")
    moved = ", ".join(f"{column} + shift AS {column}" for column in times)
    flown = ", ".join(f"{column} + shift + to_minutes(jitter) AS {column}" for column in _FLOWN)
    late = ", ".join(f"({column} + jitter)::INTEGER AS {column}" for column in _LATE)
    jitter = (
        f"hash(flight_date, carrier, flight_number, origin, {years_later}, copy, {_SEED}) % {2 * _JITTER_MINUTES + 1}"
    )
    return f"""
COPY (
    SELECT * EXCLUDE (copy, shift, jitter) REPLACE (
        (flight_date + shift)::DATE AS flight_date,
        CASE copy WHEN 0 THEN operational_suffix ELSE chr((64 + copy)::INTEGER) END AS operational_suffix,
        {moved}, {flown}, {late}
    )
    FROM (
        SELECT *,
            to_days(((flight_date + to_years({years_later}))::DATE - flight_date)::INTEGER) AS shift,
            CASE WHEN copy = 0 AND {years_later} = 0 THEN 0 ELSE ({jitter})::BIGINT - {_JITTER_MINUTES} END AS jitter
        FROM read_parquet({quoted(str(base))}), range({copies}) AS copies(copy)
        WHERE month(flight_date) = {month}
    )
) TO {quoted(str(output))} (FORMAT parquet)"""


_FLOWN = ("actual_departure", "actual_arrival")
_LATE = ("departure_delay_minutes", "arrival_delay_minutes")


def _month_file(root: Path, month: str, rows: Path, merger: Merger) -> MonthFile:
    name = object_names.month_file(month, 0, f"{int(month.replace('-', '')):032x}")
    path = root / name
    path.parent.mkdir(parents=True)
    merged = rows.with_name("month.parquet")  # the merger reaches no other folder
    merger.merge([rows], merged)
    stats = merger.stats(merged)
    merged.rename(path)
    return month_entry(name, 1, path, stats)


def _commit(root: Path, entries: dict[str, MonthFile]) -> None:
    path = root / object_names.snapshot(1)
    path.parent.mkdir(parents=True)
    months = {month: (entry,) for month, entry in entries.items()}
    path.write_bytes(to_json(Snapshot(number=1, min_retained=1, months=months)))


def _lake_at(root: Path) -> Lake:
    name = object_names.snapshot(1)
    snapshot = from_json(name, (root / name).read_bytes())
    return Lake(root, tuple(sorted(snapshot.months)), sum(file.rows for file in snapshot.shown_files()))


def _copy(lake: Lake, path: Path, how: str) -> None:
    files = [quoted(str(file)) for file in lake.files]
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY_MB}MB'")
        connection.execute(
            f"COPY (SELECT * FROM read_parquet([{', '.join(files)}]) ORDER BY flight_date, carrier, flight_number)"
            f" TO {quoted(str(path))} (FORMAT parquet, {how})"
        )


def _make_part(root: Path, lake: Lake, months: int) -> None:
    name = object_names.snapshot(1)
    whole = from_json(name, (lake.root / name).read_bytes())
    kept = {month: whole.months[month][0] for month in lake.months[:months]}
    for entry in kept.values():
        (root / entry.name).parent.mkdir(parents=True)
        os.link(lake.root / entry.name, root / entry.name)
    _commit(root, kept)


def _make_tail(root: Path, lake: Lake, dates: tuple[dt.date, dt.date], rows: int) -> None:
    """A landed file a date and hour before the state that is merged."""
    _make_part(root, lake, len(lake.months))
    merged = pa.concat_tables(pq.ParquetFile(file).read() for file in lake.files)
    touched = merged.filter(
        pc.and_(pc.greater_equal(merged["flight_date"], dates[0]), pc.less_equal(merged["flight_date"], dates[1]))
    )
    time = EVENT_SCHEMA.get_field_index("event_time")
    for hours in range(1, 1 - (-rows // touched.num_rows)):
        older = touched.set_column(time, "event_time", pc.subtract(touched["event_time"], dt.timedelta(hours=hours)))
        for number, day in enumerate(sorted(older["flight_date"].unique().to_pylist())):
            path = root / object_names.landed_file(day, f"{hours:016x}{number:016x}")
            path.parent.mkdir(parents=True, exist_ok=True)
            landed = older.filter(pc.equal(older["flight_date"], pa.scalar(day))).cast(EVENT_SCHEMA)
            path.write_bytes(to_parquet(landed))


def _make_long_tail(root: Path, lake: Lake, files: int) -> None:
    """Landed files of 30 rows, round by round one a date, an hour older each round."""
    _make_part(root, lake, len(lake.months))
    merged = pa.concat_tables(pq.ParquetFile(file).read() for file in lake.files)
    days = sorted(merged["flight_date"].unique().to_pylist())[-_LONG_TAIL_DATES:]
    time = EVENT_SCHEMA.get_field_index("event_time")
    for number, day in enumerate(days):
        flights = merged.filter(pc.equal(merged["flight_date"], pa.scalar(day)))
        for hours in range(1, 1 - (-files // len(days))):
            few = flights.slice(hours * _LONG_TAIL_ROWS % max(1, len(flights) - _LONG_TAIL_ROWS), _LONG_TAIL_ROWS)
            older = few.set_column(time, "event_time", pc.subtract(few["event_time"], dt.timedelta(hours=hours)))
            path = root / object_names.landed_file(day, f"{hours:016x}{number:016x}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(to_parquet(older.cast(EVENT_SCHEMA)))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
