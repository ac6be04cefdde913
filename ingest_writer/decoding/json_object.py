"""One JSON object, strictly: no duplicate keys, no `NaN`, limited nesting.

Objects within it are parsed and thrown away: a message of 10 MB must not become gigabytes of Python
objects.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

from ingest_writer.decoding.event import RejectError

_MAX_NESTING: Final = 100
"""Brackets within brackets; no event needs more than one. Python's own limit depends on the caller."""
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # an open one goes to the end: linear
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_OPENING: Final = ord("[")
_BEGIN_BYTES: Final = 10_000
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_INTEGER_DIGITS: Final = 20  # no field has more than a few


class _NestedObject:
    """Stands for any object within the event: no field is one."""

    def __repr__(self) -> str:
        return "{...}"


_NestedObject.__name__ = "object"  # in reasons of msgspec
_NESTED: Final = _NestedObject()


def parse_object(line: bytes, *, keep_numbers: bool) -> dict[str, Any]:
    """The fields of the object. Raises RejectError.

    `keep_numbers`: else a number is a 0 of its kind, which takes no time and no memory.
    """
    if is_nested_too_deep(line):
        raise RejectError("decode", "nested too deep")
    last = _LastObject()
    try:
        value = json.loads(
            line.decode(),
            object_pairs_hook=last,
            parse_constant=_no_constant,
            parse_int=_integer if keep_numbers else _zero,
            parse_float=float if keep_numbers else _zero,
        )
    except UnicodeDecodeError as error:
        raise RejectError("decode", f"not UTF-8: byte {error.start} is 0x{line[error.start]:02x}") from None
    except RecursionError:
        raise RejectError("decode", "nested too deep") from None
    except ValueError as error:
        raise RejectError("decode", f"not JSON: {str(error)[:200]}") from None
    if value is not _NESTED:
        raise RejectError("decode", f"a JSON {type(value).__name__}, not an object")
    return _without_duplicates(last.pairs)


def is_nested_too_deep(data: bytes) -> bool:
    """Whether brackets that match, outside of strings, are within more than _MAX_NESTING others."""
    if data.count(b"[") + data.count(b"{") <= _MAX_NESTING:
        return False
    if _begins_too_deep(data[:_BEGIN_BYTES]):
        return True
    brackets = _STRINGS.sub(b"", data).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(_MAX_NESTING):
        inner = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if len(brackets) == inner:
            return False  # the rest, if any, does not match: no JSON
    return b"[]" in brackets


def _begins_too_deep(begin: bytes) -> bool:
    """Finds 10 MB of opening brackets at once."""
    depth = 0
    for bracket in _STRINGS.sub(b"", begin).translate(_ONE_KIND, _NO_BRACKETS):
        depth += 1 if bracket == _OPENING else -1
        if depth > _MAX_NESTING:
            return True
    return False


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
    """Python refuses integers of many digits."""
    return int(text) if len(text) <= _INTEGER_DIGITS else float("inf")


def _zero(text: str) -> float:
    return 0 if text.lstrip("-").isdigit() else 0.0


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")
