"""From messages to durable objects: events by flight date, rejected lines by publish date.

Each object is stored under a random name that is used once, so storing again is always safe.
Messages that crash the decoder or the encoder are isolated; the others are prepared without them.
"""

from __future__ import annotations

import datetime as dt
import io
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest_writer.decoding.decoder import RejectedLine, decode_messages
from ingest_writer.decoding.event import no_events
from ingest_writer.message import Message
from lakehouse import object_names
from lakehouse.errors import CreateStateUnknownError, ObjectExistsError, StoreUnavailableError
from lakehouse.object_names import RandomId
from lakehouse.schema.event import FORMAT_VERSION, KEY, REJECTED_SCHEMA
from lakehouse.store.store import Source, Store
from lakehouse.table.parquet_files import METADATA_KEY
from lakehouse.table.parquet_limits import ATTRIBUTE_BYTES, LANDED_MAX_ROWS, REJECTED_SPLIT_BYTES

log = logging.getLogger(__name__)

LANDED_COMPRESSION: Final = "snappy"
"""A landed file has some hundred rows and is soon merged. Of 300, zstd saves nothing, and takes twice as long to
write and three times as long to read; of 10,000 it saves a third."""
REJECTED_COMPRESSION: Final = "zstd"  # whole messages, kept for long
_CREATE_TRIES: Final = 5  # a storage that loses five answers in a row is away
_ISOLATION_TRIES: Final = 1000
"""Failures while poison messages are searched: 50 of them among 200,000 take that many."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

PoisonMessages = Mapping[str, Exception]
"""By message id, what was raised."""


@dataclass(frozen=True, eq=False)
class PendingObject:
    """Bytes to be stored. Each call of `name` gives a new name, never used before."""

    name: Callable[[], str]
    data: bytes


@dataclass(frozen=True)
class Prepared:
    """What messages become; when all `objects` are stored, they may be acked."""

    objects: Sequence[PendingObject] = ()
    events: int = 0
    rejected: Mapping[dt.date, Sequence[RejectedLine]] = field(default_factory=dict)
    unknown_fields: int = 0


def prepare(messages: Sequence[Message], random_id: RandomId) -> Prepared:
    """Decodes the messages and encodes their objects."""
    decoded = decode_messages(messages)
    rejected = by_publish_date(decoded.rejected)
    objects = [
        each
        for date, events in by_flight_date([decoded.events]).items()
        for each in landed_events(date, events, random_id)
    ]
    objects += [each for date, lines in rejected.items() for each in rejected_lines(date, lines, random_id)]
    return Prepared(objects, decoded.events.num_rows, rejected, decoded.unknown_fields.total())


def isolate_poison_messages(messages: Sequence[Message], random_id: RandomId) -> tuple[Prepared, PoisonMessages]:
    """Prepares all messages but those that raise, which it returns too.

    If messages raise only together, all count as poison.
    """
    try:
        return prepare(messages, random_id), {}
    except Exception:  # noqa: BLE001
        poison = _failing(messages, random_id)
    try:
        return prepare([each for each in messages if each.message_id not in poison], random_id), poison
    except Exception as error:  # noqa: BLE001
        return Prepared(), {message.message_id: error for message in messages}


def _failing(messages: Sequence[Message], random_id: RandomId) -> dict[str, Exception]:
    """Bisects what fails, the largest groups first, down to single messages.

    After many tries, a group that still fails counts as poison as a whole: its messages are
    redelivered, perhaps in other groups.
    """
    poison: dict[str, Exception] = {}
    groups = deque([messages])
    tries = _ISOLATION_TRIES
    while groups:
        group = groups.popleft()
        try:
            prepare(group, random_id)
        except Exception as error:  # noqa: BLE001
            tries -= 1
            if len(group) == 1 or tries < 0:
                poison |= {message.message_id: error for message in group}
            else:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
    return poison


def landed_events(date: dt.date, events: pa.Table, random_id: RandomId) -> list[PendingObject]:
    """The objects of events (EVENT_SCHEMA) of one flight date: one, unless there are more than readers take."""
    return [
        PendingObject(
            lambda: object_names.landed_file(date, random_id()), to_parquet(events.slice(at, LANDED_MAX_ROWS))
        )
        for at in range(0, events.num_rows, LANDED_MAX_ROWS)
    ]


def rejected_lines(date: dt.date, lines: Sequence[RejectedLine], random_id: RandomId) -> list[PendingObject]:
    """The objects of rejected lines whose messages were published on `date`: one, unless there are many bytes."""
    return [
        PendingObject(
            lambda: object_names.rejected_file(date, random_id()),
            to_parquet(rejected_table(some), REJECTED_COMPRESSION),
        )
        for some in _split(lines)
    ]


def _split(lines: Sequence[RejectedLine]) -> Iterator[Sequence[RejectedLine]]:
    """Parts that a file may have. A line that is longer by itself is a part of its own."""
    first = size = 0
    for at, line in enumerate(lines):
        bytes_of_line = _bytes_of(line)
        if at > first and (size + bytes_of_line > REJECTED_SPLIT_BYTES or at - first >= LANDED_MAX_ROWS):
            yield lines[first:at]
            first, size = at, 0
        size += bytes_of_line
    if lines:
        yield lines[first:]


def _bytes_of(line: RejectedLine) -> int:
    """About what it takes: a character of a text may be four bytes."""
    attributes = sum(ATTRIBUTE_BYTES + 4 * (len(key) + len(value)) for key, value in line.attributes.items())
    return len(line.bytes) + attributes + 4 * len(line.reason) + len(line.message_id)


def to_parquet(table: pa.Table, compression: str = LANDED_COMPRESSION) -> bytes:
    """The bytes of a landed or rejected file with the rows of `table` (one of the two schemas)."""
    out = io.BytesIO()
    with pq.ParquetWriter(out, table.schema, compression=compression, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({METADATA_KEY.decode(): str(FORMAT_VERSION)})
    return out.getvalue()


def by_flight_date(tables: Iterable[pa.Table]) -> dict[dt.date, pa.Table]:
    """The events of all tables, a table a flight date, sorted by key."""
    events = sorted_by_key(pa.concat_tables([no_events(), *tables]).combine_chunks())
    dates: dict[dt.date, pa.Table] = {}
    start = 0
    for date, rows in (tuple(each.values()) for each in events["flight_date"].value_counts().to_pylist()):
        dates[date] = events.slice(start, rows)  # sorted: the rows of a date are adjacent, in this order
        start += rows
    return dates


def by_publish_date(lines: Iterable[RejectedLine]) -> dict[dt.date, list[RejectedLine]]:
    """Rejected lines by the date (UTC) on which their messages were published."""
    dates: dict[dt.date, list[RejectedLine]] = {}
    for line in lines:
        published = _EPOCH + dt.timedelta(microseconds=line.publish_time_us)
        dates.setdefault(published.date(), []).append(line)
    return dates


def sorted_by_key(events: pa.Table) -> pa.Table:
    """The same rows by flight: similar neighbours compress well."""
    return events.take(pc.sort_indices(events, sort_keys=[(column, "ascending") for column in KEY]))


def rejected_table(lines: Sequence[RejectedLine]) -> pa.Table:
    """Rejected lines as columns of REJECTED_SCHEMA."""
    columns = list(zip(*lines, strict=True))
    columns[1] = tuple(list(attributes.items()) for attributes in columns[1])
    arrays = [pa.array(c, f.type) for c, f in zip(columns, REJECTED_SCHEMA, strict=True)]
    return pa.table(arrays, schema=REJECTED_SCHEMA)


def store_object(store: Store, pending: PendingObject) -> str:
    """Stores the object under a new name and returns the name; the object is then durable.

    Raises the store's errors. Trying again after any of them is safe: the name will be another one,
    and an event that landed twice changes nothing.
    """
    name = pending.name()
    store.create(name, pending.data)
    return name


def store_with_retry(store: Store, pending: PendingObject) -> str:
    """The same; after a create of unknown outcome it tries other names: see `create_with_retry`."""
    return create_with_retry(store, pending.name, pending.data)


def create_with_retry(store: Store, new_name: Callable[[], str], source: Source) -> str:
    """Stores bytes or a file under a name that `new_name` gives, and returns the name.

    After a create of unknown outcome it tries other names, a few times. A random name that already
    exists was created by our own request, sent twice on the way.

    Raises StoreUnavailableError when none of the tries is known to have succeeded, and the store's errors.
    """
    last = ""
    for _ in range(_CREATE_TRIES):
        name = new_name()
        try:
            store.create(name, source)
        except (CreateStateUnknownError, ObjectExistsError) as error:
            last = str(error)
            log.warning("may not be stored, uses another name: %s", last)
        else:
            return name
    raise StoreUnavailableError(f"not known to be stored after {_CREATE_TRIES} tries, run again; the last: {last}")
