"""What a measurement says about where it was made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.machine import commit


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
