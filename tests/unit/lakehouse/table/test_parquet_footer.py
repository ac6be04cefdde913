"""What a footer has to be before Arrow sees it, and that no damaged one ends the process."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
from pathlib import Path
from typing import Final

import duckdb
import pytest

from ingest_writer.landing import to_parquet
from lakehouse.errors import FormatTooNewError, UnreadableError
from lakehouse.schema.event import EVENT_SCHEMA, FORMAT_VERSION
from lakehouse.table.parquet_files import FooterInfo, check_landed_file, check_month_file
from lakehouse.table.parquet_footer import check_structure
from tests._support.lakes.rows import row, table, write

_DAY: Final = dt.date(2013, 1, 1)
_GOOD: Final = to_parquet(table([row(), row(number=2)]))


def _footer_of(data: bytes) -> bytes:
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


_FOOTER: Final = _footer_of(_GOOD)
_CHUNK: Final = b"\x26\x00\x1c"
"""Where a column chunk begins: its offset, and its metadata."""
_GROUPS: Final = b"\x19\x1c\x19"
"""Where the list of row groups begins: one, that begins with the list of its column chunks."""
_LEVELS: Final = b"\x29\x06\x19\x26"
"""Statistics of levels: none of repetition, two of definition."""
_LEVELS_THAT_ARE_NOT: Final = _FOOTER.replace(_LEVELS, b"\x29\x26\x00\x00\x19\x26", 1)
_DAMAGES: Final = 300
_CHILD: Final = """
import sys
from tests.unit.lakehouse.table.test_parquet_footer import damage_and_check
damage_and_check(sys.argv[1], int(sys.argv[2]))
"""


def _with(footer: bytes) -> bytes:
    return _GOOD[: -8 - len(_FOOTER)] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _refused(tmp_path: Path, footer: bytes, why: str) -> None:
    (tmp_path / "x").write_bytes(_with(footer))
    with pytest.raises(UnreadableError, match=f"landing/x: .*not a whole Parquet file: .*{why}"):
        check_landed_file("landing/x", tmp_path / "x", _DAY)


def test_levels_that_a_column_has_not_are_refused_before_arrow_ends_the_process(tmp_path: Path) -> None:
    assert _LEVELS_THAT_ARE_NOT != _FOOTER
    with pytest.raises(ValueError, match="levels"):
        check_structure(_LEVELS_THAT_ARE_NOT)
    _refused(tmp_path, _LEVELS_THAT_ARE_NOT, "levels")


def test_a_row_group_of_other_columns_than_the_schema_is_refused(tmp_path: Path) -> None:
    fewer = _footer_of(to_parquet(table([row()]).select(EVENT_SCHEMA.names[:-1])))
    footer = fewer[: fewer.index(_GROUPS)] + _FOOTER[_FOOTER.index(_GROUPS) :]
    _refused(tmp_path, footer, f"{len(EVENT_SCHEMA)} column chunks for {len(EVENT_SCHEMA) - 1} columns")


def test_a_column_chunk_in_another_file_is_refused_by_name(tmp_path: Path) -> None:
    """Arrow reads it as if it were here, DuckDB refuses the query of its whole date."""
    footer = _FOOTER.replace(_CHUNK, b"\x18\x05other\x16" + _CHUNK[1:], 1)
    _refused(tmp_path, footer, "file_path")


def test_statistics_of_another_width_than_their_column_are_refused(tmp_path: Path) -> None:
    """Arrow does not look at them, DuckDB refuses the query of its whole date."""
    at = _FOOTER.index(b"\x1c\x18\x04")
    _refused(tmp_path, _FOOTER[:at] + b"\x1c\x18\x03" + _FOOTER[at + 4 :], "statistics")


@pytest.mark.parametrize("footer", [b"", _FOOTER[:-1], _FOOTER + b"\x00", b"\x19\xfc\xff\xff\xff\xff\x0f", b"\x00"])
def test_a_footer_that_is_not_whole_or_goes_on_is_refused(footer: bytes) -> None:
    with pytest.raises(ValueError, match="footer"):
        check_structure(footer)


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="its footer has a number without end"):
        check_structure(b"\x15" + b"\xff" * 12)


def test_no_damaged_footer_ends_the_process_or_passes_and_fails_in_duckdb(tmp_path: Path) -> None:
    landed = write(tmp_path / "landed", [row(), row(number=2)])
    options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{format_version: '{FORMAT_VERSION}'}}"
    duckdb.sql(f"COPY (FROM read_parquet('{landed}')) TO '{tmp_path / 'month'}' ({options})")
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    command = [sys.executable, "-c", _CHILD, str(tmp_path), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "through\n"), done.stderr[-2000:]


def damage_and_check(folder: str, seed: int) -> None:
    """In a child: damages a landed file's and a month file's footer, and says when it is through."""
    path = Path(folder, "x")
    month = Path(folder, "month").read_bytes()
    randomness = random.Random(seed)
    for number in range(2 * _DAMAGES):
        data = bytearray(_GOOD if number % 2 else month)
        start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        for _ in range(randomness.choice((1, 1, 2, 5))):
            data[randomness.randrange(start, len(data))] ^= randomness.randrange(1, 256)
        path.write_bytes(data if number else _with(_LEVELS_THAT_ARE_NOT))
        try:
            if number % 2:
                check_landed_file("landing/x", path, _DAY)
            else:
                check_month_file("flights/x", path, FooterInfo(2, 1))
        except (UnreadableError, FormatTooNewError):
            continue
        if number % 2:  # of a month file's pages its checksum tells
            duckdb.sql(f"FROM read_parquet('{path}')").fetchall()
    print("through")
