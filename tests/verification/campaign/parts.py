"""The parts of `make verify`: the tests and sizes of each. The only list of their folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests._support.sizes import SIZES


@dataclass(frozen=True)
class Part:
    """One run of pytest.

    `options` names its sizes in `tests/_support/sizes.py`; `says` is what else it does and `make test` does not.
    """

    name: str
    paths: tuple[str, ...]
    options: tuple[str, ...] = ()
    says: str = ""
    arguments: tuple[str, ...] = ()
    is_long_only: bool = False
    """Leaves out what `make test` runs in full."""
    is_alone: bool = False
    """Measures: it has the machine for itself, after the others."""

    @property
    def command(self) -> list[str]:
        """All arguments of `python -m`."""
        sizes = [f"{option}={SIZES[option].long}" for option in self.options]
        return [
            "pytest",
            "-q",
            "-m",
            "long" if self.is_long_only else "",
            "-p",
            "no:cacheprovider",
            *self.paths,
            *sizes,
            *self.arguments,
        ]

    @property
    def size(self) -> str:
        """How much of what."""
        counted = [f"{SIZES[option].long:,} {SIZES[option].what}" for option in self.options]
        return ", ".join([*counted, *([self.says] if self.says else [])])


_FIVE: Final = "--measures=writer,question,repeated,tail,analysts"

PARTS: Final = (
    Part("soak", ("tests/verification/soak",), ("--soak-s",), arguments=("-s",), is_alone=True),
    Part(
        *("outside tables", ("tests/verification/outside_tables",), ("--live-s",)),
        says="more races of publishers of the outside tables",
    ),
    Part(
        "mutation",
        ("tests/verification/mutation",),
        says="each safeguard, taken out of the source, is missed by its test",
    ),
    Part(
        "pages",
        ("tests/system/dashboard", "tests/system/integration/test_demo.py"),
        says="the dashboard's rarer cases, sizes, themes and steps, axe in every view, and more of the demo",
        is_long_only=True,
    ),
    Part(
        "simulation",
        ("tests/verification/simulation",),
        ("--seeds", "--real-seeds", "--pairs"),
    ),
    Part(
        "exactness",
        tuple(f"tests/system/integration/test_{name}.py" for name in ("exactness", "caches", "on_time_file")),
        ("--flights", "--asked"),
        says="two writers and two compactors at once, and the README's example of the DOT's files",
    ),
    Part("crash", ("tests/verification/crash",), ("--kills",)),
    Part("messages", ("tests/verification/fuzz/messages",), ("--messages",), "more kinds of 10 MB in a message"),
    Part(
        *("storage", ("tests/verification/fault_injection",), ("--storage-seeds",)),
        says="a random run that notices damaged uploads in the second way of uploading",
    ),
    Part("engines", ("tests/system/engines",), ("--asked-engines",)),
    Part("questions", ("tests/verification/fuzz/requests",), ("--questions",)),
    Part("queries", ("tests/unit/lakehouse/client/test_query_dates.py",), ("--queries",)),
    Part(
        "cases",
        (
            *("tests/unit/query_service", "tests/unit/ingest_writer", "tests/repo/deploy"),
            *("tests/system/test_exports_are_imports.py", "tests/system/test_query_memory.py", "tests/system/formats"),
        ),
        says="more seeds of each random test of answers, and more cases where one stands for its kind here; a deploy's "
        "other failing and hanging steps; unit tests that know the fields, with one field more",
        is_long_only=True,
    ),
    Part(
        "clients",
        ("tests/system/clients",),
        says="clients generated from the API's document by openapi-python-client and openapi-typescript (online)",
        is_long_only=True,
    ),
    Part(
        "restore",
        ("tests/unit/local_cloud/test_rehearse_restore.py",),
        says="a rehearsal of a restore, and some that fail: no object comes back, or snapshots of a new history do",
        is_long_only=True,
    ),
    Part("model", ("tests/verification/model_checker",), says="the larger of the small worlds of the protocol"),
    Part("bench", ("tests/system/test_bench.py",), says="five measures in small", arguments=(_FIVE,)),
)
"""The longest first: three run at a time, since many wait for processes or a browser."""


def left_out() -> list[str]:
    """What `make test` does not do, and who does."""
    less = [f"{size.long:,} {size.what} (here {size.gate:,})" for size in SIZES.values()]
    more = [part.says for part in PARTS if part.says]
    return [
        "make verify (about half an hour):",
        *(f"  {each}" for each in (*more, *less)),
        "make prove (hours): the same with much larger sizes; make test-year: all real flights",
        "make test-engines: Spark; make check-deploy: Terraform and the images; make bench: measurements",
    ]
