"""`python -m tools.screenshots [FOLDER]`: the pictures of docs/screenshots, from real flights."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights
from tools.browser import chromium, find_chromium, opened
from tools.served_api import served

FOLDER: Final = Path(__file__).parents[1] / "docs" / "screenshots"

_UNTIL = "2013-05"  # four months: enough for every view, and loaded in under a minute
_DESKTOP = {"viewport": {"width": 1200, "height": 860}}
_PHONE = {"viewport": {"width": 375, "height": 780}, "device_scale_factor": 1.25, "is_mobile": True}


@dataclass(frozen=True)
class Shot:
    """One picture: of what, on what."""

    name: str
    path: str
    context: dict[str, Any] = field(default_factory=dict)


SHOTS: Final = (
    Shot("over-time", "/?date_from=2013-01-16", _DESKTOP),
    Shot("carriers", "/?view=carriers", _DESKTOP | {"color_scheme": "dark"}),
    Shot("routes", "/?view=routes&origin=EWR", _DESKTOP),
    Shot("map", "/?view=map&origin=EWR", _DESKTOP),
    Shot("flight", "/?view=flight&flight=2013-01-01-UA-1545-EWR", _DESKTOP),
    Shot("phone", "/?view=when&carrier=UA&carrier=B6", _PHONE),
)


def main(arguments: Sequence[str]) -> int:
    """Takes the pictures into the folder given, or into docs/screenshots. 1 when there is no browser."""
    folder = Path(arguments[0]) if arguments else FOLDER
    path = find_chromium()
    if path is None:
        print("screenshots: no Chromium here; install it (apt-get install chromium) or set CHROMIUM", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="flights-screenshots-") as temporary:
        lake = Path(temporary) / "lake"
        _load(Path(temporary) / "events.ndjson", lake)
        with served(lake, Path(temporary)) as url, chromium(path) as browser:
            for shot in SHOTS:
                with opened(browser, url, shot.path, **shot.context) as watched:
                    watched.page.wait_for_selector(".live .dot.up")
                    watched.page.screenshot(path=folder / f"{shot.name}.png")
                    print(folder / f"{shot.name}.png")
    return 0


def _load(file: Path, lake: Path) -> None:
    flights = [flight for flight in read_flights() if flight.flight_date < _UNTIL]
    with file.open("wb") as output:
        output.writelines(line + b"\n" for line in events_of(flights))
    lake.mkdir()
    environment = {"LAKE_URL": lake.as_uri()}
    subprocess.run([sys.executable, "-m", "ingest_writer", "load", str(file)], env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
