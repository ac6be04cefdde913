"""Runs an analyst's query and prints a table: `python -m lakehouse sql "SELECT ..."`."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

import duckdb

_NUMBERS = (int, float, Decimal)
_PREFIX: Final = "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query result\nError: "
_CHANGES: Final = (
    duckdb.StatementType.INSERT,
    duckdb.StatementType.UPDATE,
    duckdb.StatementType.DELETE,
    duckdb.StatementType.COPY,
)
_RETURNING: Final = re.compile(r"\breturning\b", re.IGNORECASE)
_SHOWN_CHARACTERS: Final = 60
_LEAST_WIDTH: Final = 8  # of a column that is cut: a date or a flight number is still whole
_INFINITE_TIMES: Final = (dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC))


class QueryError(Exception):
    """The database refused the query. Its text is one line."""


class Result(NamedTuple):
    """The first rows of a result; `is_cut` when there are more."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    is_cut: bool


def executed(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.DuckDBPyConnection:
    """`connection` with the answer to `query`, none of whose rows is fetched yet. Raises QueryError."""
    try:
        _check_answers(connection.extract_statements(query))
        cursor = connection.execute(query)
    except duckdb.Error as error:
        raise QueryError(reason(str(error))) from error
    if cursor is None:  # the stubs do not know: nothing but comments and blanks
        raise QueryError("there is no statement in the query")
    return cursor


def _check_answers(statements: Sequence[duckdb.Statement]) -> None:
    """Raises QueryError when there is an answer before the last one, which nobody would see."""
    for statement in statements[:-1]:
        if _has_answer(statement):
            raise QueryError(
                f"there are several statements, and the answer of this one would be lost: {_beginning(statement)}; only"
                " the last one may be a query: run the others by themselves"
            )


def _has_answer(statement: duckdb.Statement) -> bool:
    """Changes have one when they return their rows: a statement with that word in it is taken for one."""
    if statement.type in _CHANGES:
        return _RETURNING.search(statement.query) is not None
    return duckdb.ExpectedResultType.NOTHING not in statement.expected_result_type


def _beginning(statement: duckdb.Statement) -> str:
    text = " ".join(statement.query.split())
    if not text[:1].isalpha():
        return "a PIVOT"  # whose text is that of what the database makes of it
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def run(connection: duckdb.DuckDBPyConnection, query: str, max_rows: int) -> Result:
    """At most `max_rows` rows of the answer to `query`. Raises QueryError."""
    cursor = executed(connection, query)
    try:
        rows = cursor.fetchmany(max_rows + 1)
    except duckdb.Error as error:
        raise QueryError(reason(str(error))) from error
    columns = [str(column[0]) for column in cursor.description or ()]
    _check_dates(columns, rows)
    return Result(columns, rows[:max_rows], len(rows) > max_rows)


def _check_dates(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """DuckDB gives Python the first or the last date there is for an infinite one: refused, rather than shown."""
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if _may_be_infinite(value):
                raise QueryError(
                    f'column "{column}": a table does not tell infinity from the first or last date there is: cast it'
                    " to VARCHAR"
                )


def _may_be_infinite(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_may_be_infinite, (*value.keys(), *value.values())))
    if isinstance(value, list | tuple):
        return any(map(_may_be_infinite, value))
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=dt.UTC) in _INFINITE_TIMES
    return isinstance(value, dt.date) and value in (dt.date.min, dt.date.max)


def table(result: Result, width: int | None = None) -> Iterator[str]:
    """The lines of the table: names, a rule, rows; numbers to the right. At most `width` wide, if that can be.

    What is too wide loses the ends of its texts and names first, then columns; the last line says so.
    """
    cells = [[_text(value) for value in row] for row in result.rows]
    to_right = [_is_number(row[index] for row in result.rows) for index in range(len(result.columns))]
    columns = [
        _Column(_printable(name), [row[index] for row in cells], to_right[index])
        for index, name in enumerate(result.columns)
    ]
    shown = columns if width is None else _fitted(columns, width)
    widths = [column.width for column in shown]
    is_right = [column.is_right for column in shown]
    yield _line([column.name for column in shown], widths, is_right)
    yield "  ".join("-" * width for width in widths)
    for row in zip(*(column.cells for column in shown), strict=True) if shown else ():
        yield _line(row, widths, is_right)
    yield _remark(result, len(shown))


@dataclass(frozen=True)
class _Column:
    name: str
    cells: Sequence[str]
    is_right: bool

    @property
    def width(self) -> int:
        return max(map(_width, (self.name, *self.cells)))

    def capped(self, width: int) -> _Column:
        """With its name, and texts, cut to that width; a number that is cut would be another one."""
        cells = self.cells if self.is_right else [_cut(cell, width) for cell in self.cells]
        return _Column(_cut(self.name, width), cells, self.is_right)


def _fitted(columns: Sequence[_Column], width: int) -> Sequence[_Column]:
    for cap in range(max((column.width for column in columns), default=0), _LEAST_WIDTH - 1, -1):
        capped = [column.capped(cap) for column in columns]
        if _total(capped) <= width:
            return capped
    capped = [column.capped(_LEAST_WIDTH) for column in columns]
    while len(capped) > 1 and _total(capped) > width:
        capped.pop()
    return capped


def _total(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + 2 * (len(columns) - 1)


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    kept = text
    while _width(kept) > width - 1:
        kept = kept[:-1]
    return f"{kept}…"


def _remark(result: Result, columns: int) -> str:
    count = len(result.rows)
    rows = "1 row" if count == 1 else f"{count} rows"
    parts = [f"first {rows}; there are more: see --max-rows" if result.is_cut else rows]
    if columns < len(result.columns):
        parts.append(f"{columns} of {len(result.columns)} columns fit: name those you want, or see --format")
    return f"({'; '.join(parts)})"


def _line(cells: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    padded = (
        " " * (width - _width(cell)) + cell if right else cell + " " * (width - _width(cell))
        for cell, width, right in zip(cells, widths, to_right, strict=True)
    )
    return "  ".join(padded).rstrip()


def _is_number(values: Iterator[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, _NUMBERS) and not isinstance(value, bool) for value in known)


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return _printable(str(value))


def _printable(text: str) -> str:
    """`text` on one line, with nothing in it that would move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _width(text: str) -> int:
    """Columns on a terminal: wide East Asian characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def reason(message: str) -> str:
    """The database's message on one line, without the excerpt of the query that follows it.

    When a thread of DuckDB fails it interrupts the others, and at times what they say comes before why (seen in 2 to 7
    of 400 queries with DuckDB 1.5.5). Nothing here interrupts a query.
    """
    if message.startswith("INTERRUPT Error"):
        return "the query failed, and the database did not say why: run it again to see the reason"
    return " ".join(message.removeprefix(_PREFIX).partition("\n\nLINE ")[0].split())
