"""The table of safeguards matches the source and the tests. `make verify` removes each one."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.verification.mutation.safeguards import ROOT, SAFEGUARDS, Safeguard

each = pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=lambda safeguard: safeguard.name)


@each
def test_the_text_of_a_safeguard_is_in_its_file_exactly_once(safeguard: Safeguard) -> None:
    source = (ROOT / safeguard.file).read_text()
    assert source.count(safeguard.code) == 1, "the table no longer fits the source"


@each
def test_the_test_of_a_safeguard_exists(safeguard: Safeguard) -> None:
    path, _, name = safeguard.test.partition("::")
    name, _, parameter = name.partition("[")
    assert name in _tests_of(ROOT / path)
    assert parameter.removesuffix("]") in (ROOT / path).read_text()


def test_no_safeguard_is_in_the_table_twice() -> None:
    names = [safeguard.name for safeguard in SAFEGUARDS]
    assert len(set(names)) == len(names)


@cache
def _tests_of(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}
