"""A small lake of random events, partly merged, partly in the tail, and its rows for the oracle."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

from lakehouse.store.local import LocalStore
from tests._support.lakes.builder import Event, LakeBuilder
from tests._support.oracles.stats_oracle import random_events

_EVENTS = 400
_SEED = 20_130_101


@dataclass(frozen=True)
class Lake:
    """The events that were landed, those of them that are in the only snapshot, and the store that holds them."""

    folder: Path
    store: LocalStore
    events: tuple[Event, ...]
    merged: tuple[Event, ...]

    def fingerprint(self) -> dict[str, str]:
        """Every file of the folder by its content."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(file.relative_to(self.folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def make_lake(folder: Path) -> Lake:
    """Two months merged and collected, newer and older events of the same flights in the tail."""
    folder.mkdir(parents=True)
    events = random_events(random.Random(_SEED), _EVENTS)
    lake = LakeBuilder(LocalStore(folder))
    half = len(events) // 2
    lake.land(*events[:half])
    lake.merge(collect=True)
    lake.land(*events[half:])
    return Lake(folder, LocalStore(folder), tuple(events), tuple(events[:half]))
