"""`python -m tools.cost`: writes docs/cost.md from docs/prices.json and the counted requests."""

from __future__ import annotations

import sys

from tools.cost.document import DOCUMENT, write
from tools.cost.prices import load_prices

if __name__ == "__main__":
    changed = write(load_prices())
    print(f"{DOCUMENT.name}: {'written' if changed else 'nothing to change'}", file=sys.stderr)
