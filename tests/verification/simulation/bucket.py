"""An in-memory bucket in virtual time, and each actor's store: the same objects, its own faults."""

from __future__ import annotations

import bisect
import datetime as dt
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import google_crc32c

from lakehouse import object_names
from lakehouse.errors import (
    CreateStateUnknownError,
    ObjectExistsError,
    ObjectMissingError,
    StoreAccessDeniedError,
    StoreUnavailableError,
)
from lakehouse.store.store import ObjectInfo, Source
from tests.verification.simulation.world import Actor, ThreadActor, World

T = TypeVar("T")

_ASK = ("unavailable", "refused")
_CREATE = ("unavailable", "refused", "unknown", "lost", "late", "lost", "late")
_CHANGE = ("unavailable", "lost", "late")


class Bucket:
    """The stored objects. Never fails. Calls `on_create` and `on_delete` for every effect."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = random.Random(f"{world.scenario.seed} bucket")
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._names: list[str] = []
        self._ever: set[str] = set()
        self._generation = 0
        self.on_create: Callable[[str, str, bytes], None] = lambda who, name, data: None

    def page(self, prefix: str, start: str, after: str, size: int) -> list[ObjectInfo]:
        """Up to `size` objects of the prefix, not below `start` and above `after`, as of now."""
        low = bisect.bisect_right(self._names, after) if after else bisect.bisect_left(self._names, max(prefix, start))
        found = []
        for name in self._names[low : low + size]:
            if not name.startswith(prefix):
                break
            found.append(self._objects[name][0])
        return found

    def create(self, who: str, name: str, data: bytes) -> None:
        if name in self._objects:
            raise ObjectExistsError(f"{name}: exists already")
        if name in self._ever and not name.startswith(("snapshots/", *object_names.DERIVED)):
            self._world.violate(f"{name}: its name was used before")
        self._ever.add(name)
        bisect.insort(self._names, name)
        self._put(name, data)
        self.on_create(who, name, data)

    def read(self, name: str) -> bytes:
        if name not in self._objects:
            raise ObjectMissingError(name)
        return self._objects[name][1]

    def delete(self, name: str) -> None:
        if self._objects.pop(name, None) is not None:
            self._names.remove(name)

    def generation(self, name: str) -> int:
        return self._objects[name][0].generation if name in self._objects else 0

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        if self.generation(name) != generation:
            return False
        if name not in self._objects:
            bisect.insort(self._names, name)
        self._put(name, data)
        return True

    def _put(self, name: str, data: bytes) -> None:
        self._generation += 1
        jitter = self._rng.uniform(-1, 1) * self._world.scenario.store_jitter_s
        created = self._world.wall(jitter)
        info = ObjectInfo(name, len(data), google_crc32c.value(data), created.astimezone(dt.UTC), self._generation)
        self._objects[name] = (info, data)


class SimulatedStore:
    """The store of one actor. A thread waits before each operation; a writer waits outside."""

    def __init__(self, bucket: Bucket, actor: Actor) -> None:
        self._bucket = bucket
        self._actor = actor

    @property
    def url(self) -> str:
        return "memory://"

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        size = self._actor.world.scenario.page_size
        after = ""
        while True:
            turn = partial(self._bucket.page, prefix, start, after, size)
            page = self._do(f"list {prefix} after {after!r}", turn, _ASK)
            yield from page
            if len(page) < size:
                return
            after = page[-1].name

    def create(self, name: str, source: Source) -> None:
        data = source if isinstance(source, bytes) else source.read_bytes()
        who = self._actor.name
        self._do(f"create {name}", lambda: self._bucket.create(who, name, data), _CREATE, is_create=True)

    def read(self, name: str) -> bytes:
        return self._do(f"read {name}", lambda: self._bucket.read(name), _ASK)

    def download(self, name: str, path: Path) -> None:
        path.write_bytes(self.read(name))

    def delete(self, name: str) -> None:
        self._do(f"delete {name}", lambda: self._bucket.delete(name), _CHANGE)

    def generation(self, name: str) -> int:
        return self._do(f"generation {name}", lambda: self._bucket.generation(name), _ASK)

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        return self._do(f"replace {name}", lambda: self._bucket.replace(name, data, generation), _CHANGE)

    def _do(self, what: str, effect: Callable[[], T], faults: tuple[str, ...], *, is_create: bool = False) -> T:
        if isinstance(self._actor, ThreadActor):
            self._actor.reach()

        def fail(fault: str) -> None:
            if fault == "refused":
                raise StoreAccessDeniedError(f"{what}: {fault}")
            if is_create and fault != "unavailable":
                raise CreateStateUnknownError(f"{what}: {fault}")
            raise StoreUnavailableError(f"{what}: {fault}")

        return self._actor.perform(what, effect, faults, fail, "store")
