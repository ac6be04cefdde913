"""From what was found to HTTP answers: bodies, and the headers that say which lake they are about."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response

from lakehouse.plan import Plan
from query_service.flights import FlightState, Page
from query_service.formats import JSON_MEDIA_TYPE, json_bytes, rows_of
from query_service.lake import Found
from query_service.moment import rfc3339
from query_service.problems import why_unreadable
from query_service.question import cursor_of
from query_service.statistics import Rows

_INLINE_ROWS: Final = 200  # about a millisecond of encoding; more is done beside the event loop


async def statistics_answer(rows: Rows, plan: Plan) -> Response:
    """The answer of /v1/stats."""

    def encoded() -> bytes:
        return json_bytes({"data": rows_of(rows.table), "truncated": rows.truncated})

    return _answer(await _beside_loop(encoded, rows.table.num_rows), plan)


async def page_answer(page: Page, plan: Plan, request: Request) -> Response:
    """The answer of /v1/flights."""
    cursor = None if page.next_after is None else cursor_of(page.next_after)

    def encoded() -> bytes:
        return json_bytes({"data": rows_of(page.table), "truncated": cursor is not None, "next_cursor": cursor})

    response = _answer(await _beside_loop(encoded, page.table.num_rows), plan)
    if cursor is not None:
        same = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        response.headers["Link"] = f'<{request.url.path}?{urlencode([*same, ("cursor", cursor)])}>; rel="next"'
    return response


def flight_answer(state: FlightState, plan: Plan) -> Response:
    """The answer of /v1/flights/{flight_id}."""
    source = {
        "file": state.file,
        "message_id": state.message_id,
        "message_line": state.message_line,
        "absorbed": state.absorbed,
    }
    return _answer(json_bytes({"data": rows_of(state.table)[0] | {"source": source}}), plan)


def lake_answer(found: Found, plan: Plan) -> Response:
    """The answer of /v1/lake."""
    months = plan.snapshot.months
    body = {
        "snapshot": plan.snapshot.number,
        "listed_at": rfc3339(plan.listed_at),
        "flights": found.totals.flights,
        "months": [{"month": m, "rows": months[m].rows, "bytes": months[m].bytes} for m in sorted(months)],
        "tail": {"files": len(plan.tail), "rows": found.tail_rows},
        "newest_event_time": _moment(found.totals.newest_event_time),
        "newest_publish_time": _moment(found.totals.newest_publish_time),
        "rejected": {
            "files": found.rejected.files,
            "rows": found.rejected.rows,
            "bytes": found.rejected.bytes,
        },
        "unreadable": [{"name": error.name, "why": why_unreadable(error)} for error in found.unreadable],
        "foreign": found.rejected.foreign,
    }
    return _answer(json_bytes(body), plan)


def _moment(moment: dt.datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


async def _beside_loop(encoded: Callable[[], bytes], rows: int) -> bytes:
    return encoded() if rows <= _INLINE_ROWS else await asyncio.to_thread(encoded)


def _answer(body: bytes, plan: Plan) -> Response:
    headers = {
        "Lake-Snapshot": str(plan.snapshot.number),
        "Lake-As-Of": rfc3339(plan.listed_at),
        "Cache-Control": "no-cache",
        "Vary": "Accept, Accept-Encoding",
    }
    return Response(body, 200, headers, JSON_MEDIA_TYPE)
