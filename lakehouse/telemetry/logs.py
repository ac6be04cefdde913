"""Log lines of the services: a JSON object a line, in Cloud Logging's field names, or plain text.

`message` is the whole statement in words. `fields(...)` has the same numbers by name, for queries.
`bound(...)` adds the same fields to every line of a block, for example a request. A stack trace
stays inside its line, where Error Reporting looks for it. Text that looks like an API key is never
written.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Literal, TextIO

from lakehouse.telemetry.log_rate import LINES_PER_MINUTE, LogBudget, RateLimitedHandler

LogFormat = Literal["auto", "json", "text"]
"""`auto`: text on a terminal, else JSON."""

API_KEY_PREFIX: Final = "flk_"
"""Every generated API key begins so, and can be recognised anywhere."""

# In a URL a cautious client writes `_` and `-` as %5F and %2D.
_SECRET: Final = re.compile(API_KEY_PREFIX.replace("_", "(?:_|%5[Ff])") + r"(?:[A-Za-z0-9_-]|%5[Ff]|%2[Dd]){8,}")
_HIDDEN: Final = API_KEY_PREFIX + "***"
_BOUND: ContextVar[Mapping[str, Any] | None] = ContextVar("bound", default=None)


def configure(log_format: LogFormat, stream: TextIO | None = None, lines_per_minute: int = LINES_PER_MINUTE) -> None:
    """Sends every logger's lines from INFO on to `stream` (stderr), and what nobody caught as well.

    Of one kind of warning or error at most `lines_per_minute`.
    """
    stream = stream or sys.stderr
    is_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    handler = RateLimitedHandler(stream, LogBudget(lines_per_minute))
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def fields(**values: Any) -> dict[str, Any]:
    """The `extra` of a log call that gives its line these fields. Values are numbers, texts, or JSON of those."""
    return {"fields": values}


@contextlib.contextmanager
def bound(values: Mapping[str, Any]) -> Iterator[None]:
    """Every line that is written in the block, or in tasks started there, has these fields too."""
    token = _BOUND.set({**(_BOUND.get() or {}), **values})
    try:
        yield
    finally:
        _BOUND.reset(token)


def trace_fields(project: str, traceparent: str | None, cloud_trace: str | None) -> dict[str, Any]:
    """The trace that a request belongs to, from W3C's `traceparent` or Google's `X-Cloud-Trace-Context`.

    Without a project Cloud Logging cannot join it with its trace; its id can still be searched for.
    """
    found = _from_traceparent(traceparent or "") or _from_cloud_trace(cloud_trace or "")
    if found is None:
        return {}
    trace, span, is_sampled = found
    spanned = {"logging.googleapis.com/spanId": span} if span else {}
    return {
        "logging.googleapis.com/trace": f"projects/{project}/traces/{trace}" if project else trace,
        **spanned,
        "logging.googleapis.com/trace_sampled": is_sampled,
    }


class JsonFormatter(logging.Formatter):
    """One JSON object a line: severity, time, message, logger, the line's fields, and `stack_trace`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            **(_BOUND.get() or {}),
            **getattr(record, "fields", {}),
            "severity": record.levelname,
            "time": _time(record),
            "message": record.getMessage(),
            "logger": record.name,
        }
        if stack := _stack(self, record):
            line["stack_trace"] = stack
        return _without_secrets(json.dumps(line, default=str, ensure_ascii=False)).encode("utf-8", "replace").decode()


class TextFormatter(logging.Formatter):
    """`time severity logger: message`, with the stack below it."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")  # one event, one line
        line = f"{_time(record)} {record.levelname} {record.name}: {message}"
        stack = _stack(self, record)
        return _without_secrets(f"{line}\n{stack}" if stack else line).encode("utf-8", "replace").decode()


def _time(record: logging.LogRecord) -> str:
    moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _stack(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0] is not None:
        return formatter.formatException(record.exc_info)
    return record.stack_info or ""


def _without_secrets(text: str) -> str:
    return _SECRET.sub(_HIDDEN, text)


def _from_traceparent(header: str) -> tuple[str, str, bool] | None:
    found = re.fullmatch(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", header)
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return None
    return found[1], found[2], bool(int(found[3], 16) & 1)


def _from_cloud_trace(header: str) -> tuple[str, str, bool] | None:
    found = re.fullmatch(r"([0-9A-Fa-f]{32})(?:/([0-9]{1,20}))?(?:;o=([01]))?", header)
    if found is None:
        return None
    span = int(found[2] or 0)
    return found[1].lower(), f"{span:016x}" if 0 < span < 2**64 else "", found[3] == "1"


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("uncaught").critical("ends with %s", kind.__name__, exc_info=(kind, error, trace))


def _log_uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None:
        caught = (given.exc_type, given.exc_value, given.exc_traceback)
        logging.getLogger("uncaught").critical("a thread ends with %s", given.exc_type.__name__, exc_info=caught)
