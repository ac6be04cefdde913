"""Log lines: JSON for Cloud Logging, text for people, and what never gets into either."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.telemetry import logs

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KEY = "flk_" + "aB3-_" * 8


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What `configure` changes is the process's."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    yield
    root.handlers[:], level, sys.excepthook, threading.excepthook = before
    root.setLevel(level)
    logging.captureWarnings(False)


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(log_format: logs.LogFormat = "json", stream: io.StringIO | None = None) -> io.StringIO:
    stream = stream or io.StringIO()
    logs.configure(log_format, stream)
    return stream


def test_a_line_has_the_names_that_cloud_logging_knows() -> None:
    stream = configured()
    logging.getLogger("a.b").warning("took %d rows", 3, extra=logs.fields(rows=3, month="2013-01"))
    [line] = written(stream)
    assert line.pop("time").endswith("Z")
    assert line == {"severity": "WARNING", "message": "took 3 rows", "logger": "a.b", "rows": 3, "month": "2013-01"}


def test_fields_cannot_take_the_place_of_the_line_itself() -> None:
    stream = configured()
    logging.getLogger().info("true", extra=logs.fields(severity="DEBUG", message="false"))
    assert (written(stream)[0]["severity"], written(stream)[0]["message"]) == ("INFO", "true")


def test_an_exception_is_one_line_with_its_stack() -> None:
    stream = configured()
    try:
        raise LookupError("two\nlines")
    except LookupError:
        logging.getLogger().exception("failed")
    [line] = written(stream)
    assert line["message"] == "failed"
    assert line["stack_trace"].startswith("Traceback (most recent call last):\n")
    assert "LookupError: two\nlines" in line["stack_trace"]


def test_text_is_for_people_and_one_event_cannot_look_like_two() -> None:
    stream = configured("text")
    logging.getLogger("a").error("got %s", "x\n2013 INFO b: forged\r", extra=logs.fields(rows=3))
    [line] = stream.getvalue().splitlines()
    assert line.endswith(r" ERROR a: got x\n2013 INFO b: forged\r")


ACTING = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F))]
ACTING += [chr(c) for c in range(0x2066, 0x206A)]
"""What ends a line somewhere, moves a cursor, changes colours, or turns the direction of text."""


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("is_error", [False, True])
def test_nothing_that_acts_on_a_terminal_or_ends_a_line_is_written_as_it_is(
    log_format: logs.LogFormat, is_error: bool
) -> None:
    stream = configured(log_format)
    text = "a".join(ACTING)
    try:
        raise LookupError(text)
    except LookupError as error:
        logging.getLogger("b").error("got %s", text, exc_info=error if is_error else None, extra=logs.fields(got=text))
    lines = stream.getvalue().split("\n")
    assert [c for c in ACTING if any(c in line for line in lines)] == []
    assert lines == [*stream.getvalue().splitlines(), ""]
    if log_format == "json":
        [line] = written(stream)
        assert (line["message"], line["got"]) == (f"got {text}", text)
        assert text in line.get("stack_trace", text)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_the_message_of_an_exception_cannot_look_like_a_line_of_the_log(end: str) -> None:
    stream = configured("text")
    forged = "2026-01-01T00:00:00.000000Z CRITICAL a: forged"
    try:
        raise LookupError(f"x{end}{forged}")
    except LookupError:
        logging.getLogger("a").exception("failed")
    first, *stack = stream.getvalue().splitlines()
    assert first.endswith(" ERROR a: failed")
    assert stack[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in stack)
    assert forged in stack[-1]


def test_a_line_in_another_script_is_written_as_it_is() -> None:
    stream = configured("text")
    logging.getLogger("a").info("Zürich, 東京, שלום, e\u0301, 👩\u200d✈️")
    assert stream.getvalue().endswith("a: Zürich, 東京, שלום, e\u0301, 👩\u200d✈️\n")


@pytest.mark.parametrize(
    ("log_format", "stream", "is_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("json", Terminal(), True),
        ("text", io.StringIO(), False),
    ],
)
def test_auto_is_text_on_a_terminal_only(log_format: logs.LogFormat, stream: io.StringIO, is_json: bool) -> None:
    configured(log_format, stream)
    logging.getLogger().info("hello")
    assert stream.getvalue().startswith("{") is is_json


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_key_is_never_written(log_format: logs.LogFormat) -> None:
    stream = configured(log_format)
    try:
        raise LookupError(KEY)
    except LookupError:
        logging.getLogger().exception("GET /v1/stats?key=%s&x", KEY, extra=logs.fields(url=f"/{KEY}"))
    assert KEY[:12] not in stream.getvalue()
    assert "/v1/stats?key=flk_***&x" in stream.getvalue()


def test_a_key_that_is_percent_encoded_in_a_url_is_no_secret_told() -> None:
    stream = io.StringIO()
    logs.configure("json", stream)
    logging.getLogger("a").info("GET %s", KEY.replace("_", "%5F").replace("-", "%2d"))
    assert "aB3" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_half_of_a_character_does_not_lose_the_line(log_format: logs.LogFormat) -> None:
    stream = configured(log_format)
    logging.getLogger().info("got %s", "\ud800")
    assert "got ?" in stream.getvalue()


def test_what_is_bound_is_in_every_line_of_the_block_and_in_no_other() -> None:
    stream = configured()
    with logs.bound({"trace": "1"}):
        with logs.bound({"span": "2"}):
            logging.getLogger().info("both")
        logging.getLogger().info("one")
    logging.getLogger().info("none")
    assert [{"trace", "span"} & line.keys() for line in written(stream)] == [{"trace", "span"}, {"trace"}, set()]


@pytest.mark.parametrize(
    ("traceparent", "cloud", "expected"),
    [
        (f"00-{TRACE}-{SPAN}-01", None, (TRACE, SPAN, True)),
        (f"00-{TRACE}-{SPAN}-00", f"{'1' * 32}/1;o=1", (TRACE, SPAN, False)),  # W3C's decides
        (None, f"{TRACE}/74;o=1", (TRACE, "000000000000004a", True)),
        ("nonsense", TRACE.upper(), (TRACE, None, False)),
        (f"00-{'0' * 32}-{SPAN}-01", None, None),
        (f"00-{TRACE}-{SPAN}", "", None),
        (None, f"{TRACE}/{2**64};o=1", (TRACE, None, True)),
        (None, f'{TRACE}"/1', None),
        (None, None, None),
    ],
)
def test_both_trace_headers_are_read(
    traceparent: str | None, cloud: str | None, expected: tuple[str, str | None, bool] | None
) -> None:
    found = logs.request_fields("project-1", traceparent, cloud)
    if expected is None:
        assert list(found) == ["request_id"]
        return
    trace, span, sampled = expected
    assert found.get("logging.googleapis.com/trace") == f"projects/project-1/traces/{trace}"
    assert found.get("logging.googleapis.com/spanId") == span
    assert found.get("logging.googleapis.com/trace_sampled") is sampled


def test_without_a_project_the_id_alone_is_kept() -> None:
    assert logs.request_fields("", f"00-{TRACE}-{SPAN}-01", None)["logging.googleapis.com/trace"] == TRACE


def test_the_id_of_a_request_is_its_traces_or_a_new_one() -> None:
    assert logs.request_fields("p", f"00-{TRACE}-{SPAN}-01", None)["request_id"] == TRACE
    own = [logs.request_fields("p", None, None)["request_id"] for _ in range(100)]
    assert len(set(own)) == 100
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in own)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_lines_of_a_request_have_its_id_in_both_formats(log_format: logs.LogFormat) -> None:
    stream = configured(log_format)
    with logs.bound({"request_id": "0123456789abcdef"}):
        logging.getLogger("a").info("one")
    logging.getLogger("a").info("none")
    inside, outside = stream.getvalue().splitlines()
    assert "0123456789abcdef" in inside
    assert "request_id" not in outside
    assert log_format == "json" or inside.endswith(" INFO a [0123456789abcdef]: one")


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("raise LookupError('oops')", 1),
        ("import threading; t = threading.Thread(target=lambda: [][0]); t.start(); t.join()", 0),
        ("import warnings; warnings.warn('careful')", 0),
    ],
)
def test_what_nobody_catches_is_one_json_line_too(code: str, exit_code: int) -> None:
    begin = "import logging; from lakehouse.telemetry import logs; logs.configure('json')\n"
    done = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, check=False)
    assert done.returncode == exit_code
    [line] = [json.loads(text) for text in done.stderr.splitlines()]
    assert ("stack_trace" in line) is ("warn" not in code)
