"""crc32c (Castagnoli) as Cloud Storage computes it."""

from __future__ import annotations

from pathlib import Path

import google_crc32c

_CHUNK_BYTES = 1 << 20


def file_crc32c(path: Path) -> int:
    """crc32c of the file's bytes, unsigned."""
    checksum = google_crc32c.Checksum()
    with path.open("rb") as data:
        while chunk := data.read(_CHUNK_BYTES):
            checksum.update(chunk)
    return int.from_bytes(checksum.digest(), "big")
