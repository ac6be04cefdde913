"""The tables of the documents are what the bench wrote."""

from __future__ import annotations

import copy
import re

import pytest

from bench.catalogue import MEASURES
from bench.document import DOCUMENTS, figures_of, written
from bench.published import ROOT, read_published

_SHORT = ("README.md", "docs/analysts.md")
"""They show some of the figures."""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_tables_are_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "written by bench.document" in text
    assert text == written(text, read_published()), "run `python -m bench.document`"


def test_a_changed_figure_changes_the_documents() -> None:
    published = copy.deepcopy(read_published())
    for measured in published:
        if measured["name"] in ("writer", "analysts"):
            measured["figures"][0]["ours"]["median"] *= 2
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        assert text != written(text, published)


def test_every_figure_is_shown_with_the_commit_it_was_measured_at() -> None:
    published = [{**each, "commit": f"c0ffee{number}"} for number, each in enumerate(read_published())]
    for name in DOCUMENTS:
        text = written((ROOT / name).read_text(), published)
        for number, each in enumerate(published):
            rows = [line for line in text.splitlines() if line.endswith(f"| c0ffee{number} |")]
            assert len(rows) == len(each["figures"]) or name in _SHORT
        table = re.split("(?:figures|requests): written by bench.document -->\n", text)[1].split("\n<!--")[0]
        assert all("| c0ffee" in row for row in table.splitlines()[2:])


def test_every_measure_is_published_and_every_miss_is_explained() -> None:
    published = read_published()
    assert [each["name"] for each in published] == [measure.name for measure in MEASURES]
    for each, measure in zip(published, MEASURES, strict=True):
        assert {figure["measure"] for figure in each["figures"]} == set(measure.rows)
    missed = {figure["measure"] for figure in figures_of(published) if figure["reached"] is False}
    explained = (ROOT / "docs/performance.md").read_text().split("## Where a goal was missed")[1].split("\n## ")[0]
    for number in missed:
        assert f"**{number}" in explained or f"{number}:" in explained or f"{number.capitalize()}:" in explained


def test_figures_come_by_their_numbers_each_with_its_commit() -> None:
    published = [
        {"commit": "a", "figures": [{"measure": "1", "n": 1}, {"measure": "2", "n": 2}, {"measure": "1", "n": 3}]},
        {"commit": "b", "figures": [{"measure": "2", "n": 4}]},
    ]
    found = [(figure["measure"], figure["n"], figure["commit"]) for figure in figures_of(published)]
    assert found == [("1", 1, "a"), ("1", 3, "a"), ("2", 2, "a"), ("2", 4, "b")]


def test_analysts_see_what_each_way_asks_for_and_at_most() -> None:
    some = read_published()[0]
    spread = {"least": 8.0, "median": 8.0, "most": 8.0, "values": 1}
    said = {"measure": "19", "what": "DuckDB over Iceberg: requests", "ours": spread, "goal": "<= 12", "note": "1 MB"}
    measured = {**some, "commit": "abc1234", "figures": [{**some["figures"][0], **said}]}
    rows = written((ROOT / "docs/analysts.md").read_text(), [*read_published(), measured]).splitlines()
    assert "| DuckDB over Iceberg | 8 requests | 12 | 1 MB | abc1234 |" in rows
