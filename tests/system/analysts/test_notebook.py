"""docs/flights.ipynb runs from top to bottom, and what it shows is right."""

from __future__ import annotations

import ast
import json
from typing import Any

import duckdb
import pytest

from tests._support.api import serving
from tests.system.analysts.document import DOCS
from tests.system.analysts.lakes import Lakes


@pytest.fixture(scope="module")
def notebook() -> Any:
    return json.loads((DOCS / "flights.ipynb").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shown(notebook: Any, lakes: Lakes) -> dict[str, Any]:
    """By the id of each cell, the value of its last expression, as Jupyter would show it."""
    names: dict[str, Any] = {}
    return {cell["id"]: _run("".join(cell["source"]), names) for cell in _code(notebook)}


def _code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _run(source: str, names: dict[str, Any]) -> Any:
    tree = ast.parse(source, "flights.ipynb")
    *before, last = tree.body
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "flights.ipynb", "exec"), names)
        return None
    exec(compile(ast.Module(before, []), "flights.ipynb", "exec"), names)
    return eval(compile(ast.Expression(last.value), "flights.ipynb", "eval"), names)


def test_it_is_stored_without_outputs_and_with_what_the_format_asks_for(notebook: Any) -> None:
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in _code(notebook):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_its_cells_run_and_show_rows(shown: dict[str, Any]) -> None:
    for name in ("columns", "carriers", "hours", "mine", "refresh", "snapshot"):
        assert isinstance(shown[name], duckdb.DuckDBPyRelation), name
        assert shown[name].fetchall(), name
        assert str(shown[name]), name
    assert shown["connect"] is None


def test_its_numbers_are_the_api_s(shown: dict[str, Any], lakes: Lakes) -> None:
    columns = ["carrier", "flights", "on_time_arrival_rate", "arrival_delay_p90"]
    with serving(lakes.bucket()) as api:
        rows = api.rows("/v1/stats?group_by=carrier&order_by=-on_time_arrival_rate")
    assert shown["carriers"].fetchall() == [tuple(row[column] for column in columns) for row in rows]
