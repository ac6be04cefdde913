"""Keeps pandas out of the programs: none of them uses it.

Where it is installed, pyarrow imports it at its first conversion from Python: half a second of a core
for every command, or seconds of a busy one inside the first batch. So modules convert nothing at import.
NumPy it imports at once: a tenth of a second. The services do without; DuckDB's functions in Python need it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType


class _Without:
    """Finds modules first, and says that they are not there."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        del path, target
        if name in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}: programs do without it", name=name)


def without_pandas() -> None:
    """From here on this process has no pandas, as in the images.

    For programs only: a program that imports `lakehouse` as a library keeps its pandas.
    """
    sys.meta_path.insert(0, _Without("pandas"))


def without_pandas_and_numpy() -> None:
    """The same without NumPy too, for the services: to be called before pyarrow is imported."""
    sys.meta_path.insert(0, _Without("pandas", "numpy"))
