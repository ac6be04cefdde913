"""From messages to the objects that have to be stored: one per flight date, one per date of rejected lines.

A mistake of ours that some messages meet keeps only those from being prepared.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from ingest_writer.decoding.decoder import decode_messages
from ingest_writer.decoding.tables import RejectedLine, by_flight_date, by_publish_date, rejected_table
from ingest_writer.landing import PendingObject
from ingest_writer.message import Message
from lakehouse import object_names
from lakehouse.object_names import RandomId
from lakehouse.table.parquet_files import to_parquet

_TRIES_MOST: Final = 1000
"""Failures while looking for the guilty messages: 50 of them among 200,000 take that many."""

PoisonMessages = Mapping[str, Exception]
"""By message id, what was raised."""


@dataclass(frozen=True)
class Prepared:
    """What messages become; when all `objects` are stored, they may be acked."""

    objects: Sequence[PendingObject] = ()
    events: int = 0
    rejected: Mapping[dt.date, Sequence[RejectedLine]] = field(default_factory=dict)
    unknown_fields: Counter[str] = field(default_factory=Counter)


def prepare(messages: Sequence[Message], random_id: RandomId) -> Prepared:
    """Decodes the messages and encodes their objects."""
    decoded = decode_messages(messages)
    rejected = by_publish_date(decoded.rejected)
    objects = [landed_events(date, events, random_id) for date, events in by_flight_date([decoded.events]).items()]
    objects += [rejected_lines(date, lines, random_id) for date, lines in rejected.items()]
    return Prepared(objects, decoded.events.num_rows, rejected, decoded.unknown_fields)


def isolate_poison_messages(messages: Sequence[Message], random_id: RandomId) -> tuple[Prepared, PoisonMessages]:
    """Likewise, of the messages that can be prepared, and those that raise; all of them if nobody alone does."""
    try:
        return prepare(messages, random_id), {}
    except Exception:  # noqa: BLE001
        guilty = _failing(messages, random_id)
    try:
        return prepare([each for each in messages if each.message_id not in guilty], random_id), guilty
    except Exception as error:  # noqa: BLE001
        return Prepared(), {message.message_id: error for message in messages}


def _failing(messages: Sequence[Message], random_id: RandomId) -> dict[str, Exception]:
    """Tries halves of what fails, the largest first, down to single messages.

    After many tries, what still fails in a group makes the whole group guilty: it comes again, perhaps in another one.
    """
    guilty: dict[str, Exception] = {}
    groups = deque([messages])
    tries = _TRIES_MOST
    while groups:
        group = groups.popleft()
        try:
            prepare(group, random_id)
        except Exception as error:  # noqa: BLE001
            tries -= 1
            if len(group) == 1 or tries < 0:
                guilty |= {message.message_id: error for message in group}
            else:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
    return guilty


def landed_events(date: dt.date, events: pa.Table, random_id: RandomId) -> PendingObject:
    """The object of events (EVENT_SCHEMA) of one flight date."""
    return PendingObject(lambda: object_names.landed_file(date, random_id()), to_parquet(events))


def rejected_lines(date: dt.date, lines: Sequence[RejectedLine], random_id: RandomId) -> PendingObject:
    """The object of rejected lines whose messages were published on `date`."""
    return PendingObject(lambda: object_names.rejected_file(date, random_id()), to_parquet(rejected_table(lines)))
