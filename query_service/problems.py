"""Turns exceptions into problem documents (RFC 9457); details go to the log only.

A caller never sees the text of an exception.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Response
from starlette.types import Receive, Scope, Send

from lakehouse.errors import (
    CacheFullError,
    ForeignSnapshotError,
    FormatTooNewError,
    LakeError,
    LocalDiskError,
    SnapshotHistoryLostError,
    StoreAccessDeniedError,
    TooManyOpenFilesError,
    UnreadableError,
)
from query_service.errors import Problem

MEDIA_TYPE = "application/problem+json"
KIND_IN_SCOPE = "flights.problem"
"""Where an answered request's scope says which kind of problem it was answered with."""

ROOT_PATH_IN_SCOPE: Final = "flights.root_path"
"""Where a request's scope has the prefix of links; not there without one."""

REQUEST_ID_HEADER: Final = "X-Request-Id"
REQUEST_ID_IN_SCOPE: Final = "flights.request_id"
"""Where a request's scope has its id, which is in its answer's header, in its problem and in its log lines.

What a caller sends in such a header is not read: a `traceparent` is how a caller chooses the id.
"""


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer that carries `problem` and the id of the request; not for caches."""
    sent = {"Cache-Control": "no-store"} | (headers or {})
    if problem.retry_after_s is not None:
        sent["Retry-After"] = str(problem.retry_after_s)
    return _ProblemResponse(problem, sent)


class _ProblemResponse(Response):
    """A response whose body is made when it is sent, and whose kind of problem the access log reads."""

    def __init__(self, problem: Problem, headers: Mapping[str, str]) -> None:
        super().__init__(None, problem.status, headers, MEDIA_TYPE)
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[KIND_IN_SCOPE] = self._problem.kind
        prefix = scope.get(ROOT_PATH_IN_SCOPE, "")
        self.body = problem_body(self._problem, scope.get(REQUEST_ID_IN_SCOPE), prefix)
        self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def problem_body(problem: Problem, request_id: str | None, prefix: str) -> bytes:
    """The document of `problem`, as the answer to a request to a service with this prefix of paths."""
    document: dict[str, Any] = problem.document(prefix)
    if request_id is not None:
        document["request_id"] = request_id
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def why_unreadable(error: UnreadableError) -> str:
    """Our own words in the reason; what a library added after the colon goes to the log only."""
    return error.why.partition(": ")[0]


def lake_problem(error: LakeError) -> Problem:
    """What a caller is told when the lake or its store fails: always 503, since the question was fine."""
    match error:
        case ForeignSnapshotError():
            detail = (
                f"{error.name} is no snapshot of this table; nothing is answered until somebody has removed it, as the"
                " runbook says under foreign-snapshot."
            )
            return Problem(503, "unreadable", "A file of the lake cannot be read", detail)
        case UnreadableError():
            detail = f"{error.name} is needed for this answer and cannot be read: {why_unreadable(error)}."
            return Problem(503, "unreadable", "A file of the lake cannot be read", detail)
        case FormatTooNewError():
            detail = f"{error.name} was written in a newer format than this service knows; upgrade the service."
            return Problem(503, "format", "The lake is newer than this service", detail)
        case SnapshotHistoryLostError():
            detail = "Snapshots that were there before are gone; the bucket has to be repaired."
            return Problem(503, "line-broken", "The lake lost snapshots", detail)
        case StoreAccessDeniedError():
            detail = "Storage denies this service access; its permissions or its LAKE_URL have to be corrected."
            return Problem(503, "storage-refused", "Storage access denied", detail)
        case TooManyOpenFilesError():
            detail = "This instance has as many files and connections open as it may have; its log says which limit."
            return Problem(503, "local-cache", "Local cache unavailable", detail, retry_after_s=1)
        case LocalDiskError():
            detail = "The disk of this instance cannot be used at the moment: it is full, or its folder is gone."
            return Problem(503, "local-cache", "Local cache unavailable", detail, retry_after_s=1)
        case CacheFullError():
            detail = "Other questions use the room for files at the moment."
            return Problem(503, "cache-full", "No room for the files of this question", detail, retry_after_s=1)
        case _:
            detail = "Storage does not answer at the moment."
            return Problem(503, "storage", "Storage is unavailable", detail, retry_after_s=1)
