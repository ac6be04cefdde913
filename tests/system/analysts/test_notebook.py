"""docs/flights.ipynb runs from top to bottom, shows what it stores, and what it shows is right."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from tests._support.api.in_process import serving
from tests.system.analysts.lakes import Lakes
from tools import notebook as tool

CHARTS = ("days", "hours", "compare")


@pytest.fixture(scope="module")
def notebook() -> Any:
    return tool.read()


@pytest.fixture(scope="module")
def shown(notebook: Any, lakes: Lakes) -> dict[str, tool.Shown]:
    """By the id of each cell."""
    names: dict[str, Any] = {}
    return {cell["id"]: tool.run("".join(cell["source"]), names) for cell in tool.code_cells(notebook)}


def test_it_is_stored_with_outputs_and_with_what_the_format_asks_for(notebook: Any) -> None:
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    cells = tool.code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1)), "python -m tools.notebook"
    for cell in cells:
        for output in cell["outputs"]:
            assert output["output_type"] in ("execute_result", "display_data"), cell["id"]


def test_its_outputs_are_of_its_cells(notebook: Any, shown: dict[str, tool.Shown]) -> None:
    """Of another lake, so the numbers differ: kinds of output, and the columns of tables, do not."""
    for cell in tool.code_cells(notebook):
        found = shown[cell["id"]].outputs(cell["execution_count"])
        assert [output["output_type"] for output in cell["outputs"]] == [each["output_type"] for each in found]
        for stored, fresh in zip(cell["outputs"], found, strict=True):
            assert stored["data"].keys() == fresh["data"].keys()
            if stored["output_type"] == "execute_result":
                columns = "".join(fresh["data"]["text/plain"]).split("\n")[0].split()
                assert "".join(stored["data"]["text/plain"]).split("\n")[0].split()[:2] == columns[:2], cell["id"]


def test_it_installs_connects_draws_charts_and_ends_with_a_snapshot(
    notebook: Any, shown: dict[str, tool.Shown], lakes: Lakes
) -> None:
    sources = {cell["id"]: "".join(cell["source"]) for cell in tool.code_cells(notebook)}
    assert "\n%pip install " in sources["install"]
    for name, cell in shown.items():
        assert len(cell.pictures) == (name in CHARTS), name
        assert cell.printed == ""
    assert list(sources)[-1] == "snapshot"
    last = shown["snapshot"].value
    assert last.snapshot[0] >= 1
    assert last.flights[0] == sum(lakes.carriers.values())


def test_its_pictures_are_whole(notebook: Any) -> None:
    pictures = [
        base64.b64decode(output["data"]["image/png"])
        for cell in tool.code_cells(notebook)
        for output in cell["outputs"]
        if output["output_type"] == "display_data"
    ]
    assert len(pictures) == len(CHARTS)
    for picture in pictures:
        assert picture.startswith(b"\x89PNG")
        assert b"IEND" in picture[-12:]
        assert len(picture) < 100_000, "the repository keeps it"


def test_its_numbers_are_the_api_s(shown: dict[str, tool.Shown], lakes: Lakes) -> None:
    columns = ["carrier", "flights", "on_time_arrival_rate", "arrival_delay_p90"]
    with serving(lakes.bucket()) as api:
        query = "group_by=carrier&order_by=-on_time_arrival_rate&date_from=2013-06-01&date_to=2013-08-31"
        rows = api.rows(f"/v1/stats?{query}")
    found = shown["carriers"].value[columns].values.tolist()
    expected = [[row[column] for column in columns] for row in rows]
    assert [[None if _is_nan(value) else value for value in row] for row in found] == expected


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
