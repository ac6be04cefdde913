"""A package that is not there is said in one line; a module of ours that is not there is a fault."""

from __future__ import annotations

import sys

import pytest

from lakehouse.command_line.outside import leave


def test_a_missing_package_is_one_line_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        leave(ModuleNotFoundError("no", name="duckdb"))
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"duckdb is not installed in {sys.executable}: in ")
    assert "run `make setup` once, then `. .venv/bin/activate`" in line


@pytest.mark.parametrize("name", ["lakehouse.gone", "probe", None])
def test_a_fault_of_ours_is_raised_again(name: str | None) -> None:
    with pytest.raises(ModuleNotFoundError, match="gone"):
        leave(ModuleNotFoundError("gone", name=name))
