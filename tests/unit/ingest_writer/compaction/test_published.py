"""Whether a published file is there already: told by its bytes, and by its size before they are read."""

from __future__ import annotations

from ingest_writer.compaction.published import is_published
from lakehouse.store.memory import MemoryStore
from tests._support.stores import WrappedStore


class CountingStore(WrappedStore):
    """Counts reads."""

    reads = 0

    def read(self, name: str) -> bytes:
        self.reads += 1
        return super().read(name)


def test_a_file_is_published_when_it_has_these_very_bytes() -> None:
    store = MemoryStore()
    assert not is_published(store, "file", b"abc")
    store.create("file", b"abc")
    store.create("file-2", b"abd")
    assert is_published(store, "file", b"abc")
    assert not is_published(store, "file", b"abd")
    assert not is_published(store, "fil", b"abc")


def test_a_file_of_another_size_is_not_read() -> None:
    store = CountingStore(MemoryStore())
    store.create("file", b"x" * 1_000_000)
    assert not is_published(store, "file", b"abc")
    assert store.reads == 0
