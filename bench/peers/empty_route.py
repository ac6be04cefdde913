"""An empty FastAPI route with the parameters of /v1/stats: the lowest cost of such a service."""

# ruff: noqa: ARG001 - what is asked for is parsed, and that is all

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Query, Response

app = FastAPI()
BODY = Path(os.environ["BENCH_BODY"]).read_bytes() if "BENCH_BODY" in os.environ else b"{}"
Several = Annotated[list[str] | None, Query()]


@app.get("/v1/stats")
async def stats(
    carrier: Several = None,
    origin: Several = None,
    destination: Several = None,
    flight_number: Annotated[list[int] | None, Query()] = None,
    tail_number: Several = None,
    status: Several = None,
    date_from: str | None = None,
    date_to: str | None = None,
    group_by: Several = None,
    order_by: Several = None,
    limit: int = 1000,
    snapshot: int | None = None,
    format: str = "json",
) -> Response:
    """As many bytes as the real answer has, computed from nothing."""
    return Response(BODY, media_type="application/json")


@app.get("/ready")
async def ready() -> Response:
    return Response()


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_config=None, access_log=False)
