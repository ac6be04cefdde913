"""File descriptors: as many as the process may have, and how many of them connections may take."""

from __future__ import annotations

import logging
import resource
from dataclasses import dataclass
from typing import Final

_WANTED: Final = 65_536
"""Enough for every setting's default many times over; the kernel's table grows with what is used, not with this."""

_KEPT: Final = 256
"""Not for connections: files of the cache, DuckDB's, storage connections, and those that have just been accepted."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConnectionRoom:
    """How many connections may be open, and how many are accepted before the bound is looked at again."""

    max_connections: int
    accepted_at_once: int


def raise_descriptor_limit(max_connections: int) -> int:
    """Raises the soft limit of open files up to the hard one where that helps; the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(_WANTED, max_connections + _KEPT)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # a system that says more than it gives
        _log.warning("the limit of open files stays at %d: %s", soft, error)
        return soft
    return wanted


def connection_room(max_connections: int, descriptors: int) -> ConnectionRoom:
    """Room for `max_connections`, or for fewer where too few descriptors would be left for files.

    Connections are accepted in bursts, and a burst is in the process about five turns of the loop before those that
    are too many have been closed: five bursts fit into a third of what is kept.
    """
    kept = min(_KEPT, descriptors // 2)
    room = ConnectionRoom(max(1, min(max_connections, descriptors - kept)), max(1, kept // 16))
    if room.max_connections < max_connections:
        _log.warning(
            "API_MAX_CONNECTIONS is %d, and this process may open %d files: %d connections are taken; raise the hard"
            " limit of open files (ulimit -Hn)",
            max_connections,
            descriptors,
            room.max_connections,
        )
    return room
