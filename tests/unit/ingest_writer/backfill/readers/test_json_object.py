"""One JSON object: the same strictness as the subscriber's."""

from __future__ import annotations

import pytest

from ingest_writer.backfill.readers.json_object import parse_object
from ingest_writer.decoding.event import RejectError


def test_texts_and_numbers_are_kept_and_objects_within_are_not() -> None:
    found = parse_object(b'{"a": "x", "b": 5, "c": 5.0, "d": null, "e": {"a": 1}, "f": 123456789012345678901234}')
    assert {name: found[name] for name in "abcdf"} == {"a": "x", "b": 5, "c": 5.0, "d": None, "f": float("inf")}
    assert repr(found["e"]) == "{...}"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1} {"a": 2}', "Extra data"),
        (b"[1]", "a JSON list, not an object"),
        (b"5", "a JSON int, not an object"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b'{"a": 1, "a": 2}', "duplicate keys: a"),
        (b"[" * 200 + b"]" * 200, "nested too deep"),
        (b'{"a": "\xe9"}', "not UTF-8: byte 7 is 0xe9"),
    ],
)
def test_anything_else_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(RejectError, match=reason.replace("(", r"\(")):
        parse_object(data)
