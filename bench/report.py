"""Figures as a table for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figure import Figure, Spread

_WIDTH = 170


def print_machine(commit: str, machine: Mapping[str, Any]) -> None:
    print(
        f"commit {commit}, {machine['cores']} cores (asking: {machine['asking']}, serving:"
        f" {machine['serving']}), load {machine['load_1min']}, Python {machine['python']}, Linux {machine['kernel']}"
    )
    print(", ".join(f"{name} {version}" for name, version in machine["versions"].items()))


def print_figures(figures: Sequence[Figure], missing: Mapping[str, str]) -> None:
    """The table, and below it, aloud, what could not be measured."""
    table = Table("#", "measure", "ours", "against", "theirs", "ratio", "goal", "", title="min / median / max")
    for figure in figures:
        table.add_row(
            figure.measure,
            figure.what,
            f"{_shown(figure.ours)} {figure.unit}",
            figure.peer,
            "" if figure.theirs is None else f"{_shown(figure.theirs)} {figure.unit}",
            _shown(figure.ratio),
            "" if figure.goal is None else str(figure.goal),
            {None: "", True: "reached", False: "MISSED"}[figure.is_reached],
        )
    Console(width=_WIDTH).print(table)
    for figure in figures:
        if figure.note:
            print(f"  {figure.measure}: {figure.what}: {figure.note}")
    for name, why in missing.items():
        print(f"!!! NOT MEASURED: {name}: {why}")


def as_json(figure: Figure) -> dict[str, Any]:
    goal = None if figure.goal is None else str(figure.goal)
    return asdict(figure) | {"goal": goal, "reached": figure.is_reached}


def write_json(path: Path, measured: Sequence[Mapping[str, Any]], missing: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"measured": measured, "not_measured": missing}, indent=1) + "\n")


def _shown(spread: Spread) -> str:
    return " / ".join(_number(value) for value in (spread.least, spread.median, spread.most))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
