"""`python -m tests.verification.campaign.document`: writes the tables of `docs/proof.md`."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Final

from tests._support.sizes import SIZES
from tests.verification.campaign.campaigns import Sizes
from tests.verification.campaign.ledger import ROOT, Ledger
from tests.verification.mutation.safeguards import SAFEGUARDS
from tests.verification.simulation.mutations import FIRST_SEED_THAT_FINDS

DOCUMENT: Final = ROOT / "docs" / "proof.md"
LEDGER: Final = ROOT / "docs" / "proof.json"
"""A copy of the ledger of the long runs that the document reports."""


def written(text: str) -> str:
    """`text` with its tables as they must be."""
    text = _filled(text, "sizes", _sizes())
    text = _filled(text, "runs", Ledger(LEDGER).lines())
    text = _filled(text, "safeguards", _safeguards())
    return _filled(text, "simulation", _simulation())


def _sizes() -> list[str]:
    """Every size of the gates, and what `make prove` makes of it."""
    hours = {f"--{size.name.replace('_', '-')}": f"{size.default:,}" for size in fields(Sizes)}
    hours |= {"--pairs": "all", "--flights": "all, in `make test-year`", "--asked": "1,000, in `make test-year`"}
    for option in ("--queries", "--asked-engines", "--live-s"):
        hours[option] = f"{SIZES[option].long:,}, in `make verify`"
    hours["--soak-s"] = f"{Sizes.soak_minutes * 60:,}"
    rows = [f"| {size.what} | {size.gate:,} | {size.long:,} | {hours[size.option]} |" for size in SIZES.values()]
    return ["| how many | `make test` | `make verify` | `make prove` |", "|---|---|---|---|", *rows]


def _safeguards() -> list[str]:
    rows = [f"| {each.name} | `{each.file}` | `{_short(each.test)}` |" for each in SAFEGUARDS]
    return ["| safeguard | taken out of | missed by |", "|---|---|---|", *rows]


def _simulation() -> list[str]:
    rows = [f"| {mutation} | {seed} |" for mutation, seed in FIRST_SEED_THAT_FINDS.items()]
    return ["| mutation | first seed that finds it |", "|---|---|", *rows]


def _short(test: str) -> str:
    path, _, name = test.partition("::")
    return f"{Path(path).name}::{name}"


def _filled(text: str, name: str, lines: list[str]) -> str:
    begin, end = f"<!-- {name}: written by tests.verification.campaign.document -->", f"<!-- end of {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"{DOCUMENT}: the marks of the table {name!r} are not there once")
    return pattern.sub(lambda _: "\n".join([begin, "", *lines, "", end]), text)


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
    sys.exit(0)
