"""Counts that need a listing of the whole bucket: rejected files, objects that are not ours. Sampled, never listed by a
request: one listing at a time in one thread, however many ask and however long it takes.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from lakehouse import object_names
from lakehouse.errors import LakeError, ObjectMissingError, UnreadableError
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.parquet_files import rejected_rows
from lakehouse.table.parquet_limits import REJECTED_MAX_BYTES
from lakehouse.table.planner import Now

_PATIENCE_S: Final = 1.0
"""From the beginning of a sample that requests wait for when there is none yet: ten pages of a listing. All requests
together, so that a large lake delays none but the first ones."""

_RETRY: Final = dt.timedelta(seconds=10)  # after a sample that failed: others ask the store in trouble, too
_READS_A_TIME = 50  # objects of some kilobytes, 20 ms each from storage: one second
_REMEMBERED = 100_000  # names of about 150 bytes each; beyond it rows are unknown, not wrong

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inventory:
    """What one listing found: objects under `rejected/`, and `unrecognized` ones in the whole lake.

    None is not known: `rows` while not all files were read, all of them while there is no sample.
    """

    files: int | None = None
    rows: int | None = None
    bytes: int | None = None
    unreadable: tuple[UnreadableError, ...] = ()
    unrecognized: int | None = None


class InventorySampler:
    """Samples in the background when somebody asks and the last sample is getting old. Lives on the event loop."""

    def __init__(self, store: Store, now: Now, max_age_s: float) -> None:
        """`max_age_s`: how old a sample may be, from its end. At half of that the next one begins."""
        self._counting = _Counting(store)
        self._now = now
        self._max_age = dt.timedelta(seconds=max_age_s)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inventory")
        self._sample = Inventory()
        self._sampled_at: dt.datetime | None = None
        self._failed_at: dt.datetime | None = None
        self._began_s = 0.0
        self._sampling: asyncio.Task[None] | None = None

    async def latest(self) -> Inventory:
        """The last sample, if it is not too old; waits for the one under way, a moment, if it is. Does not raise."""
        self._begin_if_due()
        if (sampling := self._sampling) is not None and not self._is_within(self._sampled_at, self._max_age):
            waited_s = asyncio.get_running_loop().time() - self._began_s
            await asyncio.wait({sampling}, timeout=max(0.0, _PATIENCE_S - waited_s))
            if sampling.done() and self._failed_at is None:
                return self._sample  # just made, whatever its age may be
        return self._sample if self._is_within(self._sampled_at, self._max_age) else Inventory()

    def close(self) -> None:
        """Ends a listing that is under way."""
        self._counting.is_stopped = True
        self._thread.shutdown(cancel_futures=True)

    def _begin_if_due(self) -> None:
        if self._sampling is not None or self._is_within(self._sampled_at, self._max_age / 2):
            return
        if not self._is_within(self._failed_at, min(_RETRY, self._max_age / 2)):
            self._began_s = asyncio.get_running_loop().time()
            self._sampling = asyncio.create_task(self._take())

    async def _take(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            self._sample = await loop.run_in_executor(self._thread, self._counting.count)
            self._sampled_at, self._failed_at = self._now(), None
        except (LakeError, OSError) as error:
            self._failed_at = self._now()
            _log.warning("rejected and foreign objects are not counted: %s: %s", type(error).__name__, error)
        except Exception:  # noqa: BLE001  whatever it is, the next request must not begin a listing that ends like this
            self._failed_at = self._now()
            _log.exception("rejected and foreign objects are not counted: unexpected error")
        finally:
            self._sampling = None

    def _is_within(self, moment: dt.datetime | None, age: dt.timedelta) -> bool:
        """Whether it is no longer ago; a moment in the future says nothing: the clock was set back."""
        return moment is not None and dt.timedelta(0) <= self._now() - moment <= age


class _Counting:
    """Remembers how many rows files have. For one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[str, int | UnreadableError] = {}
        self.is_stopped = False

    def count(self) -> Inventory:
        """Lists, and reads some objects that were not read before. Raises the store's errors."""
        files, rows, size, unknown, reads, unrecognized = 0, 0, 0, 0, 0, 0
        known: dict[str, int | UnreadableError] = {}
        for info in self._store.list(""):
            if self.is_stopped:
                break
            if object_names.parse_rejected_file(info.name) is None:
                unrecognized += not object_names.is_ours(info.name)
                continue
            files += 1
            size += info.size
            found = self._rows.get(info.name)
            if found is None and reads < _READS_A_TIME and len(known) < _REMEMBERED:
                reads += 1
                found = _too_large(info) or self._read(info.name)
            if found is None:
                unknown += 1
                continue
            known[info.name] = found
            rows += found if isinstance(found, int) else 0
        self._rows = known
        unreadable = tuple(found for found in known.values() if isinstance(found, UnreadableError))
        return Inventory(files, None if unknown else rows, size, unreadable, unrecognized)

    def _read(self, name: str) -> int | UnreadableError | None:
        try:
            return rejected_rows(name, self._store.read(name))
        except UnreadableError as error:
            return error
        except ObjectMissingError:
            return 0  # deleted since it was listed
        except LakeError:
            return None  # tried again next time


def _too_large(info: ObjectInfo) -> UnreadableError | None:
    """Before it is read: whether it is larger than a rejected file can be."""
    if info.size <= REJECTED_MAX_BYTES:
        return None
    return UnreadableError(info.name, f"has {info.size} bytes; a writer stores at most {REJECTED_MAX_BYTES}")
