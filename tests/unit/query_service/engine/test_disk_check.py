"""Anybody may ask whether the disk can be used; looking is shared."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lakehouse.errors import LocalDiskError
from query_service.engine.disk_check import DiskCheck


class Disk:
    """Counts looks; fails while there is an error."""

    def __init__(self) -> None:
        self.looks = 0
        self.error: LocalDiskError | None = None
        self.may_end = threading.Event()
        self.may_end.set()
        self.now_s = 0.0

    def look(self) -> None:
        self.looks += 1
        assert self.may_end.wait(20)
        if self.error is not None:
            raise self.error

    def check(self) -> DiskCheck:
        return DiskCheck(self.look, 2.0, lambda: self.now_s)


def test_all_who_ask_at_the_same_time_share_one_look() -> None:
    disk = Disk()
    disk.may_end.clear()

    async def ask() -> None:
        check = disk.check()
        asking = [asyncio.create_task(check.check()) for _ in range(50)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who leaves takes nothing from the others
        disk.may_end.set()
        await asyncio.gather(*asking[1:])

    asyncio.run(ask())
    assert disk.looks == 1


def test_what_was_found_is_good_for_a_while_and_then_looked_at_again() -> None:
    disk = Disk()

    async def ask() -> None:
        check = disk.check()
        disk.error = LocalDiskError("full")
        for _ in range(3):
            with pytest.raises(LocalDiskError, match="full"):
                await check.check()
        assert disk.looks == 1
        disk.error = None
        disk.now_s = 2.1
        for _ in range(3):
            await check.check()

    asyncio.run(ask())
    assert disk.looks == 2
