"""Content codings: which one a caller takes, and compressing piece by piece. The same pieces give the same bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pyarrow as pa

from query_service.errors import not_acceptable_error
from query_service.representation import accept as header
from query_service.representation.pieces import Pieces

IDENTITY: Final = "identity"
OFFERED: Final = ("zstd", "gzip", IDENTITY)
"""By preference where a caller has none: zstd takes a quarter of the time of gzip for as few bytes."""

_WORTH_BYTES: Final = 1400  # what fits into one packet arrives no sooner when it is smaller
_LEAST: Final = 0.0001  # below every weight that can be written


@dataclass(frozen=True)
class Coding:
    """A coding; when it `is_required`, the caller does not take bytes without it."""

    name: str
    is_required: bool = False

    def for_body(self, size: int, is_packed: bool) -> str | None:
        """The coding to use for `size` bytes, which may be compressed in themselves; None to leave them as they are."""
        is_worth = self.is_required or (size >= _WORTH_BYTES and not is_packed)
        return self.name if is_worth and self.name != IDENTITY else None


PLAIN: Final = Coding(IDENTITY)


def negotiate_coding(accept_encoding: str | None) -> Coding:
    """The coding by the Accept-Encoding header (RFC 9110, section 12.5.3). Raises ProblemError (406)."""
    given = accept_encoding or ""
    return (_negotiated if len(given) <= header.USUAL_CHARACTERS else _negotiated.__wrapped__)(given)


@lru_cache(maxsize=64)
def _negotiated(accept_encoding: str) -> Coding:
    weights = {item.name.removeprefix("x-"): item.weight for item in header.items(accept_encoding)}
    other = weights.get("*", 0.0)
    wanted = {name: weights.get(name, other) for name in OFFERED}
    if IDENTITY not in weights and "*" not in weights:
        wanted[IDENTITY] = _LEAST  # taken unless it is excluded
    best = max(OFFERED, key=lambda name: wanted[name])  # of equals the first
    if wanted[best] == 0:
        raise not_acceptable_error("Accept-Encoding", accept_encoding, ", ".join(OFFERED))
    return Coding(best, is_required=wanted[IDENTITY] == 0)


def compressed(pieces: Iterator[bytes], coding: str | None) -> Iterator[bytes]:
    """`pieces` in a coding, in other pieces."""
    if coding == "gzip":
        return _gzip(pieces)
    return _zstd(pieces) if coding == "zstd" else pieces


def _gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with gzip's header, which then has no time in it
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _zstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """With the library that has Arrow's own codecs: it is here already."""
    sink = Pieces()
    with pa.CompressedOutputStream(pa.PythonFile(sink, mode="w"), "zstd") as packer:
        for piece in pieces:
            packer.write(piece)
            if packed := sink.taken():
                yield packed
    yield sink.taken()
