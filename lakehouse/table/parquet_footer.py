"""Walks the footer of a Parquet file before Arrow and DuckDB see it.

Both trust a footer in places: Arrow ends the process where a column chunk is not what the schema
says of it, and DuckDB refuses what Arrow reads. So a footer has to be whole, mean the same to every
reader, and agree with itself. Anything else is an error here: a field twice or of another type, an
unknown one, a number outside its range, a chunk in another file, encryption.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

_BOOL, _I8, _I16, _I32, _I64, _BINARY, _LIST, _STRUCT = 1, 3, 4, 5, 6, 8, 9, 12
"""Types of Thrift's compact protocol. A boolean is of type 1 when it is true and 2 when it is false."""
_NUMBERS: Final = frozenset((_I16, _I32, _I64))
_LONG_LIST: Final = 15
_REPEATED: Final = 2
_BYTE_ARRAY: Final = 6
_WIDTHS: Final = {0: 1, 1: 4, 2: 8, 3: 12, 4: 4, 5: 8}
"""Bytes of a value by the type; of the others each has its own."""
_MAX_DEPTH: Final = 8  # of the schema; ours have three levels


_Field = tuple[int, int, int, Any]
"""Type, least and most, and the fields of a struct or what a list is of. A plain tuple is fastest."""
_Fields = dict[int, _Field]


def _field(kind: int, low: int = 0, high: int = 0, of: Any = None) -> _Field:
    return kind, low, high, of


def _enum(high: int, low: int = 0) -> _Field:
    return _field(_I32, low, high)


_INT32: Final = _field(_I32, -(2**31), 2**31 - 1)
_INT64: Final = _field(_I64, -(2**63), 2**63 - 1)
_TRUTH: Final = _field(_BOOL)
_BYTES: Final = _field(_BINARY)
_EMPTY: Final = _field(_STRUCT, of={})
_TYPE, _ENCODING, _CODEC, _PAGE_TYPE = _enum(7), _enum(9), _enum(7), _enum(3)


def _struct_of(fields: _Fields) -> _Field:
    return _field(_STRUCT, of=fields)


def _list_of(element: _Field) -> _Field:
    return _field(_LIST, of=element)


_TIME: Final = _struct_of({1: _TRUTH, 2: _struct_of({1: _EMPTY, 2: _EMPTY, 3: _EMPTY})})
_LOGICAL: Final = {
    **dict.fromkeys((1, 2, 3, 4, 6, 11, 12, 13, 14, 15), _EMPTY),
    5: _struct_of({1: _INT32, 2: _INT32}),
    7: _TIME,
    8: _TIME,
    10: _struct_of({1: _field(_I8), 2: _TRUTH}),
}
_ELEMENT: Final = {
    1: _TYPE,
    2: _INT32,
    3: _enum(_REPEATED),
    4: _BYTES,
    5: _field(_I32, 0, 2**31 - 1),
    6: _enum(21),
    7: _INT32,
    8: _INT32,
    9: _INT32,
    10: _struct_of(_LOGICAL),
}
_KEY_VALUE: Final = {1: _BYTES, 2: _BYTES}
_STATISTICS: Final = {1: _BYTES, 2: _BYTES, 3: _INT64, 4: _INT64, 5: _BYTES, 6: _BYTES, 7: _TRUTH, 8: _TRUTH}
_SIZES: Final = {1: _INT64, 2: _list_of(_INT64), 3: _list_of(_INT64)}
_META_DATA: Final = {
    1: _TYPE,
    2: _list_of(_ENCODING),
    3: _list_of(_BYTES),
    4: _CODEC,
    **dict.fromkeys((5, 6, 7, 9, 10, 11, 14), _INT64),
    8: _list_of(_struct_of(_KEY_VALUE)),
    12: _struct_of(_STATISTICS),
    13: _list_of(_struct_of({1: _PAGE_TYPE, 2: _ENCODING, 3: _INT32})),
    15: _INT32,
    16: _struct_of(_SIZES),
}
# Without 1, another file's path, and without 8 and 9, of encryption.
_CHUNK: Final = {2: _INT64, 3: _struct_of(_META_DATA), 4: _INT64, 5: _INT32, 6: _INT64, 7: _INT32}
_GROUP: Final = {
    1: _list_of(_struct_of(_CHUNK)),
    2: _INT64,
    3: _INT64,
    4: _list_of(_struct_of({1: _INT32, 2: _TRUTH, 3: _TRUTH})),
    5: _INT64,
    6: _INT64,
    7: _field(_I16, -(2**15), 2**15 - 1),
}
# Without 8 and 9, of encryption.
_FILE: Final = {
    1: _INT32,
    2: _list_of(_struct_of(_ELEMENT)),
    3: _INT64,
    4: _list_of(_struct_of(_GROUP)),
    5: _list_of(_struct_of(_KEY_VALUE)),
    6: _BYTES,
    7: _list_of(_struct_of({1: _EMPTY})),
}
_FORBIDDEN: Final = {
    (id(_CHUNK), 1): "a column chunk in another file (file_path)",
    (id(_CHUNK), 8): "an encrypted column chunk",
    (id(_CHUNK), 9): "an encrypted column chunk",
    (id(_FILE), 8): "encryption",
    (id(_FILE), 9): "encryption",
}

_VALUES: Final = (1, 2, 5, 6)
"""Of statistics, the fields with a value of the column."""


class _Leaf(NamedTuple):
    path: list[bytes]
    type: int
    max_repetition: int
    max_definition: int


class EndlessNumberError(ValueError):
    """A number has more bytes than any number can have."""


def check_structure(footer: bytes) -> None:
    """Raises ValueError for what is no footer that every reader takes alike."""
    try:
        found, end = _struct(footer, 0, _FILE)
        if end != len(footer):
            raise ValueError("its footer goes on after its end")
        leaves = _leaves(found[2])
        found[3]
        for group in found[4]:
            chunks = group[1]
            if len(chunks) != len(leaves):
                raise ValueError(f"a row group of {len(chunks)} column chunks for {len(leaves)} columns")
            for chunk, leaf in zip(chunks, leaves, strict=True):
                _check_chunk(chunk[3], leaf)
    except LookupError as error:
        raise ValueError("its footer ends too early or lacks a field") from error
    except EndlessNumberError as error:
        raise ValueError(f"its footer has {error}") from error


def _check_chunk(about: dict[int, Any], leaf: _Leaf) -> None:
    if about[3] != leaf.path or about[1] != leaf.type:
        raise ValueError("a column chunk of another column or type than the schema says")
    width = _WIDTHS.get(leaf.type)
    statistics = about.get(12, {})
    if width is not None and any(len(statistics[field]) != width for field in _VALUES if field in statistics):
        raise ValueError("statistics that are no value of their column")  # DuckDB refuses the whole query
    sizes = about.get(16)
    if sizes is None:
        return
    if 1 in sizes and leaf.type != _BYTE_ARRAY:
        raise ValueError("sizes of texts in a column of numbers")
    for field, most in ((2, leaf.max_repetition), (3, leaf.max_definition)):
        if len(sizes.get(field, ())) not in (0, most + 1):  # Arrow ends the process
            raise ValueError("statistics of levels that the column has not")


def _leaves(elements: list[dict[int, Any]]) -> list[_Leaf]:
    """The columns by the schema, a tree whose elements are in the order of their first visit."""
    found: list[_Leaf] = []
    at = 1

    def visit(children: int, above: _Leaf) -> None:
        nonlocal at
        if not children or len(above.path) > _MAX_DEPTH:
            raise ValueError("a schema without columns or of too many levels")
        for _ in range(children):
            element = elements[at]
            at += 1
            repetition, below = element[3], element.get(5, 0)
            here = _Leaf(
                [*above.path, element[4]],
                element.get(1, -1),
                above.max_repetition + (repetition == _REPEATED),
                above.max_definition + (repetition != 0),
            )
            if (here.type < 0) != (below > 0):
                raise ValueError("a column of the schema with both a type and columns in it, or neither")
            if below:
                visit(below, here)
            else:
                found.append(here)

    visit(elements[0][5], _Leaf([], -1, 0, 0))
    if at != len(elements):
        raise ValueError("columns outside of the schema's root")
    return found


def _struct(data: bytes, at: int, fields: _Fields) -> tuple[dict[int, Any], int]:
    """Values by field, and where it ends. Numbers, most of it, are read here: it is half the time."""
    found: dict[int, Any] = {}
    number = 0
    while head := data[at]:
        at += 1
        if head < 16:
            raise ValueError("its footer has fields out of order")
        number += head >> 4
        kind = head & 15
        if number not in fields:
            raise ValueError(_FORBIDDEN.get((id(fields), number), "its footer has an unknown field"))
        expected, low, high, of = fields[number]
        if kind != expected and (kind, expected) != (2, _BOOL):
            raise ValueError("its footer has a field of another type")
        if kind in _NUMBERS:
            value = data[at]
            at += 1
            if value > 127:
                value, at = varint(data, at - 1)
            value = (value >> 1) ^ -(value & 1)
            if not low <= value <= high:
                raise ValueError("its footer has a number out of range")
            found[number] = value
        elif kind == _BINARY:
            found[number], at = _text(data, at)
        elif kind == _STRUCT:
            found[number], at = _struct(data, at, of)
        elif kind == _LIST:
            found[number], at = _list(data, at, of)
        elif kind == _I8:
            found[number] = data[at]
            at += 1
        else:
            found[number] = kind == _BOOL
    return found, at + 1


def _list(data: bytes, at: int, of: _Field) -> tuple[list[Any], int]:
    expected, low, high, fields = of
    count, kind = data[at] >> 4, data[at] & 15
    if kind != expected:
        raise ValueError("its footer has a list of another type")
    at += 1
    if count == _LONG_LIST:
        count, at = varint(data, at)
    if count > len(data) - at:
        raise ValueError("its footer has a list longer than itself")
    found: list[Any] = []
    value: Any
    for _ in range(count):
        if kind == _STRUCT:
            value, at = _struct(data, at, fields)
        elif kind == _BINARY:
            value, at = _text(data, at)
        else:
            value, at = varint(data, at)
            value = (value >> 1) ^ -(value & 1)
            if not low <= value <= high:
                raise ValueError("its footer has a number out of range")
        found.append(value)
    return found, at


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    length = data[at]
    at += 1
    if length > 127:
        length, at = varint(data, at - 1)
    end = at + length
    if end > len(data):
        raise ValueError("its footer ends in a text")
    return data[at:end], end


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` in Thrift's compact protocol, and where it ends.

    Raises LookupError and EndlessNumberError.
    """
    value = data[at]
    at += 1
    if value < 128:
        return value, at
    value &= 127
    for shift in range(7, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise EndlessNumberError("a number without end")
