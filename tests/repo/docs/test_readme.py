"""README.md is short, and what it tells people to type works: here, or in the test that the table names."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from pathlib import Path

import duckdb
import pytest

from lakehouse.__main__ import main as lakehouse
from lakehouse.store.local import LocalStore
from tests._support.api.in_process import serving
from tests._support.lakes.builder import LakeBuilder, event
from tests._support.sizes import SIZES
from tools.pages import ROOT, Block, blocks

README = ROOT / "README.md"
BLOCKS = [block for block in blocks(README) if block.language]
ELSEWHERE = {
    "make demo": "tests/system/integration/test_demo.py",
    "make test": "tests/repo/docs/test_readme.py",  # this very run
    "python -m local_cloud on-time-file july.zip --month 7": "tests/system/integration/test_on_time_file.py",
    "LAKE_URL=file://$PWD/lake python -m ingest_writer load july.zip": "tests/system/integration/test_on_time_file.py",
}


@pytest.fixture
def lake(tmp_path: Path) -> LocalStore:
    """A merged flight of January and one of July, and one more in the tail."""
    folder = tmp_path / "lake"
    folder.mkdir()
    builder = LakeBuilder(LocalStore(folder))
    builder.land(event(), event(flight_date=dt.date(2013, 7, 4), flight_number=2))
    builder.merge()
    builder.land(event(flight_date=dt.date(2013, 7, 5), flight_number=3, origin="LGA"))
    return LocalStore(folder)


def lines_of(language: str) -> list[str]:
    """Commands of all blocks of a language, without comments; those with a continuation joined."""
    text = "\n".join(block.text for block in BLOCKS if block.language == language).replace("\\\n", " ")
    return [line.partition(" # ")[0].strip() for line in text.splitlines() if line.strip()]


CURLS = [line for line in lines_of("sh") if line.startswith("curl ")]
QUERIES = [line for line in lines_of("sh") if " -m lakehouse " in line]


def test_it_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120


def test_it_says_how_many_random_questions_are_asked() -> None:
    asked = SIZES["--asked"]
    assert f"(`make test` {asked.gate:,}, `make verify` {asked.long:,})" in README.read_text(encoding="utf-8")


def test_every_command_is_run_here_or_by_the_test_that_is_named() -> None:
    here = {*CURLS, *QUERIES}
    elsewhere = [line for line in lines_of("sh") if line not in here]
    assert [line for line in elsewhere if line not in ELSEWHERE] == []
    assert set(ELSEWHERE) == set(elsewhere), "the table names what is no longer there"
    assert all((ROOT / place).exists() for place in ELSEWHERE.values())
    assert {block.language for block in BLOCKS} == {"sh", "python"}


@pytest.mark.parametrize("command", CURLS)
def test_every_curl_is_answered(command: str, lake: LocalStore) -> None:
    url = next(word for word in shlex.split(command) if word.startswith("http"))
    with serving(lake) as api:
        answer = api.get(re.sub(r"^http://[^/]+", "", url))
    assert answer.status_code == 200, answer.text
    assert answer.content


@pytest.mark.parametrize("command", QUERIES)
def test_every_query_prints_rows(
    command: str, lake: LocalStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)
    monkeypatch.setenv("LAKE_URL", lake.url)
    assert lakehouse(words[words.index("lakehouse") + 1 :]) == 0
    assert re.search(r"\bUA\b.*\b3\b", capsys.readouterr().out)


def test_the_python_sees_the_tail_and_an_old_snapshot_does_not(lake: LocalStore) -> None:
    (block,) = (block for block in BLOCKS if block.language == "python")
    names: dict[str, duckdb.DuckDBPyRelation] = {}
    exec(_at(lake, block).replace("snapshot=42", "snapshot=1"), names)
    assert len(names["flights"].fetchall()) == 3
    assert len(names["before"].fetchall()) == 2


def _at(lake: LocalStore, block: Block) -> str:
    return block.text.replace("gs://BUCKET", lake.url)
