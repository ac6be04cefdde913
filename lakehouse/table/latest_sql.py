"""The one definition of "the newest event of each flight wins", as SQL.

The compactor, the API and analysts all use it. The order of events is total, so it is idempotent,
commutative and associative: merging twice, in steps or in another order gives the same rows.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from lakehouse.schema.event import COLUMNS, EVENT_SCHEMA, FORMAT_VERSION, KEY, ORDER, PROBE_CARRIER
from lakehouse.schema.versions import columns_version, schema_of

SORT_KEY: Final = ", ".join(KEY)
"""The order of rows in a month file."""

VISIBLE: Final = "status <> 'void'"
"""A void event withdraws its flight: it wins like any other, and is then in no answer."""

SHOWN: Final = f"{VISIBLE} AND carrier <> '{PROBE_CARRIER}'"
"""What the files of a month have; newest states of which it is not true are in its hidden files."""

_NEWEST_FIRST = ", ".join(f"{column} DESC" for column in ORDER)
_COLUMNS = ", ".join(COLUMNS)
_LOCAL_NAME = re.compile(r".*\.format([1-9][0-9]*)\.parquet")


def newest(relation: str) -> str:
    """SELECT of the newest event per flight among the rows of the SQL relation `relation`."""
    return (
        f"SELECT {_COLUMNS} FROM {relation} "
        f"QUALIFY row_number() OVER (PARTITION BY {SORT_KEY} ORDER BY {_NEWEST_FIRST}) = 1"
    )


def read_files(files: Sequence[Path]) -> str:
    """SQL relation of all rows of local Parquet files, in our columns; no rows when there are none."""
    return read_uris([(str(file), format_of(file)) for file in files])


def read_uris(files: Sequence[tuple[str, int]]) -> str:
    """SQL relation of all rows of Parquet files, each a URI and its format, in our columns; none for no file."""
    if not files:
        return f"(SELECT {', '.join(map(null, EVENT_SCHEMA))} LIMIT 0)"
    if all(version == FORMAT_VERSION for _, version in files):
        return _read([uri for uri, _ in files])
    alike = [(uri, columns_version(version)) for uri, version in files]
    relations = {
        version: _read([uri for uri, of in alike if of == version]) for version in sorted({v for _, v in alike})
    }
    if relations.keys() == {columns_version(FORMAT_VERSION)}:
        return relations[columns_version(FORMAT_VERSION)]
    selects = (f"SELECT {select_columns(version)} FROM {relation}" for version, relation in relations.items())
    return f"({' UNION ALL '.join(selects)})"


def merged(
    month_files: Sequence[Path],
    tail_files: Sequence[Path],
    tail_dates: Collection[dt.date],
    where: str = "",
    merged_tail_files: Sequence[Path] | None = None,
) -> str:
    """SELECT of the state: the newest event per flight over month files and tail, void ones included.

    Only dates with a tail are merged again; elsewhere a month file has one row per flight.
    `where` may name key columns only (it is applied before the decision). `merged_tail_files`: the state of the tail's
    dates, one row per flight, if it is known already; then the tail is not read.
    """
    months, tail = read_files(month_files), read_files(tail_files)
    condition = f"({where or 'true'})"
    if not tail_files:
        return f"SELECT {_COLUMNS} FROM {months} WHERE {condition}"
    dates = ", ".join(f"DATE '{date.isoformat()}'" for date in sorted(tail_dates))
    if merged_tail_files is None:
        touched = (
            f"(SELECT {_COLUMNS} FROM {months} WHERE flight_date IN ({dates}) AND {condition} "
            f"UNION ALL SELECT {_COLUMNS} FROM {tail} WHERE {condition})"
        )
        merged_tail = newest(touched)
    else:
        merged_tail = f"SELECT {_COLUMNS} FROM {read_files(merged_tail_files)} WHERE {condition}"
    return (
        f"SELECT {_COLUMNS} FROM {months} WHERE flight_date NOT IN ({dates}) AND {condition} UNION ALL ({merged_tail})"
    )


def changed(month_files: Sequence[Path], where: str = "") -> str:
    """Like `merged`, with a table `tail_changes` in place of the tail: new rows (`is_new`), and those they replace."""
    condition = f"({where or 'true'})"
    return (
        f"SELECT {_COLUMNS} FROM {read_files(month_files)}"
        f" ANTI JOIN (SELECT {SORT_KEY} FROM tail_changes WHERE NOT is_new) USING ({SORT_KEY}) WHERE {condition}"
        f" UNION ALL SELECT {_COLUMNS} FROM tail_changes WHERE is_new AND {condition}"
    )


def signed(month_files: Sequence[Path], where: str = "") -> str:
    """SELECT of the rows of month files and `tail_changes` with a `sign`, whose sums are those of `changed`.

    They also are if any month file is left out here and counted elsewhere.
    """
    condition = f"({where or 'true'})"
    return (
        f"SELECT {_COLUMNS}, 1 AS sign FROM {read_files(month_files)} WHERE {condition}"
        f" UNION ALL SELECT {_COLUMNS}, CASE WHEN is_new THEN 1 ELSE -1 END FROM tail_changes WHERE {condition}"
    )


def without_probes() -> str:
    """Condition that leaves out probes and canaries."""
    return f"carrier <> '{PROBE_CARRIER}'"


def quoted(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _read(uris: Sequence[str]) -> str:
    return f"read_parquet([{', '.join(map(quoted, uris))}], hive_partitioning = false)"


def format_of(path: Path) -> int:
    """The format of a local file by its name; this program's own where the name says none, for it wrote that file."""
    match = _LOCAL_NAME.fullmatch(path.name)
    return FORMAT_VERSION if match is None else int(match[1])


def select_columns(format_version: int) -> str:
    """SQL of a select list: all columns, in their order, from a file of that format."""
    there = schema_of(format_version).names
    return ", ".join(field.name if field.name in there else null(field) for field in EVENT_SCHEMA)


def null(field: pa.Field) -> str:
    """SQL of the column with no value."""
    return f"NULL::{_SQL_TYPES[str(field.type)]} AS {field.name}"


_SQL_TYPES: Final = {
    "date32[day]": "DATE",
    "int8": "TINYINT",
    "int32": "INTEGER",
    "string": "VARCHAR",
    "timestamp[us, tz=UTC]": "TIMESTAMPTZ",
}
