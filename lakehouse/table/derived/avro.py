"""Avro files of few records, as Iceberg's manifests are.

Written here, since the same records must give the same bytes whatever is installed: a manifest list
says how long its manifest is, and another process may have written that one. Uncompressed for the
same reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

Schema = str | list[Any] | Mapping[str, Any]

_MAGIC: Final = b"Obj\x01"
_SYNC: Final = bytes(16)


def container(schema: Mapping[str, Any], records: Iterable[Mapping[str, Any]], properties: Mapping[str, str]) -> bytes:
    """The file of the records, in one block."""
    header = {"avro.schema": json.dumps(schema, separators=(",", ":")), "avro.codec": "null", **properties}
    encoded = [_encode(schema, record) for record in records]
    begin = _MAGIC + _long(len(header)) + b"".join(_text(key) + _text(value) for key, value in header.items())
    begin += _long(0) + _SYNC
    if not encoded:
        return begin
    block = b"".join(encoded)
    return begin + _long(len(encoded)) + _long(len(block)) + block + _SYNC


def _encode(schema: Schema, value: Any) -> bytes:
    if isinstance(schema, list):  # ["null", type]
        return _long(0) if value is None else _long(1) + _encode(schema[1], value)
    if isinstance(schema, str):
        return _primitive(schema, value)
    if schema["type"] == "record":
        return b"".join(_encode(field["type"], value.get(field["name"])) for field in schema["fields"])
    if schema["type"] == "array":
        items = b"".join(_encode(schema["items"], item) for item in value)
        return (_long(len(value)) + items if value else b"") + _long(0)
    return _primitive(schema["type"], value)


def _primitive(kind: str, value: Any) -> bytes:
    if kind in ("int", "long"):
        return _long(value)
    if kind == "string":
        return _text(value)
    if kind == "bytes":
        return _long(len(value)) + bytes(value)
    if kind == "boolean":
        return b"\x01" if value else b"\x00"
    raise TypeError(f"no such Avro type here: {kind!r}")


def _text(value: str) -> bytes:
    data = value.encode()
    return _long(len(data)) + data


def _long(value: int) -> bytes:
    """Zigzag, then seven bits a byte, the lowest first."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)
