"""A lake of real flights in the local Cloud Storage and in a folder, as analysts find it: merged files and a tail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lakehouse.store.open import open_store
from lakehouse.store.store import Store
from local_cloud.emulators.gcs import GcsServer

BUCKET = "gs://flights-lake"
MONTHS = ("2013-06", "2013-07")  # the page speaks of July; each more would take a second
EVERY = 100


@dataclass(frozen=True)
class Lakes:
    """The same merged flights twice; `carriers` counts them. In the bucket a flight of carrier T1 is in the tail."""

    server: GcsServer
    folder: Path
    carriers: dict[str, int]

    def bucket(self) -> Store:
        return open_store(BUCKET)
