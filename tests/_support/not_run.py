"""What did not run because a tool is missing: said once more where it cannot be missed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NO_CHROMIUM: Final = "no Chromium here: apt-get install chromium, or set CHROMIUM to a browser's path"
NO_GCLOUD: Final = (
    "no gcloud here: its own parser has not seen the commands, they are held to the list of known flags alone"
)
_TESTS: Final = {NO_CHROMIUM: "of the dashboard", NO_GCLOUD: "of gcloud's commands"}


def warnings(skipped: Iterable[str]) -> list[str]:
    """A line for each tool that tests were skipped for, by what they said."""
    said = list(skipped)
    counts = {reason: sum(reason in text for text in said) for reason in _TESTS}
    return [
        f"WARNING: {count} tests {_TESTS[reason]} did NOT run: {reason}" for reason, count in counts.items() if count
    ]
