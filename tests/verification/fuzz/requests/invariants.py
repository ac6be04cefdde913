"""The invariants of every answer: form, schema, no internals, and the oracle's result if known."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import polars as pl
import pyarrow as pa
from jsonschema import Draft202012Validator, FormatChecker

from query_service.errors import shortened
from tests._support.api.readers import read
from tests.verification.fuzz.requests.asking import Answer
from tests.verification.fuzz.requests.oracle import SHOWN
from tests.verification.fuzz.requests.question import Expected, Question

_STATUSES = {200, 308, 400, 404, 405, 406, 414, 422, 431, 503, 504}
_URL_BYTES = 32_000  # beyond it a URL is refused, whatever else is wrong with the question
_PAIRS = 627  # 27 parameters, and a hundred more values of each of the six filters
_DELIBERATE = {503: {"overloaded"}, 504: {"not-yet"}}  # nothing else may happen to a healthy lake
_TELLTALE = re.compile(
    r"Traceback|Exception|Error\b|\.py\b|(?i:duckdb|pyarrow|starlette)|SELECT |read_parquet|/(tmp|home|usr|var)\b"
)
_PAGES = (b"/", b"/docs", b"/problems")
_LONGEST_DETAIL = 1500
_TABLES = {
    "application/x-ndjson": "ndjson",
    "text/csv; charset=utf-8; header=present": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.parquet": "parquet",
}


class Invariants:
    """Checks answers by the OpenAPI document of the application that gave them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._problem = _validator({"$ref": "#/components/schemas/Problem"}, document)
        self._validators = {
            (path, status): _validator(next(iter(answer["content"].values()))["schema"], document)
            for path, methods in document["paths"].items()
            for status, answer in methods["get"]["responses"].items()
            if "content" in answer  # 304 has none
        }

    def broken(self, question: Question, answer: Answer) -> list[str]:
        """The violations of an answer."""
        if answer.status not in _STATUSES:
            return [f"status {answer.status}"]
        if any(re.search(r"[\x00-\x1f\x7f-\U0010ffff]", value) for value in answer.headers.values()):
            return [f"a header holds more than printable ASCII: {answer.headers}"]
        question = replace(question, expected=_refused_head(question) or question.expected)
        if _refused_head(question) is None and answer.status in (400, 414):
            return [f"status {answer.status} for a head within the bounds"]
        format = _TABLES.get(answer.headers.get("content-type", ""))
        if answer.status == 200 and format is not None and question.path in (b"/v1/stats", b"/v1/flights"):
            return _table(question.expected, format, answer)
        if answer.status == 200 and question.path in _PAGES:
            return _page(answer)
        if answer.status == 308:
            return _redirect(question, answer)
        try:
            body = answer.json()
        except ValueError:
            return ["the body is no JSON"]
        if answer.status == 200 and question.path == b"/v1":
            return [] if body.keys() == {"routes", "documentation", "openapi"} else [f"it lists {body}"]
        found = self._form(question, answer, body)
        return found or _told(question.expected, answer.status, body)

    def _form(self, question: Question, answer: Answer, body: Any) -> list[str]:
        wanted = "application/json" if answer.status == 200 else "application/problem+json"
        found = [] if answer.headers.get("content-type") == wanted else [f"it is {answer.headers.get('content-type')}"]
        template = _template(question.path)
        validator = self._validators.get((template, str(answer.status)))
        if validator is None:
            if answer.status not in (404, 405):
                return [*found, f"{answer.status} is not documented for {template}"]
            validator = self._problem
        found += [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(body)]
        return found if found or answer.status == 200 else _problem(answer, body)


def _refused_head(question: Question) -> Expected | None:
    if len(question.path) + len(question.query) > _URL_BYTES:
        return Expected(414)
    if any(name.lower() == b"host" for name, _ in question.headers):  # in addition to the client's own
        return Expected(400)
    return Expected(400) if question.query.count(b"&") + 1 > _PAIRS else None


def _validator(schema: dict[str, Any], document: dict[str, Any]) -> Draft202012Validator:
    whole = schema | {"components": document["components"]}  # what it refers to
    return Draft202012Validator(whole, format_checker=FormatChecker())


def _template(path: bytes) -> str:
    text = path.decode("latin-1")
    return "/v1/flights/{flight_id}" if text.startswith("/v1/flights/") else text


def _redirect(question: Question, answer: Answer) -> list[str]:
    """Only to the same path without the slash at its end; never to another host."""
    path = answer.headers.get("location", "").partition("?")[0]
    is_shorter = question.path.endswith(b"/") and question.path.rstrip(b"/").decode("latin-1") == path
    return [] if is_shorter and re.match("/[^/]", path) else [f"308 to {answer.headers.get('location')}"]


def _page(answer: Answer) -> list[str]:
    is_html = answer.headers.get("content-type") == "text/html; charset=utf-8"
    return [] if is_html and answer.body.startswith(b"<!doctype html>") else ["it is no page"]


def _problem(answer: Answer, body: dict[str, Any]) -> list[str]:
    kind = body["type"].rpartition("#")[2]
    found = [] if body["status"] == answer.status else [f"{answer.status} was expected, not {body['status']}"]
    if answer.status in _DELIBERATE and kind not in _DELIBERATE[answer.status]:
        found.append(f"{answer.status} {kind} is not deliberate here")
    if answer.status in (406, 422) and not {"parameter", "got", "expected"} <= body.keys():
        found.append("it names no parameter")
    if answer.status == 405 and not answer.headers.get("allow"):
        found.append("405 without Allow")
    if len(body["detail"]) > _LONGEST_DETAIL:
        found.append(f"the detail has {len(body['detail'])} characters")
    echoed = [body[name] for name in ("got", "parameter") if body.get(name)]
    ours = json.dumps({name: body[name] for name in ("type", "title", "detail", "expected") if name in body})
    for text in sorted((each for e in echoed for each in (repr(e)[1:-1], e)), key=len, reverse=True):
        ours = ours.replace(json.dumps(text)[1:-1], "")
    if telltale := _TELLTALE.search(ours):
        found.append(f"it tells {telltale[0]!r}: {ours[:300]}")
    return found


def _table(expected: Expected | None, format: str, answer: Answer) -> list[str]:
    """Another format than JSON: as many rows, or the same flights (the values are compared elsewhere)."""
    try:
        rows = read(format, answer.body)
    except (ValueError, AssertionError, pa.ArrowException, pl.exceptions.PolarsError) as error:
        return [f"the body is no {format}: {error!r}"]
    if expected is None:
        return []
    if expected.status != 200:
        return [f"status 200 instead of {expected.status}: {rows[:1]}"]
    if expected.rows is not None:
        ids, wanted_ids = [row["flight_id"] for row in rows], [row["flight_id"] for row in expected.rows]
        return [] if ids == wanted_ids else [f"the flights are {ids} instead of {wanted_ids}"]
    if expected.body is not None:
        told = len(rows), answer.headers["truncated"]
        wanted = len(expected.body["data"]), str(expected.body["truncated"]).lower()
        return [] if told == wanted else [f"there are {told} rows instead of {wanted}"]
    return []


def _told(expected: Expected | None, status: int, body: Any) -> list[str]:
    if expected is None:
        return []
    if status != expected.status:
        return [f"status {status} instead of {expected.status}: {json.dumps(body)[:300]}"]
    if expected.parameter is not None and body.get("parameter") != shortened(expected.parameter):
        return [f"it names {body.get('parameter')!r} instead of {expected.parameter[:60]!r}"]
    if expected.body is not None and body != expected.body:
        return [f"the answer is {json.dumps(body)[:600]} instead of {json.dumps(expected.body)[:600]}"]
    if expected.rows is not None:
        given = body["data"] if isinstance(body["data"], list) else [body["data"]]
        rows = tuple({name: row[name] for name in SHOWN} for row in given)
        told = rows, body.get("next_cursor"), body.get("truncated", False)
        if told != (expected.rows, expected.next_cursor, expected.next_cursor is not None):
            return [f"the flights are {str(told)[:600]} instead of {str(expected.rows)[:600]}, {expected.next_cursor}"]
    return []
