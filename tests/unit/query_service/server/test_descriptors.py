"""How many files the process may open, and how many of them connections may take."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from query_service.server.descriptors import connection_room

RAISED = """
import resource
from query_service.server.descriptors import raise_descriptor_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (200, {hard}))
print(raise_descriptor_limit(512), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize("hard", [200, 700, 1024])
def test_the_soft_limit_is_raised_to_the_hard_one(hard: int) -> None:
    if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.skip("this machine allows fewer")
    done = subprocess.run([sys.executable, "-c", RAISED.format(hard=hard)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(hard)] * 2


def test_as_many_connections_as_wanted_where_files_have_enough() -> None:
    assert connection_room(512, 1024).max_connections == 512


@pytest.mark.parametrize("descriptors", [16, 64, 256, 600])
def test_files_keep_their_descriptors_where_there_are_few(descriptors: int, caplog: pytest.LogCaptureFixture) -> None:
    room = connection_room(512, descriptors)
    assert 1 <= room.max_connections <= descriptors - min(256, descriptors // 2)
    assert room.max_connections + 5 * room.accepted_at_once <= descriptors
    assert f"may open {descriptors} files" in caplog.text
