"""Mutations that the simulation must find: each replaces a function by one that is nearly right."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.compaction.layout import DateSize, Layout, Part, layout_of
from ingest_writer.compaction.merge_sql import NO_CONFLICTS, KeyConflicts
from ingest_writer.compaction.model import CompactorOptions, Merged
from ingest_writer.landing import PendingObject, prepare, store_object
from ingest_writer.subscriber.buffer import Batch
from ingest_writer.subscriber.writer import Writer
from lakehouse import object_names
from lakehouse.errors import CreateStateUnknownError, ObjectExistsError
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.listed_snapshots import Listed, by_number
from lakehouse.table.planner import LandedFile, Plan, Planner, list_landing
from lakehouse.table.snapshot import Month, MonthFile, Snapshot, to_json
from tests.verification.simulation import rows
from tests.verification.simulation.lake import Reader

FIRST_SEED_THAT_FINDS = {
    "ack before durable": 0,
    "unknown create is success": 1,
    "tail overrides merged": 1,
    "snapshot before landing": 121,
    "probe for the next number": 3,
    "collect without added_snapshot": 6,
    "collect landed by age": 1,
    "no list after create": 1143,
    "keep months whose base changed": 2,
    "keep months whose hidden files changed": 29,
    "merge without the hidden side": 1,
    "absorb dates that are not written": 2,
    "files across those that stay": 3,
    "read no hidden files": 20,
    "unknown commit is success": 15,
}
"""What changes when scenarios change; `python -m tests.verification.simulation mutations` counts anew."""


async def _ack_before_durable(self: Writer, batch: Batch) -> None:
    await self._acknowledge(batch)
    await self._uploads.land_all(prepare(batch.messages, self._random_id).objects)


def _unknown_create_is_success(store: Store, landed: PendingObject) -> str:
    try:
        return store_object(store, landed)
    except CreateStateUnknownError:
        return ""


def _tail_overrides_merged(self: Reader, plan: Plan) -> rows.State:
    merged = rows.newest(row for entry in plan.snapshot.all_files() for row in self._rows(entry))
    return merged | rows.newest(row for file in plan.tail for row in self._rows(file))


def _snapshot_before_landing(self: Planner) -> Plan:
    listed_at = self._now()
    snapshot = self.latest_snapshot()
    return Plan(snapshot, list_landing(self._store), listed_at)


def _probe_for_the_next_number(self: Planner) -> Listed:
    number = self._latest.number
    if number == 0:
        return _list(self)
    found: dict[int, ObjectInfo] = {}
    while there := by_number(self._store.list(object_names.snapshot(number))):
        found, number = found | there, number + 1
    return found


_list = Planner._list


def _collect_without_added_snapshot(self: GarbageCollector, name: str, latest: Snapshot) -> bool:
    return object_names.parse_month_file(name) is not None


def _collect_landed_by_age(self: GarbageCollector, latest: Snapshot, listed: list[ObjectInfo]) -> list[str]:
    created = {info.name: info.created for info in listed}.get(object_names.snapshot(latest.number))
    found = self._store.list(object_names.LANDING)
    return [info.name for info in found if created is not None and created - info.created >= self._grace]


def _no_list_after_create(self: Compactor, plan: Plan, kept: dict[str, Any]) -> bool:
    snapshot = self._next(plan, kept)
    name, data = object_names.snapshot(snapshot.number), to_json(snapshot)
    try:
        self._store.create(name, data)
    except ObjectExistsError:
        return False
    except CreateStateUnknownError:
        return self._is_there(name, data)
    return True


def _keep_months_whose_base_changed(
    base: Month, made: Month, files: frozenset[str], conflicts: KeyConflicts = NO_CONFLICTS
) -> Merged:
    return Merged(_ANYTHING, made, files, conflicts)


def _keep_months_whose_hidden_files_changed(
    base: Month, made: Month, files: frozenset[str], conflicts: KeyConflicts = NO_CONFLICTS
) -> Merged:
    return Merged(Month(base.shown, _ANYTHING), made, files, conflicts)


def _merge_without_the_hidden_side(
    month: str, snapshot: Snapshot, dates: Collection[dt.date], options: CompactorOptions
) -> Layout:
    layout = layout_of(month, snapshot, dates, options)
    return replace(layout, replaced=layout.replaced.difference(layout.base.hidden))


def _write_the_first_part_only(self: Layout, sizes: Sequence[DateSize], *, is_hidden: bool) -> list[Part]:
    return _parts(self, sizes, is_hidden=is_hidden)[:1]


def _files_across_those_that_stay(self: Layout, *, is_hidden: bool) -> tuple[MonthFile, ...]:
    """For the rule that a file does not reach over another one; the files themselves stay."""
    called_by = sys._getframe(1).f_code.co_name
    return _kept(self, is_hidden=is_hidden) if called_by == "_side" else ()


def _read_no_hidden_files(self: Plan, tail: Iterable[LandedFile]) -> tuple[MonthFile, ...]:
    return ()


_ANYTHING: Any = mock.ANY
_parts = Layout.parts
_kept = Layout.kept


def _unknown_commit_is_success(self: Compactor, name: str, data: bytes) -> bool:
    return True


MUTATIONS: dict[str, tuple[str, Any]] = {
    "ack before durable": ("ingest_writer.subscriber.writer.Writer._land_and_ack", _ack_before_durable),
    "unknown create is success": ("ingest_writer.subscriber.uploads.store_object", _unknown_create_is_success),
    "tail overrides merged": ("tests.verification.simulation.lake.Reader.state", _tail_overrides_merged),
    "snapshot before landing": ("lakehouse.table.planner.Planner.plan", _snapshot_before_landing),
    "probe for the next number": ("lakehouse.table.planner.Planner._list", _probe_for_the_next_number),
    "collect without added_snapshot": (
        "ingest_writer.compaction.garbage_collector.GarbageCollector._is_past",
        _collect_without_added_snapshot,
    ),
    "collect landed by age": (
        "ingest_writer.compaction.garbage_collector.GarbageCollector._absorbed_past_grace",
        _collect_landed_by_age,
    ),
    "no list after create": ("ingest_writer.compaction.compactor.Compactor._commit", _no_list_after_create),
    "keep months whose base changed": ("ingest_writer.compaction.month_merge.Merged", _keep_months_whose_base_changed),
    "keep months whose hidden files changed": (
        "ingest_writer.compaction.month_merge.Merged",
        _keep_months_whose_hidden_files_changed,
    ),
    "merge without the hidden side": (
        "ingest_writer.compaction.month_merge.layout_of",
        _merge_without_the_hidden_side,
    ),
    "absorb dates that are not written": ("ingest_writer.compaction.layout.Layout.parts", _write_the_first_part_only),
    "files across those that stay": ("ingest_writer.compaction.layout.Layout.kept", _files_across_those_that_stay),
    "read no hidden files": ("lakehouse.table.planner.Plan.hidden_beside", _read_no_hidden_files),
    "unknown commit is success": ("ingest_writer.compaction.compactor.Compactor._is_there", _unknown_commit_is_success),
}
"""By name: the function to replace, and its replacement."""


@contextmanager
def mutated(name: str) -> Iterator[None]:
    target, replacement = MUTATIONS[name]
    with mock.patch(target, replacement):
        yield
