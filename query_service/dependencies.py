"""What a route may ask for in its signature. Everything is read and checked before the route runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from query_service import question
from query_service.formats import negotiate
from query_service.parameters import Parameters
from query_service.services import Services


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _accept(request: Request) -> str | None:
    return ", ".join(request.headers.getlist("accept")) or None


async def _stats_question(request: Request) -> question.StatsQuestion:
    pairs = request.query_params.multi_items()
    asked = question.stats_question(pairs)
    negotiate(pairs, _accept(request))
    return asked


async def _flights_question(request: Request) -> question.FlightsQuestion:
    pairs = request.query_params.multi_items()
    asked = question.flights_question(pairs)
    negotiate(pairs, _accept(request))
    return asked


async def _flight_question(
    request: Request,
    flight_id: Annotated[
        str, Path(description="Date, carrier, number with its suffix, origin", examples=["2013-01-01-UA-1545-EWR"])
    ],
) -> question.FlightQuestion:
    pairs = request.query_params.multi_items()
    asked = question.flight_question(flight_id, pairs)
    negotiate(pairs, _accept(request))
    return asked


async def _no_parameters(request: Request) -> None:
    Parameters(request.query_params.multi_items(), ())
    negotiate((), _accept(request))


ServicesOf = Annotated[Services, Depends(_services)]
StatsQuestionOf = Annotated[question.StatsQuestion, Depends(_stats_question)]
FlightsQuestionOf = Annotated[question.FlightsQuestion, Depends(_flights_question)]
FlightQuestionOf = Annotated[question.FlightQuestion, Depends(_flight_question)]
NoParameters = Depends(_no_parameters)
