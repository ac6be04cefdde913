"""How large the batches of an Arrow file are in memory, from the messages alone: none of them is read.

A message is a continuation mark, the length of its metadata, the metadata and a body. The metadata is
a Flatbuffers table, of which three numbers count here. What does not look like that is left to Arrow,
which says what is wrong with it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_CONTINUES: Final = b"\xff\xff\xff\xff"
_METADATA_MAX_BYTES: Final = 64_000_000
_DICTIONARY: Final = 2
_BATCH: Final = 3
_BUFFER_BYTES: Final = 16  # its offset in the body and its length, two integers of 64 bits


def largest_batch(path: Path, begin: int) -> tuple[int, bool]:
    """Bytes of the largest batch or dictionary when it is unpacked, and whether any was packed. Raises OSError."""
    with path.open("rb") as data:
        found = list(_sizes(data, begin, path.stat().st_size))
    return max((size for size, _ in found), default=0), any(is_packed for _, is_packed in found)


def _sizes(data: IO[bytes], begin: int, end: int) -> Iterator[tuple[int, bool]]:
    try:
        while True:
            data.seek(min(begin, end))
            mark, size = struct.unpack("<4sI", data.read(8))
            if mark != _CONTINUES or not 0 < size <= _METADATA_MAX_BYTES:
                return
            body = begin + 8 + size
            message = _Table.root(data.read(size))
            body_bytes = message.integer(3, 8)
            if (batch := _batch(message)) is not None:
                is_packed = batch.position(3) is not None
                yield _unpacked(batch, data, body, end) if is_packed else body_bytes, is_packed
            begin = body + body_bytes
    except (struct.error, ValueError):
        return


def _batch(message: _Table) -> _Table | None:
    kind = message.integer(1, 1)
    if kind == _DICTIONARY:
        return message.table(2).table(1)
    return message.table(2) if kind == _BATCH else None


def _unpacked(batch: _Table, data: IO[bytes], body: int, end: int) -> int:
    """Each packed buffer begins with its length; -1 means that it is not compressed."""
    total = 0
    for offset, length in batch.pairs(2):
        if length >= 8:
            data.seek(min(body + offset, end))
            [size] = struct.unpack("<q", data.read(8))
            total += size if size >= 0 else length
    return total


class _Table:
    """A table of Flatbuffers: its fields by their numbers. Raises struct.error, or ValueError."""

    def __init__(self, data: bytes, begin: int) -> None:
        if begin < 0:
            raise ValueError(begin)
        self._data = data
        self._begin = begin
        self._fields = begin - self._number("<i", begin)
        if self._fields < 0:
            raise ValueError(self._fields)

    @classmethod
    def root(cls, data: bytes) -> _Table:
        """The outermost one."""
        return cls(data, int(struct.unpack_from("<I", data)[0]))

    def _number(self, layout: str, at: int) -> int:
        return int(struct.unpack_from(layout, self._data, at)[0])

    def position(self, field: int) -> int | None:
        """Where the field is; None if it has its default."""
        at = 4 + 2 * field
        if at >= self._number("<H", self._fields):
            return None
        offset = self._number("<H", self._fields + at)
        return self._begin + offset if offset else None

    def integer(self, field: int, size: int) -> int:
        """A number of that many bytes, not below 0."""
        at = self.position(field)
        found = 0 if at is None else self._number({1: "<B", 8: "<q"}[size], at)
        if found < 0:
            raise ValueError(found)
        return found

    def table(self, field: int) -> _Table:
        """A table within this one."""
        at = self._needed(field)
        return _Table(self._data, at + self._number("<I", at))

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """A vector of two integers each."""
        at = self._needed(field)
        begin = at + self._number("<I", at)
        for number in range(self._number("<I", begin)):
            yield struct.unpack_from("<qq", self._data, begin + 4 + number * _BUFFER_BYTES)

    def _needed(self, field: int) -> int:
        at = self.position(field)
        if at is None:
            raise ValueError(field)
        return at
