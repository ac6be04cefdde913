"""Moves the tail into month files and commits them as the next snapshot.

Any number of compactors may run: the numbered name of a snapshot is created by one of them, and the others
rebase on it. A month whose entry is unchanged is kept, however long its merge took; the others are redone.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from ingest_writer.compaction.merge_sql import Merger, month_entry
from lakehouse import object_names
from lakehouse.errors import (
    CacheFullError,
    CreateStateUnknownError,
    LakeError,
    ObjectExistsError,
    ObjectMissingError,
    ResourcesExhaustedError,
    StoreUnavailableError,
    UnreadableError,
)
from lakehouse.object_names import RandomId
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.store.store import Store
from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import LandedFile, Now, Plan, Planner, by_month
from lakehouse.table.snapshot import MonthFile, Snapshot, to_json

log = logging.getLogger(__name__)

MAX_RETAINED: Final = 1000
"""Snapshots kept at most, whatever the retention: a collector reads them all."""


@dataclass(frozen=True)
class CompactorOptions:
    """Bounds of a compactor; the settings say why their defaults are what they are."""

    scratch: Path
    scratch_max_bytes: int
    memory_mb: int
    threads: int
    months_at_once: int
    merge_max_files: int
    merge_max_bytes: int
    commit_attempts: int
    retention_s: float


@dataclass(frozen=True)
class Merged:
    """A month file made from `base` and `files`, and durable. The commit sets `entry.added_snapshot`."""

    base: MonthFile | None
    entry: MonthFile
    files: frozenset[str]


@dataclass
class Report:
    """What one compaction did. `snapshot` is the latest that it saw or made, `commits` are the numbers that it made.

    `unreadable` maps names of objects left alone to what is wrong with them; `failed` the months that this machine
    could not merge to why, `not_rewritten` those of an older format that it could not rewrite, which nobody waits for;
    `unpublished` is what kept the manifest or `lake.duckdb` from being brought up to it.
    """

    snapshot: int = 0
    commits: list[int] = field(default_factory=list)
    months: list[str] = field(default_factory=list)
    absorbed_files: int = 0
    rows: int = 0
    """Of the new month files."""
    rebases: int = 0
    pending_files: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    failed: dict[str, LakeError] = field(default_factory=dict)
    not_rewritten: dict[str, LakeError] = field(default_factory=dict)
    unpublished: LakeError | OSError | None = None


class Compactor:
    """Merges and commits. One instance may run again and again; it remembers the line that it saw."""

    def __init__(self, store: Store, options: CompactorOptions, now: Now, random_id: RandomId) -> None:
        self._store = store
        self._options = options
        self._random_id = random_id
        self.planner = Planner(store, now)

    def compact(self) -> Report:
        """Absorbs what is in the tail (up to the bounds of a merge) in one commit; none when nothing is there.

        Then, in a commit of its own, rewrites a month whose file is of an older format, if there is one.

        Raises ResourcesExhaustedError or CacheFullError when no month could be merged, FormatTooNewError,
        SnapshotHistoryLostError, StoreUnavailableError and the store's errors; what was merged but not
        committed is an orphan for the garbage collector.
        """
        report = Report()
        with self._workshop() as workshop:
            snapshot = self._absorb(workshop, report)
            if any(map(_is_outdated, snapshot.months.values())):
                self._rewrite_one(workshop, report)
        return report

    def _absorb(self, workshop: MonthMerger, report: Report) -> Snapshot:
        """The snapshot that the last plan was made of."""
        kept: dict[str, Merged] = {}
        for _ in range(self._options.commit_attempts):
            plan = self.planner.plan()
            kept = {m: made for m, made in kept.items() if plan.snapshot.months.get(m) == made.base}
            kept |= workshop.merge_months(plan, skip=kept.keys(), report=report)
            report.snapshot = plan.snapshot.number
            if not kept and report.failed:
                raise next(iter(report.failed.values()))
            report.pending_files = len(plan.tail)
            if not kept:
                return plan.snapshot
            if self._commit(plan, kept):
                self._count(report, plan, kept)
                return plan.snapshot
            report.rebases += 1
        raise StoreUnavailableError(
            f"{object_names.SNAPSHOTS}: {self._options.commit_attempts} commits lost to others; run again"
        )

    def _rewrite_one(self, workshop: MonthMerger, report: Report) -> None:
        """So that in time all files are of one format. A commit that is lost to others is left to the next run."""
        plan = self.planner.plan()
        for month, entry in sorted(plan.snapshot.months.items()):
            if _is_outdated(entry) and (merged := self._rewritten(workshop, month, entry, report)) is not None:
                if self._commit(plan, {month: merged}):
                    self._count(report, plan, {month: merged})
                return

    def _rewritten(self, workshop: MonthMerger, month: str, entry: MonthFile, report: Report) -> Merged | None:
        try:
            return workshop.make(month, entry, [])
        except ObjectMissingError as error:
            if self.planner.plan().names_file(error.name):
                report.unreadable[error.name] = "cannot be found"
        except UnreadableError as error:
            report.unreadable[error.name] = error.why
        except (ResourcesExhaustedError, CacheFullError) as error:
            report.not_rewritten[month] = error
        return None

    def _commit(self, plan: Plan, kept: dict[str, Merged]) -> bool:
        """Creates the next snapshot. False when another one took its number, or the line has gone on past it."""
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
        if all(info.name != name for info in self._store.list(object_names.SNAPSHOTS, name)):
            return False
        try:
            return self._store.read(name) == data
        except ObjectMissingError:
            return False

    def _next(self, plan: Plan, kept: dict[str, Merged]) -> Snapshot:
        base = plan.snapshot
        number = base.number + 1
        entries = {month: replace(made.entry, added_snapshot=number) for month, made in kept.items()}
        absorbed = base.absorbed.union(*(made.files for made in kept.values()))
        return Snapshot(
            number=number,
            min_retained=self._oldest(base),
            months={**base.months, **entries},
            absorbed=absorbed & {file.name for file in plan.landing.files},
        )

    def _oldest(self, base: Snapshot) -> int:
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

    def _count(self, report: Report, plan: Plan, committed: dict[str, Merged]) -> None:
        absorbed = sum(len(made.files) for made in committed.values())
        report.snapshot = plan.snapshot.number + 1
        report.commits.append(report.snapshot)
        report.months = sorted({*report.months, *committed})
        report.absorbed_files += absorbed
        report.rows += sum(made.entry.rows for made in committed.values())
        report.pending_files = len(plan.tail) - absorbed

    @contextmanager
    def _workshop(self) -> Iterator[MonthMerger]:
        scratch = self._options.scratch / f"compactor-{uuid.uuid4().hex}"
        scratch.mkdir(parents=True)
        cache = FileCache(self._store, scratch / "files", self._options.scratch_max_bytes)
        merger = Merger(scratch, self._options.memory_mb, self._options.threads)
        try:
            yield MonthMerger(self._store, self._options, cache, merger, scratch, self._random_id)
        finally:
            merger.close()
            cache.close()
            shutil.rmtree(scratch, ignore_errors=True)


class MonthMerger:
    """Makes month files in a scratch folder of its own."""

    def __init__(
        self,
        store: Store,
        options: CompactorOptions,
        cache: FileCache,
        merger: Merger,
        scratch: Path,
        random_id: RandomId,
    ) -> None:
        self._store = store
        self._options = options
        self._cache = cache
        self._merger = merger
        self._scratch = scratch
        self._random_id = random_id

    def merge_months(self, plan: Plan, skip: Iterable[str], report: Report) -> dict[str, Merged]:
        """New month files for the months that have a tail, but for those in `skip`."""
        skipped = set(skip)
        todo = {month: files for month, files in by_month(plan.tail).items() if month not in skipped}
        with ThreadPoolExecutor(self._options.months_at_once, thread_name_prefix="merge") as pool:
            made = pool.map(lambda month: self._merge_month(plan, month, todo[month], report), sorted(todo))
            return {month: merged for month, merged in zip(sorted(todo), made, strict=True) if merged is not None}

    def _merge_month(self, plan: Plan, month: str, tail: list[LandedFile], report: Report) -> Merged | None:
        base = plan.snapshot.months.get(month)
        try:
            readable = self._first_readable(tail, report)
        except CacheFullError as error:
            report.failed[month] = error
            return None
        if not readable:
            return None
        report.failed.pop(month, None)  # of an earlier try
        try:
            return self.make(month, base, readable)
        except ObjectMissingError as error:
            log.info("%s was collected meanwhile: the month is left to the next try", error.name)
        except UnreadableError as error:
            report.unreadable[error.name] = error.why
        except (ResourcesExhaustedError, CacheFullError) as error:
            report.failed[month] = error  # this month's size, say: the others must not wait for it
        return None

    def make(self, month: str, base: MonthFile | None, tail: list[LandedFile]) -> Merged:
        """A new month file, stored. Raises what the cache, the merger and the store raise."""
        files: list[MonthFile | LandedFile] = [*([] if base is None else [base]), *tail]
        output = self._scratch / f"{uuid.uuid4().hex}.parquet"
        try:
            with self._cache.pinned(files) as paths:
                summary = self._merger.merge(paths, output)
            entry = month_entry("", 0, output, summary)
            path = self._upload(month, 0 if base is None else base.added_snapshot, output)
        finally:
            output.unlink(missing_ok=True)
        return Merged(base, replace(entry, path=path), frozenset(file.name for file in tail))

    def _upload(self, month: str, added_snapshot: int, output: Path) -> str:
        """Stores the new month file; after a create of unknown outcome under another name, a few times.

        A random name that is taken already is the echo of our own create: unknown, too.
        """
        for attempt in range(5):
            name = object_names.month_file(month, added_snapshot, self._random_id())
            try:
                self._store.create(name, output)
            except (CreateStateUnknownError, ObjectExistsError) as error:
                log.warning("month file may not be there, uses another name (%d): %s", attempt + 1, error)
            else:
                return name
        raise StoreUnavailableError(f"{object_names.FLIGHTS}: five month files could not be stored for sure; run again")

    def _first_readable(self, tail: list[LandedFile], report: Report) -> list[LandedFile]:
        """What one merge may take, without what cannot be read; as many of that as there are do not block the rest."""
        while tail:
            taken = self._take(tail)
            if readable := self._readable(taken, report):
                return readable
            tail = tail[len(taken) :]
        return []

    def _readable(self, tail: list[LandedFile], report: Report) -> list[LandedFile]:
        """Those that are there and whole; the others stay unabsorbed, and do not block their month."""
        failed = self._cache.prefetch(tail)
        for error in failed.values():
            if isinstance(error, UnreadableError):
                report.unreadable[error.name] = error.why
            elif not isinstance(error, ObjectMissingError):  # gone: absorbed and collected by somebody else
                raise error
        return [file for file in tail if file.name not in failed]

    def _take(self, tail: list[LandedFile]) -> list[LandedFile]:
        """As many files as one merge may take."""
        taken: list[LandedFile] = []
        size = 0
        for file in tail[: self._options.merge_max_files]:
            size += file.info.size
            if taken and size > self._options.merge_max_bytes:
                break
            taken.append(file)
        return taken


def _is_outdated(entry: MonthFile) -> bool:
    return entry.format_version < FORMAT_VERSION
