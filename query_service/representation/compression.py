"""Compresses chunk by chunk. The same chunks give the same bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pyarrow as pa

from query_service.representation.encoders import ChunkSink


def compressed(chunks: Iterator[bytes], coding: str | None) -> Iterator[bytes]:
    """The compressed `chunks`, in chunks of other sizes."""
    if coding == "gzip":
        return _gzip(chunks)
    return _zstd(chunks) if coding == "zstd" else chunks


def _gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with gzip's header, which then has no time in it
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def _zstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """With the library that has Arrow's own codecs: it is here already."""
    sink = ChunkSink()
    with pa.CompressedOutputStream(pa.PythonFile(sink, mode="w"), "zstd") as packer:
        for chunk in chunks:
            packer.write(chunk)
            if packed := sink.taken():
                yield packed
    yield sink.taken()
