"""The container's memory limit, from a file system laid out as the kernel does."""

from __future__ import annotations

from pathlib import Path

import pytest

from query_service import settings
from query_service.cgroup import memory_limit_bytes
from query_service.settings import Settings

GIB = 2**30


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in ({"proc/meminfo": f"MemTotal: {16 * GIB // 1024} kB\nMemFree: 1 kB\n"} | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),  # no control groups at all
        ({"sys/fs/cgroup/memory.max": "max\n"}, None),
        ({"sys/fs/cgroup/memory.max": f"{2 * GIB}\n"}, 2 * GIB),  # v2, as a container sees it
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}\n"}, GIB),  # v1, and Cloud Run's first generation
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),  # v1's way to say none
        ({"sys/fs/cgroup/memory.max": f"{16 * GIB}\n"}, None),  # no less than the machine has
        ({"sys/fs/cgroup/memory.max": "lots\n"}, None),
        (
            {
                "proc/self/cgroup": "0::/pods.slice/pod1\n",
                "sys/fs/cgroup/pods.slice/memory.max": f"{2 * GIB}\n",  # the smallest on the way counts
                "sys/fs/cgroup/pods.slice/pod1/memory.max": f"{3 * GIB}\n",
            },
            2 * GIB,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,memory:/docker/1\n3:cpuset:/other\n0::/\n",
                "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": f"{GIB}\n",
                "sys/fs/cgroup/memory/other/memory.limit_in_bytes": "1\n",  # of another hierarchy's path
            },
            GIB,
        ),
    ],
)
def test_the_smallest_limit_of_the_groups_around_us_counts(
    files: dict[str, str], limit: int | None, tmp_path: Path
) -> None:
    assert memory_limit_bytes(lay_out(tmp_path, files)) == limit


def test_the_limit_of_this_machine_can_be_read() -> None:
    limit = memory_limit_bytes()
    assert limit is None or limit > 0


@pytest.mark.parametrize(("limit", "memory_mb"), [(None, 512), (2 * GIB, 536), (512 * 2**20, 134), (1000, 64)])
def test_duckdb_takes_a_quarter_of_the_container(
    limit: int | None, memory_mb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "memory_limit_bytes", lambda: limit)
    monkeypatch.delenv("API_DUCKDB_MEMORY_MB", raising=False)
    assert Settings(LAKE_URL="memory://").duckdb_memory_mb == memory_mb  # type: ignore[call-arg]
    monkeypatch.setenv("API_DUCKDB_MEMORY_MB", "300")
    assert Settings(LAKE_URL="memory://").duckdb_memory_mb == 300  # type: ignore[call-arg]


@pytest.mark.parametrize(("limit", "memory_mb"), [(None, 128), (2 * GIB, 134), (1000, 0)])
def test_parts_of_answers_take_a_sixteenth_of_the_container(
    limit: int | None, memory_mb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "memory_limit_bytes", lambda: limit)
    monkeypatch.delenv("API_ROLLUP_CACHE_MB", raising=False)
    assert Settings(LAKE_URL="memory://").rollup_cache_mb == memory_mb  # type: ignore[call-arg]
