"""Reads an answer in any format as comparable rows, with readers that the service does not use."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import Any

import duckdb
import httpx
import polars as pl
import pyarrow as pa

Row = dict[str, Any]

FORMATS = ("json", "ndjson", "csv", "arrow", "parquet")


def read(format: str, content: bytes) -> list[Row]:
    """Values as JSON has them. CSV has texts only: see `parsed`."""
    match format:
        case "json":
            rows: list[Row] = json.loads(content)["data"]
            return rows
        case "ndjson":
            assert content == b"" or content.endswith(b"\n")
            return [json.loads(line) for line in content.decode().split("\n")[:-1]]
        case "csv":
            return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        case "arrow":
            return [_plain(row) for row in pa.ipc.open_stream(content).read_all().to_pylist()]
        case "parquet":
            return [_plain(row) for row in pl.read_parquet(io.BytesIO(content)).to_dicts()]
    raise AssertionError(format)


def rows_of(answer: httpx.Response, format: str) -> list[Row]:
    assert answer.status_code == 200, answer.text
    return read(format, answer.content)


def parsed(text: list[Row], like: list[Row]) -> list[Row]:
    """The texts of CSV as values of the types that `like` has in the same places."""
    assert len(text) == len(like)
    return [
        {name: _value(field, wanted.get(name)) for name, field in row.items()}
        for row, wanted in zip(text, like, strict=True)
    ]


def _value(field: str, like: Any) -> Any:
    if like is None:
        return field or None  # this reader cannot tell null from an empty text
    return field if isinstance(like, str) else type(like)(field)


def csv_with_nulls(content: bytes, path: Any) -> list[Row]:
    """All columns as text by DuckDB, which tells null (nothing) from an empty text (`""`)."""
    path.write_bytes(content)
    relation = duckdb.read_csv(
        str(path), header=True, all_varchar=True, quotechar='"', escapechar='"', allow_quoted_nulls=False
    )
    names = relation.columns
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def _plain(row: Row) -> Row:
    return {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        assert value.utcoffset() == dt.timedelta(0)
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, dt.date) else value
