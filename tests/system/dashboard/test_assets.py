"""What the pages are made of, without a browser."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.store.memory import MemoryStore
from tests._support.api import Api, serving
from tools import vendor

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "query_service" / "dashboard"
STATIC = PACKAGE / "static"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(MemoryStore()) as api:
        yield api


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_names_files_that_are_there_and_may_be_kept_for_ever(api: Api, path: str) -> None:
    page = api.get(path)
    assert page.headers["Cache-Control"] == "no-cache"
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len(links) >= 3
    for link in links:
        asset = api.get(link)
        assert asset.status_code == 200, link
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_may_load_nothing_from_elsewhere_and_run_nothing_inline(api: Api, path: str) -> None:
    page = api.get(path)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", page.text)


def test_a_file_of_another_version_is_not_there(api: Api) -> None:
    assert api.get("/static/0123456789abcdef/main.js").status_code == 404


@pytest.mark.parametrize("path", ["/static/{}/nothing.js", "/static/{}/../router.py", "/static/{}/%2e%2e/router.py"])
def test_nothing_but_the_files_of_the_pages_is_served(api: Api, path: str) -> None:
    version = re.findall(r"/static/([0-9a-f]{16})/", api.get("/").text)[0]
    assert api.get(path.format(version)).status_code == 404


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
