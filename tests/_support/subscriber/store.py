"""A store whose creates are slow or fail as a test says, and the rows that landed in it."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from lakehouse import object_names
from lakehouse.errors import CreateStateUnknownError, StoreUnavailableError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Source
from lakehouse.table.parquet_files import check_landed_file
from tests._support.subscriber.subscription import Journal


class FaultyStore(MemoryStore):
    """Creates take `slow_s` and fail as `fault` says; deletes are forbidden."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(lambda: dt.datetime(2013, 1, 1, tzinfo=dt.UTC))
        self._journal = journal
        self.fault: Callable[[str], Exception | None] = lambda name: None
        self.is_stored_all_the_same = False
        self.slow_s: Callable[[str], float] = lambda name: 0.0
        self.last_create = ("", 0.0)
        self._checked: dict[str, list[dict[str, Any]]] = {}

    def create(self, name: str, source: Source) -> None:
        self.last_create = (name, self.slow_s(name))
        error = self.fault(name)
        self._journal.note("create" if error is None else "create failed", name)
        if error is None or self.is_stored_all_the_same:
            super().create(name, source)
        if error is not None:
            raise error

    def delete(self, name: str) -> None:
        raise AssertionError(f"a writer deletes nothing, and yet: {name}")

    def go_away(self) -> None:
        self.fault = lambda name: StoreUnavailableError(f"{name}: storage is down")

    def come_back(self) -> None:
        self.fault = lambda name: None

    def lose_answers(self, times: int, *, stored: bool) -> None:
        """The next `times` creates end with an unknown outcome."""
        left = iter(range(times))
        self.is_stored_all_the_same = stored
        self.fault = lambda name: None if next(left, None) is None else CreateStateUnknownError(f"{name}: no answer")

    def names(self, prefix: str = "") -> list[str]:
        return [info.name for info in self.list(prefix)]

    def rows(self) -> list[dict[str, Any]]:
        """All rows of all landed files, which must pass the reader's check."""
        for name in self.names(object_names.LANDING):
            if name not in self._checked:  # they never change
                self._checked[name] = self._check(name)
        return [row for rows in self._checked.values() for row in rows]

    def _check(self, name: str) -> list[dict[str, Any]]:
        date = object_names.parse_landed_file(name)
        assert date is not None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "landed.parquet"
            path.write_bytes(self.read(name))
            check_landed_file(name, path, date)
            return list(pq.read_table(path).to_pylist())

    def landed_ids(self) -> set[str]:
        return {row["message_id"] for row in self.rows()}
