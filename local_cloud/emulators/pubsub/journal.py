"""A broker's journal: topics, subscriptions, messages and acks, each a line of a file.

A line is on disk before its call is answered, so a killed server forgets nothing that it confirmed,
like the real service. The file is append-only, up to a limit. Leases are not kept: a server that
starts delivers unacked messages again.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cloud.emulators.pubsub.errors import ResourceExhausted

# Ten times the year of real flights: a journal is read as a whole when its server starts.
DEFAULT_MAX_JOURNAL_BYTES = 5_000_000_000


class JournalUnusable(Exception):
    """Another server uses the file, or it is not a journal."""


@dataclass
class Kept:
    """What the file says: per subscription what it is, and the bodies that are unacked, by number."""

    topics: set[str] = field(default_factory=set)
    subscriptions: dict[str, tuple[str, int, bool]] = field(default_factory=dict)
    """Topic, ack deadline in seconds, whether delivery is exactly once."""
    unacked: dict[str, dict[int, bytes]] = field(default_factory=dict)
    next_number: int = 1

    def apply(self, record: Sequence[Any]) -> None:
        match record:
            case ["topic", name]:
                self.topics.add(name)
            case ["no topic", name]:
                self.topics.discard(name)
            case ["subscription", name, topic, ack_deadline_s, *exactly_once]:  # older files do not say
                self.subscriptions[name] = topic, ack_deadline_s, any(exactly_once)
                self.unacked[name] = {}
            case ["no subscription", name]:
                del self.subscriptions[name], self.unacked[name]
            case ["publish", subscriptions, first, bodies]:
                messages = {first + i: base64.b64decode(body) for i, body in enumerate(bodies)}
                for name in subscriptions:
                    self.unacked[name].update(messages)
                self.next_number = first + len(bodies)
            case ["ack", name, numbers]:
                for number in numbers:
                    self.unacked[name].pop(number, None)
            case _:
                raise ValueError(f"no such record: {record!r}"[:100])


class Journal:
    """Appends to `path`, which is created if need be. Raises JournalUnusable."""

    def __init__(self, path: Path, max_bytes: int = DEFAULT_MAX_JOURNAL_BYTES) -> None:
        self._max_bytes = max_bytes
        self._file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.kept = self._read(path)
        except OSError as error:
            self._file.close()
            raise JournalUnusable(f"{path}: another server keeps its messages there") from error
        except (ValueError, LookupError) as error:
            self._file.close()
            raise JournalUnusable(f"{path}: not a journal of this server: {error}") from error

    def topic(self, name: str) -> None:
        self._append("topic", name)

    def no_topic(self, name: str) -> None:
        self._append("no topic", name)

    def subscription(self, name: str, topic: str, ack_deadline_s: int, is_exactly_once: bool = False) -> None:
        self._append("subscription", name, topic, ack_deadline_s, is_exactly_once)

    def no_subscription(self, name: str) -> None:
        self._append("no subscription", name)

    def publish(self, subscriptions: Sequence[str], first: int, bodies: Sequence[bytes]) -> None:
        """Raises ResourceExhausted when the file is as large as it may be."""
        if self._file.tell() > self._max_bytes:
            raise ResourceExhausted(f"The journal has {self._file.tell()} bytes, the limit is {self._max_bytes}")
        self._append("publish", list(subscriptions), first, [base64.b64encode(body).decode() for body in bodies])

    def ack(self, subscription: str, numbers: Sequence[int]) -> None:
        if numbers:
            self._append("ack", subscription, list(numbers))

    def close(self) -> None:
        self._file.close()

    def _append(self, *record: Any) -> None:
        line = json.dumps(record).encode() + b"\n"
        while line:  # a full disk or a signal may cut a write short
            line = line[self._file.write(line) :]
        os.fsync(self._file.fileno())

    def _read(self, path: Path) -> Kept:
        kept = Kept()
        end = 0
        with path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # cut off by a kill, hence never answered
                kept.apply(json.loads(line))
                end += len(line)
        self._file.truncate(end)
        self._file.seek(end)
        return kept
