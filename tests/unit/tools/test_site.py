"""The site has the documents alone, and all that they link to among themselves."""

from __future__ import annotations

from pathlib import Path

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


def test_the_documents_are_a_site_without_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    assert build(tmp_path) == 0
    pages = {page.relative_to(tmp_path / "site").as_posix() for page in (tmp_path / "site").rglob("*.html")}
    assert {"index.html", "ARCHITECTURE.html", "docs/analysts.html", "docs/adr/0001-own-snapshots.html"} <= pages
    foreign = (page for page in pages if 'src="http' in (tmp_path / "site" / page).read_text())
    assert list(foreign) == []
