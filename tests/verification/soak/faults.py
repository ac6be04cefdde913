"""The faults of a soak: when each comes, what may be lost to it, and how it is done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.verification.crash.services import Services
from tests.verification.soak.load import NO_ANSWER
from tests.verification.soak.slow_link import SlowLink
from tests.verification.soak.small_disk import SmallDisk

FULL_S: Final = 900.0
"""The length of a full soak, for which the times of the faults are."""

API_CACHE: Final = "api"
_AWAY_S: Final = 1.0
_SLOW_S: Final = 1.5  # a request of storage: a plan is two, and may take 5 s

_DISK: Final = ("503 Local cache unavailable",)
_STORAGE: Final = (
    "503 Lake listing unavailable",
    "503 Storage is unavailable",
    "503 Too many questions at once",
    "504 The question took too long",
)


@dataclass(frozen=True)
class Fault:
    """One kind of fault. `may_lose` are beginnings of the kinds of answers that are meant for it.

    It lasts `lasts_s`, 0 for what is done at one stroke. A killed process (`kills`) is started
    again after that time, as an orchestrator would do it.
    """

    name: str
    what: str
    at_s: tuple[float, ...]
    lasts_s: float = 0.0
    kills: str = ""
    may_lose: tuple[str, ...] = ()


def _killed(name: str, process: str, *at_s: float, may_lose: tuple[str, ...] = ()) -> Fault:
    return Fault(f"{name} killed", "`kill -9`, started again after 1 s", at_s, _AWAY_S, process, may_lose)


FAULTS: Final = (
    # API and writer start anew in the first third: the others compare the memory of one process.
    _killed("API", "api", 45.0, may_lose=(NO_ANSWER,)),
    _killed("writer", "writer", 100.0),
    _killed("Pub/Sub", "pubsub", 155.0),
    _killed("compactor", "compactor-1", 200.0, 450.0, 640.0, 720.0),
    Fault("cache folder removed", "the API's, with all files in it", (250.0,), may_lose=_DISK),
    Fault("disk full", "of API and compactor, for a minute", (320.0,), lasts_s=60.0, may_lose=_DISK),
    Fault("storage slow", f"{_SLOW_S} s more a request, for a minute", (500.0,), lasts_s=60.0, may_lose=_STORAGE),
)


class Injector:
    """Does them to the services. From the main thread: children die with the thread that starts them."""

    def __init__(self, services: Services, disk: SmallDisk, link: SlowLink) -> None:
        self._services = services
        self._disk = disk
        self._link = link

    def begin(self, fault: Fault) -> None:
        if fault.kills:
            self._services.kill(fault.kills)
        else:
            self._others[fault.name][0]()

    def end(self, fault: Fault) -> None:
        if fault.kills:
            self._services.start(fault.kills)
        else:
            self._others[fault.name][1]()

    @property
    def _others(self) -> dict[str, tuple[Callable[[], None], Callable[[], None]]]:
        return {
            "cache folder removed": (self._remove_cache, lambda: None),
            "disk full": (lambda: self._disk.fill(self._on_disk), lambda: self._disk.free(self._on_disk)),
            "storage slow": (lambda: self._slow(_SLOW_S), lambda: self._slow(0.0)),
        }

    def _remove_cache(self) -> None:
        """At one stroke: a download would put a file into a folder that is being emptied."""
        removed = self._disk.folder / API_CACHE
        shutil.rmtree(removed.rename(removed.with_name("removed")))

    @property
    def _on_disk(self) -> list[int]:
        return [self._services.pid(name) for name in ("api", "compactor-1")]

    def _slow(self, seconds: float) -> None:
        self._link.delay_s = seconds
