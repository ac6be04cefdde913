"""`python -m tools.site`: the documents as a site in build/site, with a search that needs no server.

The pages keep their places, so that links between them stay. A link to anything else of the repository, such as code,
becomes its text: the site has no such page.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.pages import ROOT, pages

_PICTURES: Final = {".png", ".svg"}
_LINK: Final = re.compile(r"(?<!!)\[((?:!\[[^\]\n]*\]\([^)\s]*\)|[^\]\n])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
_BADGE: Final = re.compile(r" *!\[[^\]\n]*\]\(\.\./\.\./[^)\s]*\)")  # a picture that only GitHub has


def copy_documents(target: Path) -> None:
    """Writes the documents of the root and of docs/, and their pictures, to the empty folder `target`."""
    ours = {page for page in pages() if page.parent == ROOT or ROOT / "docs" in page.parents}
    for page in ours:
        copy = target / page.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(linked_within(page.read_text(encoding="utf-8"), page, ours), encoding="utf-8")
    for picture in (ROOT / "docs").rglob("*"):
        if picture.suffix in _PICTURES:
            copy = target / picture.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, copy)


def linked_within(text: str, page: Path, ours: set[Path]) -> str:
    """The text of `page`, whose links to files that are not in `ours` are only their texts."""

    def link(found: re.Match[str]) -> str:
        label, target = found[1], found[2]
        is_elsewhere = not target or "://" in target or target.startswith("mailto:")
        return found[0] if is_elsewhere or (page.parent / target).resolve() in ours else label

    return _BADGE.sub("", _LINK.sub(link, text))


def main() -> int:
    """The exit code of Zensical, which fails where a link or an anchor leads nowhere."""
    code = build(ROOT / "build")
    if code == 0:
        print("build/site/index.html")
    return code


def build(folder: Path) -> int:
    """Makes the site in `folder`/site; the exit code."""
    pages = folder / "site-pages"  # as in the settings
    shutil.rmtree(pages, ignore_errors=True)
    copy_documents(pages)
    shutil.copy(Path(__file__).with_name("zensical.toml"), folder)
    zensical = str(Path(sys.executable).with_name("zensical"))
    return subprocess.run([zensical, "build", "--clean", "--strict"], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
