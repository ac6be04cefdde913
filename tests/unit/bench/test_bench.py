"""`python -m bench --quick`: checks the harness, not the numbers. All measures: `--measures all`, some minutes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as command
from bench.catalogue import MEASURES, Measure
from bench.rig import NotMeasuredError, Rig


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLIGHTS_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "set by the measures, and put back by the test")


@pytest.mark.timeout(600)  # all of them take minutes
def test_each_measure_gives_its_rows_with_numbers(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    wanted = request.config.getoption("--measures").split(",")
    names = [measure.name for measure in MEASURES] if wanted == ["all"] else wanted
    path = tmp_path / "bench.json"
    assert command.main(["--quick", "--json", str(path), "--only", *names]) == 0
    document = json.loads(path.read_text())
    rows = {row for measure in MEASURES if measure.name in names for row in measure.rows}
    assert {figure["measure"] for figure in document["figures"]} == rows
    for figure in document["figures"]:
        _check_figure(figure)
    assert document["machine"]["versions"]["duckdb"]


def _check_figure(figure: dict[str, Any]) -> None:
    for side in ("ours", "theirs", "ratio"):
        if (spread := figure[side]) is not None:
            assert spread["values"] >= 1, figure
            assert spread["least"] <= spread["median"] <= spread["most"], figure
            assert math.isfinite(spread["most"]), figure
    assert figure["reached"] in (None, True, False)


def test_a_measure_whose_peer_is_missing_is_said_aloud_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: Rig) -> list[Any]:
        raise NotMeasuredError("somedb is not installed")

    monkeypatch.setattr(command, "MEASURES", (Measure("fake", ("0",), run),))
    path = tmp_path / "bench.json"
    assert command.main(["--quick", "--json", str(path)]) == 1
    assert "!!! NOT MEASURED: fake: somedb is not installed" in capsys.readouterr().out
    assert json.loads(path.read_text())["not_measured"] == {"fake": "somedb is not installed"}


def test_every_row_of_the_promised_table_has_a_measure() -> None:
    rows = {row for measure in MEASURES for row in measure.rows}
    assert rows == {str(number) for number in range(1, 17)} | {"overload"}
