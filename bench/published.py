"""The published figures, docs/bench.json: each measure's latest run, with its code and machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.catalogue import MEASURES, Measure
from bench.fingerprint import fingerprint

ROOT: Final = Path(__file__).parents[1]
PUBLISHED: Final = ROOT / "docs" / "bench.json"

Measured = Mapping[str, Any]
"""Of one measure: name, commit, date, fingerprint, seconds, machine, figures."""


def read_published(path: Path = PUBLISHED) -> list[Measured]:
    found: list[Measured] = json.loads(path.read_text())
    return found


def publish(measured: Measured, path: Path = PUBLISHED) -> None:
    """Replaces the earlier run of its measure. Keeps the catalogue's order, and no other measures."""
    by_name = {each["name"]: each for each in (*read_published(path), measured)}
    kept = [by_name[measure.name] for measure in MEASURES if measure.name in by_name]
    path.write_text(json.dumps(kept, indent=1) + "\n")


def stale(measures: Sequence[Measure], published: Sequence[Measured], root: Path = ROOT) -> list[Measure]:
    """Those whose code is not the code that their published figures were measured with."""
    known = {each["name"]: each["fingerprint"] for each in published}
    return [measure for measure in measures if known.get(measure.name) != fingerprint(root, measure.sources)]
