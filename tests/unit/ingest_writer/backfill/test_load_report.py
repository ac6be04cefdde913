"""The summary: rows read are rows loaded and rejected, and each reason has its number and its first line."""

from __future__ import annotations

from collections import Counter

import pytest

from ingest_writer.backfill.load_report import FileReport, LoadReport, Reasons


def test_reasons_that_differ_in_values_are_one_line_with_the_first_of_them() -> None:
    reasons = Reasons()
    for number in range(3):
        reasons.add(f"the row has fewer cells than the header: {number}, not 9", f"a.csv:{number + 7}")
    reasons.add("not UTF-8", "a.csv:5")
    assert list(reasons.lines()) == [
        "      rows  first    reason",
        "         3  a.csv:7  the row has fewer cells than the header: 0, not 9",
        "         1  a.csv:5  not UTF-8",
    ]


def test_reasons_are_bounded_and_none_is_lost() -> None:
    reasons = Reasons()
    for number in range(3000):
        reasons.add("why", "a:1", kind=str(number))
    assert len(reasons.by_kind) == 1001
    assert sum(reason.rows for reason in reasons.by_kind.values()) == 3000
    lines = list(reasons.lines())
    assert len(lines) == 22
    assert lines[-1].endswith("for 981 more reasons")


def test_lists_that_are_cut_say_how_much_is_missing() -> None:
    names = [f"c.zip/{number}" for number in range(25)]
    report = LoadReport(rows=1, unknown_fields=Counter(names), left_out=names, notes=names)
    lines = list(report.lines())
    assert [each for each in lines if each.startswith("and ")] == [
        "and 5 ignored columns more",
        "and 5 notes more",
        "and 5 left out more",
    ]


@pytest.mark.parametrize(
    ("rows", "rejected", "code"), [(5, 0, 0), (5, 1, 3), (0, 5, 1), (0, 0, 1)], ids=["all", "some", "none", "empty"]
)
def test_the_exit_code_says_how_much_was_loaded(rows: int, rejected: int, code: int) -> None:
    assert LoadReport(rows=rows, rejected=rejected).exit_code == code
    assert LoadReport(rows=rows, rejected=rejected, unreadable={"x": "y"}).exit_code == 1


def test_the_summary_has_each_file_the_total_and_what_was_ignored() -> None:
    report = LoadReport(
        files=2,
        rows=1005,
        rejected=1,
        by_file=[FileReport("a.csv", 1000, 1), FileReport("b.csv", 5, 0)],
        unknown_fields=Counter({"departure_delay": 1001, "": 5}),
        left_out=["c.zip/readme.html"],
    )
    report.reasons.add("not UTF-8", "a.csv:5")
    assert list(report.lines()) == [
        "        read       loaded     rejected  file",
        "       1,001        1,000            1  a.csv",
        "           5            5            0  b.csv",
        "       1,006        1,005            1  total",
        "      rows  first    reason",
        "         1  a.csv:5  not UTF-8",
        "ignored the column 'departure_delay' in 1,001 rows: no event has it; did you mean departure_delay_minutes?",
        "ignored the column without a name in 5 rows: no event has it",
        "left out c.zip/readme.html: its name is of no known format",
    ]


@pytest.mark.parametrize(("rejected", "why"), [(3, "every row was rejected"), (0, "there is no row in it")])
def test_a_load_of_nothing_says_so(rejected: int, why: str) -> None:
    report = LoadReport(files=1, rejected=rejected, by_file=[FileReport("a.csv", 0, rejected)])
    assert list(report.lines())[-1] == f"nothing was loaded: {why}"


def test_many_files_are_not_all_listed_but_all_counted() -> None:
    files = [FileReport(f"{number}.csv", 1) for number in range(100)]
    lines = list(LoadReport(files=100, rows=100, by_file=files).lines())
    assert len(lines) == 23
    assert lines[-2].strip() == "and 80 files more"
    assert lines[-1].split() == ["100", "100", "0", "total"]
