"""The `Store` protocol: what the lake needs from object storage.

A create succeeds only if the name is free; it is atomic, and durable when it returns. Listings are
complete and sorted by name. One behaviour suite runs against all three stores.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

Source = bytes | Path
"""The content of an object: bytes, or a local file that may be larger than memory."""


class ObjectInfo(NamedTuple):
    """An object in a listing. `created` is by the store's clock; `crc32c` is unsigned."""

    name: str
    size: int
    crc32c: int
    created: dt.datetime
    generation: int


class Store(Protocol):
    """Immutable objects by name.

    Every method may raise StoreUnavailableError (retry later) or StoreAccessDeniedError
    (configuration).
    """

    @property
    def url(self) -> str:
        """`gs://bucket`, `file:///path` or `memory://`; an object's URI is `url + "/" + name`."""

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        """Objects whose name begins with `prefix` and is not below `start`, by name, all pages."""

    def create(self, name: str, source: Source) -> None:
        """Stores a new object; durable when it returns.

        Raises ObjectExistsError (surely there before), CreateStateUnknownError (may be there, may yet appear).
        """

    def read(self, name: str) -> bytes:
        """The whole object, checked by crc32c. Raises ObjectMissingError, UnreadableError."""

    def download(self, name: str, path: Path) -> None:
        """The object as a new file at `path`. Raises ObjectMissingError, UnreadableError.

        LocalDiskError when the file cannot be written: that is not the object's or the store's.
        """

    def delete(self, name: str) -> None:
        """Removes the object; it is no error when it is gone already."""

    def generation(self, name: str) -> int:
        """The generation of an object that may change (a derived one); 0 when there is none."""

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        """Writes a derived object if it still has that generation, else returns False."""
