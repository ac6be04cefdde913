"""The cache of downloaded objects: bounded, checked, one download each."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest_writer.landing import to_parquet
from lakehouse.errors import (
    CacheFullError,
    DiskFullError,
    LocalDiskError,
    ObjectMissingError,
    StoreUnavailableError,
    UnreadableError,
)
from lakehouse.local_disk import BLOCK_BYTES, local_disk_error
from lakehouse.store.memory import MemoryStore
from lakehouse.table import file_cache as cache_module
from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import LandedFile, list_landing
from lakehouse.table.snapshot import MonthFile
from tests._support.lakes.rows import land, put_month, row, table
from tests._support.lakes.stores import Gate, SpyStore
from tests._support.processes.forks import in_a_fork
from tests._support.processes.full_disk import files_limited_to

_PLENTY = 1 << 20
_SIZE = len(to_parquet(table([row()])))  # of every landed file here


class GatedDownload(Gate):
    """Holds the download of one object until it is opened, and then fails it if there is an error."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self._name = name

    def before(self, call: str, name: str) -> None:
        """For a `SpyStore`."""
        if (call, name) == ("download", self._name):
            self(name)
            if self.error is not None:
                raise self.error


@pytest.fixture
def spy(memory: MemoryStore) -> SpyStore:
    return SpyStore(memory)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def caches() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _cache(caches: ExitStack, store: SpyStore, folder: Path, max_bytes: int) -> FileCache:
    cache = FileCache(store, folder, max_bytes)
    caches.callback(cache.close)
    return cache


def _landed(memory: MemoryStore, count: int) -> list[LandedFile]:
    for _ in range(count):
        land(memory, [row()])
    return list(list_landing(memory).files)


def _on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _sized(file: LandedFile, size: int) -> LandedFile:
    return dataclasses.replace(file, info=file.info._replace(size=size))


def _touch(cache: FileCache, *files: LandedFile | MonthFile) -> None:
    with cache.pinned(files):
        pass


def test_files_are_given_in_the_order_asked(
    caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path
) -> None:
    files = _landed(memory, 3)
    month = put_month(memory, [row()], added_snapshot=1)
    cache = _cache(caches, spy, folder, _PLENTY)
    with cache.pinned([files[2], month, files[0], files[2]]) as paths:
        names = [files[2].name, month.name, files[0].name, files[2].name]
        assert [path.read_bytes() for path in paths] == [memory.read(name) for name in names]


def test_a_file_is_downloaded_once(caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path) -> None:
    (file,) = _landed(memory, 1)
    cache = _cache(caches, spy, folder, _PLENTY)
    for _ in range(3):
        _touch(cache, file)
    assert spy.count("download", file.name) == 1


def test_a_file_larger_than_a_writer_lands_is_refused_alone_and_not_fetched(
    caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = _landed(memory, 2)
    bad = dataclasses.replace(bad, info=bad.info._replace(size=_PLENTY + 1))  # more than the cache holds, too
    monkeypatch.setattr("lakehouse.table.parquet_limits.LANDED_MAX_BYTES", _PLENTY)
    cache = _cache(caches, spy, folder, _PLENTY)
    for _ in range(2):
        failed = cache.prefetch([bad, good])
        assert {name: type(error) for name, error in failed.items()} == {bad.name: UnreadableError}
    assert (spy.count("download", bad.name), spy.count("download", good.name)) == (0, 1)


def test_concurrent_users_share_one_download(caches: ExitStack, memory: MemoryStore, folder: Path) -> None:
    (file,) = _landed(memory, 1)
    users = 4
    all_waiting = threading.Barrier(users + 1)
    spy = SpyStore(memory, before=lambda call, name: _wait(all_waiting))
    cache = _cache(caches, spy, folder, _PLENTY)
    pinned: list[Path] = []

    def use() -> None:
        with cache.pinned([file]) as paths:
            pinned.extend(paths)

    with ThreadPoolExecutor(users) as pool:
        take = cache._take

        def counted(wanted: LandedFile | MonthFile) -> object:
            entry = take(wanted)
            _wait(all_waiting)
            return entry

        cache._take = counted  # type: ignore[assignment, method-assign]
        for future in [pool.submit(use) for _ in range(users)]:
            future.result(30)
    assert spy.count("download", file.name) == 1
    assert len(pinned) == users
    assert len(set(pinned)) == 1


def _wait(barrier: threading.Barrier) -> None:
    barrier.wait(30)


def test_the_bound_is_kept_and_what_was_used_longest_ago_goes_first(
    caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path
) -> None:
    a, b, c = _landed(memory, 3)
    cache = _cache(caches, spy, folder, 2 * _SIZE)  # room for two
    for file in (a, b, a, c):  # b is the one used longest ago when c comes
        _touch(cache, file)
        assert _on_disk(folder) <= 2 * _SIZE
    _touch(cache, a, c)
    assert [spy.count("download", file.name) for file in (a, b, c)] == [1, 1, 1]
    _touch(cache, b)
    assert spy.count("download", b.name) == 2


def test_a_pinned_file_is_never_evicted(caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path) -> None:
    a, b, c = _landed(memory, 3)
    cache = _cache(caches, spy, folder, 2 * _SIZE)  # room for two, one of them pinned
    with cache.pinned([a]) as (path,):
        for file in (b, c, b, c):
            _touch(cache, file)
        assert path.read_bytes() == memory.read(a.name)
    _touch(cache, a)
    assert spy.count("download", a.name) == 1


def test_a_file_pinned_twice_stays_until_both_have_ended(
    caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path
) -> None:
    a, b = _landed(memory, 2)
    cache = _cache(caches, spy, folder, _SIZE)  # room for one
    with cache.pinned([a]):
        _touch(cache, a)
        with pytest.raises(CacheFullError):
            _touch(cache, b)
    _touch(cache, b)


def test_files_that_do_not_fit_together_are_an_error_and_stay_unpinned(
    caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path
) -> None:
    a, b, c = _landed(memory, 3)
    cache = _cache(caches, spy, folder, 2 * _SIZE)
    _touch(cache, a, b)
    with pytest.raises(CacheFullError, match=rf"{c.name}: {_SIZE} bytes do not fit beside.*holds {2 * _SIZE}"):
        _touch(cache, a, b, c)
    _touch(cache, c, a)


def test_a_failed_download_is_tried_again_next_time(caches: ExitStack, memory: MemoryStore, folder: Path) -> None:
    (file,) = _landed(memory, 1)
    failures = [StoreUnavailableError("hiccup")]

    def fail_once(call: str, name: str) -> None:
        if failures:
            raise failures.pop()

    cache = _cache(caches, SpyStore(memory, before=fail_once), folder, _PLENTY)
    with pytest.raises(StoreUnavailableError, match="hiccup"):
        _touch(cache, file)
    assert _on_disk(folder) == 0
    _touch(cache, file)


def test_a_file_that_was_deleted_from_disk_is_downloaded_again(
    caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path
) -> None:
    cache = _cache(caches, spy, folder, _PLENTY)
    files = _landed(memory, 1)
    _touch(cache, *files)
    for path in folder.iterdir():
        path.unlink()
    with cache.pinned(files) as paths:
        assert paths[0].stat().st_size == _SIZE


def test_prefetch_tells_by_name_what_cannot_be_had_and_keeps_the_rest(
    caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path
) -> None:
    cache = _cache(caches, spy, folder, _PLENTY)
    files = _landed(memory, 3)
    memory.delete(files[1].name)
    failed = cache.prefetch(files)
    assert {name: type(error) for name, error in failed.items()} == {files[1].name: ObjectMissingError}
    with cache.pinned([files[0], files[2]]) as paths:
        assert len(paths) == 2


def test_a_failed_download_takes_no_room(caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path) -> None:
    a, b = _landed(memory, 2)
    cache = _cache(caches, spy, folder, _SIZE)
    memory.delete(a.name)
    with pytest.raises(ObjectMissingError, match=a.name):
        _touch(cache, a)
    _touch(cache, b)
    assert _on_disk(folder) == _SIZE


def test_a_download_under_way_keeps_its_room_when_nobody_waits(
    caches: ExitStack, memory: MemoryStore, folder: Path
) -> None:
    slow, next_ = _landed(memory, 2)
    gate = GatedDownload(slow.name)
    cache = _cache(caches, SpyStore(memory, before=gate.before), folder, _SIZE)
    with cache.pin([slow]) as (ready,):
        gate.wait_until_reached()
    with pytest.raises(CacheFullError):
        _touch(cache, next_)
    gate.open()
    ready.result(30)
    _touch(cache, next_)
    assert _on_disk(folder) == _SIZE


def test_a_download_that_has_not_begun_gives_its_room_when_nobody_waits(
    caches: ExitStack, memory: MemoryStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_DOWNLOADS_AT_ONCE", 1)  # those behind the first one wait in line
    old, slow, queued, last = _landed(memory, 4)
    gate = GatedDownload(slow.name)
    spy = SpyStore(memory, before=gate.before)
    cache = _cache(caches, spy, folder, 2 * _SIZE)
    _touch(cache, old)
    with cache.pin([slow]):
        gate.wait_until_reached()
        with cache.pin([queued]):  # is to have the room of the old one, which is deleted though this is given up
            pass
        with cache.pin([last]) as (ready,):
            gate.open()
            ready.result(30)
    assert spy.count("download", queued.name) == 0
    assert _on_disk(folder) == 2 * _SIZE


def test_a_failure_goes_to_all_who_wait_and_the_next_tries_again(
    caches: ExitStack, memory: MemoryStore, folder: Path
) -> None:
    (file,) = _landed(memory, 1)
    gate = GatedDownload(file.name, StoreUnavailableError("hiccup"))
    spy = SpyStore(memory, before=gate.before)
    cache = _cache(caches, spy, folder, _PLENTY)
    with cache.pin([file]) as (one,), cache.pin([file]) as (other,):
        gate.open()
        for ready in (one, other):
            with pytest.raises(StoreUnavailableError, match="hiccup"):
                ready.result(30)
        assert spy.count("download", file.name) == 1
        gate.error = None
        with cache.pinned([file]) as (path,):  # though the others have not let go of theirs
            assert path.read_bytes() == memory.read(file.name)


def test_pinning_does_not_wait_for_the_download(caches: ExitStack, memory: MemoryStore, folder: Path) -> None:
    (file,) = _landed(memory, 1)
    gate = GatedDownload(file.name)
    cache = _cache(caches, SpyStore(memory, before=gate.before), folder, _PLENTY)
    with cache.pin([file]) as (ready,):
        assert not ready.done()
        gate.open()
        assert ready.result(30).stat().st_size == _SIZE


@pytest.mark.parametrize("kind", ["landed", "month"])
def test_bytes_with_another_checksum_are_unreadable_and_not_kept(
    caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path, kind: str
) -> None:
    (landed,) = _landed(memory, 1)
    month = put_month(memory, [row()], added_snapshot=1)
    file: LandedFile | MonthFile = dataclasses.replace(month, crc32c=month.crc32c ^ 1)
    if kind == "landed":
        file = dataclasses.replace(landed, info=landed.info._replace(crc32c=landed.info.crc32c ^ 1))
    cache = _cache(caches, spy, folder, _PLENTY)
    with pytest.raises(UnreadableError, match="do not have crc32c"):
        _touch(cache, file)
    assert _on_disk(folder) == 0


def test_contents_are_checked_too(caches: ExitStack, memory: MemoryStore, spy: SpyStore, folder: Path) -> None:
    land(memory, [row("2013-01-02")], day="2013-01-01")
    month = put_month(memory, [row()], added_snapshot=1)
    (landed,) = list_landing(memory).files
    cache = _cache(caches, spy, folder, _PLENTY)
    with pytest.raises(UnreadableError, match="another flight_date"):
        _touch(cache, landed)
    with pytest.raises(UnreadableError, match="has 1 rows, its snapshot says 2"):
        _touch(cache, dataclasses.replace(month, rows=2))


def test_nothing_of_an_earlier_process_is_used_and_nothing_stays_after_closing(
    memory: MemoryStore, spy: SpyStore, folder: Path
) -> None:
    folder.mkdir()
    (folder / "old.parquet").write_bytes(b"from before a crash")
    cache = FileCache(spy, folder, _PLENTY)
    assert list(folder.iterdir()) == []
    _touch(cache, *_landed(memory, 2))
    cache.close()
    assert not folder.exists()


def test_the_folder_is_made_again_when_a_cleaner_took_it(
    caches: ExitStack, spy: SpyStore, memory: MemoryStore, folder: Path
) -> None:
    files = _landed(memory, 2)
    cache = _cache(caches, spy, folder, _PLENTY)
    with cache.pinned(files[:1]):
        pass
    shutil.rmtree(folder)
    with cache.pinned(files) as paths:
        assert [path.stat().st_size for path in paths] == [file.size for file in files]


def test_a_disk_that_refuses_is_not_the_lakes_fault_and_is_seen_until_there_is_room(
    caches: ExitStack, memory: MemoryStore, folder: Path
) -> None:
    [file] = _landed(memory, 1)
    cache = _cache(caches, SpyStore(memory), folder, _PLENTY)
    with files_limited_to(file.size - 1):
        with pytest.raises(LocalDiskError, match=f"{folder}: File too large .*MB are free"), cache.pinned([file]):
            pass
        seen = [cache.is_disk_failing]
        with pytest.raises(LocalDiskError):  # though there is room for a small file
            cache.check_disk()
        assert list(folder.iterdir()) == []
    cache.check_disk()
    assert [*seen, cache.is_disk_failing] == [True, False]
    with cache.pinned([file]):
        pass


class SmallDisk(MemoryStore):
    """A store whose downloads fill a disk of `max_bytes`; what is in `folder` takes its room."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        super().__init__()
        self.folder = folder
        self.max_bytes = max_bytes
        self.number = errno.ENOSPC

    @property
    def free(self) -> int:
        return self.max_bytes - _on_disk(self.folder)

    def download(self, name: str, path: Path) -> None:
        if len(self.read(name)) > self.free:
            raise local_disk_error(path.parent, OSError(self.number, os.strerror(self.number)))
        super().download(name, path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("is_counted", [True, False])
def test_files_that_nobody_uses_give_way_on_a_full_disk(
    number: int, is_counted: bool, caches: ExitStack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SmallDisk(folder, 2 * _SIZE + _SIZE // 2)
    store.number = number

    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(total=1 << 40, free=store.free if is_counted else 1 << 40)  # quotas are not in it

    monkeypatch.setattr(shutil, "disk_usage", usage)
    first, second, third = _landed(store, 3)
    cache = _cache(caches, SpyStore(store), folder, _PLENTY)
    for file in (first, second, third, first):
        _touch(cache, file)
    assert not cache.is_disk_failing
    with cache.pinned([third, first]) as paths:  # those that were used last are still there
        assert all(path.exists() for path in paths)
        assert cache.stats.misses == 4


def test_pinned_files_stay_on_a_full_disk_and_it_heals_when_they_are_free(
    caches: ExitStack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SmallDisk(folder, _SIZE + _SIZE // 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1 << 40, free=store.free))
    first, second = _landed(store, 2)
    cache = _cache(caches, SpyStore(store), folder, _PLENTY)
    with cache.pinned([first]) as [path]:
        with pytest.raises(DiskFullError, match="No space left"), cache.pinned([second]):
            pass
        assert path.exists()
        with pytest.raises(DiskFullError):
            cache.check_disk()
    cache.check_disk()  # what nobody uses any more counts as room
    assert not cache.is_disk_failing
    _touch(cache, second)


def test_a_check_writes_a_block_however_large_the_file_was_that_failed(
    caches: ExitStack, memory: MemoryStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [file] = _landed(memory, 1)
    cache = _cache(caches, SpyStore(memory), folder, 1 << 30)
    with files_limited_to(0), pytest.raises(LocalDiskError), cache.pinned([_sized(file, 10**8)]):
        pass
    written, unlink = [], Path.unlink

    def seen(path: Path, missing_ok: bool = False) -> None:
        written.append(path.stat().st_blocks * 512)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", seen)
    cache.check_disk()
    assert [size <= 3 * BLOCK_BYTES for size in written] == [True]


def test_a_check_that_fails_is_seen_as_a_failing_disk(caches: ExitStack, memory: MemoryStore, folder: Path) -> None:
    cache = _cache(caches, SpyStore(memory), folder, _PLENTY)
    with files_limited_to(0), pytest.raises(LocalDiskError):
        cache.check_disk()
    assert cache.is_disk_failing
    cache.check_disk()
    assert not cache.is_disk_failing


def test_a_fork_that_closes_its_copy_removes_nothing(caches: ExitStack, memory: MemoryStore, folder: Path) -> None:
    [file] = _landed(memory, 1)
    cache = _cache(caches, SpyStore(memory), folder, _PLENTY)
    with cache.pinned([file]) as [path]:
        assert in_a_fork(cache.close) == 0
        assert path.exists()
