"""Names and places by code as tables: /v1/airports, /v1/carriers, and the columns that `names=true` adds.

Null stands where there is none: an event may have a code that the tables do not know.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.reference import Airport, airports, carriers
from query_service.representation.encoders import Rows

_AIRPORTS: Final = ("airports", ("name", "city"))
_ADDED: Final = {
    "carrier": (("carrier", "carriers", ("name",)),),
    "origin": (("origin", *_AIRPORTS),),
    "destination": (("destination", *_AIRPORTS),),
    "diverted_to": (("diverted_to", *_AIRPORTS),),
    "route": (("route_origin", *_AIRPORTS), ("route_destination", *_AIRPORTS)),
}
"""Of each column with codes: what the new columns begin with, and which columns of which table they show."""

NAMES: Final = {
    column: tuple(f"{prefix}_{name}" for prefix, _, names in added for name in names)
    for column, added in _ADDED.items()
}
"""The columns that follow each column with codes."""


@lru_cache(maxsize=2)
def reference_table(name: str) -> pa.Table:
    """`airports` or `carriers` by code, sorted; as in `lakehouse.connect`, with null for an empty text."""
    if name == "carriers":
        return pa.table({"code": list(carriers()), "name": list(carriers().values())})
    rows = list(airports().values())
    columns = {
        field: [None if value == "" else value for value in values]
        for field, values in zip(Airport._fields, zip(*rows, strict=True), strict=True)
    }
    return pa.table(columns)


async def with_names(rows: Rows) -> Rows:
    """The rows with names after their codes. In a thread: the first time, a table of 3 MB is read."""
    return Rows(await asyncio.to_thread(_named, rows.table), rows.envelope)


def _named(table: pa.Table) -> pa.Table:
    columns = {}
    for column in table.column_names:
        values = columns[column] = table[column]
        for codes, (prefix, reference, names) in zip(_codes(column, values), _ADDED.get(column, ()), strict=False):
            known = reference_table(reference)
            position = pc.index_in(codes, value_set=known["code"].combine_chunks())
            columns |= {f"{prefix}_{name}": known[name].take(position) for name in names}
    return pa.table(columns)


def _codes(column: str, values: pa.ChunkedArray) -> list[pa.ChunkedArray]:
    """The codes in a column: one, or the two of a route."""
    if column != "route":
        return [values]
    ends = pc.split_pattern(values, "-")
    return [pc.list_element(ends, end) for end in (0, 1)]
