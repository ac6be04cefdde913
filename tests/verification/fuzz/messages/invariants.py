"""The invariants of every message; returns violations in words."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_writer.decoding.decoder import Decoded, decode_line_by_line, decode_messages
from ingest_writer.decoding.event import Row
from ingest_writer.decoding.vectorized import _lines
from ingest_writer.landing import prepare, store_object
from ingest_writer.message import Message
from lakehouse.store.memory import MemoryStore
from tests._support.events.builders import encode, event, ids, message, rows_of, whole_event
from tests.verification.fuzz.messages.oracle import expect, lines

_SLOWEST_S = 1.0  # of this thread's time, for a small message
_MATE_EVERY = 5  # messages

_MATES = [encode(event()), encode(whole_event()) + b"\n" + encode(event(flight_number=7, unlisted="B")), b"no event"]


@dataclass(frozen=True)
class Finding:
    """A message that violates an invariant."""

    data: bytes
    what: str


def signature(data: bytes) -> frozenset[str]:
    """What the decoder did with the message: the path that it took, and every kind of outcome."""
    given = _message(data, 0)
    path = "slow" if _lines(data) is None else "fast"
    decoded = decode_line_by_line([given])
    kinds = {f"{line.stage}: {_kind(line.reason)}" for line in decoded.rejected}
    size = "one" if decoded.events.num_rows + len(decoded.rejected) == 1 else "several"
    return frozenset({f"{path}, {size}", *(["row"] if decoded.events.num_rows else []), *kinds})


def _kind(reason: str) -> str:
    """The reason without what it quotes."""
    return re.sub(r"'.*'|0x[0-9a-f]+|[0-9]+|keys: .*|[+-]?\d+.*Z", "*", reason, flags=re.DOTALL)[:100]


def check(messages: Sequence[bytes]) -> list[Finding]:
    """Decodes and lands the messages with good and bad ones between them, all at once."""
    pull = list(_pull(messages))
    try:
        began = time.thread_time()
        decoded = decode_messages(pull, columns_from_bytes=0)
        seconds = time.thread_time() - began
    except Exception as error:  # noqa: BLE001
        return [_alone(messages, f"raises {error!r}")]
    if seconds > _SLOWEST_S * len(messages):
        return [Finding(max(messages, key=len), f"{len(messages)} messages took {seconds:.1f} s")]
    rows: dict[str, list[Row]] = {}
    for row in rows_of(decoded.events):
        rows.setdefault(row[-3], []).append(row)
    found = [Finding(each.data, what) for each in pull if (what := _broken(each, rows, decoded))]
    if not found and (what := _landing(pull, decoded)):
        return [_alone(messages, what)]
    return found


def _alone(messages: Sequence[bytes], what: str) -> Finding:
    """Which of the messages it was."""
    if len(messages) > 1:
        for each in messages:
            if found := check([each]):
                return found[0]
    return Finding(messages[0], what)


def _pull(messages: Sequence[bytes]) -> Iterator[Message]:
    for number, data in enumerate(messages):
        yield _message(data, 2 * number)
        if number % _MATE_EVERY == 0:
            yield _message(_MATES[number % len(_MATES)], 2 * number + 1)


def _message(data: bytes, number: int) -> Message:
    return message(data, f"m{number}", "2013-01-01T12:00:00Z", {"n": str(number)})


# -- one message -----------------------------------------------------------------------------------------------


def _broken(given: Message, all_rows: Mapping[str, list[Row]], decoded: Decoded) -> str:
    """The violation by the outcome of one message, or nothing."""
    rows = all_rows.get(given.message_id, [])
    rejected = [line for line in decoded.rejected if line.message_id == given.message_id]
    try:
        alone = decode_line_by_line([given])
    except Exception as error:  # noqa: BLE001
        return f"raises {error!r}"
    if rows != rows_of(alone.events):
        return f"rows differ: {rows} with the fast path, {rows_of(alone.events)} without"
    if rejected != alone.rejected:
        return f"rejected lines differ: {rejected} with the fast path, {alone.rejected} without"
    for line in rejected:
        if line.attributes != given.attributes or line.publish_time_us != given.publish_time_us or not line.reason:
            return f"a rejected line has another origin: {line}"
    return _unlike_expected(given, rows, {line.message_line: line.bytes for line in rejected}, len(rejected))


def _unlike_expected(given: Message, rows: list[Row], rejected: dict[int, bytes], count: int) -> str:
    expected = expect(given.data, given.message_id, given.publish_time_us)
    by_line = {row[-2]: row for row in rows}
    if len(by_line) != len(rows) or len(rejected) != count:
        return "a line is accounted for twice"
    if by_line != expected.rows:
        wrong = sorted(by_line.items() ^ expected.rows.items())
        return f"rows and oracle differ: {wrong[:2]}"
    if rejected != expected.rejected:
        return f"rejected lines and oracle differ: {rejected} {expected.rejected}"
    accounted = sorted([*by_line, *rejected])
    return "" if accounted == [number for number, _ in lines(given.data)] else f"only {accounted} are accounted for"


# -- landing ---------------------------------------------------------------------------------------------------


def _landing(pull: Sequence[Message], decoded: Decoded) -> str:
    """Lands the outcome, reads it back and compares."""
    store = MemoryStore()
    rows: list[tuple[Any, ...]] = []
    rejected: list[tuple[Any, ...]] = []
    try:
        for landed in prepare(pull, ids()).objects:
            name = store_object(store, landed)
            (rows if name.startswith("landing/") else rejected).extend(_read(store.read(name)))
    except Exception as error:  # noqa: BLE001
        return f"cannot be landed: {error!r}"
    if sorted(rows, key=_origin) != sorted(rows_of(decoded.events), key=_origin):
        return "rows are not read back as they were"
    lines_given = [(x.bytes, list(x.attributes.items()), *x[2:]) for x in decoded.rejected]
    return "" if rejected == lines_given else "rejected lines are not read back as they were"


def _origin(row: Row) -> tuple[str, int]:
    return row[-3], row[-2]


def _read(data: bytes) -> Iterator[tuple[Any, ...]]:
    table = pq.ParquetFile(BytesIO(data)).read(use_threads=False)  # a few rows: threads take longer
    columns = [c.cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for c in table.columns]
    return zip(*(column.to_pylist() for column in columns), strict=True)
