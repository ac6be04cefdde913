"""The project's documents, and where in them links lead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("lakehouse", "ingest_writer", "query_service", "local_cloud", "probe")
_NOT_OURS: Final = {".venv", "build", ".git", "node_modules", ".terraform", ".pytest_cache"}

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


def pages() -> list[Path]:
    """All Markdown files of the project."""
    return sorted(page for page in ROOT.rglob("*.md") if not _NOT_OURS & set(page.relative_to(ROOT).parts))


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _FENCE.findall(page.read_text(encoding="utf-8"))]


def links(page: Path) -> list[str]:
    """What the page links to, code left out."""
    prose = re.sub(r"`[^`\n]+`", "`", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return _LINK.findall(prose)


def labelled_links(page: Path) -> list[tuple[str, str]]:
    """The text of each link and where it leads."""
    found = re.findall(r"\[([^\]\n]*)\]\(([^)\s]+)\)", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return [(str(text), str(target)) for text, target in found]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = next(n for n in range(1000) if (f"{name}-{n}" if n else name) not in found)
        found.add(f"{name}-{number}" if number else name)
    return found


def filled(page: str, begin: str, end: str, text: str) -> str:
    """`page` with `text` between the lines `begin` and `end`. Raises ValueError when these are not there once."""
    pattern = re.compile(f"^{re.escape(begin)}$.*?^{re.escape(end)}$", re.DOTALL | re.MULTILINE)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"the lines {begin!r} and {end!r} are not there once")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)
