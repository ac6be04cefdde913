"""From a batch to durable objects: one per flight date, one per date of rejected lines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from ingest_writer.batch import Batch, event_table, rejected_table
from ingest_writer.decode import RejectedLine, Row
from lakehouse import names
from lakehouse.errors import CreateUnknownError, ObjectExistsError, StoreUnavailableError
from lakehouse.names import RandomId
from lakehouse.parquet import to_parquet
from lakehouse.store import Store

log = logging.getLogger(__name__)

_TRIES = 5  # a storage that loses five answers in a row is away


@dataclass(frozen=True)
class LandedObject:
    """An object that has to be stored. Each call of `name` gives a new name, never used before."""

    name: Callable[[], str]
    table: Callable[[], pa.Table]


def objects_of(batch: Batch, random_id: RandomId) -> Iterator[LandedObject]:
    """The objects of the batch; when all are stored, its messages may be acked."""
    for date, rows in batch.rows.items():
        yield LandedObject(
            lambda date=date: names.landed_file(date, random_id()),  # type: ignore[misc]
            lambda rows=rows: event_table(rows),  # type: ignore[misc]
        )
    for date, lines in batch.rejected.items():
        yield LandedObject(
            lambda date=date: names.rejected_file(date, random_id()),  # type: ignore[misc]
            lambda lines=lines: rejected_table(lines),  # type: ignore[misc]
        )


def encode_rows(rows: list[Row]) -> bytes:
    """The bytes of a landed object of these rows."""
    return to_parquet(event_table(rows))


def encode_rejected(lines: list[RejectedLine]) -> bytes:
    """The bytes of an object of these rejected lines."""
    return to_parquet(rejected_table(lines))


def store_object(store: Store, landed: LandedObject) -> str:
    """Stores the object under a new name, which it returns; durable when it does.

    Raises the store's errors; whatever they say, trying again is safe, since the name will be another one
    and an event that landed twice changes nothing.
    """
    name = landed.name()
    store.create(name, to_parquet(landed.table()))
    return name


def store_surely(store: Store, landed: LandedObject) -> str:
    """Like `store_object`, and after a create of unknown outcome under another name, a few times.

    A random name that is taken already is the echo of our own create: something on the way sent it twice.

    Raises StoreUnavailableError when none of the tries is known to have succeeded, and the store's errors.
    """
    for _ in range(_TRIES):
        try:
            return store_object(store, landed)
        except (CreateUnknownError, ObjectExistsError) as error:
            log.warning("may not be stored, uses another name: %s", error)
    raise StoreUnavailableError(f"an object could not be stored for sure in {_TRIES} tries; run again")
