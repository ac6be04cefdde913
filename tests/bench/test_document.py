"""The tables of the documents are what the bench wrote."""

from __future__ import annotations

import pytest

from bench.catalogue import MEASURES
from bench.document import DOCUMENTS, ROOT, read_run, written


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_tables_are_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "written by bench.document" in text
    assert text == written(text, read_run()), "run `python -m bench.document`"


def test_a_changed_figure_changes_the_documents() -> None:
    run = read_run()
    run["figures"][0]["ours"]["median"] *= 2
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        assert text != written(text, run)


def test_every_measure_is_in_the_run_and_every_miss_is_explained() -> None:
    run = read_run()
    assert run["not_measured"] == {}
    assert {figure["measure"] for figure in run["figures"]} == {row for measure in MEASURES for row in measure.rows}
    missed = {figure["measure"] for figure in run["figures"] if figure["reached"] is False}
    explained = (ROOT / "docs/performance.md").read_text().split("## Where a goal was missed")[1].split("\n## ")[0]
    for measure in missed:
        assert f"**{measure}" in explained or f"{measure}:" in explained or f"{measure.capitalize()}:" in explained
