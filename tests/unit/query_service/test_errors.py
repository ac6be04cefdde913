"""Problems: members that apply and no others, and short quotes of what a caller sent."""

from __future__ import annotations

import datetime as dt

import pytest

from query_service.errors import (
    Problem,
    ProblemError,
    caller_gone_error,
    deadline_error,
    not_acceptable_error,
    not_yet_error,
    overloaded_error,
    parameter_error,
    rate_limited_error,
    sending_error,
    shortened,
    snapshot_not_yet_error,
    unknown_parameter_error,
)


def test_a_document_has_the_members_of_rfc_9457_and_extensions_that_apply() -> None:
    plain = Problem(404, "flight", "There is no such flight", "No flight has the id x.", retry_after_s=1)
    assert plain.document() == {
        "type": "/problems#flight",
        "title": "There is no such flight",
        "status": 404,
        "detail": "No flight has the id x.",
    }
    wrong = parameter_error("limit", "0", "an integer from 1 to 10000").problem
    assert (wrong.status, wrong.document()["parameter"], wrong.document()["got"]) == (422, "limit", "0")
    assert wrong.document()["expected"] == "an integer from 1 to 10000"
    assert wrong.detail == "limit is '0'; it takes an integer from 1 to 10000."


def test_an_error_says_for_the_log_what_it_is() -> None:
    error = ProblemError(Problem(503, "overloaded", "Too many questions at once", "7 questions."))
    assert str(error) == "503 overloaded: 7 questions."


@pytest.mark.parametrize(("length", "shown"), [(0, 0), (60, 60), (61, 60), (100_000, 60)])
def test_what_a_caller_sent_is_shown_up_to_60_characters(length: int, shown: int) -> None:
    text = shortened("x" * length)
    assert len(text) == shown
    assert text.endswith("…") == (length > 60)


def test_long_names_and_values_of_parameters_are_shortened_everywhere() -> None:
    long = "x" * 1000
    for error in (
        parameter_error(long, long, "a date"),
        unknown_parameter_error(long, long, ("carrier",)),
        not_acceptable_error("Accept", long, "application/json"),
    ):
        assert len(str(error.problem.document())) < 700


def test_an_unknown_parameter_is_told_which_there_are() -> None:
    assert unknown_parameter_error("x", "1", ("carrier", "limit")).problem.expected == "one of carrier, limit"
    assert unknown_parameter_error("x", "1", ()).problem.expected == "no parameters"


def test_what_passes_by_itself_says_when_to_come_back_and_what_does_not_says_nothing() -> None:
    passing = (overloaded_error(7), sending_error(1_000_000), rate_limited_error("per-key", 9))
    assert [error.problem.retry_after_s for error in passing] == [1, 1, 9]
    lasting = (deadline_error(10.0), parameter_error("a", "b", "c"), caller_gone_error())
    assert [error.problem.retry_after_s for error in lasting] == [None, None, None]


def test_a_state_that_did_not_come_is_told_with_the_one_that_is_there() -> None:
    wanted = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)
    newest = wanted - dt.timedelta(seconds=1)
    detail = not_yet_error("x", wanted, newest).problem.detail
    assert detail == "The newest state of x is of 2013-01-01T11:59:59Z; 2013-01-01T12:00:00Z was asked for."
    assert "is not known" in not_yet_error("x", wanted, None).problem.detail


def test_a_snapshot_that_is_not_there_yet_is_told_with_the_latest() -> None:
    assert snapshot_not_yet_error(9, 7).problem.expected == "a snapshot up to 7"
    assert snapshot_not_yet_error(9, 0).problem.expected == "to be left out: nothing has been merged yet"
