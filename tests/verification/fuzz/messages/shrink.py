"""Shrinks a message that violates an invariant."""

from __future__ import annotations

from typing import Final

from tests.verification.fuzz.messages.invariants import Finding, check

_TRIES: Final = 2000


def shrink(finding: Finding) -> Finding:
    """Cuts parts out, large ones first, as long as something is still wrong."""
    tries = _TRIES
    size = len(finding.data)
    while size:
        size //= 2
        at = 0
        while size and at < len(finding.data) and tries:
            tries -= 1
            shorter = finding.data[:at] + finding.data[at + size :]
            found = [each for each in check([shorter]) if each.data == shorter]
            if found:
                finding = found[0]
            else:
                at += size
    return finding
