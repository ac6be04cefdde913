"""Which ports the demo uses: those that are wanted, or others, which it says."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from local_cloud.processes.numbers import port
from local_cloud.processes.supervise import free_port

_WANTED: Final = {"api": 8080, "writer": 8081, "pubsub": 8085, "gcs": 4443}
_USED_BY: Final = {
    "api": "API and dashboard",
    "writer": "the writer's health",
    "pubsub": "Pub/Sub",
    "gcs": "Cloud Storage",
}


@dataclass(frozen=True)
class Ports:
    """All of 127.0.0.1, all different."""

    api: int
    writer: int
    pubsub: int
    gcs: int


def add_port_options(parser: argparse.ArgumentParser) -> None:
    for name, wanted in _WANTED.items():
        parser.add_argument(
            f"--{name}-port",
            type=port,
            default=wanted,
            metavar="PORT",
            help=f"for {_USED_BY[name]}; 0, or one that is taken: another one (default {wanted})",
        )


def chosen(options: argparse.Namespace, say: Callable[[str], None]) -> Ports:
    """Says of each port that is taken which one is used instead."""
    found: dict[str, int] = {}
    for name, user in _USED_BY.items():
        wanted = int(getattr(options, f"{name}_port"))
        found[name] = _other_than(found.values(), wanted)
        if wanted not in (0, found[name]):
            say(f"Port {wanted} is taken: {user} at port {found[name]} instead (--{name}-port chooses one).")
    return Ports(**found)


def _other_than(taken: Collection[int], wanted: int) -> int:
    number = free_port(0 if wanted in taken else wanted)
    while number in taken:
        number = free_port()
    return number
