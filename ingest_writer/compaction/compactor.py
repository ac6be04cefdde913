"""Moves the tail into month files and commits them as the next snapshot.

Any number of compactors may run: the numbered name of a snapshot is created by one of them, and the others
rebase on it. A month whose entry is unchanged is kept, however long its merge took; the others are merged again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from ingest_writer.compaction.history import History
from ingest_writer.compaction.layout import Rewrite, rewrite_of
from ingest_writer.compaction.model import MAX_RETAINED, CompactorOptions, Merged, Report
from ingest_writer.compaction.month_merge import MonthMerger, month_merger
from lakehouse import object_names
from lakehouse.errors import (
    CacheFullError,
    CreateStateUnknownError,
    LocalDiskError,
    ObjectExistsError,
    ObjectMissingError,
    ResourcesExhaustedError,
    StoreUnavailableError,
    UnreadableError,
)
from lakehouse.object_names import RandomId
from lakehouse.store.store import Store
from lakehouse.table.planner import Now, Plan, Planner
from lakehouse.table.snapshot import MAX_ABSORBED, Snapshot, to_json

log = logging.getLogger(__name__)


class Compactor:
    """Merges and commits. One instance may run again and again; it remembers the latest snapshot."""

    def __init__(self, store: Store, options: CompactorOptions, now: Now, random_id: RandomId) -> None:
        self._store = store
        self._options = options
        self._random_id = random_id
        self.planner = Planner(store, now, options.trusted_snapshot)
        self.history = History(store, self.planner, options.trusted_snapshot)

    def compact(self) -> Report:
        """Absorbs what is in the tail (up to the bounds of a merge) in one commit; none when nothing is there.

        Then, in a commit of its own, rewrites a month that has files of an older format, or several at rest that one
        can replace, if there is one.

        Raises ResourcesExhaustedError, CacheFullError or LocalDiskError when no month could be merged,
        FormatTooNewError, SnapshotHistoryLostError, ForeignSnapshotError, StoreUnavailableError and the store's
        errors; what was merged but not committed is an orphan for the garbage collector.
        """
        report = Report()
        with month_merger(self._store, self._options, self._random_id) as merger:
            snapshot = self._absorb(merger, report)
            if any(self._rewrites(snapshot)):
                self._rewrite_one(merger, report)
        return report

    def check_history(self) -> None:
        """Raises ForeignSnapshotError when no commit can be made on top of the latest snapshot."""
        self.history.check_latest(self.planner.latest_snapshot())

    def _absorb(self, merger: MonthMerger, report: Report) -> Snapshot:
        """The snapshot that the last plan was made of."""
        kept: dict[str, Merged] = {}
        for _ in range(self._options.commit_attempts):
            plan = self.planner.plan()
            self.history.check_latest(plan.snapshot)
            kept = {m: made for m, made in kept.items() if plan.snapshot.month(m) == made.base}
            results = merger.merge_months(plan, skip=kept.keys())
            report.add_results(results)
            kept |= {each.month: each.merged for each in results if each.merged is not None}
            report.snapshot = plan.snapshot.number
            if not kept and report.failed:
                raise next(iter(report.failed.values()))
            report.pending_files = len(plan.tail)
            if not kept:
                return plan.snapshot
            if self._commit(plan, kept):
                report.add_commit(plan, kept)
                return plan.snapshot
            report.rebases += 1
        raise StoreUnavailableError(
            f"{object_names.SNAPSHOTS}: {self._options.commit_attempts} commits lost to others; run again"
        )

    def _rewrite_one(self, merger: MonthMerger, report: Report) -> None:
        """So that in time all files are of one format, and few. A commit that is lost to others is left to the next
        run."""
        plan = self.planner.plan()
        for rewrite in self._rewrites(plan.snapshot):
            if (merged := self._rewritten(merger, plan, rewrite, report)) is not None:
                if self._commit(plan, {rewrite.month: merged}):
                    report.add_commit(plan, {rewrite.month: merged})
                return

    def _rewrites(self, snapshot: Snapshot) -> Iterator[Rewrite]:
        """The months that should have other files, though nothing of theirs is in the tail."""
        for month in snapshot.month_names:
            if (rewrite := rewrite_of(month, snapshot, self._options)) is not None:
                yield rewrite

    def _rewritten(self, merger: MonthMerger, plan: Plan, rewrite: Rewrite, report: Report) -> Merged | None:
        try:
            return merger.rewrite(plan, rewrite)
        except ObjectMissingError as error:
            if self.planner.plan().names_file(error.name):
                report.unreadable[error.name] = "cannot be found"
        except UnreadableError as error:
            report.unreadable[error.name] = error.why
        except (ResourcesExhaustedError, CacheFullError, LocalDiskError) as error:
            report.not_rewritten[rewrite.month] = error
        return None

    def _commit(self, plan: Plan, kept: dict[str, Merged]) -> bool:
        """Creates the next snapshot. False if its number is taken, or the history has moved past it."""
        snapshot = self._next(plan, kept)
        name, data = object_names.snapshot(snapshot.number), to_json(snapshot)
        try:
            self._store.create(name, data)
        except ObjectExistsError:
            return False
        except CreateStateUnknownError as error:
            log.warning("outcome of the commit is unknown, looks: %s", error)
            if not self._is_there(name, data):
                return False
        return snapshot.number >= self.planner.latest_snapshot().min_retained

    def _is_there(self, name: str, data: bytes) -> bool:
        listed = next((info for info in self._store.list(object_names.SNAPSHOTS, name) if info.name == name), None)
        if listed is None or listed.size != len(data):
            return False
        try:
            return self._store.read(name) == data
        except ObjectMissingError:
            return False

    def _next(self, plan: Plan, kept: dict[str, Merged]) -> Snapshot:
        base = plan.snapshot
        number = base.number + 1
        shown, hidden = dict(base.months), dict(base.hidden)
        for month, merged in kept.items():
            for side, entries in ((shown, merged.made.shown), (hidden, merged.made.hidden)):
                side[month] = tuple(replace(e, added_snapshot=e.added_snapshot or number) for e in entries)
        listed = frozenset(file.name for file in plan.landing.files)
        before = base.absorbed & listed  # first, so that they can be collected
        added = listed.intersection(name for made in kept.values() for name in made.files) - before
        return Snapshot(
            number=number,
            min_retained=self._min_retained(base),
            months={month: entries for month, entries in shown.items() if entries},
            absorbed=before.union(sorted(added)[: max(0, MAX_ABSORBED - len(before))]),
            hidden={month: entries for month, entries in hidden.items() if entries},
        )

    def _min_retained(self, base: Snapshot) -> int:
        """The first number that was the latest within the retention before the newest snapshot, by the store's
        clock; never less than before, never above the base."""
        created = {
            number: info.created
            for info in self._store.list(object_names.SNAPSHOTS)
            if (number := object_names.parse_snapshot(info.name)) is not None and number <= base.number
        }
        if base.number not in created:
            return max(base.min_retained, 1)
        numbers = sorted(created)
        newest = created[base.number]
        retained = [
            number
            for number, successor in pairwise(numbers)
            if (newest - created[successor]).total_seconds() < self._options.retention_s
        ]
        return max(base.min_retained, min(retained, default=base.number), base.number + 2 - MAX_RETAINED)
