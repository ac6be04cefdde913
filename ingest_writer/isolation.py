"""Which messages a mistake of ours fails on, so that the others need not share their fate.

Nothing here runs as long as decoding and encoding raise nothing that they should not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from ingest_writer.batch import MESSAGE_ID, Batch
from ingest_writer.decode import Decoded, decode_messages
from ingest_writer.landing import encode_rejected, encode_rows
from ingest_writer.message import Message

T = TypeVar("T")

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
    decoded = Decoded()
    guilty: dict[str, Exception] = {}
    for message in messages:
        try:
            one = decode_messages([message])
        except Exception as error:  # noqa: BLE001
            guilty[message.message_id] = error
            continue
        decoded.rows += one.rows
        decoded.rejected += one.rejected
        decoded.unknown_fields.update(one.unknown_fields)
    return decoded, guilty


def not_encodable(batch: Batch) -> Guilty:
    """The messages of the batch whose rows or rejected lines cannot be made a file.

    After many tries, what still fails in a group makes the whole group guilty: it comes again, perhaps in another one.
    """
    guilty: dict[str, Exception] = {}
    for rows in batch.rows.values():
        guilty |= _failing(_by_message(rows, lambda row: str(row[MESSAGE_ID])), encode_rows)
    for lines in batch.rejected.values():
        guilty |= _failing(_by_message(lines, lambda line: line.message_id), encode_rejected)
    return guilty


def _by_message(things: Sequence[T], message_id: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for thing in things:
        found.setdefault(message_id(thing), []).append(thing)
    return found


def _failing(by_message: Mapping[str, list[T]], encode: Callable[[list[T]], object]) -> dict[str, Exception]:
    """Tries all, then halves of what fails, the largest first, down to single messages."""
    guilty: dict[str, Exception] = {}
    groups = deque([list(by_message)])
    tries = _TRIES_MOST
    while groups:
        group = groups.popleft()
        try:
            encode([thing for message_id in group for thing in by_message[message_id]])
        except Exception as error:  # noqa: BLE001
            tries -= 1
            if len(group) == 1 or tries < 0:
                guilty |= dict.fromkeys(group, error)
            else:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
    return guilty
