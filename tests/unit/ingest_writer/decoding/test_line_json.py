"""One line as one JSON object: every name that was written, plain values, and nothing of what is within them."""

from __future__ import annotations

from typing import Any

import pytest

from ingest_writer.decoding.event import RejectError
from ingest_writer.decoding.line import _MAX_NESTING, _parse_object, is_nested_too_deep


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        (b"{}", []),
        (b' {"b": "x", "a": null}\t', [("b", "x"), ("a", None)]),
        (b'{"a": true, "a": false}', [("a", True), ("a", False)]),
        (b'{"\\u0061": "\\u00e9"}', [("a", "é")]),
        ('{"ü": "飛"}'.encode(), [("ü", "飛")]),
    ],
)
def test_names_and_texts_are_as_they_were_written_duplicates_too(line: bytes, pairs: list[tuple[str, Any]]) -> None:
    assert _parse_object(line) == pairs


@pytest.mark.parametrize(
    ("number", "kind"),
    [(b"1", int), (b"-7", int), (b"1" + b"0" * 100_000, int), (b"1.0", float), (b"-1e999", float)],
)
def test_a_number_keeps_its_kind_and_not_its_value(number: bytes, kind: type) -> None:
    [(name, value)] = _parse_object(b'{"n": ' + number + b"}")
    assert (name, type(value), value) == ("n", kind, 0)


def test_of_objects_within_the_object_nothing_is_kept() -> None:
    [(first, inner), (second, within)] = _parse_object(b'{"a": {"carrier": "AA"}, "b": [{"c": 1}]}')
    assert (first, second) == ("a", "b")
    assert not isinstance(inner, dict)
    assert within == [inner]  # one stand-in for all objects


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "not JSON: Expecting value"),
        (b"{", "not JSON: "),
        (b"{} {}", "not JSON: Extra data"),
        (b'{"a": NaN}', "not JSON: NaN is not a JSON value"),
        (b'{"a": -Infinity}', "not JSON: -Infinity is not a JSON value"),
        (b'{"a": "\x01"}', "not JSON: Invalid control character"),
        (b'{"a": "\xff"}', "not UTF-8: byte 7 is 0xff"),
        (b"[{}]", "a JSON list, not an object"),
        (b'"{}"', "a JSON str, not an object"),
        (b"null", "a JSON NoneType, not an object"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "nested too deep"),
    ],
)
def test_what_is_not_one_object_is_an_error_that_says_why(line: bytes, why: str) -> None:
    with pytest.raises(RejectError) as error:
        _parse_object(line)
    assert error.value.stage == "decode"
    assert error.value.reason.startswith(why)


def test_a_reason_is_short_however_long_the_line_is() -> None:
    with pytest.raises(RejectError) as error:
        _parse_object(b"[" + b"1," * 1_000 + b"x")
    assert len(str(error.value)) <= 250


def nested(depth: int, before: bytes = b"") -> bytes:
    return before + b"[" * depth + b"]" * depth


@pytest.mark.parametrize("before", [b"", b" " * 20_000], ids=["at the beginning", "behind the first bytes"])
def test_as_many_brackets_as_allowed_are_not_too_deep_and_one_more_is(before: bytes) -> None:
    assert not is_nested_too_deep(nested(_MAX_NESTING, before))
    assert is_nested_too_deep(nested(_MAX_NESTING + 1, before))


def test_brackets_side_by_side_or_in_texts_are_not_depth() -> None:
    assert not is_nested_too_deep(b"[" + b"{}," * 1_000 + b"{}]")
    assert not is_nested_too_deep(b'"' + b"[" * 1_000 + b'\\"' + b"]" * 1_000 + b'"')


def test_brackets_that_do_not_match_are_no_depth_behind_the_first_bytes() -> None:
    assert not is_nested_too_deep(b" " * 20_000 + b"]" * 200 + b"[" * 200)  # it is no JSON, which the parser says
