"""What pass one of a load has read, on disk: events by month, and rejected lines. Nothing has landed yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_writer.decoding.decoder import RejectedLine, event_table
from ingest_writer.decoding.event import Row
from ingest_writer.landing import by_flight_date, rejected_table
from lakehouse import object_names
from lakehouse.bounded_lru import BoundedLRU
from lakehouse.local_disk import local_errors
from lakehouse.schema.event import EVENT_SCHEMA, REJECTED_SCHEMA

_REJECTED = "rejected"


class Spill:
    """Rows sorted into temporary Parquet files, of which a limited number is open at a time."""

    def __init__(self, folder: Path, max_open_files: int) -> None:
        self._folder = folder
        self._open: BoundedLRU[str, pq.ParquetWriter] = BoundedLRU(max_open_files)
        self._files: dict[str, list[Path]] = {}

    @property
    def months(self) -> list[str]:
        """The months of the events, in order."""
        return sorted(self._files.keys() - {_REJECTED})

    def files(self, month: str) -> list[Path]:
        """The files with the events of the month, in the order in which they were read."""
        return self._files.get(month, [])

    def add_events(self, rows: Sequence[Row], tables: Sequence[pa.Table] = ()) -> None:
        """Events as rows, and as tables of EVENT_SCHEMA. Raises LocalDiskError."""
        months: dict[str, list[pa.Table]] = {}
        for date, events in by_flight_date([event_table(rows), *tables]).items():
            months.setdefault(object_names.month_of(date), []).append(events)
        for month, dates in months.items():
            self._write(month, pa.concat_tables(dates).combine_chunks(), EVENT_SCHEMA)

    def add_rejected(self, lines: Sequence[RejectedLine]) -> None:
        """Raises LocalDiskError."""
        if lines:
            self._write(_REJECTED, rejected_table(lines), REJECTED_SCHEMA)

    def rejected(self) -> Iterator[list[RejectedLine]]:
        """The rejected lines, some at a time."""
        for path in self._files.get(_REJECTED, []):
            with local_errors(self._folder), pq.ParquetFile(path) as file:
                for number in range(file.num_row_groups):
                    yield _rejected_lines(file.read_row_group(number))

    def close(self) -> None:
        """Ends all files, which can then be read. Raises LocalDiskError."""
        with local_errors(self._folder):
            while len(self._open):
                _close(self._open.evict(1))

    def _write(self, name: str, table: pa.Table, schema: pa.Schema) -> None:
        with local_errors(self._folder):
            writer = self._open.get(name)
            if writer is None:
                _close(self._open.make_room(1))
                files = self._files.setdefault(name, [])
                files.append(self._folder / f"{name}-{len(files)}.parquet")
                writer = pq.ParquetWriter(files[-1], schema, compression="zstd")
                self._open.put(name, writer)
            writer.write_table(table)


def _close(writers: Iterable[pq.ParquetWriter]) -> None:
    for writer in writers:
        writer.close()


def _rejected_lines(table: pa.Table) -> list[RejectedLine]:
    published = table["publish_time"].cast(pa.int64()).to_pylist()
    return [
        RejectedLine(
            row["bytes"],
            dict(row["attributes"]),
            row["stage"],
            row["reason"],
            row["message_id"],
            row["message_line"],
            publish_time_us,
        )
        for row, publish_time_us in zip(table.to_pylist(), published, strict=True)
    ]
