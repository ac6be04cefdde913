"""What a route may ask for in its signature. Everything is read and checked before the route runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from query_service.api import requests
from query_service.api.openapi.schemas import FLIGHT_ID_PATTERN
from query_service.api.query_string import pairs_of
from query_service.lifespan import Services
from query_service.queries import model
from query_service.representation.compression import negotiate_coding
from query_service.representation.etag import ResponsePreferences, parse_if_none_match
from query_service.representation.negotiation import TABLES, negotiate


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]


async def _metrics_page(request: Request) -> bytes:
    page: bytes = request.app.state.metrics_page()
    return page


def _pairs(request: Request) -> list[tuple[str, str]]:
    return pairs_of(request.scope["query_string"])


def _header(request: Request, name: str) -> str | None:
    """A header that is a list, which may have come in several lines; None when it is empty or not there."""
    return ", ".join(request.headers.getlist(name)) or None


async def _stats_request(request: Request, services: ServicesOf) -> model.StatsRequest:
    return requests.stats_request(_pairs(request), services.filter_max_values)


async def _flights_request(request: Request, services: ServicesOf) -> model.FlightsRequest:
    return requests.flights_request(_pairs(request), services.filter_max_values)


async def _flight_request(
    request: Request,
    flight_id: Annotated[
        str,
        Path(
            description="Date, carrier, number with its suffix, origin",
            examples=["2013-01-01-UA-1545-EWR"],
            json_schema_extra={"pattern": FLIGHT_ID_PATTERN},
        ),
    ],
) -> model.FlightRequest:
    return requests.flight_request(flight_id, _pairs(request))


async def _only_format(request: Request) -> None:
    pairs = _pairs(request)
    requests.only_format(pairs)
    negotiate(pairs, _header(request, "accept"))


async def _wanted_table(request: Request) -> ResponsePreferences:
    return ResponsePreferences(
        negotiate(_pairs(request), _header(request, "accept"), TABLES),
        negotiate_coding(_header(request, "accept-encoding")),
        parse_if_none_match(_header(request, "if-none-match")),
    )


async def _wanted_document(request: Request) -> ResponsePreferences:
    return ResponsePreferences(
        negotiate(_pairs(request), _header(request, "accept")),
        condition=parse_if_none_match(_header(request, "if-none-match")),
    )


StatsRequestOf = Annotated[model.StatsRequest, Depends(_stats_request)]
FlightsRequestOf = Annotated[model.FlightsRequest, Depends(_flights_request)]
FlightRequestOf = Annotated[model.FlightRequest, Depends(_flight_request)]
TablePreferences = Annotated[ResponsePreferences, Depends(_wanted_table)]
DocumentPreferences = Annotated[ResponsePreferences, Depends(_wanted_document)]
MetricsPage = Annotated[bytes, Depends(_metrics_page)]
OnlyFormat = Depends(_only_format)
