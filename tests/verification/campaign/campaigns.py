"""The long runs: name, command and size of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sizes:
    """The size of each run. `docs/proof.md` reports the defaults."""

    seeds: int = 100_000
    real_seeds: int = 1_000
    storage_seeds: int = 200
    kills: int = 1_000
    messages: int = 1_000_000
    questions: int = 20_000
    soak_minutes: int = 60
    processes: int = 2


@dataclass(frozen=True)
class Campaign:
    """One long run: `module` with `arguments`; with a state file it resumes."""

    name: str
    module: str
    arguments: tuple[str, ...]
    is_resumable: bool = True

    def command(self, folder: Path) -> list[str]:
        state = ["--state", str(folder / f"{self.name}.json")] if self.is_resumable else []
        return [self.module, *self.arguments, *state]


def campaigns(sizes: Sizes) -> tuple[Campaign, ...]:
    """All of them, the quick ones first."""
    processes = ("--processes", str(sizes.processes))
    return (
        Campaign("model", "tests.verification.model_checker", ("--big",), is_resumable=False),
        Campaign("crashes", "tests.verification.simulation", ("crashes", *processes)),
        Campaign("messages", "tests.verification.fuzz.messages", ("--messages", str(sizes.messages))),
        Campaign("questions", "tests.verification.fuzz.requests", ("--questions", str(sizes.questions))),
        Campaign("storage", "tests.verification.fault_injection", ("--seeds", f"0..{sizes.storage_seeds - 1}")),
        Campaign("seeds", "tests.verification.simulation", ("--seeds", f"0..{sizes.seeds - 1}", *processes)),
        Campaign(
            "real-seeds",
            "tests.verification.simulation",
            ("--real", "--seeds", f"0..{sizes.real_seeds - 1}", *processes),
        ),
        Campaign("pairs", "tests.verification.simulation", ("crashes", "--pairs", *processes)),
        Campaign("soak", "tests.verification.soak", ("--minutes", str(sizes.soak_minutes)), is_resumable=False),
        Campaign("kills", "tests.verification.crash", ("--kills", str(sizes.kills))),
    )
