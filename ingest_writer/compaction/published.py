"""Whether a file for outside readers is there already, byte for byte. It is compared, never opened or parsed."""

from __future__ import annotations

from lakehouse.errors import ObjectMissingError, UnreadableError
from lakehouse.store.store import Store


def is_published(store: Store, name: str, wanted: bytes) -> bool:
    """Whether the object has those bytes. One of another size is not even read: it may be huge."""
    sizes = [info.size for info in store.list(name) if info.name == name]
    if sizes != [len(wanted)]:
        return False
    try:
        return store.read(name) == wanted
    except (ObjectMissingError, UnreadableError):
        return False
