"""Arrow: the file format (Feather is one) and the stream format, with the event's columns.

A batch may be as large as the file. A large one is mapped into memory and read in slices, whose pages
are given back. One whose buffers are compressed can only be unpacked as a whole, within a limit.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from ingest_writer.backfill.readers.arrow_messages import largest_batch
from ingest_writer.backfill.readers.arrow_rows import BATCH_ROWS, Batch, open_table
from ingest_writer.backfill.readers.model import Format, Head, InputFile, OpenFile, ReadError, ReadOptions

_FILE_MAGIC: Final = b"ARROW1"
_STREAM_MAGIC: Final = b"\xff\xff\xff\xff"  # the length of its first message follows
_END_OF_STREAM: Final = b"\xff\xff\xff\xff\0\0\0\0"
_FEATHER_1_MAGIC: Final = b"FEA1"
_FILE_BEGIN: Final = 8  # its mark, padded; a stream follows
_MAPPED_ABOVE_BYTES: Final = 64_000_000
"""Smaller batches are read, for a mapped file that is cut while it is read ends the process."""


def _open(file: InputFile, read: ReadOptions) -> OpenFile:
    with file.path.open("rb") as data:
        begin = data.read(8)
    if begin.startswith(_FEATHER_1_MAGIC):
        raise ReadError(file.name, "is Feather of version 1", todo="write it again with version 2")
    is_file = begin.startswith(_FILE_MAGIC)
    try:
        with pa.OSFile(str(file.path)) as opened, _reader(opened, is_file) as reader:
            schema = reader.schema
    except (pa.ArrowException, OSError) as error:
        raise _not_arrow(file, error) from error
    largest, is_packed = largest_batch(file.path, _FILE_BEGIN if is_file else 0)
    if is_packed and largest > read.packed_batch_max_bytes:
        why = f"a batch of {largest // 1_000_000:,} MB unpacked, which LOAD_PACKED_BATCH_MAX_MB limits"
        raise ReadError(file.name, why, todo="write it without compression, or in smaller batches")
    is_mapped = largest > _MAPPED_ABOVE_BYTES and not is_packed

    def batches(columns: Sequence[str]) -> Iterator[Batch]:
        # Arrow copies the columns of a selection: what is mapped is not read before it is looked at, selected or not.
        included = [] if is_mapped else [schema.names.index(name) for name in columns]
        options = pa.ipc.IpcReadOptions(included_fields=included)
        yield from (_of_file if is_file else _of_stream)(file, options, is_mapped)

    return open_table(file, schema, read, batches)


def _reader(opened: pa.NativeFile, is_file: bool, options: pa.ipc.IpcReadOptions | None = None) -> Any:
    return (pa.ipc.open_file if is_file else pa.ipc.open_stream)(opened, options=options)


def _bytes(file: InputFile, is_mapped: bool) -> tuple[pa.NativeFile, Callable[[], object]]:
    """The file, and what gives back the memory that was used of it."""
    if not is_mapped:
        return pa.OSFile(str(file.path)), lambda: None
    with file.path.open("rb") as data:
        mapped = mmap.mmap(data.fileno(), 0, access=mmap.ACCESS_READ)  # ends with the last array of it
    return pa.BufferReader(pa.py_buffer(mapped)), lambda: mapped.madvise(mmap.MADV_DONTNEED)


def _slices(batch: pa.RecordBatch, give_back: Callable[[], object]) -> Iterator[pa.RecordBatch]:
    for begin in range(0, batch.num_rows, BATCH_ROWS):
        yield batch.slice(begin, BATCH_ROWS)
        give_back()


def _of_file(file: InputFile, options: pa.ipc.IpcReadOptions, is_mapped: bool) -> Iterator[Batch]:
    try:
        opened, give_back = _bytes(file, is_mapped)
        with opened, _reader(opened, is_file=True, options=options) as reader:
            total = reader.num_record_batches
            for number in range(total):
                batch, done = reader.get_batch(number), 0
                for some in _slices(batch, give_back):
                    done += some.num_rows
                    yield some, (number + done / batch.num_rows) / total
    except (pa.ArrowException, OSError) as error:
        raise _not_arrow(file, error) from error


def _of_stream(file: InputFile, options: pa.ipc.IpcReadOptions, is_mapped: bool) -> Iterator[Batch]:
    try:
        opened, give_back = _bytes(file, is_mapped)
        with opened, _reader(opened, is_file=False, options=options) as reader:
            size = opened.size()
            for batch in reader:
                yield from ((some, opened.tell() / size) for some in _slices(batch, give_back))
            end = opened.tell()
            opened.seek(max(end - len(_END_OF_STREAM), 0))
            mark = opened.read(len(_END_OF_STREAM))
    except (pa.ArrowException, OSError) as error:
        raise _not_arrow(file, error) from error
    if mark != _END_OF_STREAM:
        raise ReadError(file.name, "the Arrow stream is cut short: it has no end mark", todo="get the file again")
    if end != size:
        raise ReadError(file.name, f"something follows the Arrow stream, {size - end} bytes", todo="give it by itself")


def _not_arrow(file: InputFile, error: Exception) -> ReadError:
    return ReadError(file.name, f"not an Arrow file or stream, or a damaged one: {str(error)[:200]}")


def _recognises(head: Head) -> bool:
    return head.data.startswith((_FILE_MAGIC, _STREAM_MAGIC, _FEATHER_1_MAGIC))


ARROW: Final = Format("arrow", (".arrow", ".arrows", ".feather", ".ipc"), _recognises, _open)
