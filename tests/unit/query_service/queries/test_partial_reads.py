"""Which answer the parts come from that a reader asks for without a tag."""

from __future__ import annotations

from typing import Any

import pytest

from query_service.errors import ProblemError
from query_service.queries.partial_reads import PartialReads
from query_service.representation.ranges import ByteRange, PartialRead

HOLD_S = 10.0
BEGIN, END, MIDDLE, HEAD = ByteRange(0, 9), ByteRange(None, 9), ByteRange(4, 9), None
OLD: Any = "the plan of old"
NEW: Any = "the plan of new"


class Reads:
    """A reader, a clock, and which answers are kept."""

    def __init__(self, max_readers: int = 10) -> None:
        self.now_s = 0.0
        self.kept = {"old", "new"}
        self._reads = PartialReads(max_readers, HOLD_S, lambda: self.now_s)

    def part(self, range: ByteRange | None, tag: str, reader: str = "a", question: str = "q") -> str:
        plan = OLD if tag == "old" else NEW
        chosen, plan = self._reads.choose(PartialRead(range, None, reader), question, tag, plan, self.kept.__contains__)
        assert plan == (OLD if chosen == "old" else NEW)
        return chosen


@pytest.mark.parametrize("first", [BEGIN, END, MIDDLE, HEAD])
@pytest.mark.parametrize("then", [BEGIN, END, MIDDLE])
def test_the_next_parts_come_from_the_answer_of_the_first(first: ByteRange | None, then: ByteRange) -> None:
    reads = Reads()
    assert reads.part(first, "old") == "old"
    reads.now_s = HOLD_S - 1
    assert [reads.part(then, "new"), reads.part(then, "new")] == ["old", "old"]


def test_who_begins_later_is_given_the_current_answer_and_goes_on_with_it() -> None:
    reads = Reads()
    reads.part(END, "old")
    reads.now_s = HOLD_S
    assert [reads.part(END, "new"), reads.part(MIDDLE, "new"), reads.part(MIDDLE, "old")] == ["new"] * 3


def test_asking_again_does_not_hold_an_old_answer_forever() -> None:
    reads = Reads()
    reads.part(END, "old")
    seen = []
    for second in range(1, 12):
        reads.now_s = float(second)
        seen.append(reads.part(END, "new"))
    assert seen == ["old"] * 9 + ["new"] * 2


def test_a_slow_reader_goes_on_with_the_same_answer() -> None:
    reads = Reads()
    reads.part(END, "old")
    reads.now_s = 29 * HOLD_S
    assert reads.part(MIDDLE, "new") == "old"
    reads.now_s = 30 * HOLD_S
    assert reads.part(MIDDLE, "new") == "new"


def test_a_part_of_an_answer_that_is_not_kept_any_more_is_refused() -> None:
    reads = Reads()
    reads.part(END, "old")
    reads.kept = {"new"}
    for _ in range(2):  # trying again makes it no better
        with pytest.raises(ProblemError) as caught:
            reads.part(MIDDLE, "new")
        assert caught.value.problem.status == 412
    assert [reads.part(END, "new"), reads.part(MIDDLE, "new")] == ["new", "new"]


def test_a_head_begins_with_the_current_answer() -> None:
    reads = Reads()
    reads.part(HEAD, "old")
    assert [reads.part(HEAD, "new"), reads.part(MIDDLE, "new")] == ["new", "new"]


def test_other_readers_and_questions_are_others() -> None:
    reads = Reads()
    reads.part(END, "old")
    assert reads.part(MIDDLE, "new", reader="b") == "new"
    assert reads.part(MIDDLE, "new", question="r") == "new"
    assert reads.part(MIDDLE, "new") == "old"


def test_so_many_readers_are_told_apart_and_the_longest_unseen_is_forgotten() -> None:
    reads = Reads(max_readers=2)
    for reader in ("a", "b", "c"):
        reads.part(END, "old", reader=reader)
    assert [reads.part(MIDDLE, "new", reader=reader) for reader in ("b", "c", "a")] == ["old", "old", "new"]
