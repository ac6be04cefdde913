"""What the caller names: patterns, objects, pipes, and what is compressed."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from ingest_writer.backfill.readers.model import ReadError, Silent
from ingest_writer.backfill.readers.sources import Unpacking, files_of, is_plain, sources
from lakehouse.errors import LocalDiskError
from lakehouse.store.memory import MemoryStore
from tests._support.processes.full_disk import files_limited_to
from tests._support.waiting import eventually

DATA = b"0123456789" * 1000


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def office() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", "")
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


def test_a_file_called_stdin_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stdin").write_bytes(b"")
    assert [source.path for source in sources(["-", "stdin", "-"])] == [None, Path("stdin")]


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(ReadError, match="cannot be read: File name too long"):
        sources(["x" * 300])


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

    store.create("in/", b"")  # stands for the folder
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
    store.create("folder/", b"")
    for pattern in ("", "none/*", "folder/", "folder/*"):
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
        b"\x50\x2a\x4d\x18\4\0\0\0abcd" + zstd(DATA),
    ],
    ids=["plain", "gzip", "zstd", "gzip of two", "zstd of two", "zstd in gzip", "pzstd"],
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


def test_of_hidden_members_only_those_of_macos_are_passed_over(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("a.csv", ".b.csv", "__MACOSX/._a.csv", "._c.csv", "sub/.DS_Store", "sub/", ".d"):
            archive.writestr(name, b"1")
    found = unpacked(tmp_path / "a.zip", out.getvalue())
    assert found == [("a.zip/a.csv", b"1"), ("a.zip/.b.csv", b"1"), ("a.zip/.d", b"left out")]


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
        (b"\x04\x22\x4d\x18", "is compressed by lz4; unpack it first"),
        (b"a.csv".ljust(257, b"\0") + b"ustar", "is a tar archive; unpack it first"),
        (gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar"), "is a tar archive; unpack it first"),
        (office(), "is a document of an office program; save its sheet as CSV"),
        (gzip.compress(gzip.compress(gzip.compress(gzip.compress(DATA)))), "packed more than 3 times"),
    ],
    ids=[
        *("gzip cut", "gzip sum", "zstd cut", "gzip junk", "zip cut", "zip unknown", "zip empty", "bzip2"),
        *("lz4", "tar", "tar in gzip", "office", "nested"),
    ],
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


class Heard:
    """What progress is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.shares: list[float] = []

    def step(self, what: str, unit: str = "rows") -> None:
        self.steps.append(f"{what} in {unit}")

    def at(self, done: int, share: float) -> None:
        self.shares.append(share)

    def done(self) -> None:
        self.steps.append("done")


@pytest.mark.parametrize("packed", [gzip.compress, zstd, lambda data: zipped(a_csv=data)], ids=["gzip", "zstd", "zip"])
def test_unpacking_says_how_far_it_is(packed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(packed(os.urandom(3 << 20)))
    heard = Heard()
    [_] = files_of(sources([str(path)])[0], Unpacking(tmp_path, 1 << 30, [], heard))
    first, last = heard.steps
    assert first.startswith(f"unpacking {path}")
    assert (first[-6:], last) == (" in MB", "done")
    assert len(heard.shares) >= 3
    assert heard.shares == sorted(heard.shares)
    assert 0 < heard.shares[0] < 0.7
    assert heard.shares[-1] == 1.0


def test_a_download_says_how_far_it_is(tmp_path: Path) -> None:
    heard: list[tuple[int, float]] = []
    half, size = 3_000_000, 6_000_000

    class Slow(MemoryStore):
        def download(self, name: str, path: Path) -> None:
            path.write_bytes(bytes(half))
            eventually(lambda: (3, 0.5) in heard, "half of it")
            path.unlink()
            super().download(name, path)

    class Heard(Silent):
        def at(self, done: int, share: float) -> None:
            heard.append((done, share))

    store = Slow()
    store.create("a.csv", bytes(size))
    [source] = sources(["gs://bucket/a.csv"], lambda _: store)
    assert [file.name for file in files_of(source, Unpacking(tmp_path, 1 << 30, [], Heard()))] == ["gs://bucket/a.csv"]
    assert heard[-1] == (6, 1)
