"""Mutates good messages at random: bytes, structure and values, from a `random.Random`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from lakehouse.schema.event import FIELDS
from lakehouse.schema.fields import Integer, Time
from tests._support.events.builders import Event, encode, event, later_fields, whole_event
from tests.verification.fuzz.messages import odd

Pool = Sequence[bytes]
_Mutation = Callable[[random.Random, bytes, Pool], bytes]

LONGEST: Final = 6_000  # bytes; large messages have tests of their own

_OF_EVENTS = [field for field in FIELDS if field.from_publisher]
_FIELDS = [field.name for field in _OF_EVENTS]
_TIMES = [field.name for field in _OF_EVENTS if isinstance(field, Time)]
_RANGES = {field.name: (field.minimum, field.maximum) for field in _OF_EVENTS if isinstance(field, Integer)}


def good_event(rng: random.Random) -> Event:
    """A valid event, with few or all of the fields."""
    whole = whole_event(**later_fields())
    made = whole if rng.random() < 0.5 else event()
    made["flight_number"] = rng.randint(1, 9999)
    made["carrier"] = rng.choice(["UA", "9W", "EZY", "ZZ"])
    for name in rng.sample(sorted(whole.keys() - event().keys()), rng.randrange(4)):
        if rng.random() < 0.5:
            made.pop(name, None)
        else:
            made[name] = None
    return made


def good_message(rng: random.Random) -> bytes:
    """Valid events, one a line, or one over several lines."""
    if rng.random() < 0.1:
        return json.dumps(good_event(rng), indent=rng.choice([0, 2])).encode()
    newline = rng.choice([b"\n", b"\n", b"\r\n", b"\n\n", b" \n\t"])
    lines = [encode(good_event(rng)) for _ in range(rng.choice([1, 1, 2, 3, 5]))]
    return newline.join(lines) + rng.choice([b"", newline])


def fuzzed_message(rng: random.Random, pool: Pool) -> bytes:
    """A message out of the pool, or a good one, after a few mutations."""
    data = rng.choice(pool) if pool and rng.random() < 0.5 else good_message(rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 6])):
        data = rng.choice(_MUTATIONS)(rng, data, pool)[:LONGEST]
    return data


# -- bytes -----------------------------------------------------------------------------------------------------


def _span(rng: random.Random, data: bytes) -> tuple[int, int]:
    begin = rng.randint(0, len(data))
    return begin, min(len(data), begin + rng.choice([0, 1, 1, 2, 8, 40, 400]))


def _flip(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    changed = bytearray(data or b"{")
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _delete(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    begin, end = _span(rng, data)
    return data[:begin] + data[end:]


def _double(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    begin, end = _span(rng, data)
    return data[:end] + data[begin:end] * rng.choice([1, 1, 2, 20]) + data[end:]


def _put_in(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    begin, end = _span(rng, data)
    piece = rng.choice(odd.PIECES) if rng.random() < 0.9 else rng.randbytes(rng.randrange(6))
    return data[:begin] + piece + data[begin if rng.random() < 0.7 else end :]


def _at_an_end(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    piece = rng.choice(odd.PIECES)
    return piece + data if rng.random() < 0.5 else data + piece


def _splice(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    other = rng.choice(pool) if pool else good_message(rng)
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


def _line_up(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    """The message between, before or after good lines or others of the pool."""
    parts = [data, encode(good_event(rng)), rng.choice(pool) if pool else b""]
    rng.shuffle(parts)
    return rng.choice([b"\n", b"\n", b"\r\n", b"\r", b"\x85", b"\n \n", b""]).join(parts)


def _many_lines(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    line = rng.choice(data.split(b"\n"))[:500]
    return data + b"\n" + (line + b"\n") * rng.choice([2, 9])


def _nothing(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    return bytes(rng.choice(b" \t\r\n\v\f\x00") for _ in range(rng.randrange(4)))


# -- structure -------------------------------------------------------------------------------------------------

_Members = list[tuple[bytes, bytes]]


def _structure(rng: random.Random, data: bytes, pool: Pool) -> bytes:
    """One line, taken apart into its members, some of them changed, written again."""
    lines = data.split(b"\n")
    number = rng.randrange(len(lines))
    members = _members(lines[number]) or _members(encode(good_event(rng)))
    for _ in range(rng.choice([1, 1, 2, 3])):
        rng.choice(_MEMBER_MUTATIONS)(rng, members)
    blank = rng.choice([b"", b"", b" ", b"\t", b"\r"])
    lines[number] = b"{" + b",".join(blank + name + blank + b":" + value for name, value in members) + blank + b"}"
    return b"\n".join(lines)


def _members(line: bytes) -> _Members:
    try:
        found: Any = json.loads(line.decode(), object_pairs_hook=lambda pairs: pairs)
        return [(json.dumps(name).encode(), json.dumps(value).encode()) for name, value in found]
    except (ValueError, TypeError, RecursionError):
        return []


def _drop(rng: random.Random, members: _Members) -> None:
    if members:
        members.pop(rng.randrange(len(members)))


def _rename(rng: random.Random, members: _Members) -> None:
    if members:
        at = rng.randrange(len(members))
        name = rng.choice(
            [b'"%s"' % rng.choice(_FIELDS).encode(), b'""', b'"\\u0000"', b'"\\ud800"', b'"Carrier"', b"x", b"1"]
        )
        members[at] = (name, members[at][1])


def _repeat(rng: random.Random, members: _Members) -> None:
    if members:
        name, value = rng.choice(members)
        if len(name) > 2 and rng.random() < 0.3:
            name = b'"\\u%04x' % name[1] + name[2:]
        members.insert(rng.randint(0, len(members)), (name, rng.choice([value, *odd.VALUES])))


def _odd_value(rng: random.Random, members: _Members) -> None:
    _give(members, rng.choice(_FIELDS), rng.choice(odd.VALUES))


def _odd_number(rng: random.Random, members: _Members) -> None:
    name = rng.choice(list(_RANGES))
    number = rng.choice(_RANGES[name]) + rng.choice([-1, 0, 1])
    _give(members, name, f"{number}{rng.choice(['', '', '', '.0', 'e0'])}".encode())


def _odd_time(rng: random.Random, members: _Members) -> None:
    day = "2013-01-0" + rng.choice("123") if rng.random() < 0.8 else rng.choice(odd.DATES)
    text = (
        day + rng.choice(odd.SEPARATORS) + rng.choice(odd.CLOCKS) + rng.choice(odd.FRACTIONS) + rng.choice(odd.OFFSETS)
    )
    _give(members, rng.choice(_TIMES), encode(text))


def _odd_date(rng: random.Random, members: _Members) -> None:
    day = rng.choice(odd.DATES)
    _give(members, "flight_date", encode(day))
    if rng.random() < 0.5:  # so that the dates are not too far apart
        _give(members, "scheduled_departure", encode(f"{day}T{rng.choice(odd.CLOCKS)}{rng.choice(odd.OFFSETS)}"))


def _unknown(rng: random.Random, members: _Members) -> None:
    name = rng.choice([b'"x"', b'""', b'"unlisted"', b'"' + b"x" * 200 + b'"', b'"\\u00e9"', b'"\\ud83d\\ude80"'])
    members.insert(rng.randint(0, len(members)), (name, rng.choice(odd.VALUES)))


def _shuffle(rng: random.Random, members: _Members) -> None:
    rng.shuffle(members)


def _give(members: _Members, name: str, value: bytes) -> None:
    members[:] = [member for member in members if member[0] != b'"%s"' % name.encode()]
    members.append((b'"%s"' % name.encode(), value))


_MEMBER_MUTATIONS: Final = (
    *(_drop, _rename, _repeat, _odd_value, _odd_value, _odd_number, _odd_time, _odd_time),
    *(_odd_time, _odd_date, _unknown, _shuffle),
)
_MUTATIONS: Final[tuple[_Mutation, ...]] = (
    *(_flip, _delete, _double, _put_in, _at_an_end, _splice, _line_up, _many_lines, _nothing),
    *(_structure, _structure, _structure, _structure, _structure, _structure),
)
