"""What a snapshot is to an outside table: its files, its columns with their docs, and moments in milliseconds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from lakehouse.schema.event import FIELDS
from lakehouse.schema.fields import Date, Field, Integer, Time
from lakehouse.schema.versions import schema_of
from lakehouse.table.snapshot import MonthFile, Snapshot

TABLE_ID: Final = "5c6b2d1e-0f1a-4a7e-9d55-0a3f3f1c7a10"
"""Of both tables of every lake: a copied lake keeps the table that it is a copy of."""
DATE_COLUMN: Final = "flight_date"
"""The column whose bounds both tables hold: engines skip files by it."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Column:
    """A column of the outside tables. `id` never changes: a later format's columns come after all earlier ones."""

    id: int
    name: str
    doc: str
    delta_type: str
    iceberg_type: str


def shown_files(snapshot: Snapshot) -> tuple[MonthFile, ...]:
    """The files that outside tables list, always in the same order."""
    return snapshot.shown_files()


def format_of(snapshot: Snapshot) -> int:
    """The newest format of its files: the tables have the columns of it."""
    return max((file.format_version for file in shown_files(snapshot)), default=1)


def columns_of(format_version: int) -> tuple[Column, ...]:
    """The columns of a format, in the order of the files."""
    names = set(schema_of(format_version).names)
    ids = {field.name: number for number, field in enumerate(sorted(FIELDS, key=lambda f: f.since_format), 1)}
    return tuple(
        Column(ids[field.name], field.name, _doc(field), *_types(field)) for field in FIELDS if field.name in names
    )


def to_ms(moment: dt.datetime) -> int:
    """Whole milliseconds since 1970."""
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def _doc(field: Field) -> str:
    unit = field.unit if isinstance(field, Integer) else ""
    if isinstance(field, Time):
        return f"{field.description} In UTC, to the microsecond."
    return field.description if unit in field.description else f"{field.description} In {unit}."


def _types(field: Field) -> tuple[str, str]:
    if isinstance(field, Date):
        return "date", "date"
    if isinstance(field, Time):
        return "timestamp", "timestamptz"
    if isinstance(field, Integer):
        return ("byte" if field.bits == 8 else "integer"), "int"
    return "string", "string"
