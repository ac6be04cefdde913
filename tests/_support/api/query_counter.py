"""How often something happened."""

from __future__ import annotations


class Counter:
    """How often something happened."""

    def __init__(self) -> None:
        self.count = 0
