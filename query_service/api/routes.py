"""The endpoints: each runs a request and returns a body with headers that describe the lake."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from lakehouse.schema.timestamps import rfc3339
from lakehouse.table.planner import Plan
from lakehouse.telemetry.prometheus import CONTENT_TYPE
from query_service.api.openapi import document
from query_service.api.requests import (
    AirportsRequestOf,
    CallerOf,
    CarriersRequestOf,
    DocumentPreferences,
    FlightEventsRequestOf,
    FlightRequestOf,
    FlightsRequestOf,
    MetricsPage,
    OnlyFormat,
    ServicesOf,
    TablePreferences,
    cancel_on_disconnect,
    stats_question,
)
from query_service.engine.disk_check import DiskCheck
from query_service.engine.plan_cache import PlanCache
from query_service.errors import PROBLEMS_PAGE, range_error
from query_service.middleware.not_found import ALL_ROUTES
from query_service.problems import ROOT_PATH_IN_SCOPE, problem_response, why_unreadable
from query_service.queries.conditional_get import BodyHeaders, Result, TableResponse
from query_service.queries.flights import flight_events, flights_page
from query_service.queries.lake_status import LakeStatus
from query_service.queries.long_poll import FlightVersion
from query_service.representation.encoders import json_bytes, rows_of
from query_service.representation.etag import ResponsePreferences
from query_service.representation.negotiation import JSON, Format
from query_service.representation.ranges import PartialRead

_VARY: Final = "Accept, Accept-Encoding"
_ASK_AGAIN: Final = "no-cache"  # kept, and asked for by its tag each time
_FOR_EVER: Final = "public, max-age=31536000, immutable"  # a year is what caches take for it

LATELY: Final = dt.timedelta(seconds=60)
"""A few probe intervals: probing alone must not list the lake all the time."""

_NO_STORE = {"Cache-Control": "no-store"}

router = APIRouter()


class _PlainRoute(APIRoute):
    """Calls its endpoint with the request alone.

    To resolve dependencies, FastAPI parses the query string once more and takes as long as an answer from memory.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


async def get_stats(http_request: Request) -> Response:
    """Statistics over the newest state of every flight that matches, in all or by group."""
    services, request, preferences = stats_question(http_request)
    response = await cancel_on_disconnect(
        http_request, services.conditional_get.handle(request, preferences, services.stats.statistics)
    )
    return table_answer(response, request, preferences, http_request)


router.add_api_route("/v1/stats", get_stats, methods=["GET"], route_class_override=_PlainRoute, **document.STATS)


@router.get("/v1/flights", **document.FLIGHTS)
async def get_flights(
    http_request: Request, services: ServicesOf, request: FlightsRequestOf, preferences: TablePreferences
) -> Response:
    """Flights that match, by key or in the order asked for, page by page."""
    response = await cancel_on_disconnect(
        http_request, services.conditional_get.handle(request, preferences, flights_page)
    )
    return table_answer(response, request, preferences, http_request)


@router.get("/v1/flights/{flight_id}", **document.FLIGHT)
async def get_flight(
    http_request: Request,
    services: ServicesOf,
    request: FlightRequestOf,
    preferences: DocumentPreferences,
    caller: CallerOf,
) -> Response:
    """One flight in its newest state, and where that came from; waits for a newer state if asked to."""
    version = await cancel_on_disconnect(http_request, services.long_poll.flight(request, preferences, caller))
    return flight_answer(version, request, preferences)


@router.get("/v1/flights/{flight_id}/events", **document.EVENTS)
async def get_flight_events(
    http_request: Request, services: ServicesOf, request: FlightEventsRequestOf, preferences: TablePreferences
) -> Response:
    """Every event of a flight that is still there, newest first, and where it is."""
    response = await cancel_on_disconnect(
        http_request, services.conditional_get.handle(request, preferences, flight_events)
    )
    return table_answer(response, request, preferences, http_request)


@router.get("/v1/lake", dependencies=[OnlyFormat], **document.LAKE)
async def get_lake(http_request: Request, services: ServicesOf) -> Response:
    """What the lake holds right now, and which of its files cannot be read."""
    status = await cancel_on_disconnect(http_request, services.lake.find())
    return lake_answer(status)


@router.get("/v1/airports", **document.AIRPORTS)
async def get_airports(
    http_request: Request, services: ServicesOf, request: AirportsRequestOf, preferences: TablePreferences
) -> Response:
    """All airports with an IATA code, by code: those of flights and others, from the package airportsdata."""
    tag, result = await cancel_on_disconnect(
        http_request, services.conditional_get.handle_reference(request, preferences)
    )
    return reference_answer(tag, result, preferences, http_request)


@router.get("/v1/carriers", **document.CARRIERS)
async def get_carriers(
    http_request: Request, services: ServicesOf, request: CarriersRequestOf, preferences: TablePreferences
) -> Response:
    """Carriers that report to the US DOT or did, by code. A code that was used again has the name of its last one."""
    tag, result = await cancel_on_disconnect(
        http_request, services.conditional_get.handle_reference(request, preferences)
    )
    return reference_answer(tag, result, preferences, http_request)


@router.get("/health", **document.HEALTH)
async def get_health() -> Response:
    """The process lives. Asks nobody."""
    return _alive()


@router.get("/ready", **document.READY)
async def get_ready(services: ServicesOf) -> Response:
    """The lake could be listed lately, or can be now; its files can be written here."""
    return await _ready(services.plan_cache, services.disk)


@router.get("/metrics", include_in_schema=False)
async def get_metrics(page: MetricsPage) -> Response:
    """What the service measures, for a Prometheus scraper. Lists and downloads nothing."""
    return _metrics(page)


@router.get(ALL_ROUTES, include_in_schema=False)
async def get_routes(http_request: Request) -> Response:
    """What can be asked, for who looks around; the OpenAPI document says how."""
    prefix = http_request.scope.get(ROOT_PATH_IN_SCOPE, "")
    routes = [route for route in router.routes if isinstance(route, APIRoute) and route.include_in_schema]
    body = {
        "routes": [{"path": prefix + route.path, "summary": route.summary} for route in routes],
        "documentation": f"{prefix}/docs",
        "openapi": f"{prefix}/openapi.json",
    }
    return Response(json_bytes(body), 200, {"Cache-Control": _ASK_AGAIN}, JSON.media_type)


def paths() -> list[str]:
    """The paths that a caller may mean, as templates."""
    return [
        *(route.path for route in router.routes if isinstance(route, APIRoute)),
        "/docs",
        "/openapi.json",
        PROBLEMS_PAGE,
        "/",
    ]


class _TableRequest(Protocol):
    @property
    def snapshot(self) -> int | None: ...

    @property
    def names(self) -> bool: ...


def table_answer(
    response: TableResponse, request: _TableRequest, preferences: ResponsePreferences, http_request: Request
) -> Response:
    """The answer of /v1/stats, /v1/flights and a flight's events."""
    headers = _headers(response.plan, _is_for_ever(request)) | {"ETag": response.tag}
    content = response.content
    if content is None:
        return Response(None, 304, headers)
    headers |= _headers_of_body(content.headers, preferences.format, http_request)
    return _whole_or_part(content.body, preferences.part, headers, preferences.format)


def reference_answer(
    tag: str, result: Result | None, preferences: ResponsePreferences, http_request: Request
) -> Response:
    """The answer of /v1/airports and /v1/carriers, which is about no lake."""
    headers = {"Cache-Control": _ASK_AGAIN, "Vary": _VARY, "ETag": tag}
    if result is None:
        return Response(None, 304, headers)
    headers |= _headers_of_body(result.headers, preferences.format, http_request)
    return _whole_or_part(result.body, preferences.part, headers, preferences.format)


def flight_answer(version: FlightVersion, request: _TableRequest, preferences: ResponsePreferences) -> Response:
    """The answer of /v1/flights/{flight_id}."""
    headers = _headers(version.plan, _is_for_ever(request)) | {"ETag": version.tag}
    state = version.state
    if state is None:
        return Response(None, 304, headers)
    source = {
        "file": state.file,
        "message_id": state.message_id,
        "message_line": state.message_line,
        "absorbed": state.absorbed,
    }
    body = json_bytes({"data": rows_of(state.table)[0] | {"source": source}})
    return _whole_or_part(body, preferences.part, headers, JSON)


def _whole_or_part(body: bytes, part: PartialRead | None, headers: dict[str, str], format: Format) -> Response:
    """The body, or the range of it that is wanted of the answer with this tag (RFC 9110, sections 13.1.5 and 14)."""
    headers |= {"Accept-Ranges": "bytes"}
    if part is None or part.range is None or part.if_range not in (None, headers["ETag"]):
        return Response(body, 200, headers, format.media_type)
    span = part.range.within(len(body))
    if span is None:
        unsatisfied = {"Accept-Ranges": "bytes", "Content-Range": f"bytes */{len(body)}"}
        return problem_response(range_error(len(body)).problem, unsatisfied)
    start, end = span
    headers |= {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"}
    return Response(body[start:end], 206, headers, format.media_type)


def lake_answer(status: LakeStatus) -> Response:
    """The answer of /v1/lake."""
    plan = status.plan
    months = {month: plan.snapshot.month(month) for month in plan.snapshot.month_names}
    body = {
        "snapshot": plan.snapshot.number,
        "listed_at": plan.as_of,
        "flights": status.totals.flights,
        "months": [{"month": m, "rows": months[m].rows, "bytes": months[m].size} for m in months],
        "tail": {"files": len(plan.tail), "rows": status.tail_rows},
        "newest_event_time": _moment(status.totals.newest_event_time),
        "newest_publish_time": _moment(status.totals.newest_publish_time),
        "rejected": {
            "files": status.inventory.files,
            "rows": status.inventory.rows,
            "bytes": status.inventory.bytes,
        },
        "unreadable": [{"name": error.name, "why": why_unreadable(error)} for error in status.unreadable],
        "foreign": status.inventory.unrecognized,
    }
    return Response(json_bytes(body), 200, _headers(plan), JSON.media_type)


def _moment(moment: dt.datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _is_for_ever(request: _TableRequest) -> bool:
    """A snapshot never changes; names may with a release."""
    return request.snapshot is not None and not request.names


def _headers(plan: Plan, is_for_ever: bool = False) -> dict[str, str]:
    return {
        "Lake-Snapshot": str(plan.snapshot.number),
        "Lake-As-Of": plan.as_of,
        "Cache-Control": _FOR_EVER if is_for_ever else _ASK_AGAIN,
        "Vary": _VARY,
    }


def _headers_of_body(about: BodyHeaders, format: Format, http_request: Request) -> dict[str, str]:
    """Headers of a body: type, coding, file name, and the link to the next page."""
    path = http_request.scope["path"]  # as in `url`, which costs more than all of this
    name = f"{path.rpartition('/')[2]}.{format.name}"
    headers = {"Content-Disposition": f'{"inline" if format == JSON else "attachment"}; filename="{name}"'}
    if about.coding is not None:
        headers["Content-Encoding"] = about.coding
    if format != JSON:
        headers["Truncated"] = "true" if about.truncated else "false"
    if about.next_cursor is not None:
        same = [(name, value) for name, value in http_request.query_params.multi_items() if name != "cursor"]
        query = urlencode([*same, ("cursor", about.next_cursor)])
        prefix = http_request.scope.get(ROOT_PATH_IN_SCOPE, "")
        headers["Link"] = f'<{prefix}{path}?{query}>; rel="next"'
    return headers


def _alive() -> Response:
    """200 for as long as the process can answer at all."""
    return Response(json_bytes({"status": "ok"}), 200, _NO_STORE, JSON.media_type)


async def _ready(plan_cache: PlanCache, disk: DiskCheck) -> Response:
    """200 when a plan was made lately or can be made now, and the disk can be used.

    Raises LakeError and ProblemError (503) otherwise.
    """
    await disk.check()
    if not plan_cache.planned_within(LATELY):
        await plan_cache.plan()
    return Response(json_bytes({"status": "ready"}), 200, _NO_STORE, JSON.media_type)


def _metrics(page: bytes) -> Response:
    """The page of metrics, for a scraper."""
    return Response(page, 200, _NO_STORE, CONTENT_TYPE)
