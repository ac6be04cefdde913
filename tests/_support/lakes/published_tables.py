"""A lake whose snapshots have no files, and its publishers."""

from __future__ import annotations

import json

from ingest_writer.publishing.publisher import Publisher
from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from tests._support.lakes.histories import START, TickingClock


def ticking_store() -> MemoryStore:
    return MemoryStore(TickingClock())


def planner(store: Store) -> Planner:
    return Planner(store, lambda: START)


def publisher(store: Store) -> Publisher:
    return Publisher(store, planner(store))


def names(store: Store, prefix: str) -> list[str]:
    return [info.name.removeprefix(prefix) for info in store.list(prefix)]


def delta_commits(store: Store) -> list[int]:
    found = (object_names.parse_delta_commit(info.name) for info in store.list(object_names.DELTA_LOG))
    return [number for number in found if number is not None]


def delta_checkpoints(store: Store) -> list[int]:
    found = (object_names.parse_delta_checkpoint(info.name) for info in store.list(object_names.DELTA_LOG))
    return [number for number in found if number is not None]


def delta_hint(store: Store) -> int:
    return int(json.loads(store.read(object_names.DELTA_HINT))["version"])


def iceberg_tables(store: Store) -> list[int]:
    found = (object_names.parse_iceberg_table(info.name) for info in store.list(object_names.ICEBERG))
    return sorted(number for number in found if number is not None)


def iceberg_hint(store: Store) -> int:
    return int(store.read(object_names.ICEBERG_HINT))
