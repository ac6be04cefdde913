"""Each diagram is drawn from its source as it is now, and can be read anywhere. Drawing them is `make diagrams`."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.repo.deploy.build_run import STEPS
from tools.diagrams import FOLDER, on_paper, sources, stamp

IDS = [source.stem for source in sources()]


@pytest.mark.parametrize("source", sources(), ids=IDS)
def test_a_diagram_is_drawn_from_its_source_as_it_is_now(source: Path) -> None:
    svg = source.with_suffix(".svg").read_text(encoding="utf-8")
    assert stamp(source) in svg, f"{source.name} was changed after it was drawn: make diagrams"


@pytest.mark.parametrize("source", sources(), ids=IDS)
def test_a_diagram_stands_alone_and_on_paper_of_its_own(source: Path) -> None:
    text = source.with_suffix(".svg").read_text(encoding="utf-8")
    root = ET.fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "foreignObject", "image"}
    assert not re.search(r"(href|src)=\"(?!#)|url\((?!#)|@import", text), "it asks for something from outside"
    assert "prefers-color-scheme: dark" in text
    assert root.find("{*}rect[@fill='#fff']") is not None


def test_every_diagram_has_its_source_and_its_place_in_a_document() -> None:
    assert {path.stem for path in FOLDER.glob("*.svg")} == {path.stem for path in sources()}
    pages = [
        page.read_text(encoding="utf-8") for page in FOLDER.parent.parent.rglob("*.md") if ".venv" not in page.parts
    ]
    for source in sources():
        assert any(f"{source.stem}.svg)" in page for page in pages), f"no document shows {source.stem}.svg"


def test_deploy_and_probe_shows_every_step_of_the_build() -> None:
    words = set(re.findall(r"[\w-]+", (FOLDER / "deploy.mmd").read_text(encoding="utf-8")))
    assert not {step["id"] for step in STEPS} - words


def test_the_paper_is_as_large_as_the_drawing_and_its_margin() -> None:
    svg = '<svg id="a" width="10" viewBox="0 0 100 50"><g/></svg>'
    assert 'width="124" height="74" viewBox="-12 -12 124 74"' in on_paper(svg, "sha256-0")
