"""What the store in memory does and not every store promises: the clock is the test's, files are copied."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from lakehouse.store.memory import MemoryStore


def test_the_time_of_creation_is_that_of_the_clock_passed_in(now: Callable[[], dt.datetime]) -> None:
    store = MemoryStore(now)
    for name in ("b", "a"):
        store.create(name, b"x")
    start = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)
    assert [(info.name, info.created - start) for info in store.list("")] == [
        ("a", dt.timedelta(seconds=1)),
        ("b", dt.timedelta(0)),
    ]


def test_an_object_made_from_a_file_does_not_follow_the_file(memory: MemoryStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"first")
    memory.create("a", source)
    source.write_bytes(b"second")
    assert memory.read("a") == b"first"


def test_a_listing_shows_what_was_there_when_it_was_asked(memory: MemoryStore) -> None:
    memory.create("a", b"x")
    listing = memory.list("")
    memory.create("b", b"x")
    memory.delete("a")
    assert [info.name for info in listing] == ["a"]
