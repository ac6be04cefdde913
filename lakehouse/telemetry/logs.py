"""Log lines of the services: a JSON object a line, in Cloud Logging's field names, or plain text.

`message` is the whole statement in words. `fields(...)` has the same numbers by name, for queries.
`bound(...)` adds the same fields to every line of a block, for example a request. A stack trace
stays inside its JSON line, where Error Reporting looks for it; in text it is indented below its line.
What ends a line, moves a terminal's cursor or turns the direction of text is written as an escape, so
that nothing in a message looks like another line. Text that looks like an API key is never written.
Warnings of one kind are limited in rate: 1,100 silent connections once wrote 49 MB.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, TextIO

LogFormat = Literal["auto", "json", "text"]
"""`auto`: text on a terminal, else JSON."""

API_KEY_PREFIX: Final = "flk_"
"""Every generated API key begins so, and can be recognised anywhere."""

# In a URL a cautious client writes `_` and `-` as %5F and %2D.
_SECRET: Final = re.compile(API_KEY_PREFIX.replace("_", "(?:_|%5[Ff])") + r"(?:[A-Za-z0-9_-]|%5[Ff]|%2[Dd]){8,}")
_HIDDEN: Final = API_KEY_PREFIX + "***"

# Controls (C0, DEL, C1: ESC and NEL are among them), the two separators of lines and paragraphs, and
# what turns the direction of text. Terminals, pagers and `splitlines` act on them.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_ENCODER: Final = json.JSONEncoder(default=str, ensure_ascii=False)
_INDENT: Final = "    "  # of a stack: a line of the log never begins with a blank
_BOUND: ContextVar[Mapping[str, Any] | None] = ContextVar("bound", default=None)

REQUEST_ID: Final = "request_id"
"""The field that tells lines of one request from others; text has it too."""

WINDOW_S: Final = 60.0

LINES_PER_MINUTE: Final = 60
"""One a second of each kind: enough to see that it goes on, 20 MB a day at most."""

_SHOWN: Final = 200  # characters of the first line of a kind

_Kind = tuple[str, int, str, int]


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
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # found out for each line; not shown
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


def request_fields(project: str, traceparent: str | None, cloud_trace: str | None) -> dict[str, Any]:
    """The id of a request, and its trace from W3C's `traceparent` or Google's `X-Cloud-Trace-Context`.

    The id is that of the trace, where there is one, else a random one. Without a project Cloud Logging cannot join a
    line with its trace; its id can still be searched for.
    """
    found = _from_traceparent(traceparent) if traceparent else None
    if found is None and cloud_trace:
        found = _from_cloud_trace(cloud_trace)
    if found is None:
        return {REQUEST_ID: os.urandom(8).hex()}
    trace, span, is_sampled = found
    spanned = {"logging.googleapis.com/spanId": span} if span else {}
    return {
        REQUEST_ID: trace,
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
        text = _CONTROL.sub(_json_escape, _ENCODER.encode(line))
        return _without_secrets(text).encode("utf-8", "replace").decode()


class TextFormatter(logging.Formatter):
    """`time severity logger [request]: message`, with the stack below it, indented."""

    def format(self, record: logging.LogRecord) -> str:
        request_id = (_BOUND.get() or {}).get(REQUEST_ID)
        name = record.name if request_id is None else f"{record.name} [{request_id}]"
        line = f"{_time(record)} {record.levelname} {name}: {one_line(record.getMessage())}"
        stack = "".join(f"\n{_INDENT}{one_line(part)}" for part in _stack(self, record).split("\n") if part)
        return _without_secrets(f"{line}{stack}").encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """`text` with escapes (`\\n`, `\\x1b`, `\\u2028`) in place of what would end its line or act on a terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _json_escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"  # json.dumps leaves it unescaped; only strings have it


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


@dataclass
class _Window:
    """Lines of one kind. Keeps the text of the first, not the record: that has stack frames and all they refer to."""

    began_s: float
    first: str
    written: int = 0
    suppressed: int = 0


class LogBudget:
    """Counts lines by kind: the place in the code that writes them. Kinds are as many as there are such places."""

    def __init__(self, lines_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines_per_minute = lines_per_minute
        self._clock = clock
        self._windows: dict[_Kind, _Window] = {}

    def admits(self, record: logging.LogRecord) -> bool:
        """Whether it is written. What is no warning always is, and the line of a request: metrics are made of them."""
        if record.levelno < logging.WARNING or "httpRequest" in getattr(record, "fields", {}):
            return True
        kind = (record.name, record.levelno, record.pathname, record.lineno)
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = _Window(self._clock(), _first_line(record))
        if window.written < self._lines_per_minute:
            window.written += 1
            return True
        window.suppressed += 1
        return False

    def summaries(self, is_last: bool = False) -> Iterator[logging.LogRecord]:
        """Ends windows that are over, all when `is_last`: a line for each that kept lines back."""
        now_s = self._clock()
        over = [kind for kind, one in self._windows.items() if is_last or now_s - one.began_s >= WINDOW_S]
        for kind in over:
            window = self._windows.pop(kind)
            if window.suppressed:
                yield _summary(kind, window)


def _first_line(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit, or say nothing of themselves: the handler tells
        text = str(record.msg)
    return text.partition("\n")[0][:_SHOWN]


def _summary(kind: _Kind, window: _Window) -> logging.LogRecord:
    name, level, path, line = kind
    message = "%d more lines like this one were suppressed within a minute: %s"
    record = logging.LogRecord(name, level, path, line, message, (window.suppressed, window.first), None)
    record.fields = {"suppressed": window.suppressed}
    return record


class RateLimitedHandler(logging.StreamHandler[TextIO]):
    """Writes to a stream within a budget. What it kept back is told with the next line of any kind, or at the end."""

    def __init__(self, stream: TextIO, budget: LogBudget) -> None:
        super().__init__(stream)
        self._budget = budget

    def emit(self, record: logging.LogRecord) -> None:
        for summary in self._budget.summaries():
            super().emit(summary)
        if self._budget.admits(record):
            super().emit(record)

    def close(self) -> None:
        with self.lock or nullcontext():
            for summary in self._budget.summaries(is_last=True):
                super().emit(summary)
        super().close()
