"""Removing a safeguard from a copy of the source makes the test fail that the table names."""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.verification.mutation.safeguards import ROOT, SAFEGUARDS, Safeguard

pytestmark = pytest.mark.long

COPIED = ("lakehouse", "ingest_writer", "query_service", "local_cloud", "tests", "tools", "docs", "pyproject.toml")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source, without version control."""
    copy = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    # By hash, not by time: a file is changed and restored within a second.
    compileall.compile_dir(copy, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    return copy


@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=lambda safeguard: safeguard.name)
def test_removing_a_safeguard_is_noticed(safeguard: Safeguard, tree: Path) -> None:
    file = tree / safeguard.file
    source = file.read_text()
    assert source.count(safeguard.code) == 1, "the table no longer fits the source"
    file.write_text(source.replace(safeguard.code, safeguard.without))
    try:
        done = _pytest(tree, safeguard.test)
    finally:
        file.write_text(source)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr


def test_the_tests_of_the_table_pass_with_all_safeguards_in_place(tree: Path) -> None:
    done = _pytest(tree, *sorted({safeguard.test for safeguard in SAFEGUARDS}))
    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr


def _pytest(tree: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-p",
        "pytest_timeout",
        *tests,
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # some take two seconds to import
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
