"""Programs of ours never load pandas, and services no NumPy: both are installed for these tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

PROGRAMS = {
    "ingest_writer": (("ingest_writer.subscriber.process", "ingest_writer.compaction.runner"), "pyarrow"),
    "lakehouse": (("lakehouse.client.connection",), "numpy pyarrow"),
    "query_service": (("query_service.server.run",), "pyarrow"),
}
"""With what they import to work, and which libraries they have then."""


def test_arrow_converts_without_pandas_and_duckdb_takes_and_gives_values() -> None:
    code = (
        "from lakehouse.no_pandas import without_pandas_and_numpy\n"
        "without_pandas_and_numpy()\n"
        "import sys, datetime, duckdb, pyarrow as pa\n"
        "table = pa.table({'a': pa.array(('x', None), pa.string())})\n"
        "assert table.to_pylist() == [{'a': 'x'}, {'a': None}]\n"
        "given = ['x', 1.5, None, datetime.date(2013, 1, 1), ['y']]\n"
        "with duckdb.connect() as db:\n"
        "    assert list(db.execute('SELECT ?, ?, ?, ?, ?', given).fetchone()) == given\n"
        "    assert db.from_arrow(table).count('*').fetchone() == (2,)\n"
        "    assert db.sql('SELECT 1 AS b').to_arrow_table().to_pylist() == [{'b': 1}]\n"
        "assert not {'pandas', 'numpy'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_starts_without_it(program: str) -> None:
    modules, libraries = PROGRAMS[program]
    code = (
        "import contextlib, importlib, runpy, sys\n"
        f"sys.argv = [{program!r}, '--help']\n"
        "with contextlib.suppress(SystemExit):\n"
        f"    runpy.run_module({program!r}, run_name='__main__')\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print('it has', *sorted({'pandas', 'numpy', 'pyarrow'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.endswith(f"it has {libraries}\n"), done.stdout[-1000:] + done.stderr[-1000:]


def test_who_imports_a_program_keeps_pandas() -> None:
    importlib.import_module("ingest_writer.__main__")
    assert importlib.util.find_spec("pandas") is not None
    assert importlib.util.find_spec("numpy") is not None
