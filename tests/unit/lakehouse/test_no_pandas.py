"""Programs of ours never load pandas, which is installed beside these tests."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest

PROGRAMS = {
    "ingest_writer": ("ingest_writer.subscriber.process", "ingest_writer.compaction.runner"),
    "lakehouse": ("lakehouse.client",),
    "query_service": ("query_service.server.run",),
}
"""With what they import to work."""


def test_arrow_converts_without_pandas_and_duckdb_takes_and_gives_values() -> None:
    code = (
        "from lakehouse.no_pandas import without_pandas\n"
        "without_pandas()\n"
        "import sys, datetime, duckdb, pyarrow as pa\n"
        "table = pa.table({'a': pa.array(('x', None), pa.string())})\n"
        "assert table.to_pylist() == [{'a': 'x'}, {'a': None}]\n"
        "given = ['x', 1.5, None, datetime.date(2013, 1, 1), ['y']]\n"
        "with duckdb.connect() as db:\n"
        "    assert list(db.execute('SELECT ?, ?, ?, ?, ?', given).fetchone()) == given\n"
        "    assert db.from_arrow(table).count('*').fetchone() == (2,)\n"
        "    assert db.sql('SELECT 1 AS b').to_arrow_table().to_pylist() == [{'b': 1}]\n"
        "assert 'pandas' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("program", "modules"), PROGRAMS.items())
def test_a_program_starts_without_it(program: str, modules: tuple[str, ...]) -> None:
    code = (
        "import contextlib, importlib, runpy, sys\n"
        f"sys.argv = [{program!r}, '--help']\n"
        "with contextlib.suppress(SystemExit):\n"
        f"    runpy.run_module({program!r}, run_name='__main__')\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print('all is imported')\n"
    )
    command = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.endswith("all is imported\n")
    assert not re.search(r"\| +pandas\b", done.stderr)


def test_who_imports_a_program_keeps_pandas() -> None:
    importlib.import_module("ingest_writer.__main__")
    assert importlib.util.find_spec("pandas") is not None
