"""Problems that a browser gets in place of the service's answer."""

from __future__ import annotations

import json
from typing import Any


def answer(status: int, title: str, **headers: str) -> dict[str, Any]:
    """The arguments of `fulfill` for a problem document."""
    body = json.dumps({"title": title, "status": status, "detail": f"{title}, in detail."})
    return {"status": status, "headers": headers, "content_type": "application/problem+json", "body": body}
