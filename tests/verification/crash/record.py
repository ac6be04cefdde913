"""Reads the servers' disks, even of dead servers: published and acked messages, stored objects."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google import pubsub_v1

_Message: Any = pubsub_v1.PubsubMessage.pb()
_LOOK_EVERY_S = 0.5  # far more often than the compactors' grace lets an object go

Place = tuple[str, int]
"""A line of a message: message id, number of the line."""


@dataclass(frozen=True)
class Message:
    message_id: str
    publish_us: int
    data: bytes


class Journal:
    """The Pub/Sub server's file, read incrementally."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_to = 0
        self.published: dict[int, Message] = {}
        self.acked: set[int] = set()

    def read(self) -> None:
        with self._path.open("rb") as lines:
            lines.seek(self._read_to)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                self._apply(json.loads(line))
                self._read_to += len(line)

    def _apply(self, record: list[Any]) -> None:
        match record:
            case ["publish", _, first, bodies]:
                for number, body in enumerate(bodies, first):
                    message = _Message.FromString(base64.b64decode(body))
                    us = message.publish_time.seconds * 1_000_000 + message.publish_time.nanos // 1000
                    self.published[number] = Message(message.message_id, us, message.data)
            case ["ack", _, numbers]:
                self.acked.update(numbers)


class Objects:
    """A thread that records landed and rejected objects before they are deleted, also in a file."""

    def __init__(self, bucket: Path, log: Path) -> None:
        self._bucket = bucket
        self._log = log
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self.landed: set[Place] = set()
        self.rejected: set[Place] = set()
        self.stored_s: dict[str, float] = {}
        """By message id: when the last of its lines was first seen in an object."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="objects", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Returns when everything is noted that is there now."""
        with self._lock, self._log.open("a") as log:
            for name, places in self._new():
                self._note(name, places)
                log.write(json.dumps([name, places]) + "\n")

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            self.look()

    def _note(self, name: str, places: list[Place]) -> None:
        new = set(places) - self.landed - self.rejected  # what is delivered again was stored before
        self.stored_s.update(dict.fromkeys((message_id for message_id, _ in new), time.time()))
        (self.landed if name.startswith("landing/") else self.rejected).update(places)
        self._known.add(name)

    def _new(self) -> Iterator[tuple[str, list[Place]]]:
        for path in self._bucket.rglob("*.parquet"):
            name = str(path.relative_to(self._bucket))
            if name.startswith(("landing/", "rejected/")) and name not in self._known:
                try:
                    table = pq.ParquetFile(path).read(columns=["message_id", "message_line"])
                except (OSError, pa.ArrowInvalid):
                    continue  # half written, or just deleted; if it matters, an invariant will fail
                yield name, list(zip(*(column.to_pylist() for column in table.columns), strict=True))
