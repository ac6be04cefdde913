"""A file to write into whose bytes are taken out piece by piece: what makes writers of files into streams."""

from __future__ import annotations

from typing import Any


class Pieces:
    """As much of a file as Arrow's writers ask of one."""

    closed = False

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return

    def close(self) -> None:
        return

    def taken(self) -> bytes:
        """What was written since the last time."""
        written, self._written = self._written, []
        return b"".join(written)
