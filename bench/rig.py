"""The rig of a measure: sizes, cores, a folder, the lakes, and pinned processes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.asker import Asker
from bench.http import Client
from bench.machine import Cores
from bench.scale import ScaleData
from bench.sizes import Sizes
from local_cloud.processes.supervise import Processes, free_port, local_cloud_exports


class NotMeasuredError(Exception):
    """A peer or a tool is missing; the message says which, and how to get it."""


@dataclass(frozen=True)
class Api:
    """A running API."""

    name: str
    url: str
    pid: int
    closing: ExitStack

    def client(self) -> Client:
        """A connection that is closed with the run."""
        return self.closing.enter_context(closing(Client(self.url)))


@dataclass
class Rig:
    """One run."""

    sizes: Sizes
    cores: Cores
    folder: Path
    processes: Processes
    scale: ScaleData
    closing: ExitStack
    """Closes what a measure leaves open."""
    _started: int = field(default=0, init=False)

    def start(self, name: str, arguments: Sequence[str], cores: frozenset[int], env: Mapping[str, str]) -> str:
        """Starts `python -m ...arguments` on those cores; the name that it runs under."""
        self._started += 1
        unique = f"{name}-{self._started}"
        self.processes.start(unique, arguments, env)
        # Before it has threads: later ones inherit it, and it counts its cores by it.
        os.sched_setaffinity(self.processes.process(unique).pid, cores)
        return unique

    def asker(self, module: str, cores: frozenset[int]) -> Asker:
        """A peer that answers questions; it ends with the run."""
        return self.closing.enter_context(closing(Asker(module, cores)))

    def process(self, name: str) -> subprocess.Popen[bytes]:
        return self.processes.process(name)

    def cloud(self) -> dict[str, str]:
        """A Pub/Sub and a Cloud Storage of their own, on the core that asks; the settings that lead there."""
        ports = [f"--pubsub-port={free_port()}", f"--gcs-port={free_port()}"]
        name = self.start("cloud", ["local_cloud", "up", *ports], self.cores.asking, {})
        exports = local_cloud_exports(self.processes, name)
        for name in ("PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"):
            os.environ[name] = exports[name]  # the measure publishes, and may look at what has landed
        return exports

    @contextmanager
    def pinned(self, cores: frozenset[int]) -> Iterator[None]:
        """This thread, and threads that it starts, on those cores for the time of the block."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def api(self, lake_url: str, cores: frozenset[int] | None = None, **settings: str) -> Api:
        """An API over a lake, ready. Answers are not kept unless API_RESULT_CACHE_MB says so."""
        port = free_port()
        defaults = {"LAKE_URL": lake_url, "PORT": str(port), "API_HOST": "127.0.0.1", "API_RESULT_CACHE_MB": "0"}
        name = self.start("api", ["query_service"], cores or self.cores.serving, defaults | settings)
        url = f"http://127.0.0.1:{port}"
        self.processes.wait_until_answers(name, f"{url}/ready")
        return Api(name, url, self.process(name).pid, self.closing)

    def stop(self, *names: str) -> None:
        for name in names:
            self.processes.stop(name)
