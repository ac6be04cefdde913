"""Keeps pandas out of the programs: none of them uses it.

Where it is installed, pyarrow imports it at its first conversion from Python: half a second of a core
for every command, or seconds of a busy one inside the first batch. So modules convert nothing at import.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType


class _NoPandas:
    """Finds pandas first, and says that it is not there."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}: programs do without it", name=name)


def without_pandas() -> None:
    """From here on this process has no pandas, as in the images.

    For programs: who imports a library of ours keeps it.
    """
    sys.meta_path.insert(0, _NoPandas)
