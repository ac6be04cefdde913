"""`make test`: passes only when the checks, the types and the tests do, whichever of them ends last."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.pages import ROOT


def made_test(folder: Path, **scripts: str) -> subprocess.CompletedProcess[str]:
    """`make test` in a folder whose virtual environment has these shell scripts for tools; others do nothing."""
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for name in (
        "pyproject.toml",
        "requirements.lock",
        "requirements.uv.lock",
        ".venv/ready",
    ):  # in order: it is set up
        (folder / name).touch()
    for name in ("ruff", "lint-imports", "mypy", "python"):
        (tools / name).write_text(f"#!/bin/sh\n{scripts.get(name.replace('-', '_'), '')}\n")
        (tools / name).chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "test"],
        cwd=folder,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_passes_when_everything_does_and_says_what_mypy_said(tmp_path: Path) -> None:
    done = made_test(tmp_path, mypy="echo no issues; echo warned >&2", python='echo "tests: $*"')
    assert done.returncode == 0, done.stderr
    tests, *types = done.stdout.splitlines()[-4:]
    assert tests.startswith("tests: -m pytest ")
    assert types == ["mypy, beside the tests:", "no issues", "warned"]


@pytest.mark.parametrize(
    "scripts",
    [
        {"ruff": "exit 1"},
        {"lint_imports": "exit 1"},
        {"mypy": "exit 1"},
        {"mypy": "sleep 0.2; exit 1"},  # ends after the tests
        {"python": "exit 1"},
        {"python": "sleep 0.2; exit 1"},
    ],
    ids=str,
)
def test_it_fails_when_one_of_its_parts_does(scripts: dict[str, str], tmp_path: Path) -> None:
    assert made_test(tmp_path, **scripts).returncode == 2


def test_its_processes_find_bytecode_whatever_the_shell_says(tmp_path: Path) -> None:
    done = made_test(tmp_path, python='echo "writes nothing: $PYTHONDONTWRITEBYTECODE"')
    assert "writes nothing: \n" in done.stdout
