"""From the bytes of one line to the names and plain values of one JSON object, strictly; knows nothing of events.

What is inside a value is parsed and thrown away: a message of 10 MB must not become gigabytes of Python objects.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

MAX_NESTING: Final = 100
"""Brackets within brackets; no event needs more than one. A limit of our own: Python's depends on the caller."""

_OBJECT: Final = object()  # stands for an object, whatever was in it
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # an open one goes to the end: linear
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_OPENING: Final = ord("[")
_BEGIN_BYTES: Final = 10_000
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


class NotAnObjectError(Exception):
    """These bytes are not one JSON object; the text says why."""


def parse_object(line: bytes) -> list[tuple[str, Any]]:
    """Every name that was written, duplicates too, with its value; a number or an object is not itself, a text is.

    Raises NotAnObjectError.
    """
    if is_nested_too_deep(line):
        raise NotAnObjectError("nested too deep")
    last = _LastObject()
    try:
        value = json.loads(
            line.decode(),
            object_pairs_hook=last,
            parse_constant=_no_constant,
            parse_int=_some_number,  # Python refuses integers of many digits
            parse_float=_some_number,
        )
    except UnicodeDecodeError as error:
        raise NotAnObjectError(f"not UTF-8: byte {error.start} is 0x{line[error.start]:02x}") from None
    except RecursionError:
        raise NotAnObjectError("nested too deep") from None
    except ValueError as error:
        raise NotAnObjectError(f"not JSON: {str(error)[:200]}") from None
    if value is not _OBJECT:
        raise NotAnObjectError(f"a JSON {type(value).__name__}, not an object")
    return last.pairs


def is_nested_too_deep(data: bytes) -> bool:
    """Whether brackets that match, outside of strings, are within more than MAX_NESTING others."""
    if data.count(b"[") + data.count(b"{") <= MAX_NESTING:
        return False
    if _begins_too_deep(data[:_BEGIN_BYTES]):
        return True
    brackets = _STRINGS.sub(b"", data).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(MAX_NESTING):
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
        if depth > MAX_NESTING:
            return True
    return False


class _LastObject:
    """Keeps the object that was finished last, which is the outermost, and forgets those within."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, Any]] = []

    def __call__(self, pairs: list[tuple[str, Any]]) -> object:
        self.pairs = pairs
        return _OBJECT


def _some_number(text: str) -> float:
    return 0 if text.lstrip("-").isdigit() else 0.0


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")
