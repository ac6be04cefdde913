"""Format versions: the columns of each, and how the name of a local copy tells its version.

A new format only adds columns, which may be null. In a file of an older format they read as null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from lakehouse.schema.event import EVENT_SCHEMA, FIELDS, FORMAT_VERSION

ADDED: Final[Mapping[int, tuple[str, ...]]] = {
    version: tuple(field.name for field in FIELDS if field.since_format == version)
    for version in range(2, FORMAT_VERSION + 1)
}
"""The columns that a format has and the one before it had not, by its number."""


def columns_version(format_version: int) -> int:
    """The first format with the same columns as that one."""
    return max((version for version, added in ADDED.items() if added and version <= format_version), default=1)


def schema_of(format_version: int) -> pa.Schema:
    """The columns of landed and month files of a format, this program's or an older one."""
    later = {column for number, columns in ADDED.items() if number > format_version for column in columns}
    return pa.schema([field for field in EVENT_SCHEMA if field.name not in later])


def local_name(stem: str, format_version: int) -> str:
    """The name of a local file of that format."""
    return f"{stem}.format{format_version}.parquet"
