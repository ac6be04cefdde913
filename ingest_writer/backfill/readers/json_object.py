"""One JSON object as strictly as the subscriber reads it: no duplicate keys, no NaN, limited nesting."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

from ingest_writer.decoding.event import RejectError
from ingest_writer.decoding.line import is_nested_too_deep


class _NestedObject:
    """Stands for an object within the event: no field is one."""

    def __repr__(self) -> str:
        return "{...}"


_NESTED: Final = _NestedObject()


def parse_object(line: bytes) -> dict[str, Any]:
    """The fields of the object. Raises RejectError."""
    if is_nested_too_deep(line):
        raise RejectError("decode", "nested too deep")
    last = _LastObject()
    try:
        value = json.loads(line.decode(), object_pairs_hook=last, parse_constant=_no_constant, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise RejectError("decode", f"not UTF-8: byte {error.start} is 0x{line[error.start]:02x}") from None
    except RecursionError:
        raise RejectError("decode", "nested too deep") from None
    except ValueError as error:
        raise RejectError("decode", f"not JSON: {str(error)[:200]}") from None
    if value is not _NESTED:
        raise RejectError("decode", f"a JSON {type(value).__name__}, not an object")
    return _without_duplicates(last.pairs)


class _LastObject:
    """Keeps the object that was finished last, which is the outermost, and forgets those within."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, Any]] = []

    def __call__(self, pairs: list[tuple[str, Any]]) -> _NestedObject:
        self.pairs = pairs
        return _NESTED


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = sorted(name[:80] for name, times in names.items() if times > 1)
        raise RejectError("decode", f"duplicate keys: {', '.join(twice[:5])}")
    return values


def _integer(text: str) -> int | float:
    """Python refuses integers of many digits; no field has more than a few."""
    return int(text) if len(text) <= 20 else float("inf")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")
