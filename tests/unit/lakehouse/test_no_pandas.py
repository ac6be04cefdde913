"""Programs of ours never load pandas, which is installed beside these tests."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest

PROGRAMS = ("ingest_writer", "lakehouse", "query_service")


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


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_starts_without_it(program: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", program, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not re.search(r"\| +pandas\b", done.stderr)


def test_who_imports_a_program_keeps_pandas() -> None:
    importlib.import_module("ingest_writer.__main__")
    assert importlib.util.find_spec("pandas") is not None
