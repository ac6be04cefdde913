"""The site has the documents alone, and all that they link to among themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.pages import ROOT
from tools.site import build, linked_within


def test_a_link_to_a_document_stays_and_one_to_code_is_its_text() -> None:
    page, other = ROOT / "docs/event.md", ROOT / "ARCHITECTURE.md"
    text = "[parts](../ARCHITECTURE.md#parts), [code](../bench/stream.py), [DuckDB](https://duckdb.org), [here](#there)"
    kept = "[parts](../ARCHITECTURE.md#parts), code, [DuckDB](https://duckdb.org), [here](#there)"
    assert linked_within(text, page, {page, other}) == kept


def test_a_badge_that_only_the_repository_s_host_has_is_left_out() -> None:
    readme = ROOT / "README.md"
    badge = "# Title [![ci](../../actions/workflows/ci.yml/badge.svg)](../../actions/workflows/ci.yml)"
    assert linked_within(badge, readme, {readme}) == "# Title"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    assert build(folder) == 0
    return folder / "site"


def test_the_documents_are_a_site_without_a_link_that_leads_nowhere(site: Path) -> None:
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    assert {"index.html", "ARCHITECTURE.html", "docs/analysts.html", "docs/adr/0001-own-snapshots.html"} <= pages
    foreign = (page for page in pages if 'src="http' in (site / page).read_text())
    assert list(foreign) == []


def test_the_site_has_the_pages_and_anchors_that_the_dashboard_links_to(site: Path) -> None:
    dashboard = ROOT / "query_service" / "dashboard"
    texts = [file.read_text() for file in [*dashboard.glob("static/*.js"), *dashboard.glob("pages/*.html")]]
    links = re.findall(r"""["/](docs/[a-z]+\.html)(?:#([\w-]+))?["']""", "\n".join(texts))
    assert len(links) == 4
    for page, anchor in links:
        assert (site / page).is_file(), page
        assert not anchor or f'id="{anchor}"' in (site / page).read_text(), (page, anchor)
