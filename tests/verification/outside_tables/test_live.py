"""Real processes, real kills: what engines count in the outside tables is what some snapshot has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_cloud.processes.supervise import Processes, ProcessFailed
from tests._support.waiting import eventually
from tests.verification.outside_tables.live import Live, Outcome

_COUNTS = {0: 0, 1: 10, 2: 30}
_DEFAULT_S = 10


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_count_that_a_reader_saw_is_the_count_of_a_snapshot(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    seed, seconds = (request.config.getoption(option) for option in ("--seed", "--live-s"))
    outcome = Live(tmp_path / "live", str(seed), seconds or _DEFAULT_S).run()
    print("", *outcome.lines(), sep="\n")
    assert outcome.gaps() == []
    assert outcome.wrong() == []


def test_looks_at_snapshots_in_their_order_are_right() -> None:
    refused: dict[str, Any] = {"why": "no server"}
    looks = [_look(0, 0), refused, _look(10, 1), _look(10, 1), _look(30, 2), _look(30)]
    assert Outcome(_COUNTS, {"engine": looks}).wrong() == []


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([(20, None)], id="a mix of two snapshots"),
        pytest.param([(10, 2)], id="the count of another version"),
        pytest.param([(30, 3)], id="a version that no snapshot has"),
        pytest.param([(30, 2), (10, 1)], id="an older version after a newer one"),
    ],
)
def test_a_look_that_is_of_no_snapshot_or_goes_back_is_wrong(looks: list[tuple[int, int | None]]) -> None:
    assert len(Outcome(_COUNTS, {"engine": [_look(*look) for look in looks]}).wrong()) == 1


def test_a_snapshot_that_was_not_seen_is_a_gap() -> None:
    assert Outcome({0: 0, 2: 30}, {}).gaps() == [1]


_SAID = """terminate called after throwing an instance of 'duckdb::Exception'
  what():  {"exception_type":"%s","exception_message":"Could not connect to server error for HTTP GET to ..."}
"""


def test_a_reader_is_started_again_when_its_engine_aborts_since_storage_is_away(tmp_path: Path) -> None:
    live, started = _live(tmp_path, "duckdb-iceberg", "IO")
    live._check_readers()
    live._check_readers()
    assert started == ["duckdb-iceberg"]
    assert live._aborts == {"duckdb-iceberg": 1}


@pytest.mark.parametrize(
    ("engine", "said", "ends", "kills"),
    [
        pytest.param("polars", "IO", "os.abort()", 1, id="an engine that is not known for it"),
        pytest.param("duckdb-iceberg", "INTERNAL", "os.abort()", 1, id="another reason"),
        pytest.param("duckdb-iceberg", None, "os.abort()", 1, id="no reason"),
        pytest.param("duckdb-iceberg", "IO", "os._exit(1)", 1, id="no abort"),
        pytest.param("duckdb-iceberg", "IO", "os.abort()", 0, id="storage was not killed"),
    ],
)
def test_a_reader_that_ends_otherwise_ends_the_run(
    tmp_path: Path, engine: str, said: str | None, ends: str, kills: int
) -> None:
    live, started = _live(tmp_path, engine, said, ends, kills)
    with pytest.raises(ProcessFailed, match=f"{engine} exited"):
        live._check_readers()
    assert not started


def test_what_an_earlier_reader_said_is_no_reason(tmp_path: Path) -> None:
    (tmp_path / "duckdb-iceberg.log").write_text(_SAID % "IO")
    live, _ = _live(tmp_path, "duckdb-iceberg", None)
    with pytest.raises(ProcessFailed, match="duckdb-iceberg exited"):
        live._check_readers()


def _live(
    folder: Path, engine: str, said: str | None, ends: str = "os.abort()", kills: int = 1
) -> tuple[Live, list[str]]:
    """A run whose one reader has ended, and a list of the readers that it starts from now on."""
    text = "" if said is None else _SAID % said
    (folder / "reader.py").write_text(f"import os\nprint({text!r}, flush=True)\n{ends}\n")
    live = Live(folder, "0", 0)
    live._faults["kill gcs"] = kills
    live._readers = Processes(folder)
    live._logged[engine] = live._readers.log(engine).stat().st_size if live._readers.log(engine).exists() else 0
    live._readers.start(engine, ["reader"], {"PYTHONPATH": str(folder)})
    eventually(lambda: bool(live._readers.ended()), "the reader ends")
    started: list[str] = []

    def start_reader(engine: str) -> None:
        started.append(engine)

    live._start_reader = start_reader  # type: ignore[method-assign]
    return live, started


def _look(flights: int, version: int | None = None) -> dict[str, Any]:
    return {"flights": flights, "version": version}
