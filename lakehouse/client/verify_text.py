"""A verify report as lines for a terminal: one a month, every problem, a summary."""

from __future__ import annotations

from collections.abc import Iterator

from lakehouse.client.verify import MonthReport, Report


def lines(report: Report) -> Iterator[str]:
    """The report, the summary last."""
    for month in report.months:
        yield f"{month.month}  {month.rows:>12,} rows  {month.bytes:>15,} bytes  {_verdict(month)}"
    for problem in report.problems:
        yield f"problem: {problem}"
    yield _summary(report)


def _verdict(month: MonthReport) -> str:
    if month.problems:
        return "BAD"
    return "superseded meanwhile, not checked" if month.is_superseded else "ok"


def _summary(report: Report) -> str:
    rows = sum(month.rows for month in report.months)
    absorbed = report.landed_files - report.tail_files
    outdated = f" ({report.outdated:,} of an older format)" if report.outdated else ""
    unrecognized = f", {_count(report.unrecognized, 'unrecognized object')} in landing/" if report.unrecognized else ""
    return (
        f"snapshot {report.snapshot}: {_count(len(report.months), 'month')}{outdated}, {_count(rows, 'row')};"
        f" {_count(report.landed_files, 'landed file')} ({absorbed} absorbed, {report.tail_files} in the tail),"
        f" {_count(report.landed_rows, 'row')}{unrecognized}; {_count(len(report.problems), 'problem')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
