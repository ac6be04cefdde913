"""The manifest and the database to attach are published together, each only when it is not right already."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_writer.compaction.runner import publish_derived
from lakehouse import object_names
from lakehouse.errors import StoreAccessDeniedError
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import Planner
from tests._support.compactors import START, compactor
from tests._support.lakes import land, row
from tests._support.stores import WrappedStore

_DERIVED = (object_names.MANIFEST, object_names.ATTACHABLE)


def _publish(store: MemoryStore | WrappedStore, scratch: Path) -> list[int]:
    """Publishes; the generations of what is derived afterwards."""
    publish_derived(store, Planner(store, lambda: START), scratch)
    return [store.generation(name) for name in _DERIVED]


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    """A lake with a first commit."""
    store = MemoryStore()
    land(store, [row("2013-01-01")])
    compactor(store, tmp_path / "compactor").compact()
    return store


def test_both_follow_a_commit_and_are_left_alone_without_one(store: MemoryStore, tmp_path: Path) -> None:
    first = _publish(store, tmp_path / "new folder")  # the scratch folder is made
    assert all(first)
    assert _publish(store, tmp_path / "new folder") == first
    land(store, [row("2013-02-01")])
    compactor(store, tmp_path / "compactor").compact()
    assert all(later > before for later, before in zip(_publish(store, tmp_path / "new folder"), first, strict=True))


def test_nothing_stays_in_the_scratch_folder(store: MemoryStore, tmp_path: Path) -> None:
    _publish(store, tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_refusal_of_storage_is_passed_on(store: MemoryStore, tmp_path: Path) -> None:
    class Refusing(WrappedStore):
        def replace(self, name: str, data: bytes, generation: int) -> bool:
            raise StoreAccessDeniedError(f"{name}: refused")

    with pytest.raises(StoreAccessDeniedError, match=object_names.MANIFEST):
        _publish(Refusing(store), tmp_path / "scratch")
