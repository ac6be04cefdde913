"""A field `gate` added to the source by the steps of ARCHITECTURE.md: lines, and what they become."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CHANGES: Final = (
    ("lakehouse/schema/event.py", "FORMAT_VERSION: Final = 1\n", "FORMAT_VERSION: Final = 2\n"),
    (
        "lakehouse/schema/event.py",
        '("tail_number", pa.string()),',
        '("gate", pa.string()),\n        ("tail_number", pa.string()),',
    ),
    (
        "lakehouse/schema/versions.py",
        "ADDED: Final[Mapping[int, tuple[str, ...]]] = {}",
        'ADDED: Final[Mapping[int, tuple[str, ...]]] = {2: ("gate",)}',
    ),
    (
        "lakehouse/schema/json_schema.py",
        '    "tail_number": {\n',
        '    "gate": _text("[A-Z0-9]{1,6}", "Of the departure."),\n    "tail_number": {\n',
    ),
    (
        "ingest_writer/decoding/decoder.py",
        "    tail_number: Annotated",
        '    gate: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,6}\\Z")] | None = None\n    tail_number: Annotated',
    ),
    (
        "ingest_writer/decoding/decoder.py",
        "        event.tail_number,\n",
        "        event.gate,\n        event.tail_number,\n",
    ),
    (
        "ingest_writer/decoding/vectorized.py",
        '"actual_arrival", "tail_number"),',
        '"actual_arrival", "gate", "tail_number"),',
    ),
    (
        "ingest_writer/decoding/vectorized.py",
        "    tail_number: Annotated",
        "    gate: str | None = _NO_TEXT\n    tail_number: Annotated",
    ),
    (
        "ingest_writer/decoding/vectorized.py",
        '            "tail_number": _texts(',
        '            "gate": _texts([line.gate for line in lines]),\n            "tail_number": _texts(',
    ),
    (
        "ingest_writer/decoding/vectorized.py",
        '        "tail_number": fields.optional',
        '        "gate": verdict.texts(fields.optional("gate"), "[A-Z0-9]{1,6}"),\n'
        '        "tail_number": fields.optional',
    ),
    (
        "query_service/api/openapi/examples.py",
        '    "tail_number": "N14228",\n',
        '    "gate": "C71",\n    "tail_number": "N14228",\n',
    ),
)


def add_gate(tree: Path) -> None:
    """Changes the source in `tree`."""
    for name, line, becomes in CHANGES:
        source = (tree / name).read_text()
        assert source.count(line) == 1, f"{name} has no longer one {line!r}"
        (tree / name).write_text(source.replace(line, becomes))
