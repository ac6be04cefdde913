"""`replay`: the events of real flights into Pub/Sub messages, published with the official client."""

from __future__ import annotations

import argparse
import itertools
import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import pubsub_v1

from lakehouse.command_line.arguments import Parser
from lakehouse.command_line.settings_text import Variable, settings_text
from local_cloud.flights.events import count_events_of, events_of
from local_cloud.flights.nycflights13 import read_flights
from local_cloud.flights.progress import progress
from local_cloud.processes.numbers import positive_float, positive_int
from probe.errors import ConfigError
from probe.publisher import CREDENTIALS, check_emulator

DEFAULT_TOPIC = "projects/local/topics/flights"
DEFAULT_ADDRESS = "127.0.0.1:8085"
_TOPIC = re.compile(r"projects/[^/\s]+/topics/[^/\s]+")

# Measured on 2 cores, server included: 1 event a message 14,000 events/s; 10: 51,000; 50: 74,000; 100: 76,000 (the
# whole year in 13 s); 500: 71,000. By then rendering is the limit.
DEFAULT_EVENTS_PER_MESSAGE = 100

# Published but not confirmed: 8 MB, eight of the client's batches. Bounds memory, and how late an error is seen.
_MAX_UNCONFIRMED_EVENTS = 20_000

# A paced replay is a trickle, not a burst every few seconds: at least this many messages a second.
_MIN_MESSAGES_PER_S = 10

_BATCHING = pubsub_v1.types.BatchSettings(max_messages=1000, max_bytes=1_000_000, max_latency=0.02)


@dataclass(frozen=True)
class ReplayReport:
    events: int
    messages: int
    seconds: float

    def __str__(self) -> str:
        rate = self.events / self.seconds if self.seconds > 0 else 0.0
        return f"{self.events:,} events in {self.messages:,} messages, {self.seconds:.1f} s, {rate:,.0f} events/s"


def _ignore(_: int) -> None:
    pass


def replay(
    events: Iterable[bytes],
    topic: str = DEFAULT_TOPIC,
    *,
    events_per_message: int = DEFAULT_EVENTS_PER_MESSAGE,
    events_per_s: float | None = None,
    on_published: Callable[[int], None] = _ignore,
) -> ReplayReport:
    """Publishes all events, several a message, one a line; raises what publishing any of them raised.

    Where to is up to PUBSUB_EMULATOR_HOST, as always with this client.
    """
    if events_per_s is not None:
        events_per_message = max(1, min(events_per_message, int(events_per_s / _MIN_MESSAGES_PER_S)))
    started = time.monotonic()
    published = messages = 0
    unconfirmed: deque[Future[str]] = deque()
    with closing(_Publisher()) as publisher:
        remaining = iter(events)
        while lines := list(itertools.islice(remaining, events_per_message)):
            if events_per_s is not None:
                time.sleep(max(0.0, started + published / events_per_s - time.monotonic()))
            unconfirmed.append(publisher.publish(topic, b"\n".join(lines)))
            if len(unconfirmed) * events_per_message > _MAX_UNCONFIRMED_EVENTS:
                unconfirmed.popleft().result()
            published += len(lines)
            messages += 1
            on_published(len(lines))
        for future in unconfirmed:
            future.result()
    return ReplayReport(published, messages, time.monotonic() - started)


class _Publisher:
    """The official client, with its two ways of closing made one."""

    def __init__(self) -> None:
        self._client = pubsub_v1.PublisherClient(batch_settings=_BATCHING)

    def publish(self, topic: str, data: bytes) -> Future[str]:
        future: Future[str] = self._client.publish(topic, data)
        return future

    def close(self) -> None:
        self._client.stop()
        self._client.transport.close()


def main(argv: Sequence[str]) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    if _TOPIC.fullmatch(options.topic) is None:
        parser.error(f"the topic (--topic or PUBSUB_TOPIC) is {options.topic!r}; it takes projects/PROJECT/topics/NAME")
    # `up` in one terminal and `replay` in another must do without any settings.
    if options.topic.startswith("projects/local/"):
        os.environ.setdefault("PUBSUB_EMULATOR_HOST", DEFAULT_ADDRESS)
    try:
        check_emulator(options.topic)
    except ConfigError as error:
        return _failed(f"{error}; start it with: python -m local_cloud up")
    flights = read_flights(options.limit)
    try:
        with progress("events", count_events_of(flights)) as advance:
            report = replay(
                events_of(flights),
                options.topic,
                events_per_message=options.events_per_message,
                events_per_s=options.rate,
                on_published=advance,
            )
    except GoogleAPIError as error:
        return _failed(f"publishing failed: {error}")
    except GoogleAuthError as error:
        return _failed(
            f"{options.topic} is not local, PUBSUB_EMULATOR_HOST is not set, and there are no credentials:"
            f" {CREDENTIALS} ({error})"
        )
    print(f"replayed {report}", flush=True)
    return 0


def _failed(text: str) -> int:
    print(f"replay: {' '.join(text.split())}", file=sys.stderr, flush=True)
    return 1


_EPILOG = f"""example:
  python -m local_cloud replay --limit 10000 --rate 2000

{
    settings_text(
        [
            Variable("PUBSUB_TOPIC", DEFAULT_TOPIC, "Where to, unless --topic says it: projects/PROJECT/topics/NAME."),
            Variable(
                "PUBSUB_EMULATOR_HOST", f"{DEFAULT_ADDRESS} for a topic of the project local", "Where that server is."
            ),
        ]
    )
}"""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m local_cloud replay", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--limit", type=positive_int, help="only the first N flights of the file (default: all)")
    parser.add_argument("--rate", type=positive_float, help="events a second (default: as fast as it goes)")
    parser.add_argument(
        "--events-per-message",
        type=positive_int,
        default=DEFAULT_EVENTS_PER_MESSAGE,
        help="default %(default)s",
    )
    parser.add_argument("--topic", default=os.environ.get("PUBSUB_TOPIC", DEFAULT_TOPIC), help="default %(default)s")
    return parser
