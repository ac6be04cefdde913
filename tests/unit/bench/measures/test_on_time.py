"""The questions of the OnTime benchmark: what the API is asked, and what its caller computes from the rows."""

from __future__ import annotations

from typing import Any

import pytest

from bench.measures.on_time import QUESTIONS, Question

DATES = {"years": ("2013-01-01", "2021-12-31"), "year": ("2018-01-01", "2018-12-31")}


def test_ten_questions_are_asked_by_the_numbers_of_the_benchmark() -> None:
    assert [question.number for question in QUESTIONS] == list(range(10))


def test_a_question_is_about_all_dates_nine_years_or_one() -> None:
    assert _question(9).path(DATES) == "/v1/stats?group_by=year"
    assert _question(1).path(DATES) == "/v1/stats?group_by=weekday&date_from=2013-01-01&date_to=2021-12-31"
    late = "group_by=carrier&date_from=2018-01-01&date_to=2018-12-31&on_time_minutes=11"
    assert _question(4).path(DATES) == f"/v1/stats?{late}"


@pytest.mark.parametrize(
    ("number", "rows", "expected"),
    [
        (0, [{"flights": 3}, {"flights": 5}], [[4.0]]),
        (1, [{"weekday": 1, "flights": 3}], [[1, 3]]),
        (
            3,
            [
                {"origin": origin, "departed": 9, "on_time_departure_rate": on_time / 9}
                for origin, on_time in (("A", 8), ("B", 6), ("C", 6), ("D", 9))
            ],
            [["B", 3], ["C", 3], ["A", 1]],
        ),
        (5, [{"carrier": "UA", "on_time_departure_rate": 0.75}], [["UA", 25.0]]),
        (
            8,
            [{"destination": to, "origin": origin} for to, origin in (("X", "A"), ("Y", "A"), ("Y", "B"))],
            [["Y", 2], ["X", 1]],
        ),
    ],
)
def test_what_the_api_does_not_compute_its_caller_does(
    number: int, rows: list[dict[str, Any]], expected: list[list[Any]]
) -> None:
    assert _question(number).rows(rows) == expected


def _question(number: int) -> Question:
    return QUESTIONS[number]
