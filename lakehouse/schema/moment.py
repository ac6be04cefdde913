"""Moments as callers read them."""

from __future__ import annotations

import datetime as dt


def rfc3339(moment: dt.datetime) -> str:
    """In UTC with Z; a fraction only when there is one."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
