"""The writer that the Pub/Sub client's quick start leads to: callbacks, json.loads, from_pylist, 1,000-row files.

It acks after storing, as a careful user would. BENCH_READY and BENCH_DONE are marker files for the
measure.
"""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.auth.credentials import AnonymousCredentials
from google.cloud import pubsub_v1, storage

ROWS_A_FILE = 1000


class QuickStart:
    """Collects rows until a file is full."""

    def __init__(self, bucket: Any, messages: int) -> None:
        self._bucket = bucket
        self._expected = messages
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        self._messages: list[Any] = []
        self._seen: set[str] = set()
        self._acked: set[str] = set()
        self.written = 0
        self.done = threading.Event()

    def callback(self, message: Any) -> None:
        rows = [json.loads(line) for line in message.data.splitlines()]
        with self._lock:
            self._rows += rows
            self._messages.append(message)
            self._seen.add(message.message_id)
            is_last = len(self._seen) == self._expected
            if len(self._rows) < ROWS_A_FILE and not is_last:
                return
            full, self._rows = self._rows, []
            taken, self._messages = self._messages, []
        self._write(full)
        for one in taken:
            one.ack()
        with self._lock:
            self.written += len(full)
            self._acked.update(one.message_id for one in taken)
            if len(self._acked) == self._expected:
                self.done.set()

    def _write(self, rows: list[dict[str, Any]]) -> None:
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), out)
        self._bucket.blob(f"quick-start/{uuid.uuid4().hex}.parquet").upload_from_string(out.getvalue())


def main() -> None:
    pa.array((), pa.int32())  # imports what pyarrow imports late: its start is left out, as that of the other side
    client = storage.Client(project="local", credentials=AnonymousCredentials())
    writer = QuickStart(client.bucket(os.environ["LAKE_URL"].removeprefix("gs://")), int(os.environ["BENCH_MESSAGES"]))
    subscriber = pubsub_v1.SubscriberClient()
    began = time.process_time()
    pulling = subscriber.subscribe(os.environ["PUBSUB_SUBSCRIPTION"], callback=writer.callback)
    Path(os.environ["BENCH_READY"]).touch()
    writer.done.wait()
    pulling.cancel()
    pulling.result()  # acks still in transit
    done = Path(os.environ["BENCH_DONE"])
    partial = done.with_suffix(".partial")
    partial.write_text(json.dumps({"cpu_s": time.process_time() - began, "rows": writer.written}))
    partial.rename(done)
    signal.pause()  # the measure ends it


if __name__ == "__main__":
    main()
