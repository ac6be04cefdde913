"""What the pages are made of, without a browser."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from query_service.dashboard.assets import read_assets
from tools import vendor

ROOT = Path(__file__).parents[4]
PACKAGE = ROOT / "query_service" / "dashboard"
STATIC = PACKAGE / "static"


def test_every_module_that_is_imported_is_there() -> None:
    for module in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', module.read_text()):
            assert (STATIC / name).is_file(), f"{module.name} imports {name}"


def test_no_file_of_ours_names_another_host() -> None:
    ours = [*STATIC.glob("*.js"), *STATIC.glob("*.css"), *(PACKAGE / "pages").iterdir()]
    assert [file.name for file in ours if re.search(r"https?://|@import|\burl\(", file.read_text())] == []


def test_the_chart_library_is_the_one_that_its_record_names() -> None:
    record = json.loads(vendor.RECORD.read_text())
    assert record["integrity"].startswith("sha512-")
    named = {file["name"]: file["sha384"] for file in record["files"]}
    there = {f.name: vendor.integrity(f.read_bytes(), "sha384") for f in vendor.FOLDER.iterdir() if f != vendor.RECORD}
    assert there == named
    licence = (vendor.FOLDER / "uPlot.LICENSE").read_text()
    assert "MIT License" in licence
    assert f"v{record['version']}" in (vendor.FOLDER / "uPlot.iife.min.js").read_text()[:200]


def test_an_installed_package_has_all_files_of_the_pages() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    listed = {file for pattern in patterns["query_service.dashboard"] for file in PACKAGE.glob(pattern)}
    there = {file for folder in ("pages", "static") for file in (PACKAGE / folder).rglob("*") if file.is_file()}
    assert there <= listed


def test_no_address_of_the_documents_can_add_to_a_page() -> None:
    pages = read_assets('https://a.example/"><b>').pages
    for name in ("index.html", "docs.html"):
        assert b'href="https://a.example/&quot;&gt;&lt;b&gt;/' in pages[name]
        assert b"<b>" not in pages[name]
