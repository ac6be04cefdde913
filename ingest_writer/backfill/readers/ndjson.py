"""NDJSON: one event per line, as strictly as a streamed one is read."""

from __future__ import annotations

from typing import Final

from ingest_writer.backfill.readers.model import (
    FileRow,
    Format,
    Head,
    InputFile,
    OpenFile,
    ReadOptions,
    RefusedRow,
    Rows,
)
from ingest_writer.backfill.readers.text import Share, lines_of, open_text
from ingest_writer.decoding.event import RejectError
from ingest_writer.decoding.line import parse_object


def _open(file: InputFile, options: ReadOptions) -> OpenFile:
    open_text(file, options).close()
    share = Share(file)
    return OpenFile(_rows(file, options, share), share=share)


def _rows(file: InputFile, options: ReadOptions, share: Share) -> Rows:
    with share.follow(open_text(file, options)) as text:
        for number, line in enumerate(lines_of(text, file, options)):
            if line.strip():
                yield _row(number, line.rstrip("\r\n"))


def _row(number: int, line: str) -> FileRow | RefusedRow:
    raw = line.encode(errors="surrogateescape")
    try:
        return FileRow(number, number + 1, parse_object(raw, keep_numbers=True), raw)
    except RejectError as error:
        return RefusedRow(number, number + 1, raw, error.reason)


def _recognises(head: Head) -> bool:
    return head.text.lstrip().startswith("{")


NDJSON: Final = Format("ndjson", (".ndjson", ".jsonl"), _recognises, _open)
