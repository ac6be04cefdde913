"""The Range header, and where a range lies in a body."""

from __future__ import annotations

import pytest

from query_service.representation.ranges import ByteRange, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", ByteRange(0, 99)),
        ("bytes=5-5", ByteRange(5, 5)),
        ("bytes=7-", ByteRange(7, None)),
        ("bytes=-7", ByteRange(None, 7)),
        ("BYTES=0-0", ByteRange(0, 0)),
        ("bytes=0-999999999999999999", ByteRange(0, 10**18 - 1)),
    ],
)
def test_one_range_is_read(header: str, expected: ByteRange) -> None:
    assert parse_range(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "bytes=0-1, bytes=3-4", "rows=0-1"),
        *("bytes=a-b", "bytes=0x0-1", "bytes=+0-1", "bytes=0--1", "bytes=-1-", "bytes=\u0661-2", "bytes=0-1 x"),
        *("bytes=0-9999999999999999999", "0-1", "bytes 0-1"),
    ],
)
def test_what_is_not_one_range_is_ignored(header: str) -> None:
    assert parse_range(header) is None


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        ("bytes=0-0", 10, (0, 1)),
        ("bytes=9-9", 10, (9, 10)),
        ("bytes=9-100", 10, (9, 10)),
        ("bytes=3-", 10, (3, 10)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-10", 10, (0, 10)),
        ("bytes=-11", 10, (0, 10)),
        ("bytes=10-", 10, None),
        ("bytes=10-20", 10, None),
        ("bytes=-0", 10, None),
        ("bytes=0-", 0, None),
        ("bytes=-5", 0, None),
    ],
)
def test_a_range_lies_within_its_body_or_nowhere(header: str, size: int, expected: tuple[int, int] | None) -> None:
    found = parse_range(header)
    assert found is not None
    assert found.within(size) == expected


@pytest.mark.parametrize(("header", "begins"), [("bytes=0-9", True), ("bytes=-9", True), ("bytes=1-9", False)])
def test_readers_begin_with_the_first_bytes_or_the_last(header: str, begins: bool) -> None:
    found = parse_range(header)
    assert found is not None
    assert found.is_beginning is begins
