"""A picture carries what it was taken of, and is a picture still."""

from __future__ import annotations

import struct
import zlib

from tools.monitoring_picture.stamp import stamp, stamped


def test_a_stamped_picture_is_a_png_whose_chunks_are_whole_and_end_as_before() -> None:
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", b"x" * 13) + _chunk(b"IEND", b"")
    kinds = []
    rest = stamped(png, "<p>page</p>")[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        body, crc = rest[4 : 8 + length], rest[8 + length : 12 + length]
        assert struct.unpack(">I", crc) == (zlib.crc32(body),)
        kinds.append(body[:4])
        rest = rest[12 + length :]
    assert kinds == [b"IHDR", b"tEXt", b"IEND"]


def test_the_stamp_is_that_of_the_page() -> None:
    assert stamp("a") in stamped(_chunk(b"IEND", b""), "a")
    assert stamp("a") != stamp("b")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
