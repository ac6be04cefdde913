"""Makes texts safe for spreadsheets, which take some of them for formulas and run them."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_FORMULA: Final = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # the last four: wide forms of the first four
_APOSTROPHE: Final = "'"


def escape_formulas(table: pa.Table) -> pa.Table:
    """The same table with an apostrophe before each text, and column name, that begins like a formula.

    Spreadsheets show such a cell as text. Numbers, dates and times keep their form.
    """
    columns = [_escaped(column) for column in table.columns]
    names = _escaped(pa.chunked_array([table.column_names], pa.string())).to_pylist()
    return pa.table(columns, names=names)


def _escaped(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not pa.types.is_string(column.type):
        return column
    escaped = pc.binary_join_element_wise(_APOSTROPHE, column, "")
    return pc.if_else(pc.match_substring_regex(column, _FORMULA), escaped, column)
