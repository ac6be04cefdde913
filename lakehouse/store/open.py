"""Opens the store of a URL."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lakehouse.environment import not_set_error
from lakehouse.errors import ConfigError
from lakehouse.store.store import Store


def open_store(url: str, *, must_exist: bool = False) -> Store:
    """The store for `gs://bucket` or `file:///absolute/path` (percent-encoded).

    Raises ConfigError when it is neither, and with `must_exist` when there is no such folder: a reader would
    take it for an empty lake. (A bucket must always exist, and its server answer: one call finds out.)
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ConfigError(f"LAKE_URL is {url!r}; a ? or # in a path is written %3F or %23")
    if parts.scheme == "gs" and parts.netloc and parts.path in ("", "/"):
        from lakehouse.store.gcs import GcsStore  # slow to import, and needed for buckets only

        store = GcsStore(parts.netloc)
        store.check()
        return store
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        from lakehouse.store.local import LocalStore

        folder = Path(unquote(parts.path))
        if must_exist and not folder.is_dir():
            raise ConfigError(f"LAKE_URL is {url!r}; there is no such folder")
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"LAKE_URL is {url!r}; that is no folder")
        return LocalStore(folder)
    raise ConfigError(f"LAKE_URL is {url!r}; it takes gs://bucket or file:///absolute/path")


def store_from_environment(*, must_exist: bool = False) -> Store:
    """The store that LAKE_URL names. Raises ConfigError when it is not set, or as `open_store` does."""
    url = os.environ.get("LAKE_URL", "")
    if not url:
        raise not_set_error("LAKE_URL", "gs://bucket or file:///absolute/path")
    return open_store(url, must_exist=must_exist)
