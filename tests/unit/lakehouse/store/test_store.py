"""What all three stores promise."""

from __future__ import annotations

import datetime as dt
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import google_crc32c
import pytest

from lakehouse.errors import ObjectExistsError, ObjectMissingError
from lakehouse.store.store import Store


def _names(store: Store, prefix: str, start: str = "") -> list[str]:
    return [info.name for info in store.list(prefix, start)]


def test_an_object_is_read_back_as_it_was_created(store: Store, tmp_path: Path) -> None:
    store.create("landing/a.parquet", b"content")
    store.download("landing/a.parquet", tmp_path / "copy")
    assert store.read("landing/a.parquet") == b"content"
    assert (tmp_path / "copy").read_bytes() == b"content"


def test_an_object_may_be_empty(store: Store, tmp_path: Path) -> None:
    store.create("landing/empty", b"")
    store.download("landing/empty", tmp_path / "copy")
    assert store.read("landing/empty") == b""
    assert (tmp_path / "copy").read_bytes() == b""
    assert [(info.size, info.crc32c) for info in store.list("landing/")] == [(0, 0)]


def test_a_second_create_is_refused_and_changes_nothing(store: Store) -> None:
    store.create("snapshots/1", b"first")
    with pytest.raises(ObjectExistsError, match="snapshots/1"):
        store.create("snapshots/1", b"second")
    assert store.read("snapshots/1") == b"first"


def test_a_second_create_from_a_file_is_refused(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"second")
    store.create("snapshots/1", b"first")
    with pytest.raises(ObjectExistsError, match="snapshots/1"):
        store.create("snapshots/1", source)
    assert store.read("snapshots/1") == b"first"


def test_of_concurrent_creates_of_one_name_exactly_one_wins(store: Store) -> None:
    racers, rounds = 8, 5
    barrier = threading.Barrier(racers)

    def race(racer: int) -> list[int]:
        won = []
        for number in range(rounds):
            barrier.wait()
            try:
                store.create(f"snapshots/{number}", f"{racer}".encode())
            except ObjectExistsError:
                continue
            won.append(number)
        return won

    with ThreadPoolExecutor(racers) as pool:
        won = list(pool.map(race, range(racers)))
    assert sorted(number for numbers in won for number in numbers) == list(range(rounds))
    for racer, numbers in enumerate(won):
        assert all(store.read(f"snapshots/{number}") == f"{racer}".encode() for number in numbers)


def test_a_listing_is_in_name_order_whatever_the_order_of_creation(store: Store) -> None:
    names = ["a/2", "a/10", "a/1/x", "a/1.x", "a/1-x", "a/B", "a/b", "a/ü", "a/~", "a/\U0001f6eb", "a/\uffee"]
    for name in names:
        store.create(name, b"x")
    assert _names(store, "a/") == sorted(names, key=str.encode)


def test_a_listing_has_what_begins_with_the_prefix_and_nothing_else(store: Store) -> None:
    for name in ("landing/d=1/a", "landing/d=10/a", "landing/d=2/a", "landinG/a", "landing.a", "other/landing/a"):
        store.create(name, b"x")
    assert _names(store, "landing/") == ["landing/d=1/a", "landing/d=10/a", "landing/d=2/a"]
    assert _names(store, "landing/d=1") == ["landing/d=1/a", "landing/d=10/a"]
    assert _names(store, "landing/d=1/") == ["landing/d=1/a"]
    assert _names(store, "landing/d=1/a") == ["landing/d=1/a"]
    assert _names(store, "landing/d=3/") == []
    assert len(_names(store, "")) == 6


def test_a_listing_begins_at_start_inclusively(store: Store) -> None:
    for number in (1, 2, 3, 10):
        store.create(f"snapshots/{number:03d}", b"x")
    assert _names(store, "snapshots/", "snapshots/002") == ["snapshots/002", "snapshots/003", "snapshots/010"]
    assert _names(store, "snapshots/", "snapshots/0021") == ["snapshots/003", "snapshots/010"]
    assert _names(store, "snapshots/", "snapshots/011") == []
    assert len(_names(store, "snapshots/", "a")) == 4


def test_a_listing_of_an_empty_store_is_empty(store: Store) -> None:
    assert _names(store, "landing/") == []


def test_a_listing_has_every_object_when_there_are_more_than_a_page_of_them(store: Store) -> None:
    names = [f"landing/{number:05d}" for number in range(1_050)]  # a page of Cloud Storage has 1,000
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: store.create(name, b""), names))
    assert _names(store, "landing/") == names


def test_a_listing_shows_size_checksum_and_time_of_creation(store: Store) -> None:
    before = dt.datetime.now(dt.UTC)
    store.create("landing/a", b"123456789")
    after = dt.datetime.now(dt.UTC)
    (info,) = store.list("landing/")
    assert (info.size, info.crc32c) == (9, 0xE3069283)  # the check value that the definition of crc32c gives
    slack = dt.timedelta(seconds=1)  # a file system's clock may be a tick behind
    assert before - slack <= info.created <= after + slack
    assert info.created.utcoffset() == dt.timedelta(0)
    assert info.generation > 0


@pytest.mark.parametrize("name", ["a/ü+ö", "a/100%25 %2F", "a/b c", "a/?x=1&y#z", "a/'\"`$;", "a/日本"])
def test_names_with_unusual_characters_are_kept(store: Store, tmp_path: Path, name: str) -> None:
    store.create(name, b"x")
    assert _names(store, "a/") == [name]
    assert store.read(name) == b"x"
    store.download(name, tmp_path / "copy")
    assert store.generation(name) > 0
    store.delete(name)
    assert _names(store, "a/") == []


def test_an_object_that_is_not_there_is_missing(store: Store, tmp_path: Path) -> None:
    store.create("landing/other", b"x")
    with pytest.raises(ObjectMissingError, match=r"landing/gone: there is no such object") as caught:
        store.read("landing/gone")
    assert caught.value.name == "landing/gone"
    with pytest.raises(ObjectMissingError, match="landing/gone"):
        store.download("landing/gone", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_deleted_object_is_gone_and_deleting_again_is_no_error(store: Store) -> None:
    store.create("landing/a", b"x")
    store.create("landing/b", b"x")
    store.delete("landing/a")
    store.delete("landing/a")
    store.delete("landing/never")
    assert _names(store, "landing/") == ["landing/b"]
    with pytest.raises(ObjectMissingError):
        store.read("landing/a")


def test_a_download_stays_when_its_object_is_deleted(store: Store, tmp_path: Path) -> None:
    store.create("landing/a", b"content")
    store.download("landing/a", tmp_path / "copy")
    store.delete("landing/a")
    assert (tmp_path / "copy").read_bytes() == b"content"


def test_a_file_larger_than_one_request_is_stored_whole(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(1 << 20) * 9 + b"end")  # above the 8 MiB where uploads become resumable
    store.create("flights/big", source)
    store.download("flights/big", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    (info,) = store.list("flights/")
    assert (info.size, info.crc32c) == (source.stat().st_size, google_crc32c.value(source.read_bytes()))


def test_replacing_needs_the_generation_that_is_there(store: Store) -> None:
    assert store.generation("iceberg/metadata/version-hint.text") == 0
    assert store.replace("iceberg/metadata/version-hint.text", b"one", 0)
    assert not store.replace("iceberg/metadata/version-hint.text", b"late", 0)
    first = store.generation("iceberg/metadata/version-hint.text")
    assert store.replace("iceberg/metadata/version-hint.text", b"two", first)
    assert not store.replace("iceberg/metadata/version-hint.text", b"late", first)
    assert store.generation("iceberg/metadata/version-hint.text") != first
    assert store.read("iceberg/metadata/version-hint.text") == b"two"


def test_an_object_that_is_gone_is_not_replaced(store: Store) -> None:
    store.create("iceberg/metadata/version-hint.text", b"one")
    generation = store.generation("iceberg/metadata/version-hint.text")
    store.delete("iceberg/metadata/version-hint.text")
    assert not store.replace("iceberg/metadata/version-hint.text", b"two", generation)
    assert _names(store, "") == []


def test_of_concurrent_replaces_of_one_generation_exactly_one_wins(store: Store) -> None:
    racers, rounds = 8, 5
    for _ in range(rounds):
        generation = store.generation("flights/_delta_log/_last_checkpoint")
        barrier = threading.Barrier(racers)

        def race(racer: int, generation: int = generation, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait()
            return store.replace("flights/_delta_log/_last_checkpoint", f"{racer}".encode(), generation)

        with ThreadPoolExecutor(racers) as pool:
            won = list(pool.map(race, range(racers)))
        assert won.count(True) == 1
        assert store.read("flights/_delta_log/_last_checkpoint") == f"{won.index(True)}".encode()
