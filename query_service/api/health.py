"""Liveness, which asks nobody, readiness, which needs a plan, and the page of metrics."""

from __future__ import annotations

import datetime as dt
from typing import Final

from fastapi import Response

from lakehouse.telemetry.prometheus import CONTENT_TYPE
from query_service.engine.plan_cache import PlanCache
from query_service.representation.encoders import json_bytes
from query_service.representation.negotiation import JSON

LATELY: Final = dt.timedelta(seconds=60)
"""A few probe intervals: probing alone must not list the lake all the time."""

_HEADERS = {"Cache-Control": "no-store"}


def alive() -> Response:
    """200 for as long as the process can answer at all."""
    return Response(json_bytes({"status": "ok"}), 200, _HEADERS, JSON.media_type)


async def ready(plan_cache: PlanCache) -> Response:
    """200 when a plan was made lately or can be made now. Raises LakeError and ProblemError (503) otherwise."""
    if not plan_cache.planned_within(LATELY):
        await plan_cache.plan()
    return Response(json_bytes({"status": "ready"}), 200, _HEADERS, JSON.media_type)


def metrics(page: bytes) -> Response:
    """The page of metrics, for a scraper."""
    return Response(page, 200, _HEADERS, CONTENT_TYPE)
