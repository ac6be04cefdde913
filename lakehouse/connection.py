"""From a lake to a DuckDB connection with views over it: what `lakehouse.connect` gives.

The files of one plan are downloaded, checked, and stay until the connection is gone. Exact or nothing: an object
that cannot be read is an error that names it.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb

from lakehouse.cache import FileCache
from lakehouse.errors import ObjectMissingError
from lakehouse.event import PROBE_CARRIER
from lakehouse.history import read_snapshot
from lakehouse.newest import VISIBLE, merged, quoted, read_files, without_probes
from lakehouse.plan import LandedFile, Landing, Plan, Planner
from lakehouse.snapshot import MonthFile
from lakehouse.store import Store

DEFAULT_CACHE_BYTES: Final = 64 << 30  # about five billion flights' rows: a lake that does not fit needs a decision

_REPLANS = 3  # a file gone after each of four plans is no race

_Files = dict[str, Path]


def connect_store(
    store: Store,
    now: Callable[[], dt.datetime],
    cache_dir: Path | str | None,
    cache_max_bytes: int,
    snapshot: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection to an in-memory database with the views `flights`, `probes` and `landing` as of now.

    With `snapshot`, `flights` and `probes` are of that snapshot alone, and there is no `landing`.

    Raises UnreadableError, ObjectMissingError (listed and not there), CacheFullError, FormatTooNewError,
    LineBrokenError, SnapshotNotYetError, SnapshotCollectedError and the store's errors; then nothing stays on disk.
    """
    if cache_dir is not None:
        Path(cache_dir).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="flights-lakehouse-", dir=cache_dir))
    cache = FileCache(store, folder / "files", cache_max_bytes)
    try:
        planner = Planner(store, now)
        make_plan = planner.plan if snapshot is None else lambda: _plan_of(snapshot, store, planner, now)
        plan, files = _download(make_plan, cache)
        views = _views(plan, files)
        if snapshot is not None:
            del views["landing"]  # what landed since is no part of it
        connection = _with_views(views, folder)
    except BaseException:
        _remove(cache, folder)
        raise
    weakref.finalize(connection, _remove, cache, folder)  # also at exit
    return connection


def _remove(cache: FileCache, folder: Path) -> None:
    cache.close()
    shutil.rmtree(folder, ignore_errors=True)


def _plan_of(number: int, store: Store, planner: Planner, now: Callable[[], dt.datetime]) -> Plan:
    """An old snapshot, and nothing beside it."""
    return Plan(read_snapshot(store, number, planner.latest_snapshot), Landing((), 0), now())


def _download(make_plan: Callable[[], Plan], cache: FileCache) -> tuple[Plan, _Files]:
    """A plan, and a local file for every object that it names."""
    missing: ObjectMissingError | None = None
    for _ in range(1 + _REPLANS):
        plan = make_plan()
        wanted: dict[str, MonthFile | LandedFile] = {entry.path: entry for entry in plan.months_between(None, None)}
        wanted |= {file.name: file for file in plan.landing.files}
        if missing is not None and missing.name in wanted:
            break
        try:
            with cache.pinned(list(wanted.values())) as paths:
                return plan, dict(zip(wanted, paths, strict=True))  # nobody else evicts: they outlive the pins
        except ObjectMissingError as error:
            missing = error
    assert missing is not None
    raise missing


def _with_views(views: dict[str, str], folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"temp_directory": str(folder / "spill")})
    connection.execute("SET GLOBAL TimeZone = 'UTC'")  # a plain SET would not reach cursors
    for name, query in views.items():
        connection.execute(f"CREATE VIEW {name} AS {query}")
    return connection


def _views(plan: Plan, files: _Files) -> dict[str, str]:
    months = [files[entry.path] for entry in plan.months_between(None, None)]
    tail = [files[file.name] for file in plan.tail]
    landed = [files[file.name] for file in plan.landing.files]
    dates = {file.flight_date for file in plan.tail}
    only_probes = f"carrier = {quoted(PROBE_CARRIER)}"
    return {
        "flights": f"SELECT * FROM ({merged(months, tail, dates, without_probes())}) WHERE {VISIBLE}",
        "probes": f"SELECT * FROM ({merged(months, tail, dates, only_probes)}) WHERE {VISIBLE}",
        "landing": f"SELECT * FROM {read_files(landed)} WHERE {without_probes()}",
    }
