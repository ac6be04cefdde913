"""The picture carries a hash of its page: a test without a browser notices when it is stale."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Final

PICTURE: Final = Path(__file__).parents[2] / "docs" / "screenshots" / "monitoring.png"

_END_LENGTH = 12  # bytes of a PNG's last chunk, which is empty


def stamp(html: str) -> bytes:
    """What a picture of the page `html` has to carry."""
    return b"sha256-" + hashlib.sha256(html.encode()).hexdigest().encode()


def stamped(png: bytes, html: str) -> bytes:
    """`png` with the stamp of `html` as a text of its own before its end."""
    body = b"tEXtSource\0" + stamp(html)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-_END_LENGTH] + chunk + png[-_END_LENGTH:]
