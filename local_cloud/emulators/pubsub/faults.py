"""Faults that the real service may have and that a subscriber must survive.

Each kind of fault has its own seeded dice, so turning one on does not change the others. The n-th
publish, ack or RPC has the same outcome in every run. Which message is the n-th depends on the
concurrency of the clients.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields


def _fraction(help_text: str) -> float:
    value: float = field(default=0.0, metadata={"help": help_text})
    return value


@dataclass(frozen=True)
class Faults:
    """Fractions from 0 (never, the default) to 1 (always), and two amounts of time."""

    redeliver: float = _fraction("fraction of acked messages that are delivered once more")
    duplicate: float = _fraction("fraction of messages that are published again under a new message id")
    reorder: float = _fraction("fraction of messages held back for a random time, behind later ones")
    # Longer than the milliseconds between two publishes, short enough for a person to wait.
    reorder_s: float = field(default=1.0, metadata={"help": "longest time that reorder holds a message back"})
    delay: float = _fraction("fraction of messages that are held back by delay-s")
    delay_s: float = field(default=5.0, metadata={"help": "seconds that delay holds a message back"})
    drop_acks: float = _fraction("fraction of acks that are ignored, so that the deadline passes")
    unavailable_before: float = _fraction("fraction of data RPCs answered UNAVAILABLE and not carried out")
    unavailable_after: float = _fraction("fraction of data RPCs carried out, then answered UNAVAILABLE")
    seed: int = field(default=0, metadata={"help": "seed of the dice"})

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name.endswith("_s"):
                if value < 0:
                    raise ValueError(f"{setting.name} must not be negative, not {value}")
            elif setting.name != "seed" and not 0 <= value <= 1:
                raise ValueError(f"{setting.name} must be a fraction from 0 to 1, not {value}")


class Dice:
    """Decides for each occasion whether the fault happens."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._dice = {setting.name: random.Random(f"{faults.seed}/{setting.name}") for setting in fields(faults)}

    def hits(self, fault: str) -> bool:
        fraction: float = getattr(self._faults, fault)
        return fraction > 0 and self._dice[fault].random() < fraction

    def hold_s(self) -> float:
        """For how long a freshly published message is held back."""
        held = 0.0
        if self.hits("reorder"):
            held += self._dice["reorder_s"].uniform(0, self._faults.reorder_s)
        if self.hits("delay"):
            held += self._faults.delay_s
        return held
