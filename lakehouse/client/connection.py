"""A DuckDB connection with views over a lake: `lakehouse.connect` makes it, `refresh` renews it.

The files of one plan are taken from the kept files, or downloaded, checked and kept. A connection
has them in a folder of its own until it is gone, or for some minutes after the plan was replaced. An
object that cannot be read is an error that names it.

The views are in two databases, both opened read-only, so that no query of an analyst can change
them. `plan` has the views over the files of one plan; a refresh replaces it. `lake`, the
connection's own database, refers to `plan`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb

from lakehouse.client.kept_snapshots import KeptSnapshots
from lakehouse.client.progress import Watch, bar_on, no_watch
from lakehouse.client.query_dates import both, dates_of
from lakehouse.client.reading import Reading, dates_between, files_of, landed_between, reading
from lakehouse.client.settings import kept_files
from lakehouse.client.views import (
    EVENT_VIEWS,
    add_landed_files,
    create_plan,
    empty_file,
    gone_database,
    lake_database,
)
from lakehouse.errors import ConfigError, ObjectMissingError
from lakehouse.local_disk import local_disk_error
from lakehouse.store.open import open_store
from lakehouse.store.store import Store
from lakehouse.table.file_cache import FileCache
from lakehouse.table.kept_files import KeptFiles, Session
from lakehouse.table.latest_sql import format_of, quoted
from lakehouse.table.planner import ALL_DATES, Dates, Landing, Plan, Planner, utc_now
from lakehouse.table.time_travel import read_snapshot

_KEPT: Final = dt.timedelta(minutes=10)  # a replaced plan's files: longer than nearly every query on one machine
_REPLANS = 3  # a file gone after each of four plans is no race
_GONE: Final = "the connection that lakehouse.connect gave is gone, and its files: keep it while you use a cursor of it"

_Files = dict[str, Path]


def _tell_nobody(_: Reading) -> None:
    return


@dataclass(frozen=True)
class Options:
    """What is read, and who is told. With `query`, the dates that it can need are found in it, within `dates`."""

    snapshot: int | None = None
    dates: Dates = ALL_DATES
    query: str | None = None
    on_read: Callable[[Reading], None] = field(default=_tell_nobody)
    watch: Watch = no_watch


def connect_store(
    store: Store,
    now: Callable[[], dt.datetime],
    cache_dir: Path | str | None,
    cache_max_bytes: int | None,
    snapshot: int | None = None,
    options: Options | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection to a read-only database with the views `flights`, `probes` and `landing` as of now.

    With `snapshot`, `flights` and `probes` are of that snapshot alone, and there is no `landing`. With `options.query`
    run that query next: it may be in a transaction.

    Raises UnreadableError, ObjectMissingError (listed and not there), CacheFullError, FormatTooNewError,
    SnapshotHistoryLostError, SnapshotNotYetError, SnapshotExpiredError, LocalDiskError, the store's errors, and
    QueryError for a query that is none; then nothing but files that are kept stays on disk.
    """
    options = options or Options(snapshot)
    kept = kept_files(cache_dir, cache_max_bytes)
    session = kept.new_session()
    try:
        cache = FileCache(store, session.path / "files", kept.max_bytes, kept)
        try:
            views = _Views(KeptSnapshots(store, kept, session), now, session.path, cache, options)
            with _local_errors(session.path):
                connection = views.connect(lake_database(kept, session, views.names))
        except BaseException:
            cache.close()
            raise
    except BaseException:
        session.close()
        raise
    kept.trim()
    own = connection.cursor()
    weakref.finalize(connection, _remove, own, cache, session, kept, views.names)  # also at exit, of a fork too
    _VIEWS[connection] = views
    return connection


def connect_url(
    url: str,
    snapshot: int | None,
    between: tuple[dt.date | str | None, dt.date | str | None],
    cache_dir: Path | str | None,
    cache_max_bytes: int | None,
) -> duckdb.DuckDBPyConnection:
    """As `lakehouse.connect` says; a terminal shows a bar."""
    options = Options(snapshot, dates_between(*between), watch=bar_on(sys.stderr))
    store = open_store(url, must_exist=True)
    return connect_store(store, utc_now, cache_dir, cache_max_bytes, options=options)


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


def _remove(
    own: duckdb.DuckDBPyConnection, cache: FileCache, session: Session, kept: KeptFiles, names: Sequence[str]
) -> None:
    """Cursors may outlive the connection that gave them: their next query says what is wrong.

    `own` is a cursor that the lake opened: opening the database again could wait forever for an unread answer.
    """
    if not session.is_mine:
        return
    with contextlib.suppress(duckdb.Error, OSError):
        own.execute(_attach(gone_database(kept, session, names, _GONE)))
    own.close()
    cache.close()
    session.close()
    kept.trim()


@contextmanager
def _local_errors(folder: Path) -> Iterator[None]:
    """What DuckDB and the system say of the folder: it is full, or gone."""
    try:
        yield
    except (duckdb.IOException, OSError) as error:
        raise local_disk_error(folder, error) from error


@dataclass(eq=False)
class _Pinned:
    """A plan and its local files by name; they stay until `pins` is closed. `landed`: None until they are used."""

    plan: Plan
    files: _Files
    pins: ExitStack
    landed: list[Path] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Views:
    """The views of one connection. It holds no reference to it, so the connection can be freed."""

    def __init__(
        self, store: Store, now: Callable[[], dt.datetime], folder: Path, cache: FileCache, options: Options
    ) -> None:
        self._store = store
        self._now = now
        self._folder = folder
        self._cache = cache
        self._number = options.snapshot
        self._options = options
        self._dates = options.dates
        # Files that a snapshot has not absorbed are not part of it.
        self.names = EVENT_VIEWS if options.snapshot is None else EVENT_VIEWS[:2]
        self._planner = Planner(store, now)
        self._shown: list[tuple[int, _Pinned]] = []
        self._made = 0
        self._lock = threading.Lock()

    def connect(self, lake: Path) -> duckdb.DuckDBPyConnection:
        spill = str(self._folder / "spill")
        connection = duckdb.connect(lake, read_only=True, config={"temp_directory": spill})
        try:
            connection.execute("SET GLOBAL TimeZone = 'UTC'")  # a plain SET would not reach cursors
            if self._number is None:
                add_landed_files(connection, _landed_files_of(weakref.ref(self)))
            if self._options.query is not None:
                self._dates = both(self._dates, dates_of(connection, self._options.query))
            pinned = self._download(self._options.on_read, self._options.watch)
            connection.execute(_attach(self._show(pinned)))
        except BaseException:
            connection.close()
            raise
        return connection

    def refresh(self, connection: duckdb.DuckDBPyConnection) -> bool:
        with self._lock, connection.cursor() as cursor:  # the caller may be in the middle of an answer
            if self._number is not None:
                return False
            pinned = self._download()
            _, shown = self._shown[-1]
            has_changed = _is_other(pinned.plan, shown.plan)
            if not has_changed and pinned.files == shown.files:  # else taken from the folder, and fetched again
                pinned.pins.close()
                return False
            with _local_errors(self._folder):
                path = self._show(pinned)
                try:
                    cursor.execute(_attach(path))
                except BaseException:
                    self._shown.pop()
                    pinned.pins.close()
                    raise
            self._forget_old(pinned.plan)
            return has_changed

    def landed_files(self, number: int, version: int) -> list[str]:
        """The landed files of a plan in a format, absorbed ones too, as far as they are still there."""
        pinned = next((pinned for made, pinned in self._shown if made == number), None)
        if pinned is None:
            raise ConfigError("these landed files are of a plan that a refresh has replaced: run the query again")
        with pinned.lock:
            if pinned.landed is None:
                pinned.landed = list(self._fetch_landed(pinned))
        found = [str(path) for path in pinned.landed if format_of(path) == version]
        return found or [str(empty_file(self._folder, version))]

    def _fetch_landed(self, pinned: _Pinned) -> Iterator[Path]:
        wanted = landed_between(pinned.plan, self._dates)
        absorbed = [file for file in wanted if file.name not in pinned.files]
        downloads = pinned.pins.enter_context(self._cache.pin(absorbed))
        self._options.watch(downloads, sum(file.size for file in absorbed), self._folder / "files")
        for file in wanted:
            if file.name in pinned.files:
                yield pinned.files[file.name]
        for ready in downloads:
            with contextlib.suppress(ObjectMissingError):  # collected: what it held is in a month file
                yield ready.result()

    def _show(self, pinned: _Pinned) -> Path:
        """A database with the views over the files of a plan, which goes with them."""
        self._made += 1
        path = self._folder / f"plan-{self._made}.duckdb"
        pinned.pins.callback(path.unlink, missing_ok=True)
        try:
            create_plan(path, self._made, pinned.plan, pinned.files, self._dates, self.names)
        except BaseException:
            pinned.pins.close()
            raise
        self._shown.append((self._made, pinned))
        return path

    def _forget_old(self, plan: Plan) -> None:
        """Older plans stay for queries that are running, the last one however long ago that was."""
        while len(self._shown) > 2 and plan.listed_at - self._shown[1][1].plan.listed_at > _KEPT:
            self._shown.pop(0)[1].pins.close()
        self._cache.drop_unused()

    def _download(self, on_read: Callable[[Reading], None] = _tell_nobody, watch: Watch = no_watch) -> _Pinned:
        """A plan, and a local file for every object that its views need."""
        missing: ObjectMissingError | None = None
        for _ in range(1 + _REPLANS):
            plan = self._planner.plan() if self._number is None else self._plan_of_snapshot()
            wanted = files_of(plan, self._dates).by_name
            if missing is not None and missing.name in wanted:
                break
            if missing is None:
                on_read(reading(plan, self._dates))
            pins = ExitStack()
            try:
                downloads = pins.enter_context(self._cache.pin(list(wanted.values())))
                watch(downloads, sum(file.size for file in wanted.values()), self._folder / "files")
                files = {name: ready.result() for name, ready in zip(wanted, downloads, strict=True)}
                return _Pinned(plan, files, pins)
            except ObjectMissingError as error:
                pins.close()
                missing = error
            except BaseException:
                pins.close()
                raise
        assert missing is not None
        raise missing

    def _plan_of_snapshot(self) -> Plan:
        """An old snapshot without a tail."""
        assert self._number is not None
        snapshot = read_snapshot(self._store, self._number, self._planner.latest_snapshot)
        return Plan(snapshot, Landing((), 0), self._now())


_VIEWS: Final[weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, _Views]] = weakref.WeakKeyDictionary()

_FUNCTIONS: Final[list[object]] = []
"""What DuckDB may call as long as a cursor of a connection is there, which nobody sees: never freed, and small."""


def _landed_files_of(views: weakref.ref[_Views]) -> Callable[[int, int], list[str]]:
    def landed_files(number: int, version: int) -> list[str]:
        found = views()
        if found is None:
            raise ConfigError(_GONE)
        return found.landed_files(number, version)

    _FUNCTIONS.append(landed_files)
    return landed_files


def _is_other(plan: Plan, shown: Plan) -> bool:
    return (plan.snapshot.number, plan.landing.files) != (shown.snapshot.number, shown.landing.files)


def _attach(path: Path) -> str:
    return f"ATTACH OR REPLACE {quoted(str(path))} AS plan (READ_ONLY)"
