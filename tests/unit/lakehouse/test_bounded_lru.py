"""The policy of all caches: bounded, the least recently used first, never what is pinned."""

from __future__ import annotations

from lakehouse.bounded_lru import BoundedLRU, CacheStats


def filled(max_size: int, keys: str, pinned: str = "") -> BoundedLRU[str, str]:
    """Each key with itself as its value, of size 1."""
    lru: BoundedLRU[str, str] = BoundedLRU(max_size, pinned.__contains__ if pinned else lambda _: False)
    for key in keys:
        lru.put(key, key)
    return lru


def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    lru = filled(3, "abc")
    assert lru.get("a") == "a"
    assert lru.put("d", "d") == ["b"]
    assert list(lru) == ["c", "a", "d"]


def test_as_many_go_as_are_needed_when_sizes_differ() -> None:
    lru: BoundedLRU[str, str] = BoundedLRU(10)
    for key, size in (("a", 2), ("b", 3), ("c", 4)):
        assert lru.put(key, key, size) == []
    assert lru.put("d", "d", 5) == ["a", "b"]
    assert lru.size == 9


def test_what_is_pinned_stays_when_room_is_made() -> None:
    lru = filled(3, "abc", pinned="ac")
    assert lru.make_room(2) == ["b"]
    assert list(lru) == ["a", "c"]
    assert lru.has_room_for(1)
    assert not lru.has_room_for(2)


def test_a_value_is_given_up_at_once_when_it_is_larger_than_all_room() -> None:
    lru: BoundedLRU[str, str] = BoundedLRU(3)
    assert lru.put("a", "a", 4) == ["a"]
    assert len(lru) == lru.size == 0


def test_the_earlier_value_is_given_back_when_its_key_is_taken_again() -> None:
    lru: BoundedLRU[str, str] = BoundedLRU(10)
    lru.put("a", "old", 6)
    assert lru.put("a", "new", 7) == ["old"]
    assert (lru.peek("a"), lru.size) == ("new", 7)
    assert lru.stats.evictions == 0


def test_what_is_only_looked_at_is_neither_used_nor_counted() -> None:
    lru = filled(2, "ab")
    assert lru.peek("a") == "a"
    assert "a" in lru
    assert lru.peek("x") is None
    assert lru.put("c", "c") == ["a"]
    assert (lru.stats.hits, lru.stats.misses) == (0, 0)


def test_what_is_demoted_goes_first() -> None:
    lru = filled(3, "abc")
    lru.demote("c")
    lru.demote("x")
    assert lru.put("d", "d") == ["c"]


def test_all_but_the_pinned_goes_when_it_is_cleared() -> None:
    lru = filled(3, "abc", pinned="b")
    assert lru.clear() == ["a", "c"]
    assert list(lru) == ["b"]


def test_everything_is_counted() -> None:
    lru = filled(2, "abc")
    assert lru.get("a") is None
    assert lru.get("b") == "b"
    assert lru.remove("b") == "b"
    assert lru.remove("b") is None
    assert lru.stats == CacheStats(hits=1, misses=1, evictions=1, bytes=1)


def test_a_value_that_cannot_be_used_stays_and_is_a_miss() -> None:
    lru = filled(2, "ab")
    assert lru.get("a", lambda value: value != "a") is None
    assert lru.get("b", lambda value: value != "a") == "b"
    assert (lru.peek("a"), lru.stats.hits, lru.stats.misses) == ("a", 1, 1)
    assert lru.put("c", "c") == ["a"]
