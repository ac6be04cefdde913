"""Fuzzed messages: no crash, no silent drop, no effect on others, bounded time and memory."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import msgspec
import pyarrow as pa
import pytest

from ingest_writer.decoding import line as line_decoding
from ingest_writer.decoding import vectorized
from ingest_writer.decoding.event import Event, Origin, Row
from ingest_writer.landing import by_flight_date, prepare
from tests._support.events.builders import encode, event, ids, line, message, raw
from tests.verification.fuzz.messages.campaign import Campaign, begin, read_corpus, resume
from tests.verification.fuzz.messages.invariants import check, signature
from tests.verification.fuzz.messages.mutations import good_message
from tests.verification.fuzz.messages.shrink import shrink

pytestmark = pytest.mark.early

# -- the invariants ------------------------------------------------------------------------------


@pytest.mark.timeout(300)  # 10,000 are 10 to 20 s of work; the machine may be busy with other things
def test_the_invariants_hold_for_mutated_messages(pytestconfig: pytest.Config) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    campaign = begin(seed)
    known = len(campaign.seen)
    campaign.run(messages := pytestconfig.getoption("--messages"), print)
    assert campaign.findings == []
    assert len(campaign.seen) > known + messages // 100, "the mutations do nothing new"


def test_the_invariants_hold_for_the_corpus() -> None:
    corpus = read_corpus()
    assert len(corpus) > 50
    assert check(corpus) == []
    assert [found for data in corpus for found in check([data])] == []


def test_the_corpus_shows_both_paths_both_stages_and_rows() -> None:
    kinds = {kind for data in read_corpus() for kind in signature(data)}
    for begins in ("fast, ", "slow, ", "row", "decode: not JSON", "decode: not UTF-", "decode: nested", "validate: "):
        assert any(kind.startswith(begins) for kind in kinds), begins


def test_good_messages_become_rows_of_each_line() -> None:
    rng = random.Random(1)
    for _ in range(200):
        assert signature(good_message(rng)) <= {"row", "fast, one", "fast, several", "slow, one", "slow, several"}


# -- the invariants can fail ---------------------------------------------------------------------

_to_row = line_decoding.to_row


def _objects_wherever_they_are(data: bytes) -> Any:
    try:
        return vectorized._DECODER.decode_lines(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _nobody_has_a_key_twice(pull: Any, fields: Any) -> set[int]:
    del pull, fields
    return set()


def _row_an_hour_off(given: Event, origin: Origin) -> Row:
    row = list(_to_row(given, origin))
    if given.tail_number is None:
        row[8] = (row[8] + 1) % 24
    return tuple(row)


def _raises_at_the_edge(given: Event, origin: Origin) -> Row:
    if given.distance_km == 32_767:
        raise ValueError("the edge")
    return _to_row(given, origin)


def _drops_empty_objects(data: bytes) -> Any:
    return ((number, text) for number, text in enumerate(data.split(b"\n")) if text.strip(b" {}\t\r\v\f") or not number)


def _no_times(given: Event, values: Any) -> None:
    del given, values


MUTATIONS: dict[str, tuple[str, Callable[..., Any], int]] = {
    "the fast path takes several objects on a line": ("vectorized._lines", _objects_wherever_they_are, 1),
    "the fast path takes a key that is there twice": ("vectorized._Pull.with_key_twice", _nobody_has_a_key_twice, 5),
    "the hour is wrong without a tail number": ("line.to_row", _row_an_hour_off, 1),
    "the largest distance raises": ("line.to_row", _raises_at_the_edge, 43),
    "empty objects are dropped": ("decoder._lines", _drops_empty_objects, 1),
    "times are as lax as the library": ("line._take_times_as_written", _no_times, 7),
}
"""What is replaced, by what, and a seed that finds it early: any other one does, some within thousands."""


@pytest.mark.parametrize(("name", "mutation", "seed"), MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_mutation_is_found(
    name: str, mutation: Callable[..., Any], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"ingest_writer.decoding.{name}", mutation)
    campaign = Campaign(seed)
    monkeypatch.setattr("tests.verification.fuzz.messages.campaign._FINDINGS_MOST", 1)
    monkeypatch.setattr("tests.verification.fuzz.messages.campaign.shrink", lambda finding: finding)
    campaign.run(10_000, print)
    assert campaign.findings


def test_a_finding_is_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_writer.decoding.line.to_row", _raises_at_the_edge)
    monkeypatch.setattr("tests.verification.fuzz.messages.shrink._TRIES", 120)  # large parts go first
    [found] = check([line(distance_km=32_767) + b"\n" + line()])
    assert len(shrink(found).data) < len(line(distance_km=32_767))


def test_a_campaign_that_was_cut_off_goes_on_as_if_it_had_not_been(tmp_path: Any) -> None:
    state = tmp_path / "state.json"
    whole, first = begin(5), begin(5)
    whole.run(200, print)
    first.run(100, print, state)
    second = resume(state, 5)
    second.run(200, print, state)
    assert (second.pool, second.seen, second.done) == (whole.pool, whole.seen, whole.done)


# -- large ones ------------------------------------------------------------------------------------------------

_TEN_MB = 9_990_000  # with the rest of an event, within the 10 MB that Pub/Sub takes
_LARGE: dict[str, Callable[[], bytes]] = {
    "brackets": lambda: b"[" * _TEN_MB,
    "balanced brackets": lambda: raw("x", b"[" * (_TEN_MB // 2) + b"]" * (_TEN_MB // 2)),
    "nests as deep as allowed": lambda: raw("x", b"[" + (b"[" * 98 + b"]" * 98 + b",") * (_TEN_MB // 197) + b"0]"),
    "objects": lambda: raw("x", b"[" + b"{}," * (_TEN_MB // 3) + b"0]"),
    "names": lambda: encode(event())[:-1] + b"".join(b',"%x":0' % n for n in range(_TEN_MB // 11)) + b"}",
    "a name twice": lambda: encode(event())[:-1] + b',"x":0' * (_TEN_MB // 6) + b"}",
    "a text": lambda: raw("status", b'"' + b"x" * _TEN_MB + b'"'),
    "an open text of escapes": lambda: b"[" * 101 + b'"\\' * (_TEN_MB // 2),
    "digits": lambda: raw("flight_number", b"9" * _TEN_MB),
    "digits of a fraction": lambda: raw("event_time", b'"2013-01-01T11:00:00.' + b"9" * _TEN_MB + b'Z"'),
    "blank lines": lambda: b" \n" * (_TEN_MB // 2),
    "lines of one byte": lambda: b"x\n" * (_TEN_MB // 2),
    "lines as long as an event": lambda: (b"x" * 120 + b"\n") * (_TEN_MB // 121),
    "one object on a million lines": lambda: encode(event())[:-1] + b',"x":[' + b"0,\n" * (_TEN_MB // 3) + b"0]}",
    "zeros": lambda: b"\0" * _TEN_MB,
}
_LARGE_IN_THE_GATE = ("balanced brackets", "a name twice", "lines of one byte")  # one a kind; each is a process
_LARGE_S = 40.0  # of processor time, several times the slowest; a quadratic scan would take hours
_LARGE_MB = 900  # what the whole process may take: a writer has a gigabyte


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name", [name if name in _LARGE_IN_THE_GATE else pytest.param(name, marks=pytest.mark.long) for name in _LARGE]
)
def test_10_mb_take_seconds_and_bounded_memory_and_their_mates_land(name: str) -> None:
    command = [sys.executable, "-c", f"from {__name__} import measure; measure({name!r})"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    print(done.stdout)


def measure(name: str) -> None:
    """Prepares one large message between two good ones; run in a process whose memory is its own."""
    data = _LARGE[name]()
    began = time.process_time()
    attributes = {f"a{n}": "x" * 1024 for n in range(100)}  # the most that Pub/Sub takes
    pull = [message(line(), "first"), message(data, "large", attributes=attributes), message(line(), "last")]
    landed_ids: set[str] = set()

    def spied(tables: Sequence[pa.Table]) -> Any:
        landed_ids.update(*(table["message_id"].to_pylist() for table in tables))
        return by_flight_date(tables)

    with mock.patch("ingest_writer.landing.by_flight_date", spied):
        prepared = prepare(pull, ids())
    assert landed_ids >= {"first", "last"}
    took_s = time.process_time() - began
    with open("/proc/self/status", encoding="ascii") as status:
        peak_mb = next(int(each.split()[1]) // 1024 for each in status if each.startswith("VmHWM"))
    print(f"{took_s:.1f} s, {peak_mb} MB, {prepared.events} rows, {sum(map(len, prepared.rejected.values()))} rejected")
    assert took_s < _LARGE_S
    assert peak_mb < _LARGE_MB
