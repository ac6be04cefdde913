"""The counted requests, what is assumed beyond them, and the three sizes whose bill docs/cost.md has.

tests/repo/deploy/test_cost.py counts the requests on the wire, and holds what is here to Terraform and the bench.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

DAYS: Final = 30
MONTH_S: Final = DAYS * 86_400
GIB: Final = 2**30


class Requests(NamedTuple):
    """To Cloud Storage: class A (writes and listings), class B (reads). Deletes are free."""

    a: float
    b: float


REQUESTS: Final = {
    "a landed object": Requests(1, 0),
    "a compactor run, fixed": Requests(12, 3),
    "a compactor run with news, one month": Requests(10, 0),
    "a compactor run, for each landed object": Requests(0, 1),
    "the first plan of a process": Requests(2, 2),
    "a refresh of the plan": Requests(2, 0),
    "a file that an instance has not read yet": Requests(0, 1),
}
"""Counted with real flights."""

OBJECTS_PER_BATCH: Final = 2
"""Counted: a batch of real flights touches two dates. A batch of one event is one object."""
FILES_PER_RUN: Final = 4
"""Of today, yesterday, tomorrow and the canaries: each beyond the first is a write and a read more."""
LANDED_BYTES: Final = (4_500, 40)
"""Of a landed object, and for each of its events: measured; the first is Parquet's own, of 25 columns."""
REWRITTEN: Final = 6.5
"""Bytes that compactors write for a byte that lands: docs/performance.md, measure 5."""
FLIGHT_BYTES: Final = 27
"""Of a flight in a month file: docs/performance.md, measure 4."""
EVENT_BYTES: Final = 375
"""Of a message with one event: its JSON, and what Pub/Sub counts with it (an id, a time)."""
REQUEST_MIN_BYTES: Final = 1_000
"""The least that Pub/Sub bills for a request."""
JOB_MIN_S: Final = 60
"""The least that Cloud Run bills for a run of a job. The canary takes about 10 s, a compaction too."""
CANARY_WAIT_S: Final = 6
"""How long the canary's request waits in the API: the slowest of a hundred, docs/performance.md, measure 13."""
CANARY_REQUESTS: Final = 3
"""The wait, a question, the state of the lake."""
QUESTION_S: Final = 0.1
"""Billed for a question that is alone in its instance: 20 ms, rounded up to what Cloud Run bills at least."""
BUSY_QUESTION_S: Final = 0.015
"""A question of an instance that is never idle: with two cores, half of the time that one takes."""
ANSWER_BYTES: Final = 10_000
"""To the internet, compressed: a ranking with a row for each of 300 airports."""
LOG_BYTES: Final = (2_000, 1_000)
"""A request has two lines, Cloud Run's and the API's; a batch, a canary and a compaction have one."""
POINT_BYTES: Final = (8, 80)
"""What Cloud Monitoring counts for a point of a counter and of a distribution; each has one a minute at most."""
POINTS_PER_MONTH: Final = MONTH_S // 60
EVALUATIONS_PER_MONTH: Final = MONTH_S // 30
"""Of an alerting condition, each of which reads one point."""
IMAGES_GIB: Final = 1.0
"""Both images of some builds: they share the base and the libraries."""
YEARS_STORED: Final = 3


class Machine(NamedTuple):
    """vCPU and GiB, as Terraform asks for them."""

    cpu: float
    gib: float


WRITER: Final = Machine(1, 2)
API: Final = Machine(2, 2)
COMPACTOR: Final = Machine(1, 4)
CANARY: Final = Machine(1, 0.5)
COUNTERS: Final = 14
DISTRIBUTIONS: Final = 10
CONDITIONS: Final = 36
SCHEDULES: Final = 2
RETENTION_DAYS: Final = 7
"""Of Pub/Sub's messages, and of deleted objects: `retention` of terraform/main/variables.tf."""


@dataclass(frozen=True)
class Size:
    """A use of the system, and the variables of Terraform that it is set with."""

    name: str
    systems: int
    """Projects of one billing account, each with all of the following."""
    events_per_day: int
    flights_per_day: int
    questions_per_day: int
    batch_age_s: int = 5
    api_min_instances: int = 1
    canary_every_min: int = 1
    compactor_every_min: int = 5

    @property
    def canaries(self) -> float:
        """A month, of one system."""
        return MONTH_S / 60 / self.canary_every_min

    @property
    def compactions(self) -> float:
        return MONTH_S / 60 / self.compactor_every_min

    @property
    def events(self) -> float:
        return self.events_per_day * DAYS + self.canaries

    @property
    def questions(self) -> float:
        return self.questions_per_day * DAYS

    @property
    def objects(self) -> float:
        """Landed objects: two a batch, but never more than there are events."""
        return min(self.events, OBJECTS_PER_BATCH * MONTH_S / self.batch_age_s)

    @property
    def landed_bytes(self) -> float:
        each, event = LANDED_BYTES
        return self.objects * each + self.events * event

    @property
    def refreshes(self) -> float:
        """Of the plan: one a second while somebody asks or waits, and no more than one a question."""
        return min(MONTH_S, self.questions + self.canaries * (CANARY_WAIT_S + CANARY_REQUESTS - 1))


SIZES: Final = (
    Size(
        "hobby",
        systems=1,
        events_per_day=3_000,
        flights_per_day=1_000,
        questions_per_day=100,
        api_min_instances=0,
        canary_every_min=5,
        compactor_every_min=10,
    ),
    Size("one airport", systems=1, events_per_day=100_000, flights_per_day=1_000, questions_per_day=10_000),
    Size("fifty systems", systems=50, events_per_day=100_000, flights_per_day=1_000, questions_per_day=10_000),
)
SHARED: Final = Size(
    "fifty airports in one system",
    systems=1,
    events_per_day=50 * 100_000,
    flights_per_day=50 * 1_000,
    questions_per_day=50 * 10_000,
)
