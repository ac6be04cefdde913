"""What processes use over time: memory, descriptors, threads (Linux: proc(5))."""

from __future__ import annotations

import json
import os
import resource
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_SAMPLES: Final = 600


@dataclass(frozen=True)
class Sample:
    """One process at one moment."""

    at_s: float
    name: str
    pid: int
    memory_mb: float
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Third:
    """Medians of one process over a third of a run."""

    memory_mb: float
    descriptors: float
    threads: float


class Usage:
    """A thread that samples the processes that `pids` names, from `start` to `stop`."""

    def __init__(self, pids: Callable[[], Mapping[str, int]], seconds: float) -> None:
        self.samples: list[Sample] = []
        self._pids = pids
        self._every_s = max(0.2, seconds / _SAMPLES)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def write(self, path: Path) -> None:
        """All samples, one a line."""
        path.write_text("".join(json.dumps(asdict(sample)) + "\n" for sample in self.samples))

    def third(self, name: str, began_s: float, ended_s: float, number: int) -> Third | None:
        """The medians in third `number` (0, 1, 2); None when it was not one process all the time."""
        length_s = (ended_s - began_s) / 3
        first_s = began_s + number * length_s
        found = [s for s in self.samples if s.name == name and first_s <= s.at_s < first_s + length_s]
        if len({sample.pid for sample in found}) != 1:
            return None
        return Third(
            *(statistics.median(getattr(s, field) for s in found) for field in ("memory_mb", "descriptors", "threads"))
        )

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            for name, pid in self._pids().items():
                if (sample := _sample(name, pid)) is not None:
                    self.samples.append(sample)


class Busy:
    """How much of the machine other work takes, from here on."""

    def __init__(self, children_s: Callable[[], float]) -> None:
        """`children_s`: CPU seconds of the children that run."""
        self._children_s = children_s
        self._began = self._now()

    def others_share(self) -> float:
        """Of all its cores' time."""
        (total_0, idle_0, own_0), (total, idle, own) = self._began, self._now()
        return max(0.0, 1.0 - (idle - idle_0 + own - own_0) / max(total - total_0, 1e-9))

    def _now(self) -> tuple[float, float, float]:
        """Seconds of all cores, of their idleness, and of this process and its children, ended ones too."""
        ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        own_s = time.process_time() + ended.ru_utime + ended.ru_stime + self._children_s()
        per_s = os.sysconf("SC_CLK_TCK")
        return sum(ticks) / per_s, (ticks[3] + ticks[4]) / per_s, own_s


def _sample(name: str, pid: int) -> Sample | None:
    """None when it has just ended."""
    process = Path(f"/proc/{pid}")
    try:
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        descriptors = len(list((process / "fd").iterdir()))
        return Sample(
            time.time(), name, pid, int(status["VmRSS"].split()[0]) / 1024, descriptors, int(status["Threads"])
        )
    except (OSError, KeyError):
        return None
