"""`docs/reliability.md` has the table of a full soak, and only of one that found nothing."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.verification.soak.cost import Cost
from tests.verification.soak.document import (
    DOCUMENT,
    FAULTS_HEAD,
    USAGE_HEAD,
    is_publishable,
    lines,
    publish,
    published_lines,
)
from tests.verification.soak.faults import FAULTS, FULL_S
from tests.verification.soak.outcome import Outcome
from tests.verification.soak.usage import Third

OF = re.compile(
    r"\d{4}-\d\d-\d\d, commit \w+\+?, \d+ cores, Python [\d.]+, seed \d+: \d+ min at [\d,]+ of [\d,]+ questions"
    r" a second and \d+ events a second; [\d,]+ answers,"
    r" 0 wrong, \d+ lost outside of the faults; other work took \d+% of the machine[.]( No disk could be .*)?"
)
FAULT = re.compile(r"\| [^|]+ \| [^|]+ \| \d+ \| \d+[.]\d% \| [^|]+ \| \d+[.]\d s \| \d+[.]\d s \|")
USAGE = re.compile(r"\| (API|writer) \| \d+ to \d+ MB \| \d+ to \d+ \| \d+ to \d+ \|")

GOOD = Outcome(
    commit="abc1234",
    seed="1",
    seconds=FULL_S,
    capacity_per_s=100.0,
    rate_per_s=50.0,
    events_per_s=130.0,
    disk_is_real=True,
    others_share=0.05,
    kinds=Counter({"200": 900, "304": 100}),
    costs=tuple(Cost(fault, 10, 1, Counter({"200": 9, "503 Storage is unavailable": 1}), 1.5, 2.5) for fault in FAULTS),
    thirds={name: (Third(200.0, 20, 10), Third(210.0, 21, 11)) for name in ("api", "writer")},
    wrong=(),
    wrong_count=0,
    unexpected=(),
)


def check_form(table: list[str]) -> None:
    """What stands in the document is what a run writes."""
    of, _, *rest = table
    assert OF.fullmatch(of)
    assert tuple(rest[:2]) == FAULTS_HEAD
    faults = rest[2 : 2 + len(FAULTS)]
    assert all(FAULT.fullmatch(row) for row in faults), faults
    assert [row.split(" | ")[0].removeprefix("| ") for row in faults] == [fault.name for fault in FAULTS]
    assert ["", *USAGE_HEAD] == rest[2 + len(FAULTS) : 5 + len(FAULTS)]
    usage = rest[5 + len(FAULTS) :]
    assert [found[1] for row in usage if (found := USAGE.fullmatch(row))] == ["API", "writer"]


def test_the_document_has_the_table_of_a_run_with_every_fault() -> None:
    check_form(published_lines(DOCUMENT))


def test_a_run_writes_its_table_in_the_place_of_the_one_before(tmp_path: Path) -> None:
    copy = tmp_path / "reliability.md"
    copy.write_text(DOCUMENT.read_text())
    for outcome in (GOOD, replace(GOOD, disk_is_real=False)):
        publish(outcome, copy)
        assert published_lines(copy) == lines(outcome)
        check_form(published_lines(copy))


def test_a_disk_that_was_not_there_is_said() -> None:
    assert "No disk could be mounted" in lines(replace(GOOD, disk_is_real=False))[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wrong_count": 1, "wrong": ("a flight twice",)}, "1 wrong answers: a flight twice"),
        ({"unexpected": ("500",)}, "1 lost without a reason"),
        ({"costs": (Cost(FAULTS[0], 1, 1, good_after_s=99.0),)}, "good after 99.0 s"),
        ({"thirds": {"api": (Third(200.0, 20, 10), Third(241.0, 20, 10))}}, "api: memory grew from 200 to 241 MB"),
        (
            {"thirds": {"writer": (Third(200.0, 20, 10), Third(221.0, 20, 10))}},
            "writer: memory grew from 200 to 221 MB",
        ),
        ({"thirds": {"api": (Third(200.0, 20, 10), Third(200.0, 40, 10))}}, "descriptors grew from 20 to 40"),
        ({"thirds": {"api": (Third(200.0, 20, 10), Third(200.0, 20, 30))}}, "threads grew from 10 to 30"),
        ({"thirds": {"api": (None, Third(200.0, 20, 10))}}, "not one process"),
    ],
)
def test_a_finding_fails_the_soak_and_is_not_published(change: dict[str, object], says: str) -> None:
    found = replace(GOOD, **change)  # type: ignore[arg-type]
    assert [says in failure for failure in found.failures()] == [True]
    assert not is_publishable(found)


def test_only_a_full_soak_is_published() -> None:
    assert is_publishable(GOOD)
    assert not is_publishable(replace(GOOD, seconds=60.0))


def test_a_busy_machine_is_said_and_published_only_where_wanted() -> None:
    busy = replace(GOOD, others_share=0.61, unexpected=("504",))
    assert "other work took 61% of the machine" in busy.failures()[-1]
    assert not is_publishable(busy)
    assert is_publishable(busy, is_wanted=True)
    assert not is_publishable(replace(busy, wrong_count=1), is_wanted=True)


def test_every_fault_has_its_own_name_and_time_in_a_full_soak() -> None:
    times = sorted(at_s for fault in FAULTS for at_s in fault.at_s)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all(0 < at_s < FULL_S for at_s in times)
    assert all(
        start >= at_s + fault.lasts_s for fault in FAULTS for at_s in fault.at_s for start in times if start > at_s
    )
