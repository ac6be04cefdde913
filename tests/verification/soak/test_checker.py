"""Answers are checked as they were asked, once everything is known that may be in them."""

from __future__ import annotations

import time

import pytest

from tests._support.waiting import eventually
from tests.verification.soak.checker import Checker
from tests.verification.soak.load import Answer
from tests.verification.soak.oracle import Oracle
from tests.verification.soak.question import Question


class _Oracle(Oracle):
    """Finds answers of the kind "wrong" wrong, and fails on "broken"."""

    def __init__(self) -> None:
        self.checked: list[float] = []

    def read(self, now_s: float) -> None:
        pass

    def check(self, answer: Answer) -> tuple[str, float | None]:
        if answer.kind == "broken":
            raise ValueError(answer.kind)
        self.checked.append(answer.asked_s)
        return ("wrong" if answer.kind == "wrong" else ""), 1.0


def answer(asked_s: float, kind: str = "200") -> Answer:
    return Answer(Question("/v1/stats"), asked_s, asked_s + 0.1, kind, b"body")


def test_none_is_checked_while_an_older_request_has_no_answer() -> None:
    oracle, began_s = _Oracle(), time.time() - 10.0
    checker = Checker(oracle)
    asking_since_s = [began_s + 2.0]
    checker.asked_since_s = lambda: asking_since_s[0]
    for asked_s in (began_s + 3.0, began_s + 1.0):
        checker.note(answer(asked_s))
    checker.start()
    eventually(lambda: oracle.checked == [began_s + 1.0], "the first is checked")
    checker.note(answer(began_s + 2.0))
    asking_since_s[0] = time.time()
    eventually(lambda: len(oracle.checked) == 3, "all are checked")
    checker.stop()
    assert oracle.checked == [began_s + 1.0, began_s + 2.0, began_s + 3.0]
    assert [each.body for each in checker.answers] == [b""] * 3


def test_wrong_answers_are_counted_and_lost_ones_are_not_checked() -> None:
    oracle, began_s = _Oracle(), time.time() - 10.0
    checker = Checker(oracle)
    for asked_s, kind in ((began_s, "wrong"), (began_s + 1.0, "503 Storage is unavailable")):
        checker.note(answer(asked_s, kind))
    checker.start()
    checker.stop()
    assert (checker.wrong_count, checker.wrong, oracle.checked) == (1, ["wrong"], [began_s])
    assert len(checker.answers) == 2


def test_an_oracle_that_fails_ends_the_soak() -> None:
    checker = Checker(_Oracle())
    checker.note(answer(time.time() - 10.0, "broken"))
    checker.start()
    with pytest.raises(ValueError, match="broken"):
        checker.stop()
