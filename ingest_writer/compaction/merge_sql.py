"""From month files and landed files to new month files: the newest event per flight wins. On disk, by DuckDB.

Memory is bounded by one limit whatever the size of the month; what does not fit spills to the scratch folder.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from lakehouse.errors import ResourcesExhaustedError
from lakehouse.local_disk import room
from lakehouse.schema.event import FORMAT_VERSION, KEY, FlightKey
from lakehouse.store.checksum import file_crc32c
from lakehouse.table.confined_duckdb import connect_confined
from lakehouse.table.latest_sql import SHOWN, SORT_KEY, newest, quoted, read_files, without_probes
from lakehouse.table.parquet_files import FooterInfo, MonthStats, check_month_file
from lakehouse.table.snapshot import MonthFile

log = logging.getLogger(__name__)

_ROW_GROUP_ROWS = 122_880  # DuckDB's own vector-friendly default: a month of one airline's flights is one group


SAME_FLIGHT_WITHIN: Final = dt.timedelta(hours=3)
"""Schedules move by minutes, rarely by hours; events of one key that are further apart are probably two flights."""


@dataclass(frozen=True)
class KeyConflicts:
    """Keys whose events have scheduled departures more than SAME_FLIGHT_WITHIN apart: how many, and the first one."""

    count: int = 0
    first: FlightKey | None = None

    def __add__(self, other: KeyConflicts) -> KeyConflicts:
        return KeyConflicts(self.count + other.count, self.first or other.first)


NO_CONFLICTS: Final = KeyConflicts()


@dataclass(frozen=True)
class DateRows:
    """How many flights of one date are among those that answers show, or among the others."""

    date: dt.date
    is_hidden: bool
    rows: int


def month_entry(name: str, added_snapshot: int, file: Path, stats: MonthStats) -> MonthFile:
    """The snapshot's entry for the month file `file`, which a `Merger` has written."""
    return MonthFile(
        name=name,
        added_snapshot=added_snapshot,
        rows=stats.rows,
        size=file.stat().st_size,
        crc32c=file_crc32c(file),
        min_flight_date=stats.min_flight_date,
        max_flight_date=stats.max_flight_date,
        max_event_time=stats.max_event_time,
        format_version=FORMAT_VERSION,
    )


class Merger:
    """Merges files; threads may use one merger at once, under one memory limit."""

    def __init__(self, scratch: Path, memory_mb: int, threads: int) -> None:
        """`scratch` is the folder of all inputs and outputs: it cannot reach any other."""
        self._connection = connect_confined(
            [scratch],
            config={
                "memory_limit": f"{memory_mb}MB",
                "threads": threads,
                "temp_directory": str(scratch / "spill"),
                "preserve_insertion_order": False,
            },
        )

    def merge(self, inputs: Sequence[Path], output: Path) -> list[DateRows]:
        """Writes `output`, sorted by key, one row per flight; `inputs` are files that passed their checks.

        Returns what is in it, by date. Raises ResourcesExhaustedError when memory or disk do not suffice.
        """
        counted = f"SELECT flight_date, NOT ({SHOWN}) AS is_hidden, count(*) FROM {read_files([output])} GROUP BY ALL"
        with self._exhausted(f"merge of {len(inputs)} files", output), self._connection.cursor() as cursor:
            cursor.execute(_copy(newest(read_files(inputs)), output))
            return [DateRows(*row) for row in cursor.execute(f"{counted} ORDER BY ALL").fetchall()]

    def cut(self, merged: Path, first: dt.date, last: dt.date, output: Path, *, is_hidden: bool) -> MonthStats:
        """Writes the rows of a merged file that are of these dates and of that side; there have to be some.

        Raises what `merge` raises, and UnreadableError when the output is not as it must be.
        """
        dates = f"flight_date BETWEEN DATE '{first.isoformat()}' AND DATE '{last.isoformat()}'"
        side = f"NOT ({SHOWN})" if is_hidden else SHOWN
        with self._exhausted(f"files of {first} to {last}", output), self._connection.cursor() as cursor:
            cursor.execute(_copy(f"SELECT * FROM {read_files([merged])} WHERE {dates} AND {side}", output))
        return self.stats(output)

    def stats(self, file: Path) -> MonthStats:
        """Of a file that this object wrote. Raises like `cut`."""
        columns = "count(*), min(flight_date), max(flight_date), max(event_time)"
        with self._exhausted("statistics", file), self._connection.cursor() as cursor:
            row: Any = cursor.execute(f"SELECT {columns} FROM {read_files([file])}").fetchone()
        stats = MonthStats(*row)
        check_month_file(file.name, file, FooterInfo(stats.rows, FORMAT_VERSION))
        return stats

    @contextmanager
    def _exhausted(self, what: str, output: Path) -> Iterator[None]:
        """Whatever DuckDB fails on is taken for a limit of this machine: the inputs are checked."""
        try:
            yield
        except (duckdb.Error, OSError) as error:
            raise ResourcesExhaustedError(
                f"{what}: {str(error).partition(chr(10))[0][:300]} ({output.parent}: {room(output.parent)})"
            ) from error

    def key_conflicts(self, inputs: Sequence[Path], tail: Sequence[Path]) -> KeyConflicts:
        """The keys of `inputs`, on the dates of the files `tail` among them, that two flights seem to share.

        None when this machine cannot count them: a merge does not fail for a count.
        """
        apart = f"max(scheduled_departure) - min(scheduled_departure) > {_interval(SAME_FLIGHT_WITHIN)}"
        dates = f"SELECT DISTINCT flight_date FROM {read_files(tail)}"
        keys = (
            f"SELECT {SORT_KEY} FROM {read_files(inputs)} WHERE flight_date IN ({dates})"
            f" AND {without_probes()} GROUP BY {SORT_KEY} HAVING {apart}"
        )
        first = ", ".join(f"arg_min({column}, ({SORT_KEY}))" for column in KEY)
        try:
            with self._connection.cursor() as cursor:
                row: Any = cursor.execute(f"SELECT count(*), {first} FROM ({keys})").fetchone()
        except duckdb.Error as error:
            log.warning("conflicting keys not counted: %s", str(error).partition("\n")[0][:300])
            return NO_CONFLICTS
        return KeyConflicts(row[0], FlightKey(*row[1:]) if row[0] else None)

    def close(self) -> None:
        self._connection.close()


def _copy(select: str, output: Path) -> str:
    """SQL that writes a month file, or the like, of the rows of `select`."""
    return (
        f"COPY ({select} ORDER BY {SORT_KEY}) TO {quoted(str(output))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP_ROWS}, "
        f"KV_METADATA {{format_version: '{FORMAT_VERSION}'}})"
    )


def _interval(length: dt.timedelta) -> str:
    return f"INTERVAL {length // dt.timedelta(seconds=1)} SECOND"
