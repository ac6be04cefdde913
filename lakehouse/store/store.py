"""What the lake needs from storage, and `open_store`, which picks it by URL.

Three stores keep the same promises (one behaviour suite runs against all): create-if-absent, atomic,
durable when it returns, listings complete and in name order.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from lakehouse.errors import ConfigError

Source = bytes | Path
"""What is stored: bytes, or a local file that may be larger than memory."""


class ObjectInfo(NamedTuple):
    """An object as a listing shows it. `created` is the store's clock; `crc32c` as an unsigned integer."""

    name: str
    size: int
    crc32c: int
    created: dt.datetime
    generation: int


class Store(Protocol):
    """Immutable objects by name.

    Every method may raise StoreUnavailableError (try again later) or StoreAccessDeniedError (configuration).
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
        """The object as a new file at `path`. Raises ObjectMissingError, UnreadableError."""

    def delete(self, name: str) -> None:
        """Removes the object; it is no error when it is gone already."""

    def generation(self, name: str) -> int:
        """The generation of an object that may change (a derived one); 0 when there is none."""

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        """Writes a derived object if it still has that generation; False when somebody was faster."""


def open_store(url: str, *, must_exist: bool = False) -> Store:
    """The store for `gs://bucket` or `file:///absolute/path` (percent-encoded).

    Raises ConfigError when it is neither, and with `must_exist` when there is no such folder: whoever only reads would
    take it for an empty lake. (A bucket must always exist.)
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ConfigError(f"LAKE_URL is {url!r}; a ? or # in a path is written %3F or %23")
    if parts.scheme == "gs" and parts.netloc and parts.path in ("", "/"):
        from lakehouse.store.gcs import GcsStore

        return GcsStore(parts.netloc)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        from lakehouse.store.local import LocalStore

        folder = Path(unquote(parts.path))
        if must_exist and not folder.is_dir():
            raise ConfigError(f"LAKE_URL is {url!r}; there is no such folder")
        return LocalStore(folder)
    raise ConfigError(f"LAKE_URL is {url!r}; it takes gs://bucket or file:///absolute/path")


def store_from_environment(*, must_exist: bool = False) -> Store:
    """The store that LAKE_URL names. Raises ConfigError when it is not set, or as `open_store` does."""
    url = os.environ.get("LAKE_URL", "")
    if not url:
        raise ConfigError("LAKE_URL is not set; it takes gs://bucket or file:///absolute/path")
    return open_store(url, must_exist=must_exist)
