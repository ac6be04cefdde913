"""`python -m tools.diagrams`: draws docs/diagrams/*.mmd as SVG, with Mermaid from npm in a headless Chromium.

mermaid.json pins the version by the registry's integrity value. Each SVG has the hash of its source
and of the drawing code, so a test without npm or a browser notices when it is stale.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tools.browser import chromium, find_chromium
from tools.vendor import fetched, integrity, member

FOLDER: Final = Path(__file__).parents[1] / "docs" / "diagrams"
RECORD: Final = FOLDER / "mermaid.json"

_FONT: Final = "Verdana, DejaVu Sans, sans-serif"
"""Two wide ones of the same widths: where another one is shown instead, its text fits too."""
_SEQUENCE_FONTS: Final = {
    f"{of}Font{what}": value for of in ("actor", "message", "note") for what, value in (("Family", _FONT), ("Size", 16))
}
"""Sequence diagrams measure their texts by settings of their own."""

_CONFIG: Final[dict[str, Any]] = {
    "startOnLoad": False,
    "securityLevel": "strict",
    "deterministicIds": True,
    "theme": "default",
    "look": "classic",
    "layout": "dagre",
    # Text as SVG text: embedded HTML is left out by much that shows SVG.
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False, "useMaxWidth": False, "wrappingWidth": 360, "rankSpacing": 34, "curve": "basis"},
    "sequence": {"useMaxWidth": False, "mirrorActors": False, **_SEQUENCE_FONTS},
    # Labels hide the line below them.
    "themeCSS": ".edgeLabel rect, .edgeLabel .background { opacity: 1 !important; fill: #fff !important; }",
    "fontFamily": _FONT,
}
_MARGIN: Final = 12
# White paper of its own, so it can be read on any page; where dark is asked for, dark paper.
_PAPER: Final = "<style>@media (prefers-color-scheme: dark) { svg { filter: invert(0.9) hue-rotate(180deg); } }</style>"
_DRAW: Final = """async ([name, source, config]) => {
    mermaid.initialize(config);
    return (await mermaid.render(name, source)).svg;
}"""


def sources() -> list[Path]:
    """All diagrams, by name."""
    return sorted(FOLDER.glob("*.mmd"))


def stamp(source: Path) -> str:
    """What the SVG of `source` has to carry: a hash of all that it is drawn from."""
    drawn_from = [
        source.read_text(encoding="utf-8"),
        RECORD.read_text(encoding="utf-8"),
        repr(_CONFIG),
        _PAPER,
        str(_MARGIN),
    ]
    return "sha256-" + hashlib.sha256("\0".join(drawn_from).encode()).hexdigest()


def main() -> int:
    """1 when there is no browser, or the registry's package is not the one that mermaid.json names."""
    path = find_chromium()
    if path is None:
        print("diagrams: no Chromium here; install it (apt-get install chromium) or set CHROMIUM", file=sys.stderr)
        return 1
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="flights-diagrams-") as folder:
        package = fetched(Path(folder), f"{record['package']}@{record['version']}")
        if integrity(package.read_bytes(), "sha512") != record["integrity"]:
            print(f"diagrams: {package.name} is not what {RECORD} names; nothing was drawn", file=sys.stderr)
            return 1
        script = member(package, "dist/mermaid.min.js").decode()
    _draw(path, script)
    return 0


def _draw(path: str, script: str) -> None:
    with chromium(path) as browser:
        page = browser.new_page()
        page.add_script_tag(content=script)
        for source in sources():
            svg = page.evaluate(_DRAW, [source.stem, source.read_text(encoding="utf-8"), _CONFIG])
            source.with_suffix(".svg").write_text(on_paper(svg, stamp(source)), encoding="utf-8")
            print(source.with_suffix(".svg"))


def on_paper(svg: str, stamped: str) -> str:
    """`svg` as Mermaid draws it, on paper of its own with a margin, with its stamp."""
    opening = re.match(r"<svg\b[^>]*>", svg)
    box = re.search(r'viewBox="([^"]+)"', svg)
    if opening is None or box is None:
        raise ValueError("Mermaid drew no SVG with a viewBox")
    x, y, width, height = (float(number) for number in box[1].split())
    x, y, width, height = x - _MARGIN, y - _MARGIN, width + 2 * _MARGIN, height + 2 * _MARGIN
    drawing = re.sub(r"(\d+\.\d\d)\d+", r"\1", svg[opening.end() :])  # a hundredth of a pixel is exact enough
    head = re.sub(r'\s(width|height|viewBox|style)="[^"]*"', "", opening[0])[: -len(">")]
    size = f'width="{width:g}" height="{height:g}" viewBox="{x:g} {y:g} {width:g} {height:g}"'
    paper = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="#fff"/>'
    return f"{head} {size}>\n<!-- {stamped} -->\n{_PAPER}{paper}{drawing}\n"


if __name__ == "__main__":
    sys.exit(main())
