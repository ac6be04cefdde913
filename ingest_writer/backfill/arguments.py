"""What `load` takes on its command line: how the files are to be read, and when they count as published."""

from __future__ import annotations

import argparse
import codecs
import datetime as dt
import re
from collections.abc import Callable
from typing import Final

from ingest_writer.backfill.limits import LoadLimits
from ingest_writer.backfill.readers.detect import FORMATS
from ingest_writer.backfill.readers.model import ReadOptions

EPILOG: Final = """examples:
  python -m ingest_writer load --dry-run 'exports/2013-*.csv.gz'
  python -m ingest_writer load exports/*.parquet gs://BUCKET/more/*.ndjson
  zcat events.ndjson.gz | python -m ingest_writer load --published 2013-12-31T00:00:00Z -

exit codes: 0 all rows were loaded, 3 some were rejected, 1 none was loaded,
2 a file or a setting was refused and nothing was loaded. See docs/loading.md.
"""
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "\\t": "\t"}
_RFC_3339: Final = re.compile(r"[0-9-]{10}[Tt][0-9:]{8}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `load`."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a file, a pattern, gs://BUCKET/PATTERN, or - for standard input; gzip, zstd and zip are unpacked",
    )
    names = [each.name for each in FORMATS]
    parser.add_argument("--format", choices=names, help="of all files; otherwise each file's is recognised")
    parser.add_argument(
        "--published",
        type=_moment,
        metavar="TIME",
        help="publish time of the rows, such as 2013-12-31T00:00:00Z; otherwise now. The later one of two equally old"
        " states of a flight wins",
    )
    parser.add_argument(
        "--as-of",
        type=_moment,
        metavar="TIME",
        help="event time of rows in a format that has none (bts); otherwise the publish time",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
    parser.add_argument(
        "--encoding", type=_encoding, metavar="NAME", help="of text without a byte order mark, if it is not UTF-8"
    )
    parser.add_argument(
        "--delimiter", type=_delimiter, metavar="CHARACTER", help="between the cells of CSV; otherwise by the header"
    )
    parser.add_argument(
        "--csv-escape",
        choices=("double", "backslash"),
        default="double",
        help='how CSV writes a quote within quotes: "" (double, the default) or \\" (backslash, as Spark does)',
    )


def read_options(options: argparse.Namespace, limits: LoadLimits, published: dt.datetime) -> ReadOptions:
    """What readers need of the arguments."""
    return ReadOptions(
        format=options.format,
        encoding=options.encoding,
        delimiter=options.delimiter,
        csv_escape=options.csv_escape,
        row_max_bytes=limits.row_max_bytes,
        packed_batch_max_bytes=limits.packed_batch_max_bytes,
        as_of=options.as_of or published,
    )


def publish_moment(options: argparse.Namespace, clock: Callable[[], dt.datetime]) -> dt.datetime:
    """What `--published` says, or now. Raises argparse.ArgumentTypeError for the future, which would always win."""
    now = clock()
    if options.published is not None and options.published > now:
        raise argparse.ArgumentTypeError(
            f"--published is {options.published.isoformat()}, in the future: it would win over all that is published"
            " until then"
        )
    return options.published or now


def _moment(text: str) -> dt.datetime:
    if _RFC_3339.fullmatch(text):
        try:
            return dt.datetime.fromisoformat(text.upper())
        except ValueError:
            pass
    raise argparse.ArgumentTypeError(f"is {text!r}; it takes a time with its offset, such as 2013-12-31T00:00:00Z")


def _encoding(name: str) -> str:
    try:
        if "a".encode(name):
            return codecs.lookup(name).name
    except (LookupError, UnicodeError, TypeError, ValueError):
        pass
    raise argparse.ArgumentTypeError(f"is {name!r}; it takes an encoding such as windows-1252 or utf-16-le")


def _delimiter(text: str) -> str:
    character = _DELIMITERS.get(text, text)
    if len(character) != 1 or character in '"\\\r\n' or character.isalnum():
        raise argparse.ArgumentTypeError(f"is {text!r}; it takes one character such as ; or one of tab, pipe")
    return character
