"""The files of the pages, read once and served under a path that names their content.

All files share one version, the hash of all of them. So a module's relative import stays within its
version, and every file can be cached without expiry. All links are relative: the pages work below any
path prefix. Knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_MEDIA_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}
_PLACEHOLDER: Final = "{{static}}"


@dataclass(frozen=True)
class Asset:
    """The bytes and the media type of one file."""

    content: bytes
    media_type: str


@dataclass(frozen=True)
class Assets:
    """`static` by path below /static/{version}/, `pages` by name."""

    version: str
    static: Mapping[str, Asset]
    pages: Mapping[str, bytes]


def read_assets() -> Assets:
    """What the package holds."""
    package = files("query_service.dashboard")
    contents = dict(sorted(_walk(package / "static", "")))
    version = _version(contents)
    static = {path: Asset(content, _media_type(path)) for path, content in contents.items()}
    pages = {
        page.name: page.read_text("utf-8").replace(_PLACEHOLDER, f"./static/{version}").encode()
        for page in (package / "pages").iterdir()
    }
    return Assets(version, static, pages)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, f"{path}/")
        else:
            yield path, entry.read_bytes()


def _version(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in contents.items():
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _media_type(path: str) -> str:
    return _MEDIA_TYPES[path[path.rindex(".") :]]
