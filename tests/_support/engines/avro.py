"""Reads Avro files by the schema that is in them; shares no code with what writes them."""

from __future__ import annotations

import io
import json
from typing import Any


def read_avro(data: bytes) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The properties of the file, and its records."""
    reader = _Reader(data)
    assert reader.take(4) == b"Obj\x01"
    properties = reader.map_of_bytes()
    sync = reader.take(16)
    schema = json.loads(properties["avro.schema"])
    assert properties["avro.codec"] == b"null"
    records: list[dict[str, Any]] = []
    while not reader.is_at_end():
        count, size = reader.long(), reader.long()
        end = reader.position() + size
        records += [reader.value(schema) for _ in range(count)]
        assert reader.position() == end
        assert reader.take(16) == sync
    return {name: value.decode() for name, value in properties.items()}, records


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)
        self._size = len(data)

    def position(self) -> int:
        return self._data.tell()

    def is_at_end(self) -> bool:
        return self.position() == self._size

    def take(self, count: int) -> bytes:
        data = self._data.read(count)
        assert len(data) == count
        return data

    def long(self) -> int:
        shift, result = 0, 0
        while True:
            (byte,) = self.take(1)
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (result >> 1) ^ -(result & 1)

    def blob(self) -> bytes:
        return self.take(self.long())

    def map_of_bytes(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        while count := self.long():
            for _ in range(count):
                key = self.blob().decode()
                found[key] = self.blob()
        return found

    def value(self, schema: Any) -> Any:
        kind = schema["type"] if isinstance(schema, dict) else schema
        if isinstance(kind, list):
            return self.value(kind[self.long()])
        if isinstance(kind, dict):
            return self.value(kind)
        if kind == "record":
            return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        if kind == "array":
            items: list[Any] = []
            while count := self.long():
                items += [self.value(schema["items"]) for _ in range(count)]
            return items
        return self._primitive(str(kind))

    def _primitive(self, kind: str) -> Any:
        match kind:
            case "null":
                return None
            case "boolean":
                return self.take(1) == b"\x01"
            case "int" | "long":
                return self.long()
            case "bytes":
                return self.blob()
            case "string":
                return self.blob().decode()
        raise AssertionError(f"the file has a {kind}")
