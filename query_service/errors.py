"""The problems that a caller can be told (RFC 9457). Knows nothing of HTTP frameworks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from lakehouse.schema.timestamps import rfc3339

PROBLEMS_PAGE: Final = "/problems"
"""The path of the page that shows docs/problems.md. Wherever the service runs, a problem's type leads there."""

_SHOWN_CHARACTERS = 60  # of what the caller sent: enough to recognise it, too little to flood a log


@dataclass(frozen=True)
class Problem:
    """An RFC 9457 problem. `kind` is its heading in docs/problems.md; what follows `detail` are extensions."""

    status: int
    kind: str
    title: str
    detail: str
    parameter: str | None = None
    got: str | None = None
    expected: str | None = None
    retry_after_s: int | None = None

    def document(self, prefix: str = "") -> dict[str, Any]:
        """The JSON members, without those that do not apply. `prefix` is that of all paths of this service."""
        members: dict[str, Any] = {
            "type": f"{prefix}{PROBLEMS_PAGE}#{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        extensions = {"parameter": self.parameter, "got": self.got, "expected": self.expected}
        return members | {name: value for name, value in extensions.items() if value is not None}


class ProblemError(Exception):
    """Ends a request with `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.kind}: {problem.detail}")
        self.problem = problem


def shortened(text: str) -> str:
    """At most 60 characters of what a caller sent."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def parameter_error(parameter: str, got: str, expected: str) -> ProblemError:
    """422: a parameter that is unknown, malformed, or contradicts another."""
    name, value = shortened(parameter), shortened(got)
    detail = f"{name} is {value!r}; it takes {expected}."
    return ProblemError(Problem(422, "parameter", "Invalid parameter", detail, name, value, expected))


def unknown_parameter_error(parameter: str, got: str, known: tuple[str, ...]) -> ProblemError:
    """422: a parameter that this path does not have."""
    name, expected = shortened(parameter), f"one of {', '.join(known)}" if known else "no parameters"
    detail = f"There is no parameter {name!r} here; this path takes {expected}."
    return ProblemError(Problem(422, "parameter", "A parameter is unknown", detail, name, shortened(got), expected))


def no_request_error(detail: str) -> ProblemError:
    """400: what came is no request of HTTP, or none that is taken."""
    return ProblemError(Problem(400, "refused", "Bad Request", detail))


def host_error(detail: str) -> ProblemError:
    """400: not one right Host header."""
    return ProblemError(Problem(400, "host", "Invalid Host header", detail))


def url_too_long_error(size: int, limit_bytes: int) -> ProblemError:
    """414: path and query string are longer than a question can be."""
    detail = f"Path and query string have {size} bytes; this service takes {limit_bytes}. Ask with fewer values."
    return ProblemError(Problem(414, "url-too-long", "The URL is too long", detail))


def too_many_pairs_error(number: int, limit: int) -> ProblemError:
    """400: more parameters than all that there are, with as many values as each may have."""
    detail = f"The query string has {number} parameters; this service takes {limit} at most. Ask with fewer values."
    return ProblemError(Problem(400, "too-many-parameters", "Too many parameters", detail))


def too_many_headers_error(number: int, limit: int) -> ProblemError:
    """431: more header lines than a client sends."""
    detail = f"The request has {number} headers; this service takes {limit}. Leave out those that it does not need."
    return ProblemError(Problem(431, "too-many-headers", "Too many headers", detail))


def too_many_header_items_error(name: str, number: int, limit: int) -> ProblemError:
    """431: a header that names more than anybody has a reason to."""
    detail = f"The header {shortened(name)} has {number} items and parameters; this service takes {limit}."
    return ProblemError(Problem(431, "too-many-header-items", "A header has too many items", detail))


def not_acceptable_error(header: str, got: str, offered: str) -> ProblemError:
    """406: Accept or Accept-Encoding allows nothing that can be given."""
    detail = f"The {header} header allows none of: {offered}."
    return ProblemError(
        Problem(406, "not-acceptable", "Nothing acceptable can be given", detail, header, shortened(got), offered)
    )


def flight_missing_error(flight_id: str) -> ProblemError:
    """404: no event of this flight, or it was withdrawn."""
    return ProblemError(Problem(404, "flight", "There is no such flight", f"No flight has the id {flight_id}."))


def snapshot_not_yet_error(number: int, latest: int) -> ProblemError:
    """404: no snapshot has this number yet."""
    detail = f"Snapshot {number} is not there yet; the latest is {latest}."
    expected = f"a snapshot up to {latest}" if latest else "to be left out: nothing has been merged yet"
    return ProblemError(
        Problem(404, "snapshot", "There is no such snapshot yet", detail, "snapshot", str(number), expected)
    )


def snapshot_expired_error(number: int, min_retained: int) -> ProblemError:
    """410: the snapshot is not retained any more."""
    detail = f"Snapshot {number} is not retained any more; the oldest that is, is {min_retained}."
    return ProblemError(
        Problem(
            410, "collected", "The snapshot is gone", detail, "snapshot", str(number), f"{min_retained} or a later one"
        )
    )


def not_yet_error(flight_id: str, min_event_time: dt.datetime, newest: dt.datetime | None) -> ProblemError:
    """504: the state that was waited for did not arrive in time."""
    known = "is not known" if newest is None else f"is of {rfc3339(newest)}"
    detail = f"The newest state of {flight_id} {known}; {rfc3339(min_event_time)} was asked for."
    return ProblemError(Problem(504, "not-yet", "The flight is not at that state yet", detail, retry_after_s=1))


def answer_changed_error() -> ProblemError:
    """412: the answer is not the one that the caller means."""
    detail = "The answer has changed since: it has another ETag now. Ask for it from the beginning."
    return ProblemError(Problem(412, "answer-changed", "The answer has changed", detail))


def range_error(size: int) -> ProblemError:
    """416: the answer ends before the range begins."""
    detail = f"The answer has {size} bytes; the range has none of them."
    return ProblemError(Problem(416, "range", "There is nothing in this range", detail))


def key_error(detail: str) -> ProblemError:
    """401: no API key, or one that is not known."""
    return ProblemError(Problem(401, "key", "An API key is needed", detail))


def rate_limited_error(policy: str, retry_after_s: int) -> ProblemError:
    """429: more requests than the rate allows."""
    detail = f"The rate limit {policy!r} is used up; there is room for a request in {retry_after_s} s."
    return ProblemError(Problem(429, "rate", "Too many requests", detail, retry_after_s=retry_after_s))


def overloaded_error(limit: int) -> ProblemError:
    """503: more questions at once than the service takes."""
    detail = f"{limit} questions are being answered or waiting already."
    return ProblemError(Problem(503, "overloaded", "Too many questions at once", detail, retry_after_s=1))


def too_many_waits_error(limit: int) -> ProblemError:
    """429: a caller has taken its share of the places for waiting."""
    detail = f"{limit} requests of this caller wait already; let one of them end, or ask without wait_s."
    return ProblemError(Problem(429, "too-many-waits", "Too many requests wait", detail, retry_after_s=1))


def connections_error() -> ProblemError:
    """503: more connections than the service takes, and none of them idle."""
    detail = "All connections of this service are busy."
    return ProblemError(Problem(503, "connections", "Too many connections at once", detail, retry_after_s=1))


def sending_error(limit_bytes: int) -> ProblemError:
    """503: the answers that are being sent take all the room that there is for them."""
    detail = (
        f"Answers of {limit_bytes // 1_000_000} MB are being sent already, to readers who take them slowly; ask for"
        " fewer rows, or again."
    )
    return ProblemError(Problem(503, "overloaded", "Too many large answers at once", detail, retry_after_s=1))


def deadline_error(timeout_s: float) -> ProblemError:
    """504: the answer took longer than it may."""
    detail = f"The answer was not ready after {timeout_s:g} s; ask for fewer dates or groups."
    return ProblemError(Problem(504, "deadline", "The question took too long", detail))


def too_many_dates_error(needed_bytes: int, limit_bytes: int) -> ProblemError:
    """422: the files of the dates do not fit into the cache, even when it is empty."""
    detail = (
        f"The files of these dates have {needed_bytes} bytes and this service holds at most {limit_bytes}"
        " at once; ask for fewer dates with date_from and date_to."
    )
    return ProblemError(Problem(422, "too-many-dates", "The dates have too much data", detail))


def out_of_memory_error() -> ProblemError:
    """503: the query hit the memory limit."""
    detail = "The question needs more memory than the service may use; ask for fewer dates or groups."
    return ProblemError(Problem(503, "memory", "The question needs too much memory", detail, retry_after_s=1))


def vanished_error(name: str) -> ProblemError:
    """503: an object that the newest plan names is not there."""
    detail = f"{name} is part of the lake and cannot be found."
    return ProblemError(Problem(503, "missing", "A file of the lake is missing", detail, retry_after_s=1))


def no_plan_error(detail: str) -> ProblemError:
    """503: the lake could not be listed."""
    return ProblemError(Problem(503, "no-plan", "Lake listing unavailable", detail, retry_after_s=1))


def stopping_error() -> ProblemError:
    """503: the process ends before the answer."""
    detail = "This instance of the service is stopping."
    return ProblemError(Problem(503, "stopping", "The service is stopping", detail, retry_after_s=1))


def caller_gone_error() -> ProblemError:
    """499: the caller closed the connection; only the log shows this."""
    return ProblemError(Problem(499, "gone", "Client closed request", "The connection was closed before the answer."))
