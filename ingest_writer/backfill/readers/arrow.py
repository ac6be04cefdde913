"""Arrow: the file format (Feather is one) and the stream format, with the event's columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from ingest_writer.backfill.readers.arrow_rows import Batch, open_table
from ingest_writer.backfill.readers.model import Format, Head, InputFile, OpenFile, ReadError, ReadOptions

_FILE_MAGIC: Final = b"ARROW1"
_STREAM_MAGIC: Final = b"\xff\xff\xff\xff"  # the length of its first message follows
_END_OF_STREAM: Final = b"\xff\xff\xff\xff\0\0\0\0"
_FEATHER_1_MAGIC: Final = b"FEA1"


def _open(file: InputFile, _: ReadOptions) -> OpenFile:
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
    return open_table(file, schema, lambda _: _of_file(file) if is_file else _of_stream(file))


def _reader(opened: pa.NativeFile, is_file: bool) -> Any:
    return pa.ipc.open_file(opened) if is_file else pa.ipc.open_stream(opened)


def _of_file(file: InputFile) -> Iterator[Batch]:
    try:
        with pa.OSFile(str(file.path)) as opened, _reader(opened, is_file=True) as reader:
            total = reader.num_record_batches
            yield from ((reader.get_batch(number), (number + 1) / total) for number in range(total))
    except (pa.ArrowException, OSError) as error:
        raise _not_arrow(file, error) from error


def _of_stream(file: InputFile) -> Iterator[Batch]:
    try:
        with pa.OSFile(str(file.path)) as opened, _reader(opened, is_file=False) as reader:
            size = opened.size()
            yield from ((batch, opened.tell() / size) for batch in reader)
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
