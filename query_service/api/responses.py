"""From what was found to HTTP answers: bodies, and the headers that say which lake they are about."""

from __future__ import annotations

import datetime as dt
from typing import Final, Protocol
from urllib.parse import urlencode

from fastapi import Request, Response

from lakehouse.schema.moment import rfc3339
from lakehouse.table.planner import Plan
from query_service.problems import why_unreadable
from query_service.queries.conditional_get import TableResponse
from query_service.queries.lake_status import LakeStatus
from query_service.queries.long_poll import FlightVersion
from query_service.queries.result_cache import BodyHeaders
from query_service.representation.encoders import json_bytes, rows_of
from query_service.representation.negotiation import JSON, Format

_ASK_AGAIN: Final = "no-cache"  # kept, and asked for by its tag each time
_FOR_EVER: Final = "public, max-age=31536000, immutable"  # a year is what caches take for it


class _Question(Protocol):
    @property
    def snapshot(self) -> int | None: ...


def table_answer(reply: TableResponse, question: _Question, format: Format, request: Request) -> Response:
    """The answer of /v1/stats and /v1/flights."""
    headers = _headers(reply.plan, question.snapshot) | {"ETag": reply.tag}
    content = reply.content
    if content is None:
        return Response(None, 304, headers)
    headers |= _labelled(content.label, format, request)
    return Response(content.body, 200, headers, format.media_type)


def flight_answer(seen: FlightVersion, question: _Question) -> Response:
    """The answer of /v1/flights/{flight_id}."""
    headers = _headers(seen.plan, question.snapshot) | {"ETag": seen.tag}
    state = seen.state
    if state is None:
        return Response(None, 304, headers)
    source = {
        "file": state.file,
        "message_id": state.message_id,
        "message_line": state.message_line,
        "absorbed": state.absorbed,
    }
    body = json_bytes({"data": rows_of(state.table)[0] | {"source": source}})
    return Response(body, 200, headers, JSON.media_type)


def lake_answer(found: LakeStatus, plan: Plan) -> Response:
    """The answer of /v1/lake."""
    months = plan.snapshot.months
    body = {
        "snapshot": plan.snapshot.number,
        "listed_at": rfc3339(plan.listed_at),
        "flights": found.totals.flights,
        "months": [{"month": m, "rows": months[m].rows, "bytes": months[m].size} for m in sorted(months)],
        "tail": {"files": len(plan.tail), "rows": found.tail_rows},
        "newest_event_time": _moment(found.totals.newest_event_time),
        "newest_publish_time": _moment(found.totals.newest_publish_time),
        "rejected": {
            "files": found.rejected.files,
            "rows": found.rejected.rows,
            "bytes": found.rejected.bytes,
        },
        "unreadable": [{"name": error.name, "why": why_unreadable(error)} for error in found.unreadable],
        "foreign": found.rejected.unrecognized,
    }
    return Response(json_bytes(body), 200, _headers(plan), JSON.media_type)


def _moment(moment: dt.datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _headers(plan: Plan, snapshot: int | None = None) -> dict[str, str]:
    return {
        "Lake-Snapshot": str(plan.snapshot.number),
        "Lake-As-Of": rfc3339(plan.listed_at),
        "Cache-Control": _ASK_AGAIN if snapshot is None else _FOR_EVER,
        "Vary": "Accept, Accept-Encoding",
    }


def _labelled(label: BodyHeaders, format: Format, request: Request) -> dict[str, str]:
    """Headers of a body: how to read it, a name to save it under, and where it goes on."""
    name = f"{request.url.path.rpartition('/')[2]}.{format.name}"
    headers = {"Content-Disposition": f'{"inline" if format == JSON else "attachment"}; filename="{name}"'}
    if label.coding is not None:
        headers["Content-Encoding"] = label.coding
    if format != JSON:
        headers["Truncated"] = "true" if label.truncated else "false"
    if label.next_cursor is not None:
        same = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        query = urlencode([*same, ("cursor", label.next_cursor)])
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return headers
