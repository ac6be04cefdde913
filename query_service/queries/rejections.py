"""Counts what was rejected (objects by listing, rows by reading each object once), and objects that are not ours."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse import object_names
from lakehouse.errors import LakeError, ObjectMissingError, UnreadableError
from lakehouse.schema.event import REJECTED_SCHEMA
from lakehouse.store.store import Store
from lakehouse.table.parquet_files import check_schema
from lakehouse.table.planner import Now

_READS_A_TIME = 50  # objects of some kilobytes, 20 ms each from storage: one second
_REMEMBERED = 100_000  # names of about 150 bytes each; beyond it rows are unknown, not wrong


@dataclass(frozen=True)
class Rejected:
    """Objects under `rejected/`; `rows` is None while not all of them are known. `unrecognized`: in the whole lake."""

    files: int
    rows: int | None
    bytes: int
    unreadable: tuple[UnreadableError, ...]
    unrecognized: int


class Rejections:
    """Counts at most once a plan age. For one thread at a time."""

    def __init__(self, store: Store, now: Now, max_age_s: float) -> None:
        self._store = store
        self._now = now
        self._max_age = dt.timedelta(seconds=max_age_s)
        self._rows: dict[str, int | UnreadableError] = {}
        self._counted: tuple[dt.datetime, Rejected] | None = None

    def count(self) -> Rejected:
        """Lists, and reads some objects that were not read before. Raises the store's errors."""
        now = self._now()
        if self._counted is not None and dt.timedelta(0) <= now - self._counted[0] <= self._max_age:
            return self._counted[1]
        counted = self._count()
        self._counted = (now, counted)
        return counted

    def _count(self) -> Rejected:
        files, rows, size, unknown, reads, unrecognized = 0, 0, 0, 0, 0, 0
        known: dict[str, int | UnreadableError] = {}
        for info in self._store.list(""):
            if object_names.parse_rejected_file(info.name) is None:
                unrecognized += not object_names.is_ours(info.name)
                continue
            files += 1
            size += info.size
            found = self._rows.get(info.name)
            if found is None and reads < _READS_A_TIME and len(known) < _REMEMBERED:
                reads += 1
                found = self._read(info.name)
            if found is None:
                unknown += 1
                continue
            known[info.name] = found
            rows += found if isinstance(found, int) else 0
        self._rows = known
        unreadable = tuple(found for found in known.values() if isinstance(found, UnreadableError))
        return Rejected(files, None if unknown else rows, size, unreadable, unrecognized)

    def _read(self, name: str) -> int | UnreadableError | None:
        try:
            with pq.ParquetFile(pa.BufferReader(self._store.read(name))) as file:
                check_schema(name, file, REJECTED_SCHEMA)
                return int(file.metadata.num_rows)
        except UnreadableError as error:
            return error
        except (pa.ArrowException, OSError) as error:
            return UnreadableError(name, f"not a whole Parquet file: {error}")
        except ObjectMissingError:
            return 0  # deleted since it was listed
        except LakeError:
            return None  # tried again next time
