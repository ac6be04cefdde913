"""Figures as a table and as JSON; what could not be measured is said aloud in both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.figure import Goal, bounded, compared
from bench.report import as_json, print_figures, write_json

FIGURES = [
    compared(
        "1", "rows a second", "rows/s", [12_345.6], "a peer", [1_000.0], Goal(10, at_least=True), times_better=False
    ),
    bounded("2", "wait", "s", [3.0], 2.0, Goal(1)),
]


def test_a_table_says_whether_goals_were_reached_and_what_was_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures(FIGURES, {"3": "somedb is not installed"})
    said = capsys.readouterr().out
    assert "12,346 / 12,346 / 12,346 rows/s" in said
    (reached,) = (line for line in said.splitlines() if "rows a second" in line)
    (missed,) = (line for line in said.splitlines() if "wait" in line)
    assert "reached" in reached
    assert "MISSED" in missed
    assert said.splitlines()[-1] == "!!! NOT MEASURED: 3: somedb is not installed"


def test_the_json_has_what_was_measured_and_what_was_not(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "bench.json"
    write_json(path, [{"cores": 2, "figures": [as_json(figure) for figure in FIGURES]}], {"3": "why"})
    document = json.loads(path.read_text())
    assert document["not_measured"] == {"3": "why"}
    (measured,) = document["measured"]
    first, second = measured["figures"]
    assert (first["measure"], first["reached"], first["ours"]["median"]) == ("1", True, 12_345.6)
    assert (second["reached"], second["goal"]) == (False, str(Goal(1)))
