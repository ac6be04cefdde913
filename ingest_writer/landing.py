"""From a batch to durable objects: one per flight date, one per date of rejected lines."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ingest_writer.batch import Batch
from ingest_writer.tables import RejectedLine, by_flight_date, rejected_table
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


def objects_of(batch: Batch, random_id: RandomId) -> list[LandedObject]:
    """The objects of the batch; when all are stored, its messages may be acked."""
    events = [_landed(date, table, random_id) for date, table in by_flight_date(batch.events).items()]
    return events + [_rejected(date, lines, random_id) for date, lines in batch.rejected.items()]


def _landed(date: dt.date, events: pa.Table, random_id: RandomId) -> LandedObject:
    return LandedObject(lambda: names.landed_file(date, random_id()), lambda: events)


def _rejected(date: dt.date, lines: Sequence[RejectedLine], random_id: RandomId) -> LandedObject:
    return LandedObject(lambda: names.rejected_file(date, random_id()), lambda: rejected_table(lines))


def encode_events(events: pa.Table) -> list[bytes]:
    """The bytes of the landed objects of these events."""
    return [to_parquet(table) for table in by_flight_date([events]).values()]


def encode_rejected(lines: Sequence[RejectedLine]) -> bytes:
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
