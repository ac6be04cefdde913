"""The descriptor of a month file or a landed file in a plan, and its download."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lakehouse.errors import UnreadableError
from lakehouse.local_disk import local_errors
from lakehouse.store.checksum import file_crc32c
from lakehouse.store.store import Store
from lakehouse.table.parquet_files import FooterInfo


class StoredFile(Protocol):
    """An immutable object that holds events: `size` bytes, identified by `name` and `crc32c`."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def crc32c(self) -> int: ...

    def check_listed(self) -> None:
        """Before it is downloaded. Raises UnreadableError when it is larger than such an object can be."""

    def check(self, path: Path) -> FooterInfo:
        """Checks that the local copy at `path` matches this descriptor, and returns its footer.

        Raises UnreadableError when it does not match, and FormatTooNewError.
        """


def download(store: Store, file: StoredFile, path: Path) -> FooterInfo:
    """Writes `file` to `path`; whole and as it must be, unless this raises.

    Raises ObjectMissingError, UnreadableError (size, checksum or contents wrong), FormatTooNewError, LocalDiskError
    and the store's errors.
    """
    fetch(store, file, path)
    return file.check(path)


def fetch(store: Store, file: StoredFile, path: Path) -> None:
    """Downloads the bytes without checking their contents."""
    file.check_listed()
    store.download(file.name, path)
    with local_errors(path.parent):
        crc32c = file_crc32c(path)
    if crc32c != file.crc32c:
        raise UnreadableError(file.name, f"its bytes do not have crc32c {file.crc32c}")
