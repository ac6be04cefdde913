"""How objects of the outside tables are written: created once, or replaced and never set back."""

from __future__ import annotations

from collections.abc import Callable

from lakehouse.errors import ObjectExistsError, ObjectMissingError, UnreadableError
from lakehouse.store.store import Store


def ensure_created(store: Store, name: str, data: bytes) -> None:
    """Creates the object, unless another process has: then its content is the same."""
    try:
        store.create(name, data)
    except ObjectExistsError:
        return


def advance(store: Store, name: str, data: bytes, parse: Callable[[bytes], int]) -> None:
    """Replaces a hint if what it names is lower; `parse` gives -1 for a hint that is none.

    The generation is read first, so a hint that another process writes meanwhile stays.
    """
    generation = store.generation(name)
    if generation and parse(_read(store, name)) >= parse(data):
        return
    store.replace(name, data, generation)


def _read(store: Store, name: str) -> bytes:
    """What is there; nothing when it went or is damaged."""
    try:
        return store.read(name)
    except (ObjectMissingError, UnreadableError):
        return b""
