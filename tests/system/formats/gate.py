"""The field `gate`, added to a copy of the source by the steps of "Add a field" in CONTRIBUTING.md."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from lakehouse.schema.event import FORMAT_VERSION


class Insertion(NamedTuple):
    """Lines that come into a file after the one that `after` is."""

    file: str
    after: str
    lines: str


TABLE: Final = "lakehouse/schema/event.py"
FORMAT_WITH_GATE: Final = FORMAT_VERSION + 1
ENTRY: Final = Insertion(
    TABLE,
    '        example="N14228",\n    ),\n',
    f"""\
    Text(
        "gate",
        description="Departure gate.",
        pattern="[A-Z0-9]{{1,6}}",
        example="C71",
        since_format={FORMAT_WITH_GATE},
    ),
""",
)
DECODERS: Final = (
    Insertion(
        "ingest_writer/decoding/event.py",
        '    tail_number: Annotated[str, limits("tail_number")] | None = None\n',
        '    gate: Annotated[str, limits("gate")] | None = None\n',
    ),
    Insertion("ingest_writer/decoding/line.py", "        event.tail_number,\n", "        event.gate,\n"),
    Insertion(
        "ingest_writer/decoding/vectorized.py",
        "    tail_number: str | None = _NO_TEXT\n",
        "    gate: str | None = _NO_TEXT\n",
    ),
    Insertion(
        "ingest_writer/decoding/vectorized.py",
        '            "tail_number": _texts([line.tail_number for line in lines]),\n',
        '            "gate": _texts([line.gate for line in lines]),\n',
    ),
    Insertion(
        "ingest_writer/decoding/vectorized.py",
        '        "tail_number": checked.texts("tail_number", fields.optional("tail_number")),\n',
        '        "gate": checked.texts("gate", fields.optional("gate")),\n',
    ),
)
ORACLE: Final = Insertion(
    "tests/verification/fuzz/messages/oracle.py",
    "        tail,\n",
    '        None if values.get("gate") is None else _code(values["gate"], 1, 6),\n',
)


def add_gate(tree: Path) -> None:
    """Changes the source in `tree`."""
    _raise_format_version(tree / TABLE)
    _insert(tree, [ENTRY])
    _insert(tree, DECODERS)
    subprocess.run([sys.executable, "-m", "tools.fields"], cwd=tree, check=True)  # make fields
    _insert(tree, [ORACLE])


def _raise_format_version(table: Path) -> None:
    source = table.read_text(encoding="utf-8")
    before = f"FORMAT_VERSION: Final = {FORMAT_VERSION}\n"
    assert source.count(before) == 1
    table.write_text(source.replace(before, f"FORMAT_VERSION: Final = {FORMAT_WITH_GATE}\n"), encoding="utf-8")


def _insert(tree: Path, insertions: Sequence[Insertion]) -> None:
    for file, after, lines in insertions:
        source = (tree / file).read_text(encoding="utf-8")
        assert source.count(after) == 1, f"{file} has no longer one {after!r}"
        (tree / file).write_text(source.replace(after, after + lines), encoding="utf-8")
