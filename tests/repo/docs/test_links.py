"""Every link from one document to another leads to something that is there, and every document is linked to."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tools.pages import ROOT, anchors, labelled_links, links, pages

PAGES = pages()
ELSEWHERE = ("https://", "http://", "mailto:")
# Relative to the page at GitHub, .../blob/BRANCH/PAGE, in whatever repository: a workflow's badge and its runs.
GITHUB_PAGE = re.compile(r"((?:\.\./)+)actions/workflows/([\w-]+\.yml)(?:/badge\.svg)?")


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def broken(page: Path, root: Path = ROOT) -> list[str]:
    """Links of `page` that lead nowhere, or out of `root`."""
    found = []
    for link in links(page):
        if link.startswith(ELSEWHERE):
            continue
        on_github = GITHUB_PAGE.fullmatch(link)
        if on_github and on_github[1] == "../" * (len(page.relative_to(root).parts) + 1):
            workflow = Path(".github", "workflows", on_github[2])
            found += [] if (root / workflow).exists() else [f"{link}: there is no {workflow}"]
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_relative_to(root) or not target.exists():
            found.append(f"{link}: there is no such file")
        elif anchor and (target.suffix != ".md" or anchor not in anchors(target)):
            found.append(f"{link}: there is no such heading")
    return found


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


@pytest.mark.parametrize(
    ("link", "what"),
    [
        ("docs/none.md", "there is no such file"),
        ("#none", "there is no such heading"),
        ("../x", "there is no such file"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, what: str) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"# Title\n\n[here](#title) and [there]({link})\n", encoding="utf-8")
    assert broken(page, tmp_path) == [f"{link}: {what}"]


def test_a_badge_goes_up_to_the_repository_from_its_page(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "page.md"
    workflow = tmp_path / ".github" / "workflows" / "ci.yml"
    for file in (page, workflow):
        file.parent.mkdir(parents=True)
        file.touch()
    up = "../../../actions/workflows"
    links = [f"{up}/ci.yml/badge.svg", f"{up}/ci.yml", f"{up}/none.yml", f"../{up}/ci.yml"]
    page.write_text("".join(f"[runs]({link})\n" for link in links), encoding="utf-8")
    assert broken(page, tmp_path) == [
        f"{links[2]}: there is no .github/workflows/none.yml",
        f"{links[3]}: there is no such file",
    ]


def misnamed(page: Path) -> list[str]:
    """Links whose text is a file name, but not that of the file that they lead to."""
    return [
        f"{text}: leads to {target}"
        for text, target in labelled_links(page)
        if re.fullmatch(r"`?[\w./-]+\.(py|sh|tf|md)`?", text)
        and text.strip("`").rpartition("/")[2] != target.partition("#")[0].rpartition("/")[2]
    ]


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_a_link_whose_text_is_a_file_name_leads_to_that_file(page: Path) -> None:
    assert misnamed(page) == []


def test_a_link_with_the_old_name_of_a_file_is_found(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("[new.py](src/new.py#L1), [`src/new.py`](src/new.py) and [old.py](src/new.py)\n", encoding="utf-8")
    assert misnamed(page) == ["old.py: leads to src/new.py"]


def test_every_document_is_linked_to() -> None:
    reached = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page)}
    folders = {path for path in reached if path.is_dir()}
    alone = [page for page in PAGES if page not in reached and page.parent not in folders]
    assert {names(page) for page in alone} <= {"README.md"}, "no document leads to them"
