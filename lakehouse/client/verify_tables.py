"""Compares the Delta and the Iceberg table with the snapshots that they are made from.

Each object is computed again, with the times that it has itself: a copied lake has other times of
creation and is as good.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final

import pyarrow as pa

from lakehouse import object_names
from lakehouse.errors import ObjectMissingError, UnreadableError
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.derived.delta_checkpoint import actions, read_actions
from lakehouse.table.derived.delta_log import commit, first_commit, hinted_version
from lakehouse.table.derived.iceberg_manifest import manifest, manifest_list, root_of
from lakehouse.table.derived.iceberg_metadata import hinted_number, history_of, table_metadata
from lakehouse.table.listed_snapshots import Listed, by_number, read_listed
from lakehouse.table.snapshot import EMPTY, Snapshot

_MAX_BYTES: Final = 64_000_000
"""Of one object, which is read whole: what a snapshot may have."""
_MENDED: Final = "`python -m ingest_writer publish --rebuild` writes it again"


class TableCheck:
    """The check of both tables. `state` says where they are once `problems` have been asked for."""

    def __init__(self, store: Store, min_retained: int) -> None:
        """What is of snapshots before `min_retained` is not compared: it may go at any moment."""
        self._store = store
        self._min_retained = min_retained
        self._snapshots: Listed = {}
        self._latest = EMPTY.number
        self._known: dict[int, Snapshot] = {EMPTY.number: EMPTY}
        self.state = ""

    def problems(self) -> Iterator[str]:
        """What is wrong, an object each. Raises the store's errors."""
        log = {info.name: info for info in self._store.list(object_names.DELTA_LOG)}
        iceberg = {info.name: info for info in self._store.list(object_names.ICEBERG_METADATA)}
        # The snapshots last: what is ahead of them, then, was not published meanwhile.
        self._snapshots = by_number(self._store.list(object_names.SNAPSHOTS))
        self._latest = max(self._snapshots, default=EMPTY.number)
        yield from self._delta_problems(log)
        yield from self._iceberg_problems(iceberg)
        versions = max(_numbers(log, object_names.parse_delta_commit), default=None)
        number = max(_numbers(iceberg, object_names.parse_iceberg_table), default=None)
        self.state = f"Delta table {_at(versions)}, Iceberg table {_at(number)}"

    def _delta_problems(self, log: dict[str, ObjectInfo]) -> Iterator[str]:
        commits = _numbers(log, object_names.parse_delta_commit)
        checkpoints = _numbers(log, object_names.parse_delta_checkpoint)
        yield from self._ahead(map(object_names.delta_commit, sorted(commits)), commits)
        if commits:
            begin = max((number for number in checkpoints if number <= max(commits)), default=0)
            missing = next((number for number in range(begin, max(commits)) if number not in commits), None)
            if missing is not None:
                yield f"{object_names.delta_commit(missing)}: is missing, so no reader can go on from it; {_MENDED}"
        for number in sorted(commits):
            if self._has(number) and (number == EMPTY.number or self._has(number - 1)):
                yield from self._compare(log[object_names.delta_commit(number)], self._is_commit(number))
        for number in sorted(checkpoints):
            if self._has(number):
                yield from self._compare(log[object_names.delta_checkpoint(number)], self._is_checkpoint(number))
        if (hint := log.get(object_names.DELTA_HINT)) is not None:
            yield from self._compare(hint, lambda data: hinted_version(data) in checkpoints & commits)

    def _iceberg_problems(self, objects: dict[str, ObjectInfo]) -> Iterator[str]:
        tables = _numbers(objects, object_names.parse_iceberg_table)
        yield from self._ahead(map(object_names.iceberg_table, sorted(tables)), tables)
        for number in sorted(tables):
            if number != EMPTY.number and self._has(number):
                yield from self._iceberg_problems_of(number, objects)
        hint = objects.get(object_names.ICEBERG_HINT)
        if hint is not None:
            yield from self._compare(hint, lambda data: hinted_number(data) in tables)
        elif tables:
            yield f"{object_names.ICEBERG_HINT}: is missing; {_MENDED}"

    def _iceberg_problems_of(self, number: int, objects: dict[str, ObjectInfo]) -> Iterator[str]:
        try:
            wanted = self._iceberg_objects(number)
        except (ObjectMissingError, UnreadableError):
            return  # the snapshot went meanwhile, or is a problem of its own
        for name, is_right in wanted.items():
            if name in objects:
                yield from self._compare(objects[name], is_right)
            else:
                yield f"{name}: is missing; {_MENDED}"

    def _ahead(self, names: Iterator[str], numbers: set[int]) -> Iterator[str]:
        for name, number in zip(names, sorted(numbers), strict=True):
            if number > self._latest:
                yield f"{name}: the latest snapshot is {self._latest}, so it is of none; {_MENDED}"

    def _iceberg_objects(self, number: int) -> dict[str, Callable[[bytes], bool]]:
        root = root_of(self._store.url)
        snapshot = self._snapshot(number)
        entries = manifest(root, snapshot)

        def is_metadata(data: bytes) -> bool:
            history = history_of(data)
            return number in history and data == table_metadata(root, snapshot, history)

        return {
            object_names.iceberg_manifest(number): lambda data: data == entries,
            object_names.iceberg_manifest_list(number): lambda data: (
                data == manifest_list(root, snapshot, len(entries))
            ),
            object_names.iceberg_table(number): is_metadata,
        }

    def _is_commit(self, number: int) -> Callable[[bytes], bool]:
        def is_right(data: bytes) -> bool:
            if number == EMPTY.number:
                return data == first_commit()
            created_ms = json.loads(data.split(b"\n", 1)[0])["commitInfo"]["timestamp"]
            return data == commit(self._snapshot(number - 1), self._snapshot(number), created_ms)

        return is_right

    def _is_checkpoint(self, number: int) -> Callable[[bytes], bool]:
        def is_right(data: bytes) -> bool:
            found = read_actions(data)
            created_ms = next(row["txn"]["lastUpdated"] for row in found if "txn" in row)
            return found == actions(self._snapshot(number), created_ms)

        return is_right

    def _compare(self, info: ObjectInfo, is_right: Callable[[bytes], bool]) -> Iterator[str]:
        """One problem if the object is not as it should be; none if it went meanwhile."""
        if info.size > _MAX_BYTES:
            yield f"{info.name}: has {info.size} bytes, at most {_MAX_BYTES} are read; {_MENDED}"
            return
        try:
            if is_right(self._store.read(info.name)):
                return
            why = "is not what the snapshots say"
        except ObjectMissingError:
            return
        except UnreadableError as error:
            why = error.why
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError, pa.ArrowException):
            why = "cannot be read"
        yield f"{info.name}: {why}; {_MENDED}"

    def _has(self, number: int) -> bool:
        return number == EMPTY.number or (number >= self._min_retained and number in self._snapshots)

    def _snapshot(self, number: int) -> Snapshot:
        """The last few are remembered: a commit needs two of them."""
        if number not in self._known:
            if len(self._known) > 2:
                self._known = {EMPTY.number: EMPTY}
            self._known[number] = read_listed(self._store, self._snapshots[number])
        return self._known[number]


def _numbers(objects: dict[str, ObjectInfo], parse: Callable[[str], int | None]) -> set[int]:
    return {number for name in objects if (number := parse(name)) is not None}


def _at(number: int | None) -> str:
    return "not there yet" if number is None else f"at {number}"
