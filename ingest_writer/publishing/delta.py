"""Writes the log of the Delta table: version N is snapshot N.

Any number of processes may run it, at once, late, and be ended anywhere: each commit has the same
bytes from every process, is created once, and every prefix of the log is a table of some snapshot.
"""

from __future__ import annotations

from collections.abc import Collection

from ingest_writer.publishing.objects import advance, ensure_created
from ingest_writer.publishing.source import Source
from lakehouse import object_names
from lakehouse.errors import ObjectMissingError, PublishError, UnreadableError
from lakehouse.store.store import Store
from lakehouse.table.derived.content import shown_files
from lakehouse.table.derived.delta_checkpoint import checkpoint
from lakehouse.table.derived.delta_log import CHECKPOINT_EVERY, commit, first_commit, hint, hinted_version
from lakehouse.table.snapshot import EMPTY

NOTHING = -1
"""The version of a table that is not there."""


def listed_versions(names: Collection[str]) -> tuple[set[int], set[int]]:
    """The commits and the checkpoints among the names of a listing."""
    commits = {number for name in names if (number := object_names.parse_delta_commit(name)) is not None}
    checkpoints = {number for name in names if (number := object_names.parse_delta_checkpoint(name)) is not None}
    return commits, checkpoints


class DeltaTable:
    """Publishes again and again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def publish(self, names: Collection[str], source: Source) -> int:
        """Brings the log up to the latest snapshot; returns its version. `names` were listed before the snapshots.

        Raises PublishError, ForeignSnapshotError, what reading snapshots raises, and the store's errors.
        """
        commits, checkpoints = listed_versions(names)
        published = max(commits, default=NOTHING)
        latest = source.latest.number
        if published > latest:
            raise PublishError(
                f"{object_names.delta_commit(published)}: the latest snapshot is {latest}, so this version is of no"
                " snapshot: run `python -m ingest_writer publish --rebuild`"
            )
        if published == NOTHING and latest <= 1:
            ensure_created(self._store, object_names.delta_commit(EMPTY.number), first_commit())
            published = EMPTY.number
        if published < latest:
            self._go_on(published, source)
        self._catch_up(published, checkpoints, source)
        return latest

    def clean(self, names: Collection[str], min_retained: int) -> None:
        """Deletes what only versions before `min_retained` need, once a hint names the checkpoint that is kept."""
        commits, checkpoints = listed_versions(names)
        keep = max((number for number in checkpoints & commits if number <= min_retained), default=NOTHING)
        old = [object_names.delta_commit(number) for number in sorted(commits) if number < keep]
        old += [object_names.delta_checkpoint(number) for number in sorted(checkpoints) if number < keep]
        if not old or self._hinted() < keep:
            return
        for name in old:
            self._store.delete(name)

    def _go_on(self, published: int, source: Source) -> None:
        latest = source.latest.number
        if not _is_whole(published, source):
            published = self._published_meanwhile()  # what it needs may be gone because others went on
        if not _is_whole(published, source):
            self._begin_anew(source)
            return
        for version in range(published + 1, latest + 1):
            self._commit(version, source)
            if version % CHECKPOINT_EVERY == 0:  # after its commit: Spark refuses one that has none
                self._checkpoint(version, source)

    def _published_meanwhile(self) -> int:
        commits, _ = listed_versions([info.name for info in self._store.list(object_names.DELTA_LOG)])
        return max(commits, default=NOTHING)

    def _begin_anew(self, source: Source) -> None:
        """A lake older than its log, or a gap in it: readers begin at a checkpoint, so that has to be there first."""
        version = source.latest.number
        source.step(version)  # what the commit needs has to be there
        self._create_checkpoint(version, source)
        self._commit(version, source)
        self._hint(version, source)

    def _catch_up(self, published: int, checkpoints: set[int], source: Source) -> None:
        """The checkpoint that was due when a process ended right after its commit."""
        due = published - published % CHECKPOINT_EVERY
        if due > max(checkpoints, default=EMPTY.number) and source.has(due):
            self._checkpoint(due, source)

    def _commit(self, version: int, source: Source) -> None:
        before, after = source.step(version)
        ensure_created(
            self._store, object_names.delta_commit(version), commit(before, after, source.created_ms(version))
        )

    def _checkpoint(self, version: int, source: Source) -> None:
        self._create_checkpoint(version, source)
        self._hint(version, source)

    def _create_checkpoint(self, version: int, source: Source) -> None:
        data = checkpoint(source.read(version), source.created_ms(version))
        ensure_created(self._store, object_names.delta_checkpoint(version), data)

    def _hint(self, version: int, source: Source) -> None:
        data = hint(version, len(shown_files(source.read(version))))
        advance(self._store, object_names.DELTA_HINT, data, hinted_version)

    def _hinted(self) -> int:
        try:
            return hinted_version(self._store.read(object_names.DELTA_HINT))
        except (ObjectMissingError, UnreadableError):
            return NOTHING


def _is_whole(published: int, source: Source) -> bool:
    """Whether all snapshots that the versions after `published` are made from are there."""
    return published != NOTHING and all(source.has(number) for number in range(published, source.latest.number))
