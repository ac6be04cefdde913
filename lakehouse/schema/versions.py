"""What the files of each format have: which columns, and how a local copy says of which format it is.

A format only ever adds columns, which may be null. A file of an older one is read as if they were there and null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from lakehouse.schema.event import EVENT_SCHEMA, FIELDS, FORMAT_VERSION

ADDED: Final[Mapping[int, tuple[str, ...]]] = {
    version: tuple(field.name for field in FIELDS if field.since_format == version)
    for version in range(2, FORMAT_VERSION + 1)
}
"""The columns that a format has and the one before it had not, by its number."""

_LOCAL_NAME = re.compile(r".*\.format([1-9][0-9]*)\.parquet")


def schema_of(format_version: int) -> pa.Schema:
    """The columns of landed and month files of a format, this program's or an older one."""
    later = {column for number, columns in ADDED.items() if number > format_version for column in columns}
    return pa.schema([field for field in EVENT_SCHEMA if field.name not in later])


def local_name(stem: str, format_version: int) -> str:
    """The name of a local file of that format."""
    return f"{stem}.format{format_version}.parquet"


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
