"""The paths: each takes a question, asks, and hands over the answer."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from query_service.api import health, responses
from query_service.api.dependencies import (
    DocumentPreferences,
    FlightRequestOf,
    FlightsRequestOf,
    MetricsPage,
    OnlyFormat,
    ServicesOf,
    StatsRequestOf,
    TablePreferences,
)
from query_service.api.disconnect import cancel_on_disconnect
from query_service.api.openapi import document
from query_service.queries.flights import flights_page

router = APIRouter()


@router.get("/v1/stats", **document.STATS)
async def get_stats(
    request: Request, services: ServicesOf, question: StatsRequestOf, wanted: TablePreferences
) -> Response:
    """Statistics over the newest state of every flight that matches, in all or by group."""
    reply = await cancel_on_disconnect(request, services.tables.reply(question, wanted, services.sums.statistics))
    return responses.table_answer(reply, question, wanted.format, request)


@router.get("/v1/flights", **document.FLIGHTS)
async def get_flights(
    request: Request, services: ServicesOf, question: FlightsRequestOf, wanted: TablePreferences
) -> Response:
    """Flights that match, in the order of their key, page by page."""
    reply = await cancel_on_disconnect(request, services.tables.reply(question, wanted, flights_page))
    return responses.table_answer(reply, question, wanted.format, request)


@router.get("/v1/flights/{flight_id}", **document.FLIGHT)
async def get_flight(
    request: Request, services: ServicesOf, question: FlightRequestOf, wanted: DocumentPreferences
) -> Response:
    """One flight in its newest state, and where that came from; waits for a newer state if asked to."""
    seen = await cancel_on_disconnect(request, services.waiting.flight(question, wanted))
    return responses.flight_answer(seen, question)


@router.get("/v1/lake", dependencies=[OnlyFormat], **document.LAKE)
async def get_lake(request: Request, services: ServicesOf) -> Response:
    """What the lake holds right now, and which of its files cannot be read."""
    answered = await cancel_on_disconnect(request, services.executor.answer(services.lake.find))
    return responses.lake_answer(answered.value, answered.plan)


@router.get("/health", **document.HEALTH)
async def get_health() -> Response:
    """The process lives. Asks nobody."""
    return health.alive()


@router.get("/ready", **document.READY)
async def get_ready(services: ServicesOf) -> Response:
    """The lake could be listed lately, or can be now."""
    return await health.ready(services.plan_cache)


@router.get("/metrics", include_in_schema=False)
async def get_metrics(page: MetricsPage) -> Response:
    """What the service measures, for a Prometheus scraper. Lists and downloads nothing."""
    return health.metrics(page)
