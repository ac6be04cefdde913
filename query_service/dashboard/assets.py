"""The files of the pages, read once and served under a path that names their content.

All files share one version, the hash of all of them. So what a script loads stays within its version,
and every file can be cached without expiry. All links are relative: the pages work below any path
prefix. Knows nothing of HTTP.
"""

from __future__ import annotations

import gzip
import hashlib
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from query_service.dashboard.bundle import bundled

_MEDIA_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}
_JOINED: Final = (".js", ".css")  # served within the one script and the one stylesheet of a page
_PLACEHOLDER: Final = "{{static}}"
_DOCUMENTS: Final = "{{documents}}"  # a line with it is a link


@dataclass(frozen=True)
class Asset:
    """The bytes of one file, as they are and compressed, and its media type."""

    content: bytes
    packed: bytes
    media_type: str


@dataclass(frozen=True)
class Assets:
    """`static` by path below /static/{version}/, `pages` by name."""

    version: str
    static: Mapping[str, Asset]
    pages: Mapping[str, bytes]


def read_assets(documents_url: str = "") -> Assets:
    """What the package holds; its pages link to the documents at `documents_url`, if there is one."""
    package = files("query_service.dashboard")
    sources = dict(sorted(_walk(package / "static", "")))
    contents = {path: content for path, content in sources.items() if not path.endswith(_JOINED)}
    pages: dict[str, str] = {}
    for page in sorted((package / "pages").iterdir(), key=lambda page: page.name):
        name = page.name.removesuffix(".html")
        pages[page.name], joined = bundled(name, _linked(page.read_text("utf-8"), documents_url), sources)
        contents |= joined
    version = _version(contents)
    return Assets(
        version,
        {
            path: Asset(content, gzip.compress(content, mtime=0), _media_type(path))
            for path, content in contents.items()
        },
        {name: page.replace(_PLACEHOLDER, f"./static/{version}").encode() for name, page in pages.items()},
    )


def _linked(page: str, documents_url: str) -> str:
    if documents_url:
        return page.replace(_DOCUMENTS, html.escape(documents_url))
    return "".join(line for line in page.splitlines(keepends=True) if _DOCUMENTS not in line)


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
