"""The search for messages that cannot be prepared."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingest_writer.decoding.decoder import decode_messages
from ingest_writer.decoding.tables import Decoded
from ingest_writer.message import Message
from ingest_writer.subscriber.encode import Prepared, isolate_poison_messages, prepare
from lakehouse.object_names import RandomId
from tests._support.events import ids, line, message
from tests._support.mistakes import Mistake


def test_a_thousand_guilty_messages_among_others_take_a_bounded_search(monkeypatch: pytest.MonkeyPatch) -> None:
    guilty = [f"m{number}" for number in range(1, 2001, 2)]
    mistake = Mistake(*guilty)
    mistake.plant_in_encoding(monkeypatch)
    messages = [message(line(), f"m{number}") for number in range(1, 2001)]
    tries = 0

    def counted(given: Sequence[Message], random_id: RandomId) -> Prepared:
        nonlocal tries
        tries += 1
        return prepare(given, random_id)

    monkeypatch.setattr("ingest_writer.subscriber.encode.prepare", counted)
    prepared, found = isolate_poison_messages(messages, ids())
    assert set(guilty) <= found.keys()
    assert prepared.events == len(messages) - len(found)
    assert tries <= 2 * 1000 + 3


def test_messages_that_fail_only_together_all_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(messages: Sequence[Message]) -> Decoded:
        if len(messages) == 4:
            raise ZeroDivisionError("four at once")
        return decode_messages(messages)

    monkeypatch.setattr("ingest_writer.subscriber.encode.decode_messages", decode)
    prepared, found = isolate_poison_messages([message(line(), f"m{number}") for number in range(4)], ids())
    assert (list(prepared.objects), set(found)) == ([], {"m0", "m1", "m2", "m3"})
