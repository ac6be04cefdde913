"""Writes the tables of docs/performance.md and README.md from docs/bench.json: `python -m bench.document`.

docs/bench.json is a list of what `make bench` wrote: one whole run, and later ones of some measures (`--only`), whose
figures take the place of the earlier ones.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
FIGURES: Final = ROOT / "docs" / "bench.json"
DOCUMENTS: Final = ("docs/performance.md", "README.md")

Run = Mapping[str, Any]
Figure = Mapping[str, Any]

_SHOWN_FIRST: Final = ("1", "6", "8", "9", "13")
"""What the README shows: of each the first figure."""


def written(text: str, runs: Sequence[Run]) -> str:
    """`text` with its tables as they must be."""
    for name, lines in _tables(runs).items():
        begin, end = f"<!-- {name}: written by bench.document -->", f"<!-- end of {name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        filled = "\n".join([begin, *lines, end])
        text = pattern.sub(lambda _, filled=filled: filled, text)  # type: ignore[misc]
    return text


def read_runs() -> list[Run]:
    runs: list[Run] = json.loads(FIGURES.read_text())
    return runs


def latest_figures(runs: Sequence[Run]) -> list[Figure]:
    """Of each measure those of the last run that has it, in the order of the first run."""
    by_measure = {measure: number for number, run in enumerate(runs) for measure in _measures(run)}
    figures = {
        measure: [figure for figure in runs[number]["figures"] if figure["measure"] == measure]
        for measure, number in by_measure.items()
    }
    return [figure for measure in _measures(runs[0]) for figure in figures[measure]]


def _measures(run: Run) -> list[str]:
    return list(dict.fromkeys(figure["measure"] for figure in run["figures"]))


def _tables(runs: Sequence[Run]) -> dict[str, list[str]]:
    figures = latest_figures(runs)
    head = ["| # | measure | ours | against | theirs | ratio | goal | |", "|---|---|---|---|---|---|---|---|"]
    short = ["| | ours | against | ratio |", "|---|---|---|---|"]
    return {
        "machine": _machines(runs),
        "figures": head + [_row(figure) for figure in figures],
        "notes": [f"- {figure['measure']}, {figure['what']}: {figure['note']}" for figure in figures if figure["note"]],
        "short figures": short + [_short(_first(figures, measure)) for measure in _SHOWN_FIRST],
    }


def _machines(runs: Sequence[Run]) -> list[str]:
    first, *later = runs
    lines = [_machine(first["machine"])]
    for run in later:
        commit, measures = run["machine"]["commit"], ", ".join(_measures(run))
        lines.append(f"Measured again at commit {commit}, {run['machine']['date']}, on the same machine: {measures}.")
    return lines


def _machine(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"Commit {machine['commit']}, {machine['date']}, {machine['seconds'] // 60} minutes in all, on"
        f" {machine['cores']} cores (one asks and plays the cloud, the rest serve), Python {machine['python']}, Linux"
        f" {machine['kernel']}; {versions}. Medians, with the smallest and the largest value in brackets."
    )


def _row(figure: Figure) -> str:
    verdict = {None: "", True: "reached", False: "**missed**"}[figure["reached"]]
    theirs = "" if figure["theirs"] is None else f"{_spread(figure['theirs'])} {figure['unit']}"
    cells = (
        figure["measure"],
        figure["what"],
        f"{_spread(figure['ours'])} {figure['unit']}",
        figure["peer"],
        theirs,
        _spread(figure["ratio"]),
        figure["goal"] or "",
        verdict,
    )
    return f"| {' | '.join(cells)} |"


def _first(figures: Sequence[Figure], measure: str) -> Figure:
    return next(figure for figure in figures if figure["measure"] == measure)


def _short(figure: Figure) -> str:
    ours = f"{_number(figure['ours']['median'])} {figure['unit']}"
    theirs = figure["peer"]
    if figure["theirs"] is not None:
        theirs += f": {_number(figure['theirs']['median'])} {figure['unit']}"
    return f"| {figure['what']} | {ours} | {theirs} | {_number(figure['ratio']['median'])} |"


def _spread(spread: Mapping[str, Any]) -> str:
    median = _number(spread["median"])
    return median if spread["values"] == 1 else f"{median} ({_number(spread['least'])} to {_number(spread['most'])})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    for name in DOCUMENTS:
        path = ROOT / name
        path.write_text(written(path.read_text(), read_runs()))
    sys.exit(0)
