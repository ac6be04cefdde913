"""ARCHITECTURE.md against the tree: its picture, its two ways, its code map."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.pages import ROOT, blocks

PAGE = ROOT / "ARCHITECTURE.md"
TEXT = PAGE.read_text(encoding="utf-8")
PICTURE = blocks(PAGE)[0].text
PACKAGES = ("lakehouse", "ingest_writer", "query_service")
MOST_LINES = 135
"""Two pages."""


def folders(package: str) -> set[str]:
    return {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}


def way(of: str, package: str) -> list[Path]:
    """The files that the numbered list under `## The way of one ...` names, in order."""
    section = TEXT.partition(f"## The way of one {of}, in `{package}/`")[2].partition("\n## ")[0]
    steps = "\n".join(re.findall(r"^\d+\. .*(?:\n   .*)*", section, re.MULTILINE))
    return [Path(name) for name in dict.fromkeys(re.findall(r"`([\w/]+\.py)`", steps))]


def found(name: Path, package: str, named: list[Path]) -> bool:
    """Whether it is a file of the repository, of the package, or next to another one that is named."""
    beside = [ROOT / package / other.parent / name for other in named]
    return any(path.is_file() for path in (ROOT / name, ROOT / package / name, *beside))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_picture_has_every_folder_and_no_other(package: str) -> None:
    drawn = set(re.findall(r"\b([a-z_]+)/", PICTURE)) - {*PACKAGES, "landing", "rejected", "flights", "snapshots"}
    assert folders(package) <= drawn
    assert drawn <= {folder for each in PACKAGES for folder in folders(each)}


@pytest.mark.parametrize(("of", "package"), [("event", "ingest_writer"), ("question", "query_service")])
def test_a_way_has_at_most_ten_files_all_of_which_exist(of: str, package: str) -> None:
    named = way(of, package)
    assert 5 < len(named) <= 10
    assert [str(name) for name in named if not found(name, package, named)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_code_map_has_every_folder(package: str) -> None:
    rows = set(re.findall(rf"^\| `{package}/(\w+)/` \|", TEXT, re.MULTILINE))
    assert rows == folders(package)


@pytest.mark.parametrize("page", [PAGE, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_path_in_it_leads_to_something(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:lakehouse|ingest_writer|query_service|tests|tools)/[\w/.]*)`", text))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_it_has_two_pages() -> None:
    assert TEXT.count("\n") <= MOST_LINES
