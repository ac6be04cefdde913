"""The tables of the documents are what the bench wrote."""

from __future__ import annotations

import copy

import pytest

from bench.catalogue import MEASURES
from bench.document import DOCUMENTS, ROOT, latest_figures, read_runs, written


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_tables_are_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "written by bench.document" in text
    assert text == written(text, read_runs()), "run `python -m bench.document`"


def test_a_changed_figure_changes_the_documents() -> None:
    runs = copy.deepcopy(read_runs())
    latest_figures(runs)[0]["ours"]["median"] *= 2
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        assert text != written(text, runs)


def test_every_measure_is_in_the_run_and_every_miss_is_explained() -> None:
    runs = read_runs()
    assert [run["not_measured"] for run in runs] == [{}] * len(runs)
    assert {figure["measure"] for figure in runs[0]["figures"]} == {row for measure in MEASURES for row in measure.rows}
    missed = {figure["measure"] for figure in latest_figures(runs) if figure["reached"] is False}
    explained = (ROOT / "docs/performance.md").read_text().split("## Where a goal was missed")[1].split("\n## ")[0]
    for measure in missed:
        assert f"**{measure}" in explained or f"{measure}:" in explained or f"{measure.capitalize()}:" in explained


def test_a_later_run_of_some_measures_takes_the_place_of_their_figures() -> None:
    whole = {"figures": [{"measure": "1", "n": 1}, {"measure": "2", "n": 1}, {"measure": "1", "n": 2}]}
    later = {"figures": [{"measure": "1", "n": 9}]}
    assert latest_figures([whole, later]) == [{"measure": "1", "n": 9}, {"measure": "2", "n": 1}]
