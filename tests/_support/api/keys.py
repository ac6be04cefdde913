"""API keys of two callers, one of whom has two."""

from __future__ import annotations

import hashlib

MOBILE, PARTNER, ROTATED = "flk_mobile-key-of-the-tests", "flk_partner-key-of-the-tests", "anything-may-be-a-key"


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


CONFIGURED = f"mobile:{digest(MOBILE)},partner:{digest(PARTNER)},mobile:{digest(ROTATED)}"
