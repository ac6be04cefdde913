"""One line as one JSON object: each name once, plain values, and nothing of what is within them."""

from __future__ import annotations

from typing import Any

import pytest

from ingest_writer.decoding.event import RejectError
from ingest_writer.decoding.json_object import _MAX_NESTING, is_nested_too_deep, parse_object


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (b"{}", {}),
        (b' {"b": "x", "a": null}\t', {"b": "x", "a": None}),
        (b'{"a": true, "A": false}', {"a": True, "A": False}),
        (b'{"\\u0061": "\\u00e9"}', {"a": "é"}),
        ('{"ü": "飛"}'.encode(), {"ü": "飛"}),
    ],
)
@pytest.mark.parametrize("keep_numbers", [True, False])
def test_names_and_texts_are_as_they_were_written(line: bytes, values: dict[str, Any], keep_numbers: bool) -> None:
    assert parse_object(line, keep_numbers=keep_numbers) == values


@pytest.mark.parametrize(
    ("number", "kind"),
    [(b"1", int), (b"-7", int), (b"1" + b"0" * 100_000, int), (b"1.0", float), (b"-1e999", float)],
)
def test_a_number_that_is_not_kept_is_a_zero_of_its_kind(number: bytes, kind: type) -> None:
    value = parse_object(b'{"n": ' + number + b"}", keep_numbers=False)["n"]
    assert (type(value), value) == (kind, 0)


def test_numbers_are_kept_when_asked_for() -> None:
    found = parse_object(b'{"a": 5, "b": -5.5, "c": 123456789012345678901234}', keep_numbers=True)
    assert found == {"a": 5, "b": -5.5, "c": float("inf")}
    assert [type(value) for value in found.values()] == [int, float, float]


def test_of_objects_within_the_object_nothing_is_kept() -> None:
    found = parse_object(b'{"a": {"carrier": "AA"}, "b": [{"c": 1}]}', keep_numbers=True)
    assert found.keys() == {"a", "b"}
    assert repr(found["a"]) == "{...}"
    assert found["b"] == [found["a"]]  # one stand-in for all objects


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
        (b'{"a": 1} {"a": 2}', "not JSON: Extra data"),
        (b"5", "a JSON int, not an object"),
        (b'{"a": 1, "a": 2}', "duplicate keys: a"),
        (b'{"\\u0061": 1, "a": 1, "b": 1, "b": 2}', "duplicate keys: a, b"),
        (b"[{}]", "a JSON list, not an object"),
        (b'"{}"', "a JSON str, not an object"),
        (b"null", "a JSON NoneType, not an object"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "nested too deep"),
    ],
)
@pytest.mark.parametrize("keep_numbers", [True, False])
def test_what_is_not_one_object_is_an_error_that_says_why(line: bytes, why: str, keep_numbers: bool) -> None:
    with pytest.raises(RejectError) as error:
        parse_object(line, keep_numbers=keep_numbers)
    assert error.value.stage == "decode"
    assert error.value.reason.startswith(why)


def test_a_reason_is_short_however_long_the_line_is() -> None:
    with pytest.raises(RejectError) as error:
        parse_object(b"[" + b"1," * 1_000 + b"x", keep_numbers=True)
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
