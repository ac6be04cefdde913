"""Says where to go from a path that is not there: a redirect without the slash at its end, or what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Scope

from query_service.errors import Problem
from query_service.middleware.root_path import moved
from query_service.problems import ROOT_PATH_IN_SCOPE, problem_response

ALL_ROUTES: Final = "/v1"
"""The path that lists all others."""

_VERSION: Final = re.compile("api|v[0-9]{1,3}", re.IGNORECASE)  # what others write before a route
_VALUE: Final = re.compile(r"\{[a-z_]+\}")
_SHOWN: Final = re.compile("[A-Za-z0-9-]{1,60}")  # of what was sent, all that is said again
_LONGEST: Final = 200  # characters of a path that is compared: ours are far shorter
_NEAR: Final = 0.7
_QUERY: Final = "%/?:@!$&'()*+,;=~[]"


class Paths:
    """The paths that there are, as templates like /v1/flights/{flight_id}."""

    def __init__(self, templates: Sequence[str]) -> None:
        self._words = {template: _words(template) for template in templates}
        self._patterns = [re.compile(_VALUE.sub("[^/]+", template)) for template in templates if template != "/"]

    def response(self, scope: Scope) -> Response:
        """The answer to a request whose path is none of them: 308 or 404."""
        prefix = scope.get(ROOT_PATH_IN_SCOPE, "")
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = quote(raw.partition(b"?")[0], safe=_QUERY)
        query = quote(scope["query_string"], safe=_QUERY)
        if scope["method"] == "GET" and (shorter := self.without_slash(path)) is not None:
            return moved(prefix + shorter, query)
        meant = self.nearest(path)
        if meant is None:
            meant, query = ALL_ROUTES, ""
            detail = f"There is nothing at this path; {prefix}{meant} lists what there is."
        else:
            detail = f"There is nothing at this path; did you mean {prefix}{meant}?"
        problem = Problem(404, "not-found", "Not Found", detail, expected=prefix + meant)
        link = "" if "{" in meant else f'<{prefix}{meant}{f"?{query}" if query else ""}>; rel="related"'
        return problem_response(problem, {"Link": link} if link else None)

    def without_slash(self, path: str) -> str | None:
        """The path without slashes at its end, if the service has that path."""
        shorter = path.rstrip("/")
        is_ours = shorter != path and any(pattern.fullmatch(shorter) for pattern in self._patterns)
        return shorter if is_ours else None

    def nearest(self, path: str) -> str | None:
        """The path that was probably meant: of another version, misspelt, or without /v1. None without any."""
        if len(path) > _LONGEST:
            return None
        asked = [word for word in path.split("/") if word]
        while asked and _VERSION.fullmatch(asked[0]):
            asked.pop(0)
        nearness = {template: _nearness(words, asked) for template, words in self._words.items()}
        best = max(nearness, key=lambda template: nearness[template])
        return _with_values(best, self._words[best], asked) if nearness[best] >= _NEAR else None


def _words(template: str) -> list[str]:
    return [word for word in template.split("/") if word and not _VERSION.fullmatch(word)]


def _nearness(words: list[str], asked: list[str]) -> float:
    """How near the words are that are no values: the least of them."""
    if not words or len(words) != len(asked):
        return 0
    pairs = zip(words, asked, strict=True)
    return min(
        difflib.SequenceMatcher(None, word, sent.lower()).ratio() for word, sent in pairs if not _VALUE.fullmatch(word)
    )


def _with_values(template: str, words: list[str], asked: list[str]) -> str:
    for word, sent in zip(words, asked, strict=True):
        if _VALUE.fullmatch(word) and _SHOWN.fullmatch(sent):
            template = template.replace(word, sent)
    return template
