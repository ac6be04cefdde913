"""The page that is photographed: the dashboard's tiles at the places of its mosaic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from tools.monitoring_picture.chart import COLORS, chart, text_of
from tools.monitoring_picture.incident import BEGIN, MINUTES, SAYS, Metric
from tools.monitoring_picture.queries import Line, MissingSeriesError, lines

WIDTH: Final = 1600
CAPTION: Final = "Drawn from the dashboard's JSON over a modelled incident"
CUT_OFF: Final = """() => [...document.querySelectorAll(".tile")].filter(tile =>
    [...tile.querySelectorAll("*")].some(inside => {
        const [of, place] = [inside.getBoundingClientRect(), inside.closest("h2, svg, .legend, .tile")];
        const room = (place === inside ? tile : place).getBoundingClientRect();
        return of.left < room.left - 1 || of.right > room.right + 1 || of.bottom > room.bottom + 1
            || inside.scrollHeight > inside.clientHeight + 1 && inside.matches("h2, .legend");
    })).map(tile => tile.innerText.split("\\n")[0])"""
"""What has no room, asked of the page in the browser: the titles of such tiles."""

_EDGE, _GAP, _ROW_PX = 16, 8, 23
_PADDING, _TITLE_PX, _LEGEND_PX = 12, 42, 42
_STYLE: Final = f"""
    body {{ margin: 0; background: #f1f3f4; color: #202124; }}
    body {{ font: 15px/20px Roboto, Arial, "Liberation Sans", sans-serif; }}
    header {{ background: #fff; padding: 14px {_EDGE + 4}px; border-bottom: 1px solid #dadce0; }}
    h1 {{ font-size: 22px; font-weight: 500; margin: 0 0 6px; line-height: 28px; }}
    header span {{ float: right; color: #5f6368; font-size: 15px; }}
    header p {{ margin: 0; color: #5f6368; }}
    main {{ position: relative; }}
    .tile {{ position: absolute; box-sizing: border-box; background: #fff; padding: {_PADDING}px {_PADDING}px 0; }}
    .tile {{ border: 1px solid #dadce0; border-radius: 8px; }}
    .heading {{ background: none; border: 0; border-radius: 0; padding: 8px 4px 0; }}
    .heading {{ font-size: 18px; font-weight: 500; }}
    .divided {{ border-bottom: 2px solid #bdc1c6; }}
    h2 {{ font-size: 15px; font-weight: 500; margin: 0; height: {_TITLE_PX}px; }}
    svg {{ display: block; }}
    svg text {{ font-size: 13px; fill: #5f6368; }}
    .time {{ text-anchor: middle; }}
    .grid {{ stroke: #e8eaed; }}
    .tick {{ stroke: #9aa0a6; }}
    .line {{ fill: none; stroke-width: 2; stroke-linejoin: round; }}
    .threshold {{ stroke-width: 1.5; stroke-dasharray: 6 4; }}
    .legend {{ height: {_LEGEND_PX}px; font-size: 13px; color: #3c4043; }}
    .legend span {{ margin-right: 16px; white-space: nowrap; }}
    .legend i {{ display: inline-block; width: 12px; height: 4px; margin: 0 6px 3px 0; border-radius: 2px; }}
    .score {{ font-size: 36px; line-height: 60px; }}
"""


def page(dashboard: Mapping[str, Any], known: Mapping[str, Metric]) -> str:
    """The page of `dashboard`. Raises MissingSeriesError, which names the tile too."""
    mosaic = dashboard["mosaicLayout"]
    column_px = (WIDTH - 2 * _EDGE + _GAP) / mosaic["columns"]
    tiles = [_tile(tile, column_px, known) for tile in mosaic["tiles"]]
    rows = max(tile.get("yPos", 0) + tile["height"] for tile in mosaic["tiles"])
    end = BEGIN + dt.timedelta(minutes=MINUTES)
    return (
        f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style><body><header>'
        f"<h1><span>{BEGIN:%-d %B, %H:%M} to {end:%H:%M} UTC</span>{escape(dashboard['displayName'])}</h1>"
        f"<p>{CAPTION}: {SAYS}.</p></header>"
        f'<main style="height:{rows * _ROW_PX + _EDGE}px">{"".join(tiles)}</main></body>'
    )


def _tile(tile: Mapping[str, Any], column_px: float, known: Mapping[str, Metric]) -> str:
    widget = tile["widget"]
    width, height = round(tile["width"] * column_px) - _GAP, tile["height"] * _ROW_PX - _GAP
    left, top = round(_EDGE + tile.get("xPos", 0) * column_px), tile.get("yPos", 0) * _ROW_PX + _GAP
    place = f'style="left:{left}px;top:{top}px;width:{width}px;height:{height}px"'
    title = escape(widget.get("title", ""))
    if "sectionHeader" in widget:
        divided = " divided" if widget["sectionHeader"].get("dividerBelow") else ""
        return f'<section class="tile heading{divided}" {place}>{title}</section>'
    try:
        inside = _inside(widget, width - 2 * _PADDING - 2, height - _PADDING - 2 - _TITLE_PX, known)
    except MissingSeriesError as error:
        raise MissingSeriesError(f"tile {widget.get('title', tile)!r}: {error}") from error
    return f'<section class="tile" {place}><h2>{title}</h2>{inside}</section>'


def _inside(widget: Mapping[str, Any], width: int, height: int, known: Mapping[str, Metric]) -> str:
    if "xyChart" in widget:
        return _xy_chart(widget["xyChart"], width, height, known)
    if "scorecard" in widget:
        [line] = lines(widget["scorecard"]["timeSeriesQuery"], known)
        last = [value for value in line.values if value is not None][-1]
        return f'<div class="score">{text_of(float(f"{last:.3g}"), line.unit)}</div>'
    if "text" in widget:
        return f"<p>{escape(widget['text']['content'])}</p>"
    kinds = ", ".join(key for key in widget if key != "title")
    raise MissingSeriesError(f"tiles of this kind are not drawn yet: {kinds}")


def _xy_chart(asked: Mapping[str, Any], width: int, height: int, known: Mapping[str, Metric]) -> str:
    found: list[Line] = []
    for data_set in asked["dataSets"]:
        if data_set["plotType"] != "LINE":
            raise MissingSeriesError(f"charts of this type are not drawn yet: {data_set['plotType']}")
        found += lines(data_set["timeSeriesQuery"], known)
    if len(found) > len(COLORS):
        raise MissingSeriesError(f"{len(found)} lines, and colours for {len(COLORS)}")
    thresholds = [threshold["value"] for threshold in asked.get("thresholds", ())]
    return chart(found, thresholds, width, height - _LEGEND_PX) + _legend(found)


def _short(names: Sequence[str]) -> list[str]:
    """The ends of metric types, as long as it takes to tell them apart."""
    for parts in range(1, 9):
        short = ["/".join(name.split("/")[-parts:]) for name in names]
        if len(set(short)) == len(set(names)):
            break
    return short


def _legend(found: Sequence[Line]) -> str:
    entries = [
        f'<span><i style="background:{color}"></i>{escape(name)}</span> '
        for name, color in zip(_short([line.name for line in found]), COLORS, strict=False)
    ]
    return f'<div class="legend">{"".join(entries)}</div>'
