"""The command line of `load`: values that it takes, and what it says to others."""

from __future__ import annotations

import argparse
import datetime as dt

import pytest

from ingest_writer.backfill.arguments import EPILOG, add_arguments, publish_moment, read_options
from ingest_writer.backfill.limits import LoadLimits

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return parser.parse_args(["a.csv", *arguments])


def test_files_alone_suffice() -> None:
    options = parsed()
    assert publish_moment(options, lambda: NOW) == NOW
    found = read_options(options, LoadLimits(row_max_bytes=5), NOW)
    assert (found.format, found.encoding, found.delimiter, found.csv_escape) == (None, None, None, "double")
    assert (found.row_max_bytes, found.as_of) == (5, NOW)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("delimiter", "tab", "\t"),
        ("delimiter", "\\t", "\t"),
        ("delimiter", ";", ";"),
        ("encoding", "Windows-1252", "cp1252"),
        ("encoding", "latin1", "iso8859-1"),
        ("csv-escape", "backslash", "backslash"),
        ("format", "ndjson", "ndjson"),
    ],
)
def test_an_option_reaches_the_readers(name: str, text: str, value: str) -> None:
    found = read_options(parsed(f"--{name}", text), LoadLimits(), NOW)
    assert getattr(found, name.replace("-", "_")) == value


def test_the_event_time_of_rows_without_one_is_given_or_the_publish_time() -> None:
    text = "2013-08-15T00:00:00Z"
    assert read_options(parsed("--as-of", text), LoadLimits(), NOW).as_of == dt.datetime.fromisoformat(text)
    assert read_options(parsed("--format", "bts"), LoadLimits(), NOW).as_of == NOW


def test_the_publish_time_is_in_the_past() -> None:
    text = "2013-12-31T00:00:00-05:00"
    assert publish_moment(parsed("--published", text), lambda: NOW) == dt.datetime.fromisoformat(text)
    with pytest.raises(argparse.ArgumentTypeError, match="in the future: it would win"):
        publish_moment(parsed("--published", "2026-01-01T00:00:01Z"), lambda: NOW)


@pytest.mark.parametrize(
    ("name", "text"),
    [("delimiter", ";;"), ("delimiter", "a"), ("delimiter", '"'), ("delimiter", ""), ("encoding", "base64")]
    + [("encoding", "nothing"), ("csv-escape", "none"), ("format", "xlsx")]
    + [("published", text) for text in ("now", "2013-12-31", "2013-12-31T00:00:00", "2013-13-31T00:00:00Z")],
)
def test_a_value_that_does_not_fit_is_refused(name: str, text: str) -> None:
    with pytest.raises(argparse.ArgumentError):
        parsed(f"--{name}", text)


def test_the_help_has_examples_and_exit_codes() -> None:
    assert "--dry-run 'exports/" in EPILOG
    assert "3 some were rejected" in EPILOG
