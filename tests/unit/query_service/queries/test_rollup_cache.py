"""Rollups of whole months, kept in bounded memory under names that say what it depends on."""

from __future__ import annotations

import dataclasses

import pyarrow as pa

from query_service.queries.rollup_cache import SHARE, RollupCache, key_of
from tests._support.lakes.two_months import two_months


def table(rows: int) -> pa.Table:
    return pa.table({"n": pa.array(range(rows), pa.int64())})


def test_rollups_take_no_more_than_their_room_and_the_least_used_go_first() -> None:
    rollups = RollupCache(SHARE * 20_000)
    names = [f"{n}" for n in range(50)]
    for name in names:
        assert rollups.put(name, table(2_000))  # 16 KB, and its overhead
        assert rollups.get("0") is not None
        assert rollups.stats.bytes <= SHARE * 20_000
    assert [name for name in names if rollups.holds(name)] == ["0", *names[-34:]]
    assert rollups.stats.evictions == 50 - 35


def test_a_rollup_that_is_released_goes_before_those_that_were_used_less() -> None:
    rollups = RollupCache(SHARE * 20_000)
    for number in range(35):
        rollups.put(f"{number}", table(2_000))
    rollups.release(["34", "not kept"])
    rollups.put("new", table(2_000))
    assert rollups.holds("0")
    assert not rollups.holds("34")


def test_a_rollup_larger_than_its_share_is_not_kept() -> None:
    rollups = RollupCache(SHARE * 20_000)
    assert not rollups.put("a", table(2_300))
    assert (rollups.get("a"), rollups.stats.bytes) == (None, 0)


def test_a_rollup_is_not_that_of_other_bytes_under_the_same_name() -> None:
    (month,) = two_months().snapshot.months["2013-01"]
    restored = dataclasses.replace(month, crc32c=month.crc32c ^ 1)
    assert len({key_of("shape", (month,)), key_of("shape", (restored,)), key_of("other", (month,))}) == 3
