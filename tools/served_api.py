"""The service as a process of its own over a lake in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_cloud.processes.supervise import Processes, free_port


@contextmanager
def served(lake: Path, logs: Path, **settings: str) -> Iterator[str]:
    """The URL of a service over the lake in `lake`, until the block ends. `settings` are environment variables."""
    with Processes(logs) as processes:
        yield serving(processes, lake, **settings)


def serving(processes: Processes, lake: Path, **settings: str) -> str:
    """Starts it as `api` among `processes`; its URL, once it answers. `settings` are environment variables."""
    port = settings.get("PORT") or str(free_port(0))
    environment = {"LAKE_URL": lake.as_uri(), "API_HOST": "127.0.0.1"} | settings | {"PORT": port}
    processes.start("api", ["query_service"], environment)
    url = f"http://127.0.0.1:{port}"
    processes.wait_until_answers("api", f"{url}/ready")
    return url
