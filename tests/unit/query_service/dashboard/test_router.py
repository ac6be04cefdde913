"""The paths of the pages, and of the files that they are made of."""

from __future__ import annotations

import gzip
import re
from urllib.parse import urljoin

import pytest

from lakehouse.store.memory import MemoryStore
from tests._support.api.in_process import Api, serving


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_names_files_that_are_there_and_may_be_kept_forever(api: Api, path: str) -> None:
    page = api.get(path)
    assert page.headers["Cache-Control"] == "no-cache"
    links = [urljoin(path, link) for link in re.findall(r'(?:href|src)="(\./static/[^"]+)"', page.text)]
    assert {link.rpartition(".")[2] for link in links} == {"css", "js", "svg"}
    assert len(links) == 3
    for link in links:
        asset = api.get(link)
        assert asset.status_code == 200, link
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_all_links_of_a_page_are_relative(api: Api, path: str) -> None:
    """So it works below a path prefix that nobody told the service of."""
    links = re.findall(r'(?:href|src|action)="([^"]*)"', api.get(path).text)
    assert len(links) >= 5
    assert [link for link in links if link.startswith("/") or ":" in link] == []


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


def test_a_file_is_compressed_for_those_who_take_it(api: Api) -> None:
    path = re.findall(r"\./(static/[0-9a-f]{16}/index\.js)", api.get("/").text)[0]
    packed = api.get(f"/{path}", **{"Accept-Encoding": "br, gzip"})
    plain = api.get(f"/{path}", **{"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content  # the client has unpacked it
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert int(packed.headers["Content-Length"]) == len(gzip.compress(plain.content, mtime=0)) < len(plain.content)


def test_only_what_pages_load_is_served(api: Api) -> None:
    version = re.findall(r"/static/([0-9a-f]{16})/", api.get("/").text)[0]
    assert api.get(f"/static/{version}/index.js").status_code == 200
    assert api.get(f"/static/{version}/dom.js").status_code == 404


@pytest.mark.parametrize(("path", "kind"), [("/v1/stats?x=1", "parameter"), ("/v1/nothing", "not-found")])
def test_the_type_of_a_problem_leads_to_what_it_means(path: str, kind: str) -> None:
    for prefix in ("", "/air"):
        with serving(MemoryStore(), root_path=prefix) as served:
            link = served.get(prefix + path).json()["type"]
            assert link == f"{prefix}/problems#{kind}"
            page = served.get(link.partition("#")[0])
    assert page.status_code == 200
    assert f'<h2 id="{kind}">' in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert not re.search(r"<script|<style|\sstyle=", page.text)


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/", '<link rel="help" href="https://docs.example/a/">'),
        ("/docs", 'href="https://docs.example/a/docs/analysts.html"'),
    ],
)
def test_a_page_links_to_the_documents_where_they_are_served(api: Api, path: str, link: str) -> None:
    with serving(MemoryStore(), documents_url="https://docs.example/a") as served:
        page = served.get(path)
    without = api.get(path)
    assert link in page.text
    assert "docs.example" not in without.text
    assert "{{" not in page.text + without.text
    assert page.headers["Content-Security-Policy"] == without.headers["Content-Security-Policy"]
