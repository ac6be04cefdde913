"""The header of a file of events: what is missing, what is ignored, what was probably meant."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from ingest_writer.backfill.readers.model import ReadError
from lakehouse.schema.event import FIELDS

HOUR: Final = "scheduled_departure_hour"
"""The local hour: the writer computes it, and the lake's own files have it."""
REQUIRED: Final = tuple(field.name for field in FIELDS if field.required)
FROM_FILE: Final = tuple(field.name for field in FIELDS if field.from_publisher or field.name == HOUR)
"""Fields that a file's row can have."""
OWN: Final = frozenset(field.name for field in FIELDS) - frozenset(FROM_FILE)
"""Columns of our own files that a load gives anew."""
_KNOWN: Final = frozenset(FROM_FILE) | OWN
_SHOWN: Final = 10
_COMPARED: Final = 200
"""Unknown names that are looked at one by one for what was meant: a header may have a million, and that takes time."""
_LONGEST_NAME: Final = 100


def check_header(file: str, names: Sequence[str], line: int | None = None, todo: str = "") -> tuple[str, ...]:
    """The columns that no event has. Raises ReadError when the others do not make one.

    Columns without a name are ignored: programs write their row numbers into one.
    """
    _check_twice(file, names, line)
    unknown = [name for name in names if name not in _KNOWN]
    missing = [name for name in REQUIRED if name not in names]
    free = _free(names)
    meant = {name: free[folded] for name in unknown if (folded := _folded(name)) in free}
    if missing:
        close = {name: guess for name in unknown[:_COMPARED] if (guess := _close(name, free))}
        raise ReadError(file, _what_is_wrong(missing, unknown, close | meant), line=line, todo=todo)
    if meant:
        raise ReadError(file, _what_is_wrong(missing, unknown, meant), line=line, todo=todo)
    return tuple(dict.fromkeys(unknown))


def _check_twice(file: str, names: Sequence[str], line: int | None) -> None:
    times = Counter(_folded(name) for name in names if name.strip())
    if twice := [name for name in names if times[_folded(name)] > 1]:
        shown = ", ".join(map(repr, twice[:_SHOWN]))
        raise ReadError(
            file, f"the header names a column more than once: {shown}", line=line, todo="rename or drop all but one"
        )


def _what_is_wrong(missing: Sequence[str], unknown: Sequence[str], meant: dict[str, str]) -> str:
    parts = []
    if missing:
        parts.append(f"required columns are missing: {', '.join(missing)}")
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        parts.append(f"unknown columns: {', '.join(map(repr, unknown[:_SHOWN]))}{more}")
    if meant:
        guesses = (f"{guess} for {name!r}" for name, guess in list(meant.items())[:_SHOWN])
        parts.append(f"did you mean {', '.join(guesses)}? Names are taken exactly as they are written")
    return "; ".join(parts)


def suggestion(name: str) -> str | None:
    """The field that an unknown name is close to."""
    return _close(name, _free(()))


def _free(given: Collection[str]) -> dict[str, str]:
    """The fields that are not there, by their folded names."""
    return {_folded(field): field for field in FROM_FILE if field not in given}


def _close(name: str, free: Mapping[str, str]) -> str | None:
    """The field of which the name may be another spelling."""
    close = difflib.get_close_matches(_folded(name[:_LONGEST_NAME]), free, n=1, cutoff=0.8)
    return free[close[0]] if close else None


def _folded(name: str) -> str:
    """Without case, spaces and what joins words: `Flight-Date` and `flightDate` are one."""
    return re.sub(r"[\W_]+", "", name).casefold()
