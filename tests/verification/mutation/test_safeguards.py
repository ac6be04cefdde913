"""Removing a safeguard from a copy of the source makes the test fail that the table names."""

from __future__ import annotations

import compileall
import json
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.verification.mutation import fork_server
from tests.verification.mutation.safeguards import ROOT, SAFEGUARDS, Safeguard

pytestmark = pytest.mark.long

ForkServer = Callable[..., tuple[int, str]]
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
def test_removing_a_safeguard_is_noticed(safeguard: Safeguard, tree: Path, server: ForkServer) -> None:
    file = tree / safeguard.file
    source = file.read_text()
    assert source.count(safeguard.code) == 1, "the table no longer fits the source"
    file.write_text(source.replace(safeguard.code, safeguard.without))
    try:
        code, output = server(safeguard.test)
    finally:
        file.write_text(source)
    assert code == pytest.ExitCode.TESTS_FAILED, output


@pytest.mark.timeout(900)
def test_the_tests_of_the_table_pass_with_all_safeguards_in_place(server: ForkServer) -> None:
    code, output = server(*sorted({safeguard.test for safeguard in SAFEGUARDS}))
    assert code == pytest.ExitCode.OK, output


@pytest.fixture(scope="module")
def server(tree: Path) -> Iterator[ForkServer]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # some take two seconds to import
    with subprocess.Popen(
        [sys.executable, "-B", fork_server.__file__],
        cwd=tree,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield lambda *tests: _answered(process, tests)
        process.stdin.close()  # type: ignore[union-attr]


def _answered(process: subprocess.Popen[str], tests: Sequence[str]) -> tuple[int, str]:
    """The exit code of pytest with these tests, and what it printed."""
    assert process.stdin is not None
    assert process.stdout is not None
    arguments = ["-q", "-x", "-p", "no:cacheprovider", "-p", "pytest_timeout", *tests]
    print(json.dumps(arguments), file=process.stdin, flush=True)
    code, output = json.loads(process.stdout.readline())
    return code, output
