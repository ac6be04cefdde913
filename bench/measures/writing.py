"""Measures 1 and 2: the writer's CPU per event, against the quick start's writer and against parsing alone."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from google.cloud import pubsub_v1

from bench.figure import Figure, Goal, compared
from bench.http import Client
from bench.rig import Rig
from bench.rounds import interleaved
from bench.stream import live_events
from local_cloud.flights.replay import replay
from local_cloud.processes.supervise import cpu_seconds, free_port

PROJECT = "projects/local"
_SHAPES = {1: "one event a message", 100: "100 events a message"}
_WITHIN_S = 600.0
_LOOK_S = 0.5  # our writer answers each look: ten a second cost it as much as ten thousand events


@dataclass(frozen=True)
class Route:
    """A topic, and the settings that lead a writer to its subscription."""

    topic: str
    environment: dict[str, str]


def measure_two_writers(rig: Rig) -> list[Figure]:
    """What two writers carry in the CPU time of a core each, by what one carries in that of one."""
    cloud, events = rig.cloud(), live_events(rig.sizes.flights, rig.sizes.two_writers_events)
    sides = {str(n): lambda n=n: 1e6 / writer_us(rig, cloud, events, 100, n) * n for n in (1, 2)}
    found = interleaved(sides, rig.sizes.writer_rounds)
    note = (
        f"{len(events):,} events a round; by CPU time, for the servers of Pub/Sub and storage are on the same machine"
    )
    what, peer, goal = "two writers, 100 events a message", "one", Goal(1.8, at_least=True)
    return [compared("3", what, "events/s", found["2"], peer, found["1"], goal, note)]


def new_route(cloud: dict[str, str], name: str) -> Route:
    """A topic with one subscription, empty."""
    topic, subscription = f"{PROJECT}/topics/{name}", f"{PROJECT}/subscriptions/{name}"
    with pubsub_v1.PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
        publisher.create_topic(name=topic)
        subscriber.create_subscription(name=subscription, topic=topic, ack_deadline_seconds=60)
    return Route(topic, cloud | {"PUBSUB_SUBSCRIPTION": subscription})


def measure_writer(rig: Rig) -> list[Figure]:
    """Per shape of message, rounds of both writers over the same events."""
    cloud = rig.cloud()
    events = live_events(rig.sizes.flights, rig.sizes.writer_events)
    figures = []
    for each in rig.sizes.events_per_message:
        sides = {
            "ours": lambda each=each: writer_us(rig, cloud, events, each),
            "theirs": lambda each=each: quick_start_us(rig, cloud, events, each),
            "parse": lambda each=each: parse_us(rig, events, each),
        }
        found = interleaved(sides, rig.sizes.writer_rounds)
        figures += _figures(_SHAPES[each], found, len(events), is_parsing_comparable=each == 1)
    return figures


def _figures(shape: str, found: dict[str, list[float]], events: int, is_parsing_comparable: bool) -> list[Figure]:
    return [
        compared(
            "1",
            f"writer, CPU per event, pull to durable and acked; {shape}",
            "µs",
            found["ours"],
            "quick start: callbacks, json.loads, from_pylist, 1,000-row files",
            found["theirs"],
            Goal(10, at_least=True),
            f"{events:,} events a round",
            times_better=True,
        ),
        compared(
            "2",
            f"the same, as a rate; {shape}",
            "µs",
            found["ours"],
            "parsing the same pulls only, touching data and ids",
            found["parse"],
            Goal(0.33, at_least=True) if is_parsing_comparable else None,
            "" if is_parsing_comparable else "parsing does not look into a message: no goal",
            times_better=True,
        ),
    ]


def writer_us(rig: Rig, cloud: dict[str, str], events: Sequence[bytes], each: int, writers: int = 1) -> float:
    """CPU time per event of our writers, from the first message until the last ack; their start is left out."""
    route = new_route(cloud, f"ours-{time.monotonic_ns()}")
    running = [_start_writer(rig, route, rig.cores.of(number)) for number in range(writers)]
    pids = [rig.process(name).pid for name, _ in running]
    began = sum(map(cpu_seconds, pids))
    _publish_to_frozen(pids, events, route.topic, each)
    messages = -(-len(events) // each)
    _wait_for(lambda: sum(_acked(url) for _, url in running) >= messages, rig)
    spent = sum(map(cpu_seconds, pids)) - began
    rig.stop(*(name for name, _ in running))
    return spent / len(events) * 1e6


def _start_writer(rig: Rig, route: Route, cores: frozenset[int]) -> tuple[str, str]:
    """Its name and its URL, once it pulls."""
    port = free_port()
    environment = route.environment | {
        "WRITER_PORT": str(port),
        "WRITER_BATCH_MAX_AGE_S": str(rig.sizes.batch_age_s),
    }
    name = rig.start("writer", ["ingest_writer", "run"], cores, environment)
    url = f"http://127.0.0.1:{port}"
    rig.processes.wait_until_answers(name, f"{url}/health")
    return name, url


def _acked(url: str) -> int:
    client = Client(url)
    acked = json.loads(client.get("/ready").body)["acked"]
    client.close()
    return int(acked)


def quick_start_us(rig: Rig, cloud: dict[str, str], events: Sequence[bytes], each: int) -> float:
    """The same for the quick start's writer."""
    route = new_route(cloud, f"quick-{time.monotonic_ns()}")
    ready, done = (rig.folder / f"{time.monotonic_ns()}.{what}" for what in ("ready", "done"))
    environment = route.environment | {
        "BENCH_READY": str(ready),
        "BENCH_DONE": str(done),
        "BENCH_MESSAGES": str(-(-len(events) // each)),
    }
    name = rig.start("quick-start", ["bench.peers.quick_start"], rig.cores.of(0), environment)
    _wait_for(ready.exists, rig)
    _publish_to_frozen([rig.process(name).pid], events, route.topic, each)
    _wait_for(done.exists, rig)
    outcome = json.loads(done.read_text())
    if outcome["rows"] < len(events):
        raise ValueError(f"the quick start wrote {outcome['rows']} rows of {len(events)}")
    rig.stop(name)
    return float(outcome["cpu_s"]) / len(events) * 1e6


def parse_us(rig: Rig, events: Sequence[bytes], each: int) -> float:
    """CPU time per event of parsing pulls of 1,000 messages, in this process, on a core that serves."""
    pulls = _pulls(events, each)
    response = pubsub_v1.types.PullResponse.pb()
    with rig.pinned(rig.cores.of(0)):
        began, touched, times = time.process_time(), 0, 0
        while times == 0 or time.process_time() - began < 0.2:
            for pull in pulls:
                for received in response.FromString(pull).received_messages:
                    message = received.message
                    touched += len(message.data) + len(message.message_id) + len(received.ack_id)
            times += 1
        spent = time.process_time() - began
    if touched == 0:
        raise ValueError("nothing was parsed")
    return spent / times / len(events) * 1e6


def _pulls(events: Sequence[bytes], each: int) -> list[bytes]:
    types = pubsub_v1.types
    received = [
        types.ReceivedMessage.pb()(
            ack_id=f"projects/local/subscriptions/flights-writer:{number:020}",
            message=types.PubsubMessage.pb()(data=b"\n".join(events[at : at + each]), message_id=f"{number:020}"),
        )
        for number, at in enumerate(range(0, len(events), each))
    ]
    response = types.PullResponse.pb()
    return [
        response(received_messages=received[at : at + 1000]).SerializeToString() for at in range(0, len(received), 1000)
    ]


def _publish_to_frozen(pids: Sequence[int], events: Sequence[bytes], topic: str, each: int) -> None:
    """All of it waits before the writer wakes: both work at a backlog, and publishing takes no turns with them."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        replay(events, topic, events_per_message=each)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _wait_for(condition: Callable[[], bool], rig: Rig) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not condition():
        rig.processes.check()
        if time.monotonic() > deadline:
            raise TimeoutError("a side did not come to its end")
        time.sleep(_LOOK_S)
