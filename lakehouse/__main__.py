"""`python -m lakehouse sql | verify | schema | cache`.

Exit codes: 0 success, 1 failure, 2 wrong arguments or settings.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.command_line.arguments import Parser
from lakehouse.command_line.outside import leave
from lakehouse.command_line.settings_text import LAKE_URL, Variable, settings_text
from lakehouse.errors import ConfigError, LakeError, StoreAccessDeniedError
from lakehouse.no_pandas import without_pandas
from lakehouse.store.open import open_store, store_from_environment
from lakehouse.store.store import Store

if TYPE_CHECKING:
    from lakehouse.client.connection import Options

FORMATS = ("table", "csv", "json", "parquet")
_MAX_ROWS = 100  # more than fits on a screen; more than that is for a program, not for eyes


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code. Expected errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (ConfigError, StoreAccessDeniedError) as error:
        return _failed(error, 2)
    except LakeError as error:
        return _failed(error, 1)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _failed(error, 1)
    except ModuleNotFoundError as error:
        leave(error)
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = Parser("python -m lakehouse", description="Ask and check a lake of flights.", epilog=_help("verify", True))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    lake = Parser(add_help=False)
    lake.add_argument("--lake", metavar="URL", help="gs://bucket or file:///path (default: LAKE_URL)")

    _add_sql(commands.add_parser, lake)

    verify = commands.add_parser(
        "verify",
        parents=[lake],
        help="check the latest snapshot, its files and their rows",
        epilog=_help("verify", True),
    )
    verify.set_defaults(run=_verify)

    cache = commands.add_parser(
        "cache", help="show what is kept of lakes on this machine", epilog=_help("cache --clear")
    )
    cache.add_argument("--clear", action="store_true", help="remove it")
    cache.set_defaults(run=_cache)

    schema = commands.add_parser(
        "schema", help="print the JSON Schema of an event", epilog=_help("schema > event.schema.json", settings=())
    )
    schema.set_defaults(run=_schema)
    return parser


def _add_sql(add_parser: Callable[..., argparse.ArgumentParser], lake: Parser) -> None:
    sql = add_parser(
        "sql",
        parents=[lake],
        help="run a query over the views flights, landing and probes",
        epilog=_help(
            'sql "SELECT carrier, count(*) FROM flights GROUP BY ALL" --from 2013-07-01 --to 2013-07-31', True
        ),
    )
    sql.add_argument(
        "query", help='for example "SELECT carrier, count(*) FROM flights GROUP BY carrier"; - reads it from stdin'
    )
    sql.add_argument("--format", choices=FORMATS, help="default: as FILE ends, or a table")
    sql.add_argument("--output", type=Path, metavar="FILE", help="write there, all or nothing (default: stdout)")
    sql.add_argument("--max-rows", type=_positive, metavar="N", help=f"rows of a table (default: {_MAX_ROWS})")
    sql.add_argument(
        "--escape-formulas", action="store_true", help="in CSV: an apostrophe before texts that a spreadsheet would run"
    )
    sql.add_argument("--from", dest="date_from", type=_date, metavar="DATE", help="flights from this date on")
    sql.add_argument("--to", dest="date_to", type=_date, metavar="DATE", help="flights up to this date, included")
    sql.add_argument("--snapshot", type=_positive, metavar="N", help="ask this snapshot alone, without the tail")
    sql.set_defaults(run=_sql)


_CACHE = (
    Variable(
        "FLIGHTS_CACHE_DIR", "flights-lakehouse in ~/.cache", "Where downloaded files are kept, for all processes."
    ),
    Variable("FLIGHTS_CACHE_MAX_GB", "20", "Beyond it the files used least recently go."),
)


def _help(example: str, is_of_a_lake: bool = False, settings: Sequence[Variable] = _CACHE) -> str:
    lake = "LAKE_URL=file://$PWD/lake " if is_of_a_lake else ""
    listed = [LAKE_URL, *settings] if is_of_a_lake else settings
    text = settings_text(listed) if listed else "It reads no setting."
    return f"example:\n  {lake}python -m lakehouse {example}\n\n{text}"


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2013-07-01") from error


def _sql(options: argparse.Namespace) -> int:
    from lakehouse.client.connection import connect_store
    from lakehouse.client.export import export, opened
    from lakehouse.client.query import QueryError, run, table

    format_ = _format(options)
    _check_output(options.output)
    query = sys.stdin.read() if options.query == "-" else options.query
    read = _read_options(options, query)
    try:
        with (
            connect_store(_store(options), _now, None, None, options=read) as connection,
            opened(options.output) as sink,
        ):
            if format_ == "table":
                lines = table(run(connection, query, options.max_rows or _MAX_ROWS), _terminal_width(options.output))
                sink.writelines(f"{line}\n".encode() for line in lines)
            else:
                export(connection, query, format_, sink, options.escape_formulas)
    except QueryError as error:
        return _failed(error, 1)
    return 0


def _read_options(options: argparse.Namespace, query: str) -> Options:
    """What the query reads: of the dates that are named, or that it can need; stderr says how much that is."""
    from lakehouse.client.connection import Options
    from lakehouse.client.progress import bar_on
    from lakehouse.client.reading import Reading, dates_between

    is_narrowed = options.date_from is not None and options.date_to is not None

    def say(reading: Reading) -> None:
        if reading.bytes:
            hint = "" if is_narrowed or reading.all_months < 2 else "; --from/--to narrow it"
            print(f"lakehouse: reads {reading}{hint}", file=sys.stderr, flush=True)

    dates = dates_between(options.date_from, options.date_to)
    return Options(options.snapshot, dates, query, on_read=say, watch=bar_on(sys.stderr))


def _terminal_width(output: Path | None) -> int | None:
    """Of the terminal that the table is for; None where it is not for one."""
    return shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None


def _format(options: argparse.Namespace) -> str:
    """The format asked for, or that of the file's name. Raises ConfigError when they cannot be."""
    ending = "table" if options.output is None else options.output.suffix.lower().removeprefix(".")
    format_: str = options.format or ending
    if format_ not in FORMATS:
        raise ConfigError(f"--output {options.output}: it ends with none of .csv .json .parquet: say which --format")
    if format_ != "table" and options.max_rows is not None:
        raise ConfigError(f"--max-rows is for a table; a {format_} file has all rows: put a LIMIT into the query")
    if format_ != "csv" and options.escape_formulas:
        raise ConfigError(f"--escape-formulas is for CSV; no program takes a cell of a {format_} for a formula")
    if format_ == "parquet" and options.output is None and sys.stdout.isatty():
        raise ConfigError("parquet is not for a terminal: use --output FILE, or a pipe")
    return format_


def _check_output(path: Path | None) -> None:
    """Raises ConfigError: before minutes of downloads, not after them."""
    if path is None:
        return
    if path.is_dir():
        raise ConfigError(f"--output {path}: it is a folder")
    if not path.resolve().parent.is_dir():
        raise ConfigError(f"--output {path}: its folder does not exist")


def _verify(options: argparse.Namespace) -> int:
    from lakehouse.client.verify import lines, verify

    report = verify(_store(options), _now)
    for line in lines(report):
        print(line)
    sys.stdout.flush()
    return 1 if report.problems else 0


def _cache(options: argparse.Namespace) -> int:
    from lakehouse.client.settings import kept_files

    kept = kept_files()
    if options.clear:
        files, size = kept.clear()
        print(f"{kept.folder}: removed {files:,} files, {size / 1e6:,.0f} MB")
        return 0
    usages = kept.usage()
    for usage in usages:
        used = dt.datetime.fromtimestamp(usage.used_at).astimezone().strftime("%Y-%m-%d %H:%M")
        print(f"{usage.lake}  {usage.files:>9,} files  {usage.bytes / 1e6:>9,.0f} MB  used {used}")
    total = sum(usage.bytes for usage in usages) / 1e6
    print(f"{kept.folder}: {total:,.0f} of at most {kept.max_bytes / 1e6:,.0f} MB; --clear removes it")
    return 0


def _schema(_: argparse.Namespace) -> int:
    from lakehouse.schema.json_schema import schema_text

    print(schema_text(), end="", flush=True)
    return 0


def _store(options: argparse.Namespace) -> Store:
    if options.lake is None:
        return store_from_environment(must_exist=True)
    return open_store(options.lake, must_exist=True)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _failed(error: Exception, code: int) -> int:
    print(f"lakehouse: {' '.join(str(error).split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    without_pandas()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
