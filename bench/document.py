"""`python -m bench.document`: writes the tables of the documents from docs/bench.json."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.published import ROOT, Measured, read_published

DOCUMENTS: Final = ("docs/performance.md", "README.md", "docs/analysts.md")

Figure = Mapping[str, Any]

_SHOWN_FIRST: Final = ("1", "6", "8", "9", "13")
"""What the README shows: of each the first figure."""

_OF_ANALYSTS: Final = "19"
"""What docs/analysts.md shows."""


def write_documents() -> None:
    for name in DOCUMENTS:
        path = ROOT / name
        path.write_text(written(path.read_text(), read_published()))


def written(text: str, published: Sequence[Measured]) -> str:
    """`text` with its tables as they must be."""
    for name, lines in _tables(published).items():
        begin, end = f"<!-- {name}: written by bench.document -->", f"<!-- end of {name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        filled = "\n".join([begin, *lines, end])
        text = pattern.sub(lambda _, filled=filled: filled, text)  # type: ignore[misc]
    return text


def figures_of(published: Sequence[Measured]) -> list[Figure]:
    """By their numbers, in the order of the first of each; each with its commit."""
    figures = [figure | {"commit": each["commit"]} for each in published for figure in each["figures"]]
    numbers = dict.fromkeys(figure["measure"] for figure in figures)
    return [figure for number in numbers for figure in figures if figure["measure"] == number]


def _tables(published: Sequence[Measured]) -> dict[str, list[str]]:
    figures = figures_of(published)
    head = [
        "| # | measure | ours | against | theirs | ratio | goal | | measured at |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    short = ["| | ours | against | ratio | measured at |", "|---|---|---|---|---|"]
    requests = ["| a count of one day | asks for | at most | in all | measured at |", "|---|---|---|---|---|"]
    return {
        "machine": _machines(published),
        "figures": head + [_row(figure) for figure in figures],
        "notes": [f"- {figure['measure']}, {figure['what']}: {figure['note']}" for figure in figures if figure["note"]],
        "short figures": short + [_short(_first(figures, number)) for number in _SHOWN_FIRST],
        "requests": requests + [_request(figure) for figure in figures if figure["measure"] == _OF_ANALYSTS],
    }


def _machines(published: Sequence[Measured]) -> list[str]:
    """Each machine, and below it what was measured on it and when."""
    names: dict[str, dict[str, list[str]]] = {}
    for each in published:
        when = f"commit {each['commit']}, {each['date']}"
        names.setdefault(_machine(each["machine"]), {}).setdefault(when, []).append(each["name"])
    lines = []
    for machine, runs in names.items():
        lines += [machine, "", *(f"- {when}: {', '.join(measures)}" for when, measures in runs.items()), ""]
    return lines[:-1]


def _machine(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cores']} cores (one asks and plays the cloud, the rest serve), Python {machine['python']}, Linux"
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
        figure["commit"],
    )
    return f"| {' | '.join(cells)} |"


def _first(figures: Sequence[Figure], number: str) -> Figure:
    return next(figure for figure in figures if figure["measure"] == number)


def _short(figure: Figure) -> str:
    ours = f"{_number(figure['ours']['median'])} {figure['unit']}"
    theirs = figure["peer"]
    if figure["theirs"] is not None:
        theirs += f": {_number(figure['theirs']['median'])} {figure['unit']}"
    return f"| {figure['what']} | {ours} | {theirs} | {_number(figure['ratio']['median'])} | {figure['commit']} |"


def _request(figure: Figure) -> str:
    what, _, asked = figure["what"].partition(": ")
    ours, most = f"{_number(figure['ours']['median'])} {asked}", figure["goal"].removeprefix("<= ")
    return f"| {what} | {ours} | {most} | {figure['note']} | {figure['commit']} |"


def _spread(spread: Mapping[str, Any]) -> str:
    median = _number(spread["median"])
    return median if spread["values"] == 1 else f"{median} ({_number(spread['least'])} to {_number(spread['most'])})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    write_documents()
    sys.exit(0)
