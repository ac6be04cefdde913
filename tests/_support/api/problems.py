"""Problem documents."""

from __future__ import annotations

from typing import Any

import httpx

from tests._support.api.in_process import Api


def problem(answer: httpx.Response, status: int, kind: str, prefix: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"{prefix}/problems#{kind}"
    return document


def problem_at(api: Api, url: str, status: int = 422) -> dict[str, Any]:
    answer = api.get(url)
    assert answer.status_code == status, (url, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert {"type", "title", "detail"} <= document.keys()
    return document
