"""`python -m tools.problems`: writes the page of the API that shows docs/problems.md.

The type of a problem leads to that page, so that it can be followed wherever the service runs.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

import markdown

import query_service.dashboard
from tools.pages import ROOT

DOCUMENT: Final = ROOT / "docs" / "problems.md"
PAGE: Final = Path(query_service.dashboard.__file__).parent / "pages" / "problems.html"

_HERE_ONLY: Final = re.compile(r"\[([^\]]*)\]\((?!https://)[^)]*\)")  # links to other documents, which no service has
_WHOLE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Problems - Flights lakehouse</title>
<link rel="icon" href="{{static}}/icon.svg">
<link rel="stylesheet" href="{{static}}/style.css">
</head>
<body>
<header class="top">
  <h1><a href="./">Flights lakehouse</a></h1>
  <span class="spacer">Problems</span>
  <a class="quiet" href="docs">API</a>
</header>
<main>
<div class="reference">
%s
</div>
</main>
</body>
</html>
"""


def page(document: str) -> str:
    """The document as a page; each kind is an anchor."""
    text = _HERE_ONLY.sub(r"\1", document.partition("\n")[2])
    content = str(markdown.markdown(text, extensions=["fenced_code", "toc"]))
    return _WHOLE % content.replace("{{", "&#123;&#123;")


def main() -> int:
    """Writes the page."""
    PAGE.write_text(page(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
