"""Stores the objects of a batch, each under a name that is used once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from lakehouse.errors import CreateStateUnknownError, ObjectExistsError, StoreUnavailableError
from lakehouse.store.store import Store

log = logging.getLogger(__name__)

_TRIES = 5  # a storage that loses five answers in a row is away


@dataclass(frozen=True, eq=False)
class PendingObject:
    """Bytes that have to be stored. Each call of `name` gives a new name, never used before."""

    name: Callable[[], str]
    data: bytes


def store_object(store: Store, landed: PendingObject) -> str:
    """Stores the object under a new name, which it returns; durable when it does.

    Raises the store's errors; whatever they say, trying again is safe, since the name will be another one
    and an event that landed twice changes nothing.
    """
    name = landed.name()
    store.create(name, landed.data)
    return name


def store_with_retry(store: Store, landed: PendingObject) -> str:
    """Like `store_object`, and after a create of unknown outcome under another name, a few times.

    A random name that is taken already is the echo of our own create: something on the way sent it twice.

    Raises StoreUnavailableError when none of the tries is known to have succeeded, and the store's errors.
    """
    for _ in range(_TRIES):
        try:
            return store_object(store, landed)
        except (CreateStateUnknownError, ObjectExistsError) as error:
            log.warning("may not be stored, uses another name: %s", error)
    raise StoreUnavailableError(f"an object could not be stored for sure in {_TRIES} tries; run again")
