"""A DuckDB connection with views over a lake: `lakehouse.connect` makes it, `refresh` renews it.

The files of one plan are downloaded and checked. They stay until the connection is gone, or for
some minutes after the plan was replaced. An object that cannot be read is an error that names it.

The views are in two databases, both opened read-only, so that no query of an analyst can change
them. `plan` has the views over the files of one plan; a refresh replaces it. `lake`, the
connection's own database, refers to `plan`.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from lakehouse.errors import ConfigError, ObjectMissingError
from lakehouse.local_disk import local_disk_error, new_temporary_folder, remove_folder
from lakehouse.schema.event import FIELDS, PROBE_CARRIER
from lakehouse.store.store import Store
from lakehouse.table.confined_duckdb import connect_confined
from lakehouse.table.file_cache import FileCache
from lakehouse.table.latest_sql import VISIBLE, merged, quoted, read_files, without_probes
from lakehouse.table.planner import Landing, Plan, Planner
from lakehouse.table.stored_file import StoredFile
from lakehouse.table.time_travel import read_snapshot

DEFAULT_CACHE_BYTES: Final = 64 << 30  # about five billion flights' rows: a lake that does not fit needs a decision

_KEPT: Final = dt.timedelta(minutes=10)  # a replaced plan's files: longer than nearly every query on one machine
_REPLANS = 3  # a file gone after each of four plans is no race

_Files = dict[str, Path]


def connect_store(
    store: Store,
    now: Callable[[], dt.datetime],
    cache_dir: Path | str | None,
    cache_max_bytes: int,
    snapshot: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection to a read-only database with the views `flights`, `probes` and `landing` as of now.

    With `snapshot`, `flights` and `probes` are of that snapshot alone, and there is no `landing`.

    Raises UnreadableError, ObjectMissingError (listed and not there), CacheFullError, FormatTooNewError,
    SnapshotHistoryLostError, SnapshotNotYetError, SnapshotExpiredError, LocalDiskError and the store's errors; then
    nothing stays on disk.
    """
    folder = new_temporary_folder("flights-lakehouse-", cache_dir, "TMPDIR" if cache_dir is None else "cache_dir")
    owner = os.getpid()
    try:
        cache = FileCache(store, folder / "files", cache_max_bytes)
        try:
            views = _Views(store, now, folder, cache, snapshot)
            with _local_errors(folder):
                connection = views.connect()
        except BaseException:
            cache.close()
            raise
    except BaseException:
        remove_folder(folder, owner)
        raise
    weakref.finalize(connection, _remove, cache, folder, owner)  # also at exit, of a fork too
    _VIEWS[connection] = views
    return connection


def refresh(connection: duckdb.DuckDBPyConnection) -> bool:
    """Updates the views of `connection`; False when the lake has not changed.

    Existing files are not downloaded again. Cursors see the update; temporary tables stay; running
    queries keep their files for at least ten minutes. An old snapshot never changes.

    Raises the errors of `connect_store` (then the views stay unchanged), and ConfigError for other
    connections.
    """
    views = _VIEWS.get(connection)
    if views is None:
        raise ConfigError("refresh takes a connection that lakehouse.connect gave; this is another, or a cursor of one")
    return views.refresh(connection)


def _remove(cache: FileCache, folder: Path, owner: int) -> None:
    cache.close()
    remove_folder(folder, owner)


@contextmanager
def _local_errors(folder: Path) -> Iterator[None]:
    """What DuckDB and the system say of the folder: it is full, or gone."""
    try:
        yield
    except (duckdb.IOException, OSError) as error:
        raise local_disk_error(folder, error) from error


@dataclass(frozen=True)
class _Pinned:
    """A plan and its local files by name; they stay until `pins` is closed."""

    plan: Plan
    files: _Files
    pins: ExitStack


class _Views:
    """The views of one connection. It holds no reference to it, so the connection can be freed."""

    def __init__(
        self, store: Store, now: Callable[[], dt.datetime], folder: Path, cache: FileCache, snapshot: int | None
    ) -> None:
        self._store = store
        self._now = now
        self._folder = folder
        self._cache = cache
        self._number = snapshot
        # Files that a snapshot has not absorbed are not part of it.
        self._names = ("flights", "probes") if snapshot is not None else ("flights", "probes", "landing")
        self._planner = Planner(store, now)
        self._shown: list[_Pinned] = []
        self._made = 0
        self._lock = threading.Lock()

    def connect(self) -> duckdb.DuckDBPyConnection:
        pinned = self._download()
        path = self._database_of(pinned)
        references = {name: f"SELECT * FROM plan.{name}" for name in self._names}
        _create_views(self._folder / "lake.duckdb", references, attached=path)
        spill = str(self._folder / "spill")
        connection = duckdb.connect(self._folder / "lake.duckdb", read_only=True, config={"temp_directory": spill})
        connection.execute("SET GLOBAL TimeZone = 'UTC'")  # a plain SET would not reach cursors
        connection.execute(_attach(path))
        self._shown = [pinned]
        return connection

    def refresh(self, connection: duckdb.DuckDBPyConnection) -> bool:
        with self._lock, connection.cursor() as cursor:  # the caller may be in the middle of an answer
            if self._number is not None:
                return False
            pinned = self._download()
            shown = self._shown[-1]
            try:
                has_changed = _is_other(pinned.plan, shown.plan)
                is_moved = has_changed or pinned.files != shown.files  # taken from the folder, and fetched again
                if is_moved:
                    with _local_errors(self._folder):
                        cursor.execute(_attach(self._database_of(pinned)))
            except BaseException:
                pinned.pins.close()
                raise
            if is_moved:
                self._show(pinned)
            else:
                pinned.pins.close()
            return has_changed

    def _show(self, pinned: _Pinned) -> None:
        """Older plans stay for queries that are running, the last one however long ago that was."""
        self._shown.append(pinned)
        while len(self._shown) > 2 and pinned.plan.listed_at - self._shown[1].plan.listed_at > _KEPT:
            self._shown.pop(0).pins.close()
        self._cache.drop_unused()

    def _download(self) -> _Pinned:
        return _download(self._planner.plan if self._number is None else self._plan_of_snapshot, self._cache)

    def _plan_of_snapshot(self) -> Plan:
        """An old snapshot without a tail."""
        assert self._number is not None
        snapshot = read_snapshot(self._store, self._number, self._planner.latest_snapshot)
        return Plan(snapshot, Landing((), 0), self._now())

    def _database_of(self, pinned: _Pinned) -> Path:
        """A database with the views over the files of a plan, which goes with them."""
        views = _views(pinned.plan, pinned.files)
        self._made += 1
        path = self._folder / f"plan-{self._made}.duckdb"
        pinned.pins.callback(path.unlink, missing_ok=True)
        _create_views(path, {name: views[name] for name in self._names})
        return path


_VIEWS: Final[weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, _Views]] = weakref.WeakKeyDictionary()


def _is_other(plan: Plan, shown: Plan) -> bool:
    return (plan.snapshot.number, plan.landing.files) != (shown.snapshot.number, shown.landing.files)


def _download(make_plan: Callable[[], Plan], cache: FileCache) -> _Pinned:
    """A plan, and a local file for every object that it names."""
    missing: ObjectMissingError | None = None
    for _ in range(1 + _REPLANS):
        plan = make_plan()
        files: list[StoredFile] = [*plan.months_between(None, None), *plan.landing.files]
        wanted = {file.name: file for file in files}
        if missing is not None and missing.name in wanted:
            break
        pins = ExitStack()
        try:
            paths = pins.enter_context(cache.pinned(list(wanted.values())))
            return _Pinned(plan, dict(zip(wanted, paths, strict=True)), pins)
        except ObjectMissingError as error:
            missing = error
    assert missing is not None
    raise missing


def _create_views(path: Path, views: dict[str, str], attached: Path | None = None) -> None:
    """A new database of views, which may be over those of the plan that is attached."""
    with connect_confined([path.parent], path) as database:
        if attached is not None:
            database.execute(_attach(attached))
        database.begin()  # committed one by one, the comments would take longer than everything else
        for name, query in views.items():
            database.execute(f"CREATE VIEW {name} AS {query}")
            if attached is not None:
                database.execute(_comments(name))
        database.commit()


def _comments(view: str) -> str:
    """SQL that sets the comments on the columns of a view of events, as `duckdb_columns()` shows them."""
    comments = (f"COMMENT ON COLUMN {view}.{field.name} IS {quoted(field.description)};" for field in FIELDS)
    return "".join(comments)


def _attach(path: Path) -> str:
    return f"ATTACH OR REPLACE {quoted(str(path))} AS plan (READ_ONLY)"


def _views(plan: Plan, files: _Files) -> dict[str, str]:
    months = [files[entry.name] for entry in plan.months_between(None, None)]
    tail = [files[file.name] for file in plan.tail]
    landed = [files[file.name] for file in plan.landing.files]
    dates = {file.flight_date for file in plan.tail}
    only_probes = f"carrier = {quoted(PROBE_CARRIER)}"
    return {
        "flights": f"SELECT * FROM ({merged(months, tail, dates, without_probes())}) WHERE {VISIBLE}",
        "probes": f"SELECT * FROM ({merged(months, tail, dates, only_probes)}) WHERE {VISIBLE}",
        "landing": f"SELECT * FROM {read_files(landed)} WHERE {without_probes()}",
    }
