"""Runs pytest in forks of a process that has imported the libraries: they take longer than most tests.

A program, started in the folder of the source to test. Each line that it reads is a JSON list of pytest's
arguments; each that it writes is a JSON list of an exit code and what pytest printed. It imports nothing of
ours: every fork reads the source as it is then.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile

# Not grpc's clients: its threads do not outlive a fork.
_LIBRARIES = (
    *("duckdb", "pyarrow.compute", "pyarrow.parquet", "pydantic_settings", "prometheus_client", "zstandard"),
    *("fastapi", "httpx", "uvicorn", "google.cloud.storage", "hypothesis", "pytest"),
)


def main() -> None:
    sys.path[0] = ""  # the folder, like `python -m`, in place of this program's
    for library in _LIBRARIES:
        importlib.import_module(library)
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as output:
            code = _forked(json.loads(line), output.fileno())
            output.seek(0)
            print(json.dumps([code, output.read()]), flush=True)


def _forked(arguments: list[str], output: int) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 70  # what pytest never says
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(0)
        os.open(os.devnull, os.O_RDONLY)
        import pytest

        code = int(pytest.main(arguments))
        sys.stdout.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
