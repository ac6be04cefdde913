"""The databases of a connection: `lake`, which people see, and `plan`, the views over the files of one plan.

`lake` has the reference tables, and views of the views of `plan`, with a comment on each column. It is
the same for every plan; a refresh replaces `plan`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from lakehouse.client.reading import files_of
from lakehouse.reference import airports_file, carriers
from lakehouse.schema.event import FIELDS, FORMAT_VERSION, PROBE_CARRIER
from lakehouse.schema.fields import Field, Time
from lakehouse.schema.timestamps import rfc3339
from lakehouse.schema.versions import local_name, schema_of
from lakehouse.table.confined_duckdb import connect_confined
from lakehouse.table.kept_files import KeptFiles, Session
from lakehouse.table.latest_sql import VISIBLE, merged, quoted, read_files, select_columns, without_probes
from lakehouse.table.planner import Dates, Plan

EVENT_VIEWS: Final = ("flights", "probes", "landing")
"""Those whose columns are the event's; `landing` is not there for an old snapshot."""

LANDED_FILES: Final = "landed_files"
"""The function that gives the landed files of a plan and a format; it fetches those that are not here yet."""

_SNAPSHOT: Final = {
    "number": "Number of the latest snapshot, for snapshot=N; 0 before the first one.",
    "listed_at": "When the lake was listed: what had landed by then is in the views. UTC.",
}
_AIRPORTS: Final = {
    "code": ("VARCHAR", "iata", "IATA code: the origin and destination of flights."),
    "icao": ("VARCHAR", "nullif(icao, '')", "ICAO code; null if there is none."),
    "name": ("VARCHAR", "name", "Name of the airport."),
    "city": ("VARCHAR", "city", "City that it serves."),
    "region": ("VARCHAR", "subd", "State, province or the like."),
    "country": ("VARCHAR", "country", "ISO 3166-1 code of the country, two letters."),
    "latitude": ("DOUBLE", "lat", "Degrees north."),
    "longitude": ("DOUBLE", "lon", "Degrees east."),
    "time_zone": ("VARCHAR", "nullif(tz, '')", "Time zone by its IANA name, such as America/New_York."),
}
_CARRIERS: Final = {"code": "Code: the carrier of flights.", "name": "Name of the carrier."}


def lake_database(kept: KeptFiles, session: Session, event_views: Sequence[str]) -> Path:
    """The database `lake`; its views are of a database that is attached as `plan` later. Made once for all processes.

    Most of the time that a connection takes would go into its comments and airports.
    """
    statements = [f"CREATE VIEW {view} AS SELECT * FROM plan.{view}" for view in (*event_views, "snapshot")]
    statements += _reference()
    for view in event_views:
        statements += _comments(view, {field.name: comment_of(field) for field in FIELDS})
    statements += _comments("snapshot", _SNAPSHOT)
    statements += _comments("airports", {name: text for name, (_, _, text) in _AIRPORTS.items()})
    statements += _comments("carriers", _CARRIERS)

    def make(path: Path) -> None:
        empty = read_files([])
        with connect_confined([path.parent, airports_file().parent], path) as database:
            database.execute("ATTACH ':memory:' AS plan")
            for view in event_views:
                database.execute(f"CREATE VIEW plan.{view} AS SELECT * FROM {empty}")
            database.execute(f"CREATE VIEW plan.snapshot AS {_snapshot(0, dt.datetime(2013, 1, 1, tzinfo=dt.UTC))}")
            database.begin()  # committed one by one, the comments would take longer than everything else
            database.execute("; ".join(statements))
            database.commit()

    name = _database_name("lake", [*statements, str(airports_file().stat().st_size)])
    return kept.make_once(name, session.path / "lake.duckdb", make)


def gone_database(kept: KeptFiles, session: Session, names: Sequence[str], why: str) -> Path:
    """A database `plan` whose views say that their files are gone."""
    columns = ", ".join(f"error({quoted(why)}) AS {field.name}" for field in FIELDS)
    gone = f"SELECT {columns} FROM range(1) WHERE error({quoted(why)}) IS NULL"
    views = {**dict.fromkeys(names, gone), "snapshot": f"SELECT error({quoted(why)}) AS number"}
    return kept.make_once(
        _database_name("gone", [f"{name} {query}" for name, query in views.items()]),
        session.path / "gone.duckdb",
        lambda path: _create_views(path, views),
    )


def _database_name(stem: str, statements: Sequence[str]) -> str:
    """A name that says what is in it."""
    text = "\n".join((duckdb.__version__, *statements))
    return f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.duckdb"


def create_plan(
    path: Path, number: int, plan: Plan, files: Mapping[str, Path], dates: Dates, names: Sequence[str]
) -> None:
    """The database `plan`: the views `names` over local files. `number` is what LANDED_FILES is asked for."""
    views = _event_views(number, plan, files, dates)
    _create_views(path, {**{name: views[name] for name in names}, "snapshot": _snapshot_of(plan)})


def comment_of(field: Field) -> str:
    """What a column holds, and in which unit: descriptions name their units, and all times are in UTC."""
    return f"{field.description} In UTC." if isinstance(field, Time) else field.description


def _reference() -> list[str]:
    columns = ", ".join(f"{expression}::{kind} AS {name}" for name, (kind, expression, _) in _AIRPORTS.items())
    rows = ", ".join(f"({quoted(code)}, {quoted(name)})" for code, name in carriers().items())
    return [
        f"CREATE TABLE airports AS SELECT {columns} FROM read_csv({quoted(str(airports_file()))}, all_varchar = true)"
        " WHERE iata <> '' ORDER BY iata",
        f"CREATE TABLE carriers AS FROM (VALUES {rows}) carriers(code, name)",
    ]


def _comments(relation: str, comments: Mapping[str, str]) -> list[str]:
    return [f"COMMENT ON COLUMN {relation}.{column} IS {quoted(text)}" for column, text in comments.items()]


def _create_views(path: Path, views: Mapping[str, str]) -> None:
    with connect_confined([path.parent], path) as database:
        for version in range(1, FORMAT_VERSION + 1):
            _write_empty_file(database, empty_file(path.parent, version), version)
        add_landed_files(database, lambda _, version: [str(empty_file(path.parent, version))])
        database.begin()
        for name, query in views.items():
            database.execute(f"CREATE VIEW {name} AS {query}")
        database.commit()


def add_landed_files(database: duckdb.DuckDBPyConnection, function: Callable[[int, int], list[str]]) -> None:
    """Gives the database the function LANDED_FILES, which is called whenever a query names the view `landing`."""
    whole, texts = duckdb.sqltypes.BIGINT, duckdb.list_type(duckdb.sqltypes.VARCHAR)
    database.create_function(LANDED_FILES, function, [whole, whole], texts)


def empty_file(folder: Path, version: int) -> Path:
    """A file of that format without rows: a scan has to have one."""
    return folder / local_name("empty", version)


def _write_empty_file(database: duckdb.DuckDBPyConnection, path: Path, version: int) -> None:
    if not path.exists():
        columns = ", ".join(schema_of(version).names)
        database.execute(f"COPY (SELECT {columns} FROM {read_files([])}) TO {quoted(str(path))} (FORMAT parquet)")


def _event_views(number: int, plan: Plan, files: Mapping[str, Path], dates: Dates) -> dict[str, str]:
    needed = files_of(plan, dates)
    months = [files[file.name] for file in needed.months]
    tail = [files[file.name] for file in needed.tail]
    tail_dates = {file.flight_date for file in needed.tail}

    def of(carriers: str) -> str:
        return f"SELECT * FROM ({merged(months, tail, tail_dates, _within(dates, carriers))}) WHERE {VISIBLE}"

    landed = " UNION ALL ".join(
        f"SELECT {select_columns(version)} FROM"
        f" read_parquet({LANDED_FILES}({number}, {version}), hive_partitioning = false)"
        for version in range(1, FORMAT_VERSION + 1)
    )
    return {
        "flights": of(without_probes()),
        "probes": of(f"carrier = {quoted(PROBE_CARRIER)}"),
        "landing": f"SELECT * FROM ({landed}) WHERE {without_probes()}",
    }


def _within(dates: Dates, condition: str) -> str:
    """The condition, of these dates alone: files have others too, and an answer must not depend on which."""
    return " AND ".join([condition, *_bounds(dates)])


def _bounds(dates: Dates) -> Iterator[str]:
    if dates.first is not None:
        yield f"flight_date >= DATE '{dates.first.isoformat()}'"
    if dates.last is not None:
        yield f"flight_date <= DATE '{dates.last.isoformat()}'"


def _snapshot_of(plan: Plan) -> str:
    return _snapshot(plan.snapshot.number, plan.listed_at)


def _snapshot(number: int, listed_at: dt.datetime) -> str:
    return f"SELECT {number}::BIGINT AS number, TIMESTAMPTZ {quoted(rfc3339(listed_at))} AS listed_at"
