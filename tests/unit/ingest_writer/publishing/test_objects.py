"""Objects that are created once, and hints that go one way."""

from __future__ import annotations

import pytest

from ingest_writer.publishing.objects import advance, ensure_created
from lakehouse.errors import UnreadableError
from lakehouse.store.memory import MemoryStore
from tests._support.lakes.compactors import MeddlingStore


def _number(data: bytes) -> int:
    return int(data) if data.isdigit() else -1


def test_an_object_of_another_process_stays() -> None:
    store = MemoryStore()
    ensure_created(store, "a", b"1")
    ensure_created(store, "a", b"2")
    assert store.read("a") == b"1"


def test_a_hint_goes_forward_only_and_nonsense_is_replaced() -> None:
    store = MemoryStore()
    for data, wanted in ((b"2", b"2"), (b"1", b"2"), (b"3", b"3")):
        advance(store, "hint", data, _number)
        assert store.read("hint") == wanted
    assert store.replace("hint", b"nonsense", store.generation("hint"))
    advance(store, "hint", b"1", _number)
    assert store.read("hint") == b"1"


@pytest.mark.parametrize("moment", ["generation", "replace"])
def test_a_hint_that_another_process_writes_meanwhile_stays(moment: str) -> None:
    store = MemoryStore()
    slow = MeddlingStore(store)
    meddle = slow.after if moment == "generation" else slow.before
    meddle(moment, "hint", lambda _: advance(store, "hint", b"5", _number))
    advance(slow, "hint", b"3", _number)
    assert store.read("hint") == b"5"


def test_a_hint_whose_bytes_are_damaged_is_replaced() -> None:
    store = MemoryStore()
    store.create("hint", b"7")
    damaged = MeddlingStore(store)

    def damage(name: str) -> None:
        raise UnreadableError(name, "crc32c")

    damaged.before("read", "hint", damage)
    advance(damaged, "hint", b"3", _number)
    assert store.read("hint") == b"3"
