"""What a route may ask for in its signature. Everything is read and checked before the route runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from query_service import question
from query_service.formats import negotiate
from query_service.parameters import Parameters, pairs_of
from query_service.schemas import FLIGHT_ID_PATTERN
from query_service.services import Services


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]


def _pairs(request: Request) -> list[tuple[str, str]]:
    return pairs_of(request.scope["query_string"])


def _accept(request: Request) -> str | None:
    return ", ".join(request.headers.getlist("accept")) or None


async def _stats_question(request: Request, services: ServicesOf) -> question.StatsQuestion:
    pairs = _pairs(request)
    asked = question.stats_question(pairs, services.filter_max_values)
    negotiate(pairs, _accept(request))
    return asked


async def _flights_question(request: Request, services: ServicesOf) -> question.FlightsQuestion:
    pairs = _pairs(request)
    asked = question.flights_question(pairs, services.filter_max_values)
    negotiate(pairs, _accept(request))
    return asked


async def _flight_question(
    request: Request,
    flight_id: Annotated[
        str,
        Path(
            description="Date, carrier, number with its suffix, origin",
            examples=["2013-01-01-UA-1545-EWR"],
            json_schema_extra={"pattern": FLIGHT_ID_PATTERN},
        ),
    ],
) -> question.FlightQuestion:
    pairs = _pairs(request)
    asked = question.flight_question(flight_id, pairs)
    negotiate(pairs, _accept(request))
    return asked


async def _no_parameters(request: Request) -> None:
    Parameters(_pairs(request), ())
    negotiate((), _accept(request))


StatsQuestionOf = Annotated[question.StatsQuestion, Depends(_stats_question)]
FlightsQuestionOf = Annotated[question.FlightsQuestion, Depends(_flights_question)]
FlightQuestionOf = Annotated[question.FlightQuestion, Depends(_flight_question)]
NoParameters = Depends(_no_parameters)
