"""The machine: who gets which cores, and what a measurement says about where it was made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.machine import Cores, commit, described, own_peak_mb, resident_mb


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "code.py").write_text("A = 1\n")
    (tmp_path / "figures.json").write_text("[]\n")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "all")
    return tmp_path


def _git(folder: Path, *arguments: str) -> str:
    command = ("git", "-C", str(folder), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_the_one_that_is_checked_out(checkout: Path) -> None:
    assert commit(checkout) == _git(checkout, "rev-parse", "--short", "HEAD")


def test_the_commit_is_dirty_when_a_file_differs_from_it(checkout: Path) -> None:
    (checkout / "code.py").write_text("A = 2\n")
    assert commit(checkout, without=["figures.json"]).endswith("-dirty")


def test_the_commit_is_clean_when_only_what_the_bench_writes_differs(checkout: Path) -> None:
    (checkout / "figures.json").write_text("[1]\n")
    assert commit(checkout).endswith("-dirty")
    assert not commit(checkout, without=["figures.json"]).endswith("-dirty")


def test_the_commit_is_unknown_outside_a_checkout(tmp_path: Path) -> None:
    assert commit(tmp_path) == "unknown"


@pytest.mark.parametrize(
    ("cores", "asking", "serving"),
    [({0}, {0}, {0}), ({2, 3}, {2}, {3}), ({0, 1, 4, 5}, {0}, {1, 4, 5})],
)
def test_the_first_core_asks_and_the_others_serve(cores: set[int], asking: set[int], serving: set[int]) -> None:
    found = Cores(frozenset(cores))
    assert (set(found.asking), set(found.serving)) == (asking, serving)


@pytest.mark.parametrize(("cores", "order"), [({0}, [0, 0, 0]), ({0, 1}, [1, 0, 1]), ({0, 1, 2}, [1, 2, 0])])
def test_processes_side_by_side_get_a_core_each_those_that_serve_first(cores: set[int], order: list[int]) -> None:
    found = Cores(frozenset(cores))
    assert [set(found.of(number)) for number in range(3)] == [{core} for core in order]


def test_what_was_measured_on_is_told_with_versions() -> None:
    told = described(Cores(frozenset({0, 1})))
    assert (told["cores"], told["asking"], told["serving"]) == (2, [0], [1])
    assert told["versions"]["duckdb"][0].isdigit()
    assert all(told["versions"].values())  # a version, or that it is not installed


def test_memory_of_a_process_is_in_megabytes() -> None:
    before = resident_mb(os.getpid())
    held = bytearray(64_000_000)
    held[::4096] = b"x" * len(held[::4096])  # touched: given only then
    assert 50 < resident_mb(os.getpid()) - before < 100


def test_the_peak_of_a_process_is_not_that_of_the_one_that_started_it() -> None:
    held = bytearray(300_000_000)  # resident: bytearray writes its zeros
    held[::4096] = b"x" * len(held[::4096])
    command = [sys.executable, "-c", "from bench.machine import own_peak_mb; print(own_peak_mb())"]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    assert own_peak_mb() > 300
    assert 1 < float(child.stdout) < 200
