"""Which messages a mistake of ours fails on, so that the others need not share their fate.

Nothing here runs as long as decoding and encoding raise nothing that they should not.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ingest_writer.batch import Batch
from ingest_writer.decode import decode_messages
from ingest_writer.landing import encode_events, encode_rejected
from ingest_writer.message import Message
from ingest_writer.tables import NO_EVENTS, Decoded, RejectedLine

_TRIES_MOST: Final = 1000
"""Failures while looking for the guilty in one object: 50 of them among 200,000 messages take that many."""

Guilty = Mapping[str, Exception]
"""By message id, what was raised."""


def decode_apart(messages: Sequence[Message]) -> tuple[Decoded, Guilty]:
    """What became of the messages that can be decoded, and those that raise."""
    try:
        return decode_messages(messages), {}
    except Exception:  # noqa: BLE001
        return _decode_one_by_one(messages)


def _decode_one_by_one(messages: Sequence[Message]) -> tuple[Decoded, Guilty]:
    some: list[Decoded] = []
    guilty: dict[str, Exception] = {}
    for message in messages:
        try:
            some.append(decode_messages([message]))
        except Exception as error:  # noqa: BLE001
            guilty[message.message_id] = error
    events = pa.concat_tables([NO_EVENTS, *(each.events for each in some)])
    rejected = [line for each in some for line in each.rejected]
    unknown_fields = sum((each.unknown_fields for each in some), Counter[str]())
    return Decoded(events, rejected, unknown_fields), guilty


def not_encodable(batch: Batch) -> Guilty:
    """The messages of the batch whose rows or rejected lines cannot be made a file.

    After many tries, what still fails in a group makes the whole group guilty: it comes again, perhaps in another one.
    """
    events = pa.concat_tables([NO_EVENTS, *batch.events])
    of_message = events["message_id"]

    def encode(ids: list[str]) -> None:
        encode_events(events.filter(pc.is_in(of_message, pa.array(ids, pa.string()))))

    guilty = _failing(of_message.unique().to_pylist(), encode)
    for lines in batch.rejected.values():
        guilty |= _failing_lines(lines)
    return guilty


def _failing_lines(lines: Sequence[RejectedLine]) -> dict[str, Exception]:
    by_message: dict[str, list[RejectedLine]] = {}
    for line in lines:
        by_message.setdefault(line.message_id, []).append(line)
    return _failing(list(by_message), lambda ids: encode_rejected([line for each in ids for line in by_message[each]]))


def _failing(message_ids: list[str], encode: Callable[[list[str]], object]) -> dict[str, Exception]:
    """Tries all messages, then halves of what fails, the largest first, down to single messages."""
    guilty: dict[str, Exception] = {}
    groups = deque([message_ids])
    tries = _TRIES_MOST
    while groups:
        group = groups.popleft()
        try:
            encode(group)
        except Exception as error:  # noqa: BLE001
            tries -= 1
            if len(group) == 1 or tries < 0:
                guilty |= dict.fromkeys(group, error)
            else:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
    return guilty
