"""Reads and writes dates and times as text: ISO dates, RFC 3339 times in UTC."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc


def rfc3339(moment: dt.datetime) -> str:
    """In UTC with Z; a fraction only when there is one."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def as_text(table: pa.Table) -> pa.Table:
    """The same table with dates and times as text, other columns as they are."""
    return pa.table([_column_as_text(column) for column in table.columns], names=table.column_names)


def _column_as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_date(column.type):
        return column.cast(pa.string())
    if not pa.types.is_timestamp(column.type):
        return column
    text = column.cast(pa.timestamp(column.type.unit)).cast(pa.string())  # no time zone is looked up
    whole = pc.replace_substring(pc.replace_substring_regex(text, r"\.0+$", ""), " ", "T")
    # Without a time zone it is a time of some clock, of which nothing is claimed.
    return whole if column.type.tz is None else pc.binary_join_element_wise(whole, "Z", "")
