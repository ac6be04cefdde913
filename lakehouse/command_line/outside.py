"""One line for who runs a command with a Python that has none of the packages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, NoReturn

_OURS: Final = ("lakehouse", "ingest_writer", "query_service", "local_cloud", "probe")
_KEPT_OUT: Final = ("numpy", "pandas")  # on purpose: see `no_pandas`


def leave(error: ModuleNotFoundError) -> NoReturn:
    """Ends the process with what to do. One of our own that is not there is a fault, and raised again."""
    name = error.name or ""
    if not name or name.partition(".")[0] in (*_OURS, *_KEPT_OUT):
        raise error
    root = Path(__file__).resolve().parents[2]
    print(
        f"{name} is not installed in {sys.executable}: in {root} run `make setup` once, then `. .venv/bin/activate`,"
        " and this again",
        file=sys.stderr,
    )
    sys.exit(2)
