"""The land below the map of airports, from TopoJSON."""

from __future__ import annotations

import json
import re
from typing import Any

from tools import land

STEP = 0.1
EDGE = 1800  # steps to 180 degrees


def topology(arcs: list[list[list[int]]], rings: list[list[int]], of_land: list[list[int]]) -> dict[str, Any]:
    return {
        "arcs": arcs,
        "transform": {"scale": [0.1, 0.1], "translate": [0, 0]},
        "objects": {
            "countries": {
                "type": "GeometryCollection",
                "geometries": [{"type": "Polygon", "arcs": [r]} for r in rings],
            },
            "land": {"type": "MultiPolygon", "arcs": [of_land]},
        },
    }


def test_a_border_is_what_two_countries_share() -> None:
    border, west, east = [[0, 0], [0, 9]], [[0, 9], [-9, 0], [0, -9], [9, 0]], [[0, 0], [9, 0], [0, 9], [-9, 0]]
    drawn = land.paths(topology([border, west, east], [[0, 1], [2, ~0]], [[1, 2]]), STEP)
    assert drawn == {"land": "M0 9l-9 0 0-9 9 0 9 0 0 9-9 0z", "borders": "M0 0l0 9"}


def test_land_that_leaves_the_map_is_there_at_both_edges() -> None:
    ring = [[EDGE - 5, 0], [0, 9], [-2 * EDGE + 10, 0], [0, -9], [2 * EDGE - 10, 0]]
    drawn = land.paths(topology([ring], [[0]], [[0]]), STEP)
    assert drawn["land"] == "M1795 0l0 9 10 0 0-9-10 0zM-1805 0l0 9 10 0 0-9-10 0z"


def test_land_around_the_pole_reaches_down_to_it() -> None:
    ring = [[-EDGE, -700], [1200, 10], [1200, 0], [1200, -10]]
    drawn = land.paths(topology([ring], [[0]], [[0]]), STEP)
    assert drawn["land"] == "M-1800-700l1200 10 1200 0 1200-10 0-200-3600 0z"


def test_the_file_names_its_package_source_and_licence() -> None:
    record = json.loads(land.FILE.read_text())
    assert record["integrity"].startswith("sha512-")
    assert "Natural Earth" in record["source"]
    assert "ISC" in record["licence"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", record["version"])
    assert len(json.dumps(record)) < 60_000  # small enough to come with the page
