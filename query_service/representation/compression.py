"""Compresses chunk by chunk. The same chunks give the same bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pyarrow as pa

from query_service.representation.encoders import ChunkSink


def compressed(pieces: Iterator[bytes], coding: str | None) -> Iterator[bytes]:
    """The compressed `pieces`, in chunks of other sizes."""
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
    sink = ChunkSink()
    with pa.CompressedOutputStream(pa.PythonFile(sink, mode="w"), "zstd") as packer:
        for piece in pieces:
            packer.write(piece)
            if packed := sink.taken():
                yield packed
    yield sink.taken()
