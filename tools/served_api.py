"""The service as a process of its own over a lake in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_cloud.processes.supervise import Processes, free_port


@contextmanager
def served(lake: Path, logs: Path, **settings: str) -> Iterator[str]:
    """The URL of a service over the lake in `lake`, until the block ends. `settings` are environment variables."""
    port = free_port(0)
    environment = {"LAKE_URL": lake.as_uri(), "PORT": str(port), "API_HOST": "127.0.0.1"} | settings
    with Processes(logs) as processes:
        processes.start("api", ["query_service"], environment)
        url = f"http://127.0.0.1:{port}"
        processes.wait_until_answers("api", f"{url}/ready")
        yield url
