"""Every request gets the right answer, or a problem document that names the mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from query_service.api import parameters, query_string
from tests.verification.fuzz.requests.asking import Answer
from tests.verification.fuzz.requests.campaign import Campaign, campaign
from tests.verification.fuzz.requests.documented import ask_documented
from tests.verification.fuzz.requests.lake import make_lake
from tests.verification.fuzz.requests.question import Expected, Question
from tests.verification.fuzz.requests.served import served

pytestmark = pytest.mark.early

DOCUMENTED = 550
"""What the OpenAPI document gives by itself: its examples and every boundary of every parameter."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    with campaign(tmp_path_factory.mktemp("fuzz")) as made:
        yield made


def test_fuzzed_requests_change_nothing_and_keep_the_invariants(own: Campaign, pytestconfig: pytest.Config) -> None:
    outcome = own.ask(pytestconfig.getoption("--seed"), range(pytestconfig.getoption("--questions")))
    assert not outcome.failures, "\n".join(outcome.failures)
    assert len(outcome.kinds) == 14
    assert {200, 404, 405, 406, 422} <= outcome.statuses.keys()


def test_a_question_is_known_by_its_seed_and_number(own: Campaign) -> None:
    assert own.question(3, 7) == own.question(3, 7) != own.question(3, 8)


@pytest.mark.timeout(300)  # 600 requests over HTTP, on cores that may be busy with other tests
def test_what_the_document_says_is_what_happens(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake")
    before = lake.fingerprint()
    with served(lake, tmp_path / "cache") as url:
        outcome = ask_documented(url, seed=1, examples=0)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.asked >= DOCUMENTED, outcome
    assert lake.fingerprint() == before


@pytest.mark.parametrize("rule", ["_DATE", "_INTEGER"])
def test_a_rule_that_is_documented_and_not_kept_is_found(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refuses every valid value."""
    monkeypatch.setattr(query_string, rule, re.compile("never"))
    with served(make_lake(tmp_path / "lake"), tmp_path / "cache") as url:
        outcome = ask_documented(url, seed=1, examples=0, phases=("examples",))
    assert any("positive_data_acceptance" in failure for failure in outcome.failures), outcome


def test_a_wrong_value_that_is_taken_is_found(own: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    carrier = next(each for each in parameters.FILTERS if each.name == "carrier")
    monkeypatch.setitem(carrier.type.__dict__, "parse", str)
    failures = "\n".join(own.ask(3, range(700)).failures)
    assert "status 200 instead of 422" in failures
    assert "curl" in failures


LAKE = Question("x", b"/v1/lake")
PROBLEM = (
    b'{"type":"/problems#parameter","title":"t","status":422,"detail":"%s",'
    b'"parameter":"carrier","got":"%s","expected":"e","request_id":"0123456789abcdef"}'
)
TYPE = {"content-type": "application/problem+json"}


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer(422, TYPE, PROBLEM % (b"it is SELECT 1", b"SELECT 1")), ""),  # only echoed
        (Answer(422, TYPE, PROBLEM % (b"SELECT 1 FROM x", b"UA")), "it tells 'SELECT '"),
        (Answer(422, TYPE, PROBLEM % (b"/tmp/lake/x.parquet", b"UA")), "it tells '/tmp'"),
        (Answer(422, TYPE, PROBLEM % (b"ValueError: no", b"UA")), "it tells"),
        (Answer(422, TYPE, PROBLEM % (b"d" * 2000, b"UA")), "2000 characters"),
        (Answer(422, {"content-type": "application/json"}, PROBLEM % (b"d", b"UA")), "application/json"),
        (Answer(422, TYPE, b'{"detail":"no"}'), "is a required property"),
        (Answer(422, TYPE, PROBLEM.replace(b"422", b"400") % (b"d", b"UA")), "422 was expected"),
        (Answer(500, TYPE, b"{}"), "status 500"),
        (Answer(200, {"content-type": "application/json"}, b"{}"), "is a required property"),
        (Answer(200, {"content-type": "application/json"}, b"<html>"), "no JSON"),
        (Answer(422, TYPE | {"link": "a\r\nSet-Cookie: b"}, PROBLEM % (b"d", b"UA")), "printable ASCII"),
    ],
)
def test_the_invariants_are_not_blind(own: Campaign, answer: Answer, found: str) -> None:
    broken = own.invariants.broken(LAKE, answer)
    assert (found in "; ".join(broken)) if found else not broken


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer(200, {"content-type": "text/html; charset=utf-8"}, b"<!doctype html>\n"), []),
        (Answer(200, {"content-type": "text/html; charset=utf-8"}, b"Traceback"), ["it is no page"]),
        (Answer(200, {"content-type": "application/json"}, b"<!doctype html>\n"), ["it is no page"]),
    ],
)
def test_a_page_is_a_page(own: Campaign, answer: Answer, found: list[str]) -> None:
    """A path that is cut short may lead to it."""
    assert own.invariants.broken(Question("path", b"/"), answer) == found


def test_the_invariants_know_the_parameter_that_has_to_be_named(own: Campaign) -> None:
    answer = Answer(422, TYPE, PROBLEM % (b"d", b"UA"))
    for expected, is_broken in (
        (Expected(422, "carrier"), False),
        (Expected(422, "origin"), True),
        (Expected(200), True),
    ):
        assert bool(own.invariants.broken(Question("x", b"/v1/lake", expected=expected), answer)) is is_broken


def test_a_question_is_shown_as_a_command_for_a_shell() -> None:
    asked = Question("x", b"/v1/stats", b"carrier=%27", method="POST", headers=((b"accept", b"a'b"),), body=b"z")
    assert asked.curl() == (
        "curl -i --globoff --path-as-is -X POST 'http://127.0.0.1:8080/v1/stats?carrier=%27'"
        " -H 'accept: a'\"'\"'b' --data-binary z"
    )
    assert len(Question("x", b"/" + b"a" * 99_999).curl()) < 2100
