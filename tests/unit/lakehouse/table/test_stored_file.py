"""Month files and landed files as one thing: what identifies them, and their checked download."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import google_crc32c
import pytest

from lakehouse.errors import UnreadableError
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.store.memory import MemoryStore
from lakehouse.table.parquet_files import FooterInfo
from lakehouse.table.planner import list_landing
from lakehouse.table.snapshot import MonthFile
from lakehouse.table.stored_file import StoredFile, download
from tests._support.lakes.rows import land, put_month, row


@pytest.fixture
def month(memory: MemoryStore) -> MonthFile:
    return put_month(memory, [row()], added_snapshot=1)


@pytest.fixture
def both(memory: MemoryStore, month: MonthFile) -> list[StoredFile]:
    land(memory, [row()])
    return [month, *list_landing(memory).files]


def test_both_kinds_of_file_say_what_identifies_their_bytes(memory: MemoryStore, both: list[StoredFile]) -> None:
    for file in both:
        data = memory.read(file.name)
        assert (file.size, file.crc32c) == (len(data), google_crc32c.value(data))


def test_a_download_tells_what_is_in_the_file(memory: MemoryStore, both: list[StoredFile], tmp_path: Path) -> None:
    for number, file in enumerate(both):
        path = tmp_path / f"{number}"
        assert download(memory, file, path) == FooterInfo(1, FORMAT_VERSION)
        assert path.read_bytes() == memory.read(file.name)


def test_a_download_fails_when_the_file_has_other_bytes(memory: MemoryStore, month: MonthFile, tmp_path: Path) -> None:
    other = dataclasses.replace(month, crc32c=month.crc32c ^ 1)
    with pytest.raises(UnreadableError, match="do not have crc32c"):
        download(memory, other, tmp_path / "file")


def test_a_download_fails_when_the_file_has_other_contents(
    memory: MemoryStore, month: MonthFile, tmp_path: Path
) -> None:
    other = dataclasses.replace(month, rows=2)
    with pytest.raises(UnreadableError, match="has 1 rows, its snapshot says 2"):
        download(memory, other, tmp_path / "file")
