"""A size to the lines of its bill, in dollars a month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from tools.cost.prices import Charges, Price
from tools.cost.sizes import (
    ANSWER_BYTES,
    API,
    BUSY_QUESTION_S,
    CANARY,
    CANARY_REQUESTS,
    CANARY_WAIT_S,
    COMPACTOR,
    CONDITIONS,
    COUNTERS,
    DAYS,
    DISTRIBUTIONS,
    EVALUATIONS_PER_MONTH,
    EVENT_BYTES,
    FILES_PER_RUN,
    FLIGHT_BYTES,
    GIB,
    IMAGES_GIB,
    JOB_MIN_S,
    LOG_BYTES,
    MONTH_S,
    POINT_BYTES,
    POINTS_PER_MONTH,
    QUESTION_S,
    REQUEST_MIN_BYTES,
    REQUESTS,
    RETENTION_DAYS,
    REWRITTEN,
    SCHEDULES,
    WRITER,
    YEARS_STORED,
    Machine,
    Requests,
    Size,
)

MIB: Final = 2**20


class Bill(NamedTuple):
    """Dollars a month by what they are for: what runs whether or not anybody asks, and what use adds."""

    always: Mapping[str, float]
    use: Mapping[str, float]
    announced: float
    """What alerting will cost, by the announced prices. Not in the sums."""

    @property
    def fixed(self) -> float:
        return sum(self.always.values())

    @property
    def total(self) -> float:
        return self.fixed + sum(self.use.values())


def bill_of(size: Size, prices: Mapping[str, Price]) -> Bill:
    charge = Charges(prices, projects=size.systems)
    return Bill(_always(size, charge), _use(size, charge), _alerting(size, charge))


def _always(size: Size, charge: Charges) -> dict[str, float]:
    systems = size.systems
    return {
        "the writer": systems * pool(charge, WRITER, MONTH_S),
        "warm API instances": systems * size.api_min_instances * idle(charge, API, MONTH_S),
        "the compactor's runs": systems * job(charge, COMPACTOR, size.compactions * JOB_MIN_S),
        "the canary's runs": systems * job(charge, CANARY, size.canaries * JOB_MIN_S),
        "the API while canaries wait": systems * active(charge, size, size.canaries * CANARY_WAIT_S),
        "schedules": charge(schedule=systems * SCHEDULES),
        "Cloud Run's free tier": -charge(run_free_tier=1),
    }


def _use(size: Size, charge: Charges) -> dict[str, float]:
    systems = size.systems
    requests = storage_requests(size)
    data = size.flights_per_day * 365 * YEARS_STORED * FLIGHT_BYTES / GIB
    answered = size.questions + size.canaries * CANARY_REQUESTS
    return {
        "questions, computed": systems * active(charge, size, size.questions * _question_s(size)),
        "requests to the API": charge(service_requests=systems * answered),
        "answers to the internet": charge(internet=systems * size.questions * ANSWER_BYTES / GIB),
        "Pub/Sub, events both ways": charge(pubsub_throughput=systems * _published(size) / GIB),
        "Pub/Sub, a week of events": charge(
            pubsub_storage=systems * size.events / DAYS * RETENTION_DAYS * EVENT_BYTES / GIB
        ),
        "storage, writes and listings": charge(class_a=systems * requests.a),
        "storage, reads": charge(class_b=systems * requests.b),
        "storage, flights of three years": charge(storage=systems * data),
        "storage, soft-deleted": charge(storage=systems * soft_deleted_gib(size)),
        "images": charge(images=systems * IMAGES_GIB),
        "logs": charge(logs=systems * _logged(size) / GIB),
        "log-based metrics": charge(metrics=systems * _measured() / MIB),
    }


def _alerting(size: Size, charge: Charges) -> float:
    points = size.systems * CONDITIONS * EVALUATIONS_PER_MONTH
    return charge(alert_condition=size.systems * CONDITIONS, alert_points=points)


def pool(charge: Charges, machine: Machine, seconds: float) -> float:
    """An instance of a worker pool."""
    return charge(worker_pool_cpu=machine.cpu * seconds, worker_pool_memory=machine.gib * seconds)


def job(charge: Charges, machine: Machine, seconds: float) -> float:
    """Runs of a job; a run has 60 seconds at least."""
    return charge(job_cpu=machine.cpu * seconds, job_memory=machine.gib * seconds)


def service(charge: Charges, machine: Machine, seconds: float) -> float:
    """An instance of a service that is billed by request, while it has one."""
    return charge(service_cpu=machine.cpu * seconds, service_memory=machine.gib * seconds)


def idle(charge: Charges, machine: Machine, seconds: float) -> float:
    """The same instance without a request, where it is kept warm."""
    return charge(service_idle_cpu=machine.cpu * seconds, service_idle_memory=machine.gib * seconds)


def active(charge: Charges, size: Size, seconds: float) -> float:
    """What requests of so many seconds add: a warm instance is paid for as an idle one already."""
    added = service(charge, API, seconds)
    return added - idle(charge, API, seconds) if size.api_min_instances else added


def _question_s(size: Size) -> float:
    """Where questions come faster than one takes at least, instances are busy without a pause."""
    return QUESTION_S if size.questions * QUESTION_S < MONTH_S else BUSY_QUESTION_S


def storage_requests(size: Size) -> Requests:
    """Of one system in a month."""
    counts = {
        "a landed object": size.objects,
        "a compactor run, fixed": size.compactions,
        "a compactor run with news, one month": min(size.compactions, size.events),
        "a compactor run, for each landed object": size.objects,
        "a refresh of the plan": size.refreshes,
        "a file that an instance has not read yet": size.objects,
    }
    more = size.compactions * (FILES_PER_RUN - 1)
    return Requests(
        sum(REQUESTS[what].a * count for what, count in counts.items()) + more,
        sum(REQUESTS[what].b * count for what, count in counts.items()) + more,
    )


def soft_deleted_gib(size: Size) -> float:
    """Landed objects and superseded month files of the days for which deleted objects are kept."""
    return size.landed_bytes * (1 + REWRITTEN) / DAYS * RETENTION_DAYS / GIB


def _published(size: Size) -> float:
    """Bytes that Pub/Sub bills, each event being a request of its publisher; a pull brings what has come since."""
    pulls = min(size.events, MONTH_S)  # at most about one a second: it waits for messages
    return size.events * REQUEST_MIN_BYTES + max(pulls * REQUEST_MIN_BYTES, size.events * EVENT_BYTES)


def _logged(size: Size) -> float:
    request, line = LOG_BYTES
    lines = size.objects / 2 + size.canaries + size.compactions
    return (size.questions + size.canaries * CANARY_REQUESTS) * request + lines * line


def _measured() -> float:
    counter, distribution = POINT_BYTES
    return POINTS_PER_MONTH * (COUNTERS * counter + DISTRIBUTIONS * distribution)
