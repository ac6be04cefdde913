"""Texts that a spreadsheet would run."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.schema.formulas import escape_formulas


def escaped(column: pa.Array, name: str = "x") -> tuple[str, list[object]]:
    table = escape_formulas(pa.table({name: column}))
    return table.column_names[0], table.column(0).to_pylist()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_text_that_begins_like_a_formula_has_an_apostrophe_before_it(start: str) -> None:
    formula = f"{start}HYPERLINK(1)\n=2"
    assert escaped(pa.array([formula, None, start])) == ("x", [f"'{formula}", None, f"'{start}"])


def test_other_texts_and_nulls_stay_as_they_are() -> None:
    texts = ["N14228", "", None, "a=1", "a\n=1", " =1", "'=1", "2013-01-01", "1e5"]
    assert escaped(pa.array(texts)) == ("x", texts)


@pytest.mark.parametrize(
    "column", [pa.array([-1, None]), pa.array([-0.5, 1e300]), pa.array([True]), pa.array([-1], pa.decimal128(3, 1))]
)
def test_numbers_keep_their_sign(column: pa.Array) -> None:
    assert escaped(column) == ("x", column.to_pylist())


def test_names_of_columns_are_texts_too() -> None:
    assert escaped(pa.array([1]), "=1+1") == ("'=1+1", [1])


def test_a_text_out_of_a_dictionary_is_a_text() -> None:
    assert escaped(pa.array(["=1", "a", None]).dictionary_encode()) == ("x", ["'=1", "a", None])


def test_a_table_without_rows_keeps_its_columns() -> None:
    table = escape_formulas(pa.table({"a": pa.array([], pa.string()), "b": pa.array([], pa.int64())}))
    assert (table.column_names, table.schema.types) == (["a", "b"], [pa.string(), pa.int64()])
