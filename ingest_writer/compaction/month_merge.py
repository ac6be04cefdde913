"""Makes new month files: downloads what is merged, merges, uploads. Commits nothing.

Months are merged by threads that share the file cache and DuckDB's memory only; each returns its
result.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from ingest_writer.compaction.layout import DateSize, Layout, Part, Rewrite, layout_of, rewrite_layout
from ingest_writer.compaction.merge_sql import NO_CONFLICTS, DateRows, Merger, month_entry
from ingest_writer.compaction.model import SCRATCH_SETTING, CompactorOptions, Merged, MonthResult
from ingest_writer.landing import create_with_retry
from lakehouse import object_names
from lakehouse.errors import (
    CacheFullError,
    LocalDiskError,
    ObjectMissingError,
    ResourcesExhaustedError,
    UnreadableError,
)
from lakehouse.local_disk import temporary_folder
from lakehouse.object_names import RandomId
from lakehouse.store.store import Store
from lakehouse.table.file_cache import FileCache
from lakehouse.table.parquet_files import row_count
from lakehouse.table.planner import LandedFile, Plan, by_month
from lakehouse.table.snapshot import Month, MonthFile
from lakehouse.table.stored_file import StoredFile

log = logging.getLogger(__name__)


@contextmanager
def month_merger(store: Store, options: CompactorOptions, random_id: RandomId) -> Iterator[MonthMerger]:
    """A merger with its own scratch folder, which is deleted afterwards."""
    with temporary_folder("compactor-", options.scratch, SCRATCH_SETTING) as scratch, ExitStack() as stack:
        cache = FileCache(store, scratch / "files", options.scratch_max_bytes)
        stack.callback(cache.close)
        merger = Merger(scratch, options.memory_mb, options.threads)
        stack.callback(merger.close)
        yield MonthMerger(store, options, cache, merger, scratch, random_id)


class MonthMerger:
    """Makes month files in a scratch folder."""

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

    def merge_months(self, plan: Plan, skip: Collection[str]) -> list[MonthResult]:
        """The results of the months that have a tail, but for those in `skip`, in the order of the months.

        Raises what keeps all months from being merged: FormatTooNewError, and the store's errors.
        """
        todo = sorted((month, files) for month, files in by_month(plan.tail).items() if month not in skip)
        with ThreadPoolExecutor(self._options.months_at_once, thread_name_prefix="merge") as pool:
            return list(pool.map(lambda each: self._merge_month(plan, *each), todo))

    def rewrite(self, plan: Plan, rewrite: Rewrite) -> Merged:
        """The month of `rewrite` with other files and the same rows. Raises what the cache, the merger and the store
        raise."""
        return self._make(rewrite.month, rewrite_layout(rewrite, plan.snapshot, self._options), [])

    def _merge_month(self, plan: Plan, month: str, tail: list[LandedFile]) -> MonthResult:
        unreadable: dict[str, str] = {}
        try:
            readable = self._first_readable(tail, unreadable)
        except (CacheFullError, LocalDiskError) as error:
            return MonthResult(month, unreadable=unreadable, error=error)
        if not readable:
            return MonthResult(month, unreadable=unreadable)
        try:
            readable = self._within_rows(readable)
            dates = {file.flight_date for file in readable}
            merged = self._make(month, layout_of(month, plan.snapshot, dates, self._options), readable)
        except ObjectMissingError as error:
            log.info("%s was collected meanwhile: the month is left to the next try", error.name)
        except UnreadableError as error:
            unreadable[error.name] = error.why
        except (
            ResourcesExhaustedError,
            CacheFullError,
            LocalDiskError,
        ) as error:  # this month's size, say: the others go on
            return MonthResult(month, unreadable=unreadable, error=error, has_input=True)
        else:
            return MonthResult(month, merged, unreadable, has_input=True)
        return MonthResult(month, unreadable=unreadable, has_input=True)

    def _make(self, month: str, layout: Layout, tail: list[LandedFile]) -> Merged:
        """The new files of a month, stored. Raises what the cache, the merger and the store raise.

        A flight may leave the files of one side for those of the other: both sides of a date are merged together.
        """
        files: list[StoredFile] = [*sorted(layout.replaced, key=lambda each: each.name), *tail]
        merged = self._scratch / f"{uuid.uuid4().hex}.parquet"
        try:
            with self._cache.pinned(files) as paths:
                conflicts = self._merger.key_conflicts(paths, paths[-len(tail) :]) if tail else NO_CONFLICTS
                rows = self._merger.merge(paths, merged)
            shown, hidden = (self._side(month, layout, merged, rows, is_hidden=side) for side in (False, True))
        finally:
            merged.unlink(missing_ok=True)
        return Merged(layout.base, Month(shown, hidden), frozenset(file.name for file in tail), conflicts)

    def _side(
        self, month: str, layout: Layout, merged: Path, rows: Sequence[DateRows], *, is_hidden: bool
    ) -> tuple[MonthFile, ...]:
        """The files of one side: those that stay, and new ones of the merged rows."""
        row_bytes = merged.stat().st_size / sum(each.rows for each in rows)
        sizes = [DateSize(each.date, each.rows * row_bytes) for each in rows if each.is_hidden == is_hidden]
        parts = layout.parts(sizes, is_hidden=is_hidden)
        is_all = len(parts) == 1 and len(sizes) == len(rows)
        new = [self._part(month, layout, merged, part, is_hidden=is_hidden, is_all=is_all) for part in parts]
        return tuple(sorted((*layout.kept(is_hidden=is_hidden), *new), key=lambda each: each.min_flight_date))

    def _part(
        self, month: str, layout: Layout, merged: Path, part: Part, *, is_hidden: bool, is_all: bool
    ) -> MonthFile:
        """A new file, stored. `is_all`: the merged file is that file."""
        output = merged if is_all else self._scratch / f"{uuid.uuid4().hex}.parquet"
        try:
            if is_all:
                stats = self._merger.stats(merged)
            else:
                stats = self._merger.cut(merged, part.first, part.last, output, is_hidden=is_hidden)
            entry = month_entry("", 0, output, stats)
            name = create_with_retry(self._store, partial(self._new_name, month, layout, is_hidden), output)
        finally:
            if not is_all:
                output.unlink(missing_ok=True)
        return replace(entry, name=name)

    def _new_name(self, month: str, layout: Layout, is_hidden: bool) -> str:
        return object_names.month_file(month, layout.base.added_snapshot, self._random_id(), is_hidden=is_hidden)

    def _first_readable(self, tail: list[LandedFile], unreadable: dict[str, str]) -> list[LandedFile]:
        """The readable files of what one merge may take; unreadable ones never block the rest.

        Adds to `unreadable`, also when it raises.
        """
        while tail:
            taken = self._take(tail)
            if readable := self._readable(taken, unreadable):
                return readable
            tail = tail[len(taken) :]
        return []

    def _readable(self, tail: list[LandedFile], unreadable: dict[str, str]) -> list[LandedFile]:
        """The files that exist and are whole; the others stay in the tail, and do not block their month."""
        failed = self._cache.prefetch(tail)
        for error in failed.values():
            if isinstance(error, UnreadableError):
                unreadable[error.name] = error.why
            elif not isinstance(error, ObjectMissingError):  # gone: absorbed and collected by somebody else
                raise error
        return [file for file in tail if file.name not in failed]

    def _take(self, tail: list[LandedFile]) -> list[LandedFile]:
        """As many files as one merge may take."""
        taken: list[LandedFile] = []
        size = 0
        for file in tail[: self._options.merge_max_files]:
            size += file.size
            if taken and size > self._options.merge_max_bytes:
                break
            taken.append(file)
        return taken

    def _within_rows(self, files: Sequence[LandedFile]) -> list[LandedFile]:
        """Those of them that one merge may take by their rows, at least one; bytes tell little of rows.

        Raises what the cache raises.
        """
        taken: list[LandedFile] = []
        with self._cache.pinned(files) as paths:
            rows = 0
            for file, path in zip(files, paths, strict=True):
                rows += row_count(path)
                if taken and rows > self._options.merge_max_rows:
                    break
                taken.append(file)
        return taken
