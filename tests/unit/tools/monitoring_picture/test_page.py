"""Each tile of the JSON is on the page at its place; what cannot be drawn is named."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tools.browser import chromium, find_chromium
from tools.monitoring_picture.incident import MINUTES, Metric
from tools.monitoring_picture.page import CAPTION, CUT_OFF, WIDTH, page
from tools.monitoring_picture.queries import MissingSeriesError

KNOWN = {f"a.com/{name}/seen": Metric("s", (7.0,) * (MINUTES + 61)) for name in ("one", "two")}


def query(name: str) -> dict[str, Any]:
    how = {"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MAX"}
    return {"timeSeriesFilter": {"filter": f'metric.type="a.com/{name}/seen"', "aggregation": how}}


def chart(*names: str, kind: str = "LINE", **more: Any) -> dict[str, Any]:
    return {"xyChart": {"dataSets": [{"plotType": kind, "timeSeriesQuery": query(name)} for name in names], **more}}


def dashboard(*widgets: dict[str, Any]) -> dict[str, Any]:
    """Tiles abreast; what is 0 is left out, as Terraform's JSON leaves it out."""
    tiles = [
        {"width": 12, "height": 8, "widget": widget} | ({"xPos": 12 * number} if number else {})
        for number, widget in enumerate(widgets)
    ]
    return {"displayName": "A & B", "mosaicLayout": {"columns": 48, "tiles": tiles}}


def test_every_tile_is_drawn_at_its_place_with_its_title() -> None:
    html = page(
        dashboard(
            {"title": "Heading", "sectionHeader": {"dividerBelow": True}},
            {"title": "Two <lines>", **chart("one", "two", thresholds=[{"value": 9}])},
            {"title": "Score", "scorecard": {"timeSeriesQuery": query("one")}},
            {"title": "Words", "text": {"content": "What & how"}},
        ),
        KNOWN,
    )
    assert CAPTION in html
    lefts = [int(left) for left in re.findall(r'class="tile[^"]*" style="left:(\d+)px', html)]
    assert lefts == sorted(set(lefts))
    assert lefts[-1] < WIDTH
    for text in ("A &amp; B", "Heading", "Two &lt;lines&gt;", "Score", ">7 s</div>", "What &amp; how"):
        assert text in html
    assert (html.count('class="line"'), html.count('class="threshold"')) == (2, 1)
    assert "</i>one/seen" in html  # both end with "seen", which would tell nothing


@pytest.mark.parametrize(
    ("widget", "named"),
    [
        (chart("new"), r"tile 'It'.*a\.com/new/seen"),
        (chart("one", kind="STACKED_BAR"), "tile 'It'.*STACKED_BAR"),
        (chart(*["one"] * 7), "7 lines"),
        ({"pieChart": {}}, "tile 'It'.*pieChart"),
    ],
)
def test_a_tile_that_cannot_be_drawn_is_named(widget: dict[str, Any], named: str) -> None:
    with pytest.raises(MissingSeriesError, match=named):
        page(dashboard({"title": "It", **widget}), KNOWN)


def test_a_title_without_room_is_noticed() -> None:
    path = find_chromium()
    if path is None:
        pytest.skip("needs Chromium")
    html = page(dashboard({"title": "long " * 40, **chart("one")}, {"title": "short", **chart("one")}), KNOWN)
    with chromium(path) as browser:
        sheet = browser.new_page(viewport={"width": WIDTH, "height": 400})
        sheet.set_content(html)
        assert [title.split()[0] for title in sheet.evaluate(CUT_OFF)] == ["long"]
