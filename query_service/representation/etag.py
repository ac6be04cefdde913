"""ETags that are known before any query runs.

A tag covers everything that the bytes of an answer depend on: the request, the format, the coding,
the code, and the files of its dates, which never change. So equal tags mean equal bytes, from any
instance at any time. (The reverse does not hold: after a compaction the same answer has a new tag.)
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import platform
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Final

from lakehouse.errors import ConfigError
from lakehouse.table.stored_file import StoredFile
from query_service.representation.negotiation import JSON, PLAIN, Coding, Format
from query_service.representation.ranges import PartialRead

_SOURCES: Final = ("lakehouse", "query_service")  # whole packages: no list of modules to maintain
_LIBRARIES: Final = ("duckdb", "pyarrow", "airportsdata")  # the last one: names and places are in answers
_MADE_OF: Final = (".py", ".json")  # code, and data that answers hold
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_STRONG_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


@dataclass(frozen=True)
class IfNoneMatch:
    """The tags of the If-None-Match header, or any (`*`); none without the header."""

    tags: frozenset[str] = frozenset()
    is_any: bool = False

    def matches(self, tag: str) -> bool:
        """Whether the caller has the answer with this tag. Weak comparison (RFC 9110, section 13.1.2)."""
        return tag in self.tags


@dataclass(frozen=True)
class IfMatch:
    """The tags of the If-Match header; `tags` is None without it, and with `*`, which any answer meets."""

    tags: frozenset[str] | None = None

    def allows(self, tag: str) -> bool:
        """Whether the caller means the answer with this tag. Strong comparison (RFC 9110, section 13.1.1)."""
        return self.tags is None or tag in self.tags


@dataclass(frozen=True)
class ResponsePreferences:
    """The format and coding that a caller wants, the tags that it has, and the part that it wants."""

    format: Format = JSON
    coding: Coding = PLAIN
    if_none_match: IfNoneMatch = IfNoneMatch()
    escapes_formulas: bool = False
    """In CSV, for spreadsheets."""
    if_match: IfMatch = IfMatch()
    part: PartialRead | None = None

    @property
    def form(self) -> str:
        """Names the bytes that a table gets, before they are compressed."""
        return f"{self.format.name}, formulas escaped" if self.escapes_formulas else self.format.name

    @property
    def names_no_tag(self) -> bool:
        """Whether a part is wanted of an answer that the caller does not name."""
        return self.if_match.tags is None and (self.part is None or self.part.if_range is None)

    def asks_whether_any(self, tag: str) -> bool:
        """Whether a condition is decided although the caller does not name the answer with this tag."""
        return self.if_none_match.is_any or not self.if_match.allows(tag)

    def coding_for(self, size: int) -> str | None:
        """The content coding for a body of `size` bytes; None for none."""
        return self.coding.for_body(size, self.format.is_packed)


def parse_if_none_match(if_none_match: str | None) -> IfNoneMatch:
    """Parses the header; a malformed one has no tags."""
    if if_none_match is None:
        return IfNoneMatch()
    return IfNoneMatch(frozenset(_TAG.findall(if_none_match)), if_none_match.strip() == "*")


def parse_if_match(if_match: str | None) -> IfMatch:
    """Parses the header; a malformed one has no tags, and no answer meets it."""
    if if_match is None or if_match.strip() == "*":
        return IfMatch()
    return IfMatch(frozenset(tag for weak, tag in _STRONG_TAG.findall(if_match) if not weak))


class ETagFactory:
    """Makes tags for the code of `build_fingerprint`."""

    def __init__(self, build_fingerprint: str) -> None:
        self._build_fingerprint = build_fingerprint

    def tag(self, request: object, preferences: ResponsePreferences, files: Iterable[StoredFile]) -> str:
        """The strong tag of the answer to `request` (a frozen dataclass in its normal form) from `files`.

        Each by name and checksum: an operator may have restored another object under the name.
        """
        digest = hashlib.sha256()
        parts = (self._build_fingerprint, repr(request), preferences.form, repr(preferences.coding))
        for part in (*parts, *sorted(f"{file.name} {file.crc32c}" for file in files)):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return f'"{digest.hexdigest()[:32]}"'


def build_fingerprint() -> str:
    """A hash of the sources, data and libraries that make answers: a tag must not outlive a change to any of them.

    Raises ConfigError when the sources are not there: tags of old answers could then be taken for those of new ones.
    """
    digest = hashlib.sha256()
    for package in _SOURCES:
        sources = sorted(_sources(importlib.resources.files(package)))
        if not any(path.endswith(".py") for path, _ in sources):
            raise ConfigError(f"the package {package} is installed without its sources; install it as it is published")
        for path, source in sources:
            digest.update(f"{package}/{path}".encode() + b"\0" + source + b"\0")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    versions += [f"python {platform.python_version()}", f"zlib {zlib.ZLIB_RUNTIME_VERSION}"]
    digest.update("\0".join(versions).encode())
    return digest.hexdigest()


def _sources(folder: Traversable, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Path below the package and content of every module and data file, those of sub-packages too."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(_MADE_OF):
            yield path + entry.name, entry.read_bytes()
