"""crc32c of a file: the value of the definition, however large the file is."""

from __future__ import annotations

from pathlib import Path

import google_crc32c
import pytest

from lakehouse.store import checksum
from lakehouse.store.checksum import file_crc32c


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)],  # RFC 3720, and the check value
)
def test_a_known_text_has_its_known_value(tmp_path: Path, data: bytes, value: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    assert file_crc32c(file) == value


@pytest.mark.parametrize("size", [7, 8, 9, 16, 17])
def test_a_file_is_read_in_chunks_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(checksum, "_CHUNK_BYTES", 8)
    file = tmp_path / "file"
    file.write_bytes(bytes(range(size)))
    assert file_crc32c(file) == google_crc32c.value(bytes(range(size)))
