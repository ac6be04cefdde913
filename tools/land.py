"""`python -m tools.land`: draws the land below the dashboard's map of airports again, from npm's world-atlas.

The package is Natural Earth's public domain data as TopoJSON. land.json names it and pins it by the
registry's integrity value; nothing is written unless that is what came. The paths are in whole steps
of `step_degrees`, longitude to the right and latitude up: a tenth of a degree is less than a pixel of a
map of the world.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tools.vendor import fetched, integrity, member

FILE: Final = Path(__file__).parents[1] / "query_service" / "dashboard" / "static" / "land.json"

Point = tuple[int, int]


def main() -> int:
    """1 when the registry's package is not the one that land.json names."""
    record = json.loads(FILE.read_text())
    with tempfile.TemporaryDirectory(prefix="flights-land-") as folder:
        package = fetched(Path(folder), f"{record['package']}@{record['version']}")
        if integrity(package.read_bytes(), "sha512") != record["integrity"]:
            print(f"land: {package.name} is not what {FILE} names; nothing was written", file=sys.stderr)
            return 1
        drawn = paths(json.loads(member(package, record["from"])), record["step_degrees"])
    FILE.write_text(json.dumps(record | drawn, indent=1) + "\n")
    return 0


def paths(topology: dict[str, Any], step_degrees: float) -> dict[str, str]:
    """`land`, to be filled, and `borders` between countries, to be stroked: SVG paths."""
    arcs = [_points(arc, topology["transform"], step_degrees) for arc in topology["arcs"]]
    countries, land = topology["objects"]["countries"], topology["objects"]["land"]
    uses = Counter(number if number >= 0 else ~number for ring in _rings(countries) for number in ring)
    shared = [arcs[number] for number, count in sorted(uses.items()) if count > 1]
    round_degrees = round(360 / step_degrees)
    closed = [_unrolled(_joined(ring, arcs), round_degrees) for ring in _rings(land)]
    rings = [copy for ring in closed if len(set(ring)) > 2 for copy in _copies(ring, round_degrees)]
    return {
        "land": "".join(f"{_path(ring)}z" for ring in rings),
        "borders": "".join(_path(arc) for arc in shared if len(arc) > 1),
    }


def _points(arc: Iterable[Sequence[int]], transform: dict[str, list[float]], step_degrees: float) -> list[Point]:
    """TopoJSON writes an arc as the way from point to point, in steps of its own."""
    (scale_x, scale_y), (start_x, start_y) = transform["scale"], transform["translate"]
    points: list[Point] = []
    x = y = 0
    for right, up in arc:
        x, y = x + right, y + up
        point = (round((x * scale_x + start_x) / step_degrees), round((y * scale_y + start_y) / step_degrees))
        if not points or point != points[-1]:
            points.append(point)
    return points


def _rings(geometry: dict[str, Any]) -> list[list[int]]:
    if geometry["type"] == "GeometryCollection":
        return [ring for part in geometry["geometries"] for ring in _rings(part)]
    polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    return [ring for polygon in polygons for ring in polygon]


def _joined(ring: list[int], arcs: list[list[Point]]) -> list[Point]:
    """The points of a ring; an arc that is taken backwards has the complement of its number."""
    points: list[Point] = []
    for number in ring:
        points += (arcs[number] if number >= 0 else arcs[~number][::-1])[1 if points else 0 :]
    return points


def _unrolled(ring: list[Point], around: int) -> list[Point]:
    """The ring without leaps from one edge of the map to the other; one around the pole is closed below it."""
    x, y = ring[0]
    points = [(x, y)]
    for to_x, to_y in ring[1:]:
        x += (to_x - x + around // 2) % around - around // 2
        points.append((x, to_y))
    if x == ring[0][0]:
        return points
    pole = -around // 4
    return [*points, (x, pole), (ring[0][0], pole)]


def _copies(ring: list[Point], around: int) -> list[list[Point]]:
    """The ring, and again a turn further where it leaves the map at an edge."""
    west, east = min(x for x, _ in ring), max(x for x, _ in ring)
    turns = [0, *([around] if west < -around // 2 else []), *([-around] if east > around // 2 else [])]
    return [[(x + turn, y) for x, y in ring] for turn in turns]


def _path(points: list[Point]) -> str:
    x, y = points[0]
    parts = [f"M{x} {y}l"]
    for at, (to_x, to_y) in enumerate(points[1:]):
        parts.append(f"{' ' if at else ''}{to_x - x} {to_y - y}")
        x, y = to_x, to_y
    return "".join(parts).replace(" -", "-")


if __name__ == "__main__":
    sys.exit(main())
