"""What bounds a load in memory and on disk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadLimits:
    """What bounds memory and disk, whatever the files are."""

    batch_max_rows: int = 50_000
    batch_max_bytes: int = 64_000_000
    spill_open_files: int = 128
    unpacked_max_bytes: int = 16_000_000_000
    row_max_bytes: int = 10_000_000
    packed_batch_max_bytes: int = 1_000_000_000
