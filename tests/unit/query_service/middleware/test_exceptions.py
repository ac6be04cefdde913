"""Errors that nobody expected, and questions that are turned away before anything is done for them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from query_service.errors import overloaded_error
from query_service.middleware.exceptions import ROUTE_IN_SCOPE, LoadSheddingMiddleware
from tests._support.api.in_process import Api, serving
from tests._support.api.problems import problem, problem_at
from tests._support.api.slow_readers import scope
from tests._support.lakes.stores import Gate, WatchedStore
from tests._support.lakes.two_months import JANUARY, raising, two_months


class _Admission:
    """Stands for what knows how many questions are under way."""

    is_full = False

    def check_room(self) -> None:
        if self.is_full:
            raise overloaded_error(7)


class _Client:
    """Asks the application, without a server."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def ask(self, method: str, path: str) -> httpx.Response:
        async def work() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, path)

        return asyncio.run(work())

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)


def _client(admission: _Admission) -> tuple[_Client, list[Any]]:
    reached: list[Any] = []

    async def anything(request: Request) -> PlainTextResponse:
        reached.append(request.url.path)
        return PlainTextResponse("answered")

    app = Starlette(routes=[Route("/{path:path}", anything, methods=["GET", "POST"])])
    app.add_middleware(LoadSheddingMiddleware)
    app.state.services = type("Services", (), {"executor": admission})()
    return _Client(app), reached


QUESTIONS = {
    "/v1/stats": "/v1/stats",
    "/v1/flights": "/v1/flights",
    "/v1/flights/2013-01-01-UA-1-EWR": "/v1/flights/{flight_id}",
    "/v1/lake": "/v1/lake",
    "/v1/airports": "/v1/airports",
}


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_question_is_turned_away_when_there_is_no_room(path: str) -> None:
    admission = _Admission()
    client, reached = _client(admission)
    assert client.get(path).text == "answered"
    admission.is_full = True
    refused = client.get(path)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"].endswith("#overloaded")
    assert client.ask("HEAD", path).status_code == 503
    assert reached == [path]


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/metrics", "/docs", "/v1/nothing", "/v1/stats/"])
def test_what_is_no_question_is_never_turned_away(path: str) -> None:
    admission = _Admission()
    admission.is_full = True
    client, _ = _client(admission)
    assert client.get(path).text == "answered"


def test_other_methods_are_left_to_the_routes() -> None:
    admission = _Admission()
    admission.is_full = True
    client, _ = _client(admission)
    assert client.ask("POST", "/v1/stats").text == "answered"


@pytest.mark.parametrize(("path", "route"), QUESTIONS.items())
def test_the_request_log_learns_the_route(path: str, route: str) -> None:
    admission = _Admission()
    admission.is_full = True
    services = type("Services", (), {"executor": admission})()
    app = type("App", (), {"state": type("State", (), {"services": services})()})()
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "app": app, "headers": []}

    async def nothing(*_: Any) -> Any:
        return None

    asyncio.run(LoadSheddingMiddleware(nothing)(scope, nothing, nothing))
    assert scope[ROUTE_IN_SCOPE] == route


def test_a_request_that_is_cancelled_because_the_process_ends_is_told_so() -> None:
    store, gate = WatchedStore(), Gate()
    two_months(store)
    store.on_download = gate
    with serving(store) as api:

        async def end() -> list[Any]:
            sent: list[Any] = []

            async def receive() -> Any:
                return await asyncio.Event().wait()

            async def send(message: Any) -> None:
                sent.append(message)

            request = asyncio.create_task(api.app(scope(JANUARY), receive, send))
            await asyncio.to_thread(gate.wait_until_reached)
            request.cancel()
            await request
            return sent

        start, body = api.run(end())
        gate.open()
    assert start["status"] == 503
    assert b"stopping" in body["body"]


def test_what_nobody_expected_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    store = WatchedStore()
    two_months(store)
    store.on_download = raising(RuntimeError("the secret reason"))
    with serving(store) as api, caplog.at_level(logging.ERROR):
        answer = api.get(JANUARY)
        document = problem(answer, 500, "unexpected")
    assert document["title"] == "Unexpected error"
    assert "secret" not in answer.text
    assert "the secret reason" in caplog.text
    assert "Traceback" in caplog.text


def test_unknown_paths_and_methods_are_problems_too(api: Api) -> None:
    for path in ("/v2", "/v1/stats/x", "/%00"):
        problem_at(api, path, 404)
    answer = api.run(api.client.post("/v1/stats"))
    assert (answer.status_code, answer.json()["status"], answer.headers["Allow"]) == (405, 405, "GET, HEAD")
