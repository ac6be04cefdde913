"""What the caller names: patterns, objects, pipes, and what is compressed."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from ingest_writer.backfill.readers.model import ReadError
from ingest_writer.backfill.readers.sources import Unpacking, files_of, is_plain, sources
from lakehouse.errors import LocalDiskError
from lakehouse.store.memory import MemoryStore
from tests._support.full_disk import files_limited_to

DATA = b"0123456789" * 1000


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


def unpacked(path: Path, data: bytes, max_bytes: int = 1 << 30) -> list[tuple[str, bytes]]:
    """Names within the folder and bytes of all files of `path`, and that no copy is left."""
    path.write_bytes(data)
    folder = path.parent / "copies"
    folder.mkdir(exist_ok=True)
    left_out: list[str] = []
    [source] = sources([str(path)])
    try:
        found = [
            (file.name.removeprefix(f"{path.parent}/"), file.path.read_bytes())
            for file in files_of(source, Unpacking(folder, max_bytes, left_out))
        ]
    finally:
        assert list(folder.iterdir()) == []
    return [*found, *((name.removeprefix(f"{path.parent}/"), b"left out") for name in left_out)]


# -- names -----------------------------------------------------------------------------------------------------


def test_a_pattern_names_its_files_in_order_and_each_once(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "sub/c.csv", "sub.csv/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = sources([f"{tmp_path}/b.csv", f"{tmp_path}/*.csv", f"{tmp_path}/**/*.csv"])
    assert [source.name.removeprefix(f"{tmp_path}/") for source in found] == ["b.csv", "a.csv", "sub/c.csv"]


def test_a_file_whose_name_has_wildcards_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_bytes(b"")
    assert [source.path for source in sources([f"{tmp_path}/a[1].csv"])] == [tmp_path / "a[1].csv"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.csv", "there is no such file"),
        ("*.csv", "no file matches this pattern"),
        ("", "is a folder; give its files"),
    ],
)
def test_what_is_not_there_or_a_folder_is_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=message):
        sources([f"{tmp_path}/{name}"])


def test_objects_of_a_bucket_are_named_and_copied(tmp_path: Path) -> None:
    store = MemoryStore()
    for name in ("in/a.csv", "in/b.csv", "in/sub/c.csv", "in/b.txt", "out/a.csv"):
        store.create(name, name.encode())
    opened: list[str] = []

    def open_bucket(url: str) -> MemoryStore:
        opened.append(url)
        return store

    names = {
        pattern: [source.name for source in sources([f"gs://bucket/{pattern}"], open_bucket)]
        for pattern in ("in/*.csv", "in/**.csv", "in/?.txt", "out/a.csv")
    }
    assert names == {
        "in/*.csv": ["gs://bucket/in/a.csv", "gs://bucket/in/b.csv"],
        "in/**.csv": ["gs://bucket/in/a.csv", "gs://bucket/in/b.csv", "gs://bucket/in/sub/c.csv"],
        "in/?.txt": ["gs://bucket/in/b.txt"],
        "out/a.csv": ["gs://bucket/out/a.csv"],
    }
    assert set(opened) == {"gs://bucket"}
    [source] = sources(["gs://bucket/out/a.csv"], open_bucket)
    assert [file.path.read_bytes() for file in files_of(source, Unpacking(tmp_path, 1 << 20, []))] == [b"out/a.csv"]
    store.delete("out/a.csv")
    with pytest.raises(ReadError, match="there is no such object"):
        list(files_of(source, Unpacking(tmp_path, 1 << 20, [])))
    for pattern in ("", "none/*"):
        with pytest.raises(ReadError, match=r"names no object|there is no such object"):
            sources([f"gs://bucket/{pattern}"], open_bucket)


def test_standard_input_and_pipes_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(DATA))))
    [source] = sources(["-", "-"])
    assert not is_plain(source)
    unpacking = Unpacking(tmp_path, 1 << 20, [])
    assert [(file.name, file.path.read_bytes()) for file in files_of(source, unpacking)] == [("stdin", DATA)]
    reading, writing = os.pipe()
    os.write(writing, DATA[:100])
    os.close(writing)
    [source] = sources([f"/dev/fd/{reading}"])
    assert [file.path.read_bytes() for file in files_of(source, unpacking)] == [DATA[:100]]
    os.close(reading)


# -- compression -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        gzip.compress(DATA),
        zstd(DATA),
        gzip.compress(DATA[:5000]) + gzip.compress(DATA[5000:]),
        zstd(DATA[:5000]) + zstd(DATA[5000:]),
        gzip.compress(zstd(DATA)),
    ],
    ids=["plain", "gzip", "zstd", "gzip of two", "zstd of two", "zstd in gzip"],
)
def test_compressed_files_are_recognised_by_their_bytes(data: bytes, tmp_path: Path) -> None:
    assert unpacked(tmp_path / "a.csv", data) == [("a.csv", DATA)]


def test_every_member_of_a_known_kind_is_a_file_and_others_are_named(tmp_path: Path) -> None:
    data = zipped(a_csv=b"1", sub__b_json_gz=gzip.compress(b"2"), readme_html=b"3", MACOSX__x_csv=b"4")
    assert unpacked(tmp_path / "a.zip", data) == [
        ("a.zip/a.csv", b"1"),
        ("a.zip/sub/b.json.gz", b"2"),
        ("a.zip/MACOSX/x.csv", b"4"),
        ("a.zip/readme.html", b"left out"),
    ]


def test_the_only_member_of_a_zip_is_taken_whatever_its_name(tmp_path: Path) -> None:
    assert unpacked(tmp_path / "a.zip", zipped(flights=b"1")) == [("a.zip/flights", b"1")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(DATA)[:-5], "damaged or cut short, as gzip"),
        (gzip.compress(DATA)[:-8] + b"\0" * 8, "damaged or cut short, as gzip: CRC check failed"),
        (zstd(DATA)[:-5], "damaged or cut short, as zstd"),
        (gzip.compress(DATA) + b"junk", "damaged or cut short, as gzip"),
        (zipped(a_csv=DATA)[:-5], "damaged or cut short, as zip"),
        (zipped(a_html=b"", b_html=b""), "no file of a known kind: a.html, b.html; known are .parquet"),
        (zipped(), "no file of a known kind: no file at all"),
        (b"BZh91AY", "is compressed by bzip2; unpack it first"),
        (gzip.compress(gzip.compress(gzip.compress(gzip.compress(DATA)))), "packed more than 3 times"),
    ],
    ids=["gzip cut", "gzip sum", "zstd cut", "gzip junk", "zip cut", "zip unknown", "zip empty", "bzip2", "nested"],
)
def test_what_cannot_be_unpacked_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=message):
        unpacked(tmp_path / "a.zip", data)


def test_a_damaged_or_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = zipped(a_csv=DATA)
    damaged = data[:50] + bytes([data[50] ^ 255]) + data[51:]
    with pytest.raises(ReadError, match=r"a\.zip/a\.csv: damaged or cut short, as zip"):
        unpacked(tmp_path / "a.zip", damaged)
    flags = data.rindex(b"PK\x01\x02") + 8
    with pytest.raises(ReadError, match=r"a\.zip/a\.csv: is encrypted"):
        unpacked(tmp_path / "a.zip", data[:flags] + b"\1" + data[flags + 1 :])


@pytest.mark.parametrize("data", [gzip.compress(DATA), zstd(DATA), zipped(a_csv=DATA)], ids=["gzip", "zstd", "zip"])
def test_a_file_that_grows_beyond_the_limit_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="LOAD_UNPACKED_MAX_MB"):
        unpacked(tmp_path / "a.zip", data, max_bytes=9_999)


def test_a_full_disk_is_not_the_files_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(DATA))
    with files_limited_to(100), pytest.raises(LocalDiskError, match="MB are free"):
        list(files_of(sources([str(path)])[0], Unpacking(tmp_path, 1 << 30, [])))
