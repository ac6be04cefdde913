"""Progress: a line from the first second, which changes on a terminal and is repeated elsewhere."""

from __future__ import annotations

import io

from ingest_writer.backfill.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_terminal_has_one_line_that_changes() -> None:
    out, clock = Terminal(), Clock()
    progress = Progress(out, clock)
    progress.step("reading a.csv")
    clock.now = 0.05
    progress.at(1_000, 0.1)  # too soon for eyes
    clock.now = 10.0
    progress.at(50_000, 0.25)
    clock.now = 40.0
    progress.at(200_000, 1.0)
    progress.done()
    first, second, *_, last = out.getvalue().split("\r")[1:]
    assert first == "reading a.csv  0 rows"
    assert second == "reading a.csv  ######..................  25%  50,000 rows  5,000 rows/s  30 s left"
    assert last.rstrip() == "reading a.csv  ######################## 100%  200,000 rows  5,000 rows/s"
    assert last.endswith("\n")


def test_a_shorter_line_hides_the_longer_one_before() -> None:
    out, clock = Terminal(), Clock()
    progress = Progress(out, clock)
    progress.step("reading a-very-long-name.csv")
    progress.step("short")
    assert out.getvalue().split("\r")[2] == "short  0 rows".ljust(len("reading a-very-long-name.csv  0 rows"))


def test_elsewhere_there_is_a_line_every_few_seconds() -> None:
    out, clock = io.StringIO(), Clock()
    progress = Progress(out, clock)
    progress.step("reading a.csv")
    for second in range(12):
        clock.now = float(second)
        progress.at(second * 100, second / 1200)
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("500 rows  100 rows/s  19 min 55 s left")


def test_a_step_is_counted_in_its_unit_or_in_none() -> None:
    out, clock = io.StringIO(), Clock()
    progress = Progress(out, clock)
    progress.step("unpacking a.zip", "MB")
    clock.now = 10.0
    progress.at(500, 0.5)
    progress.step("merging 2013-07", "")
    assert out.getvalue().splitlines() == [
        "unpacking a.zip  0 MB",
        "unpacking a.zip  ############............  50%  500 MB  50 MB/s  10 s left",
        "merging 2013-07",
    ]
