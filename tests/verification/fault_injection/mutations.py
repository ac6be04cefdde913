"""Mutations that remove a safeguard, to check that these tests notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

from google.cloud import storage

from lakehouse.store.gcs import GcsStore, _infos
from lakehouse.store.store import ObjectInfo, Source

_BLOB: Final = "google.cloud.storage.Blob"


def _unchecked(method: str) -> Callable[..., Any]:
    """The client's method without its checksum."""
    original = getattr(storage.Blob, method)

    def call(self: storage.Blob, *args: Any, **options: Any) -> Any:
        return original(self, *args, **options | {"checksum": None})

    return call


def _overwrite(self: GcsStore, name: str, source: Source) -> None:
    anything: Any = None  # the client then leaves if_generation_match out
    self._upload(name, source, anything, name)


def _go_on_after_a_cut(self: GcsStore, name: str, get: Callable[..., Any]) -> Any:
    return get(self._bucket.blob(name), timeout=self._timeout_s, retry=self._retry, checksum="crc32c")


def _take_what_comes(page: dict[str, Any]) -> Iterator[ObjectInfo]:
    return (info for item in page.get("items", ()) if "name" in item for info in _infos({"items": [item]}))


MUTATIONS: Final[dict[str, dict[str, Any]]] = {
    "crc32c on download": {
        f"{_BLOB}.download_as_bytes": _unchecked("download_as_bytes"),
        f"{_BLOB}.download_to_filename": _unchecked("download_to_filename"),
    },
    "a download is checked whole": {"lakehouse.store.gcs.GcsStore._whole": _go_on_after_a_cut},
    "crc32c on upload": {
        f"{_BLOB}.upload_from_string": _unchecked("upload_from_string"),
        f"{_BLOB}.upload_from_filename": _unchecked("upload_from_filename"),
    },
    "nothing is deleted after a create": {"lakehouse.store.gcs._Created.delete": storage.Blob.delete},
    "create if absent": {"lakehouse.store.gcs.GcsStore.create": _overwrite},
    "a listing has its shape": {"lakehouse.store.gcs._infos": _take_what_comes},
}
"""By safeguard: the code to replace, and the replacement."""


@contextmanager
def without(safeguard: str) -> Iterator[None]:
    with ExitStack() as stack:
        for target, replacement in MUTATIONS[safeguard].items():
            stack.enter_context(mock.patch(target, replacement))
        yield
