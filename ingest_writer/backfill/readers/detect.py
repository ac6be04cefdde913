"""The registry of readers, and which of them reads a file."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from ingest_writer.backfill.readers.arrow import ARROW
from ingest_writer.backfill.readers.bts.reader import BTS
from ingest_writer.backfill.readers.csv import CSV
from ingest_writer.backfill.readers.json import JSON
from ingest_writer.backfill.readers.model import HEAD_BYTES, Format, Head, InputFile, OpenFile, ReadError, ReadOptions
from ingest_writer.backfill.readers.ndjson import NDJSON
from ingest_writer.backfill.readers.parquet import PARQUET
from ingest_writer.backfill.readers.text import decoded

FORMATS: Final[tuple[Format, ...]] = (PARQUET, ARROW, JSON, NDJSON, BTS, CSV)
"""In the order in which they are asked for a file: those that are surer of their files come first."""
SUFFIXES: Final = tuple(suffix for each in FORMATS for suffix in each.suffixes)
PACKED_SUFFIXES: Final = (".gz", ".zst")


def open_file(file: InputFile, options: ReadOptions) -> OpenFile:
    """Opens the file with the reader that `--format` names, or the one that recognises it.

    Raises ReadError.
    """
    try:
        return format_of(file, options).open(file, options)
    except FileNotFoundError:
        raise ReadError(file.name, "there is no such file") from None
    except IsADirectoryError:
        raise ReadError(file.name, "is a folder", todo=f"give its files, such as {file.name.rstrip('/')}/*") from None
    except OSError as error:
        raise ReadError(file.name, f"cannot be read: {error.strerror or error}") from error


def format_of(file: InputFile, options: ReadOptions) -> Format:
    """By name, else by what the file begins with, else by its suffix. Raises ReadError, and OSError."""
    if options.format is not None:
        return next(each for each in FORMATS if each.name == options.format)
    with file.path.open("rb") as data:
        begin = data.read(HEAD_BYTES)
    head = Head(suffix_of(file.name), begin, decoded(begin, options.encoding))
    found = next((each for each in FORMATS if each.recognises(head)), None)
    found = found or next((each for each in FORMATS if head.suffix in each.suffixes), None)
    if found is None and not begin:
        return NDJSON  # an empty file has no rows in any format of text
    if found is None:
        names = ", ".join(each.name for each in FORMATS)
        raise ReadError(file.name, "its format is not recognised", todo=f"give --format with one of {names}")
    return found


def suffix_of(name: str) -> str:
    """In lower case, without that of the compression: `.csv` of `flights.CSV.gz`."""
    path = PurePath(name.lower())
    return PurePath(path.stem).suffix if path.suffix in PACKED_SUFFIXES else path.suffix
