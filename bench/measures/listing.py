"""Measure 20: listing a folder of 200,000 objects again, against walking it; and the memory that it takes."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.asker import Asker
from bench.figure import Figure, Goal, bounded, compared
from bench.rig import Rig
from bench.rounds import interleaved
from lakehouse.schema.event import FORMAT_VERSION

_FOLDERS = 1_000
_ROUNDS = 5
_BYTES_AN_OBJECT = 600
"""A path of 150 characters, the checksum with its key of four numbers, and the place in the table."""
_INTERPRETER_MB = 25.0


def measure_listing(rig: Rig) -> list[Figure]:
    root = rig.folder / "objects"
    _create(root, rig.sizes.objects)
    sides = {how: Asker("bench.peers.lister", rig.cores.of(0)) for how in ("store", "walk")}
    try:
        counts = {how: asker.ask({"how": how, "root": str(root)})["objects"] for how, asker in sides.items()}
        if set(counts.values()) != {rig.sizes.objects}:
            raise ValueError(f"listed {counts} of {rig.sizes.objects} objects")
        asked = {
            how: lambda how=how, asker=asker: asker.ask({"how": how, "root": str(root)})["cpu_s"]
            for how, asker in sides.items()
        }
        found = interleaved(asked, _ROUNDS)
        peak_mb = sides["store"].ask({"how": "store", "root": str(root)})["peak_mb"]
    finally:
        for asker in sides.values():
            asker.close()
        shutil.rmtree(root)
    what = f"listing {rig.sizes.objects:,} objects of a folder again, CPU"
    bound_mb = _INTERPRETER_MB + rig.sizes.objects * _BYTES_AN_OBJECT / 1e6
    note = "with size, checksum and time of each; the walk has no checksum"
    return [
        compared("20", what, "s", found["store"], "os.walk and stat", found["walk"], Goal(3), note),
        bounded("20", "its peak memory", "MB", [peak_mb], bound_mb, Goal(1), f"{_BYTES_AN_OBJECT} bytes an object"),
    ]


def _create(root: Path, objects: int) -> None:
    """Small files by names as a writer gives them; contents do not matter to a listing."""
    for folder in range(_FOLDERS):
        parent = root / "landing" / f"flight_date=date-{folder:04}"
        parent.mkdir(parents=True)
        for number in range(folder, objects, _FOLDERS):
            (parent / f"v{FORMAT_VERSION}-20130101T000000000000Z-{number:032x}.parquet").write_bytes(b"%d" % number)
