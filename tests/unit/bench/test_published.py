"""Published figures are of the code that is here, and one of each measure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.catalogue import MEASURES, Measure
from bench.fingerprint import Sources, fingerprint
from bench.published import Measured, publish, read_published, stale


def test_published_figures_were_measured_with_the_code_that_is_here() -> None:
    published = read_published()
    changed = stale(MEASURES, published)
    if changed:
        pytest.fail(_stale_text(changed, published))


def test_a_measure_is_stale_when_its_code_differs_from_the_published_one(tmp_path: Path) -> None:
    (tmp_path / "ask.py").write_text("A = 1\n")
    (tmp_path / "write.py").write_text("B = 1\n")
    measures = [_measure("asking", "ask.py"), _measure("writing", "write.py")]
    published = [_measured(each.name, fingerprint(tmp_path, each.sources)) for each in measures]
    assert stale(measures, published, tmp_path) == []
    (tmp_path / "write.py").write_text("B = 2\n")
    assert stale(measures, published, tmp_path) == measures[1:]


@pytest.mark.parametrize("published", [[], [{"name": "asking", "fingerprint": None, "commit": "abc1234"}]])
def test_a_measure_is_stale_when_it_has_no_published_fingerprint(
    tmp_path: Path, published: Sequence[dict[str, Any]]
) -> None:
    (tmp_path / "ask.py").touch()
    measures = [_measure("asking", "ask.py")]
    assert stale(measures, published, tmp_path) == measures


def test_what_is_stale_is_named_with_its_commit_and_the_command() -> None:
    text = _stale_text([_measure("asking", "ask.py"), _measure("new", "new.py")], [_measured("asking", "f")])
    assert "asking (measured at abc1234), new (measured at no commit)" in text
    assert text.endswith("make figures")


def test_a_new_run_of_a_measure_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    first, second = MEASURES[0].name, MEASURES[1].name
    path.write_text(json.dumps([_measured(second, "f"), _measured("measure that is gone", "f")]))
    publish(_measured(first, "f"), path)
    publish(_measured(second, "g"), path)
    assert read_published(path) == [_measured(first, "f"), _measured(second, "g")]


def _stale_text(measures: Sequence[Measure], published: Sequence[Measured]) -> str:
    """Which figures are stale, since which commit, and what to do."""
    commits = {each["name"]: each["commit"] for each in published}
    names = ", ".join(f"{measure.name} (measured at {commits.get(measure.name, 'no commit')})" for measure in measures)
    return (
        f"the code behind published figures has changed since they were measured: {names}."
        " Measure them again and update the documents: make figures"
    )


def _measure(name: str, path: str) -> Measure:
    return Measure(name, ("0",), lambda _: [], Sources((path,)))


def _measured(name: str, code: str) -> dict[str, Any]:
    return {"name": name, "commit": "abc1234", "fingerprint": code}
