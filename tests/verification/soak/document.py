"""Writes what a soak found into `docs/reliability.md`."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tests.verification.campaign.ledger import ROOT, machine
from tests.verification.soak.cost import Cost
from tests.verification.soak.faults import FULL_S
from tests.verification.soak.outcome import Outcome
from tests.verification.soak.usage import Third

DOCUMENT: Final = ROOT / "docs" / "reliability.md"

FAULTS_HEAD: Final = (
    "| fault | how | requests | lost | answers | good again after | fresh again after |",
    "|---|---|---|---|---|---|---|",
)
USAGE_HEAD: Final = (
    "| process | memory | descriptors | threads |",
    "|---|---|---|---|",
)
_BEGIN: Final = "<!-- soak: written by tests.verification.soak -->"
_END: Final = "<!-- end of soak -->"
_MARKED: Final = re.compile(re.escape(_BEGIN) + "(.*?)" + re.escape(_END), re.DOTALL)
_NAMES: Final = {"api": "API", "writer": "writer"}


def is_publishable(outcome: Outcome, is_wanted: bool = False) -> bool:
    """A full soak that found nothing; where `is_wanted`, also one without a wrong answer."""
    is_good = outcome.wrong_count == 0 if is_wanted else not outcome.failures()
    return outcome.seconds >= FULL_S and is_good


def publish(outcome: Outcome, document: Path = DOCUMENT) -> None:
    published_lines(document)
    table = "\n".join(["", "", *lines(outcome), "", ""])
    document.write_text(_MARKED.sub(lambda found: found[0].replace(found[1], table), document.read_text()))


def published_lines(document: Path = DOCUMENT) -> list[str]:
    """What the last run wrote there."""
    found = _MARKED.findall(document.read_text())
    if len(found) != 1:
        raise ValueError(f"{document}: the marks of the table are not there once")
    return str(found[0]).strip("\n").split("\n")


def lines(outcome: Outcome) -> list[str]:
    """Two tables, and what they are of."""
    disk = "" if outcome.disk_is_real else " No disk could be mounted: a limit of file sizes stands for the full one."
    return [
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, commit {outcome.commit}, {machine()}, seed {outcome.seed}:"
        f" {outcome.seconds / 60:.0f} min at {outcome.rate_per_s:.0f} of {outcome.capacity_per_s:.0f} questions a"
        f" second and {outcome.events_per_s:.0f} events a second; {outcome.answers:,} answers,"
        f" {outcome.wrong_count} wrong, {len(outcome.unexpected)} lost outside of the faults;"
        f" other work took {outcome.others_share:.0%} of the machine.{disk}",
        "",
        *FAULTS_HEAD,
        *map(_fault, outcome.costs),
        "",
        *USAGE_HEAD,
        *(_usage(_NAMES[name], *thirds) for name, thirds in outcome.thirds.items()),
    ]


def _fault(cost: Cost) -> str:
    times = f" ({len(cost.fault.at_s)} times)" if len(cost.fault.at_s) > 1 else ""
    share = f"{cost.lost / max(1, cost.requests):.1%}"
    after = f"{cost.good_after_s:.1f} s | {cost.fresh_after_s:.1f} s"
    return (
        f"| {cost.fault.name} | {cost.fault.what}{times} | {cost.requests} | {share} | {_kinds(cost.kinds)} | {after} |"
    )


def _kinds(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common()) or "none"


def _usage(name: str, second: Third | None, last: Third | None) -> str:
    if second is None or last is None:
        return f"| {name} | not one process | | |"
    memory = f"{second.memory_mb:.0f} to {last.memory_mb:.0f} MB"
    return (
        f"| {name} | {memory} | {second.descriptors:.0f} to {last.descriptors:.0f}"
        f" | {second.threads:.0f} to {last.threads:.0f} |"
    )
