"""`python -m tools.monitoring_picture [FILE]`: draws docs/screenshots/monitoring.png.

The dashboard is Terraform's, the series are those of incident.py, and Chromium takes the picture.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.browser import chromium, find_chromium
from tools.monitoring_picture.definition import DefinitionError, dashboard
from tools.monitoring_picture.incident import metrics
from tools.monitoring_picture.page import CUT_OFF, WIDTH, page
from tools.monitoring_picture.queries import MissingSeriesError
from tools.monitoring_picture.stamp import PICTURE, stamped


def main(arguments: Sequence[str]) -> int:
    """2 without Terraform or Chromium; 1, and no picture, when a tile has no series or no room."""
    picture = Path(arguments[0]) if arguments else PICTURE
    terraform = shutil.which("terraform")
    if terraform is None:
        return _said("no Terraform here; install it (https://developer.hashicorp.com/terraform/install)", 2)
    browser = find_chromium()
    if browser is None:
        return _said("no Chromium here; install it (apt-get install chromium) or set CHROMIUM", 2)
    try:
        html = page(dashboard(terraform), metrics())
    except (DefinitionError, MissingSeriesError) as error:
        return _said(str(error), 1)
    if cut_off := _taken(browser, html, picture):
        return _said(f"no room in {len(cut_off)} tiles, so no picture: {cut_off}", 1)
    print(picture)
    return 0


def _said(why: str, code: int) -> int:
    print(f"monitoring-picture: {why}", file=sys.stderr)
    return code


def _taken(browser: str, html: str, picture: Path) -> list[str]:
    """Takes the picture, unless something in it has no room; says what."""
    with chromium(browser) as running:
        sheet = running.new_page(viewport={"width": WIDTH, "height": 400})
        sheet.set_content(html)
        cut_off: list[str] = sheet.evaluate(CUT_OFF)
        if not cut_off:
            picture.write_bytes(stamped(sheet.screenshot(full_page=True), html))
    return cut_off


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
