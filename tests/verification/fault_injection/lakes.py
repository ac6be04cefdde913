"""A bucket, seen directly and through the lying proxy."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from unittest import mock

from google.cloud import storage

from lakehouse.store.gcs import GcsStore
from local_cloud.emulators.gcs import GcsServer
from tests.verification.fault_injection.proxy import LyingProxy

TIMEOUT_S = (2.0, 0.4)  # tiny: every stall costs it; long enough for an honest server on a busy machine
STALL_S = 1.0  # longer than that
RETRY_S = 1.5
_SIMPLE_UP_TO_BYTES = 1000  # tiny: landed files and month files of a few rows are resumable uploads then

_buckets = itertools.count(1)


@dataclass(frozen=True)
class LyingLake:
    """`store` goes through the proxy; `truth` goes to the server."""

    proxy: LyingProxy
    store: GcsStore
    truth: GcsStore


@contextmanager
def lying_lake(server: GcsServer) -> Iterator[LyingLake]:
    """A new bucket behind a proxy that is honest so far."""
    bucket = f"lying-{os.getpid()}-{next(_buckets)}"
    with LyingProxy(server.port, STALL_S) as proxy:
        with mock.patch.dict(os.environ, STORAGE_EMULATOR_HOST=server.url):
            with closing(storage.Client()) as client:
                client.create_bucket(bucket)
            truth = GcsStore(bucket)
        with mock.patch.dict(os.environ, STORAGE_EMULATOR_HOST=proxy.url):
            store = GcsStore(bucket, RETRY_S, TIMEOUT_S)
        store._retry = store._retry.with_delay(initial=0.01, maximum=0.05)  # Google's second would be most of a test
        try:
            yield LyingLake(proxy, store, truth)
        finally:
            for each in (store, truth):
                each._client.close()


@contextmanager
def resumable_uploads() -> Iterator[None]:
    """Uploads objects above a kilobyte as Google's client does above 8 MiB."""
    with mock.patch("google.cloud.storage.blob._MAX_MULTIPART_SIZE", _SIMPLE_UP_TO_BYTES):
        yield
