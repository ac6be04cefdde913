"""From what the caller named (paths, patterns, `gs://` URLs, `-`) to plain files on this machine.

What is compressed, remote or a stream is copied to the scratch folder first: readers go through a file
as they like, and a file that is cut short is noticed before its first row.
"""

from __future__ import annotations

import glob
import gzip
import os
import re
import stat
import sys
import threading
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import IO, Any, Final

import pyarrow as pa

from ingest_writer.backfill.readers.detect import PACKED_SUFFIXES, SUFFIXES, suffix_of
from ingest_writer.backfill.readers.model import InputFile, Progress, ReadError, Silent
from lakehouse.errors import ObjectMissingError, UnreadableError
from lakehouse.local_disk import local_errors
from lakehouse.store.open import open_store
from lakehouse.store.store import Store

STDIN: Final = "-"
_PIECE_BYTES: Final = 1 << 20
_MAX_DEPTH: Final = 3  # a compressed file in a zip in a zip: nobody needs more, and a quine has no end
_WILDCARDS: Final = frozenset("*?[")
_OBJECTS_HINT: Final = "give the names of its objects, such as *.csv below it"
_REFUSED: Final = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!": "RAR",
    b"\x04\x22\x4d\x18": "lz4",
}
_SKIPPED_FRAME: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # pzstd begins with one
_LOOK_S: Final = 0.2  # at a growing download: as smooth as a bar has to be
_HEAD_BYTES: Final = 512
_TAR_AT: Final = 257


@dataclass(frozen=True)
class Source:
    """One file, stream or object that the caller named. `fetch` copies what is no plain local file."""

    name: str
    path: Path | None = None
    fetch: Callable[[Path, Progress], None] | None = None


def sources(arguments: Sequence[str], open_bucket: Callable[[str], Store] = open_store) -> list[Source]:
    """What the arguments name, each once, in the order given; a pattern's files by name.

    Raises ReadError for what is not there, and the store's errors.
    """
    found: dict[tuple[str, bool], Source] = {}
    for argument in arguments:
        for source in _named(argument, open_bucket):
            found.setdefault((source.name, source.path is None), source)  # a file may be called stdin
    return list(found.values())


def _named(argument: str, open_bucket: Callable[[str], Store]) -> list[Source]:
    if argument == STDIN:
        return [Source("stdin", fetch=_of_stream("stdin", lambda: nullcontext(sys.stdin.buffer)))]
    if argument.startswith("gs://"):
        return _objects(argument, open_bucket)
    if os.path.exists(argument) or not _WILDCARDS & set(argument):
        return [_local(argument)]
    names = sorted(name for name in glob.glob(argument, recursive=True) if not Path(name).is_dir())
    if not names:
        raise ReadError(argument, "no file matches this pattern")
    return [_local(name) for name in names]


def _local(name: str) -> Source:
    path = Path(name)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ReadError(name, "there is no such file") from None
    except OSError as error:
        raise ReadError(name, f"cannot be read: {error.strerror or error}") from error
    if stat.S_ISDIR(mode):
        raise ReadError(name, "is a folder", todo=f"give its files, such as '{name.rstrip('/')}/*.csv'")
    if stat.S_ISREG(mode):
        return Source(name, path)
    return Source(name, fetch=_of_stream(name, lambda: path.open("rb")))  # a pipe: it can be read once


def _of_stream(name: str, open_: Callable[[], AbstractContextManager[IO[bytes]]]) -> Callable[[Path, Progress], None]:
    def fetch(path: Path, progress: Progress) -> None:
        with open_() as data:
            _copy(name, data, path, Unpacking(path.parent, sys.maxsize, [], progress))

    return fetch


def _objects(url: str, open_bucket: Callable[[str], Store]) -> list[Source]:
    bucket, _, pattern = url.removeprefix("gs://").partition("/")
    if not bucket or not pattern:
        raise ReadError(url, "names no object", todo="give gs://BUCKET/NAME; a name may have * and ?")
    store = open_bucket(f"gs://{bucket}")
    prefix = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    matches = re.compile(_pattern(pattern)).fullmatch
    found = (info for info in store.list(prefix) if not info.name.endswith("/"))  # those stand for folders
    objects = [info for info in found if info.name == pattern or matches(info.name)]
    if not objects:
        raise ReadError(url, "there is no such object", todo=_OBJECTS_HINT if pattern.endswith("/") else "")
    return [Source(f"gs://{bucket}/{info.name}", fetch=_download(store, info.name, info.size)) for info in objects]


def _download(store: Store, name: str, size: int) -> Callable[[Path, Progress], None]:
    def fetch(path: Path, progress: Progress) -> None:
        progress.step(f"downloading {store.url}/{name}", "MB")
        try:
            with _growing(path, size, progress):
                store.download(name, path)
        except (ObjectMissingError, UnreadableError) as error:
            raise ReadError(f"{store.url}/{name}", str(error).partition(": ")[2]) from error
        progress.at(size // 1_000_000, 1)
        progress.done()

    return fetch


@contextmanager
def _growing(path: Path, size: int, progress: Progress) -> Iterator[None]:
    """Tells `progress` how large the file is while the block writes it: the store's client does not say."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            if path.exists():
                so_far = path.stat().st_size
                progress.at(so_far // 1_000_000, _share(size, so_far))

    watching = threading.Thread(target=look, name="download-progress", daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()


def _pattern(glob_: str) -> str:
    """The pattern as a regular expression: `*` stays within a folder, `**` does not."""
    parts = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*|\?)", glob_))


@dataclass(frozen=True)
class Unpacking:
    """Where copies go, how large an unpacked file may become, what of a zip is left out, and who hears of it."""

    folder: Path
    max_bytes: int
    left_out: list[str]
    progress: Progress = Silent()  # noqa: RUF009


@contextmanager
def _scratch(unpacking: Unpacking) -> Iterator[Path]:
    path = unpacking.folder / uuid.uuid4().hex
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def files_of(source: Source, unpacking: Unpacking) -> Iterator[InputFile]:
    """The plain files of a source, each of which is there until the next one is asked for.

    Raises ReadError, LocalDiskError and the store's errors.
    """
    if source.path is not None:
        yield from _unpacked(InputFile(source.name, source.path), unpacking, 0)
    elif source.fetch is not None:
        with _scratch(unpacking) as path:
            source.fetch(path, unpacking.progress)
            yield from _unpacked(InputFile(source.name, path), unpacking, 0)


def is_plain(source: Source) -> bool:
    """Whether it can be opened where it is. Raises ReadError."""
    return source.path is not None and _packing(InputFile(source.name, source.path)) is None


def _packing(file: InputFile) -> str | None:
    """How the file is compressed, by its first bytes. Raises ReadError for a way that is not read."""
    try:
        with file.path.open("rb") as data:
            begin = data.read(_HEAD_BYTES)
    except OSError as error:
        raise ReadError(file.name, f"cannot be read: {error.strerror or error}") from error
    for magic, name in _REFUSED.items():
        if begin.startswith(magic):
            raise ReadError(file.name, f"is compressed by {name}", todo="unpack it first; gzip, zstd and zip are read")
    if begin[_TAR_AT:].startswith(b"ustar"):
        raise ReadError(file.name, "is a tar archive", todo="unpack it first; gzip, zstd and zip are read")
    if _SKIPPED_FRAME.match(begin):
        return "zstd"
    magics = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
    return next((kind for magic, kind in magics.items() if begin.startswith(magic)), None)


def _unpacked(file: InputFile, unpacking: Unpacking, depth: int) -> Iterator[InputFile]:
    packing = _packing(file)
    if packing is None:
        yield file
        return
    if depth == _MAX_DEPTH:
        raise ReadError(file.name, f"is packed more than {_MAX_DEPTH} times")
    if packing == "zip":
        yield from _members(file, unpacking, depth)
        return
    open_ = _gzip if packing == "gzip" else _zstd
    size = file.path.stat().st_size
    with _scratch(unpacking) as path:
        with _errors(file.name, packing):
            packed, data = open_(file.path)
        with packed, data:
            _copy(file.name, data, path, unpacking, packing, lambda _: packed.tell() / size)
        yield from _unpacked(InputFile(file.name, path), unpacking, depth + 1)


def _gzip(path: Path) -> tuple[Any, Any]:
    packed = path.open("rb")
    return packed, gzip.GzipFile(fileobj=packed)


def _zstd(path: Path) -> tuple[Any, Any]:
    packed = pa.OSFile(str(path))
    return packed, pa.CompressedInputStream(packed, "zstd")


def _members(file: InputFile, unpacking: Unpacking, depth: int) -> Iterator[InputFile]:
    with _errors(file.name, "zip"):
        archive = zipfile.ZipFile(file.path)
    with archive:
        found = [info for info in archive.infolist() if not info.is_dir() and not _is_hidden(info.filename)]
        taken = [info for info in found if _is_known(info.filename)] or (found if len(found) == 1 else [])
        if not taken:
            names = ", ".join(info.filename for info in found[:5]) or "no file at all"
            if any(info.filename == "[Content_Types].xml" for info in found):
                raise ReadError(file.name, "is a document of an office program", todo="save its sheet as CSV")
            raise ReadError(file.name, f"the zip has no file of a known kind: {names}", todo=f"known are {_KINDS}")
        unpacking.left_out.extend(f"{file.name}/{info.filename}" for info in found if info not in taken)
        for info in taken:
            name = f"{file.name}/{info.filename}"
            if info.flag_bits & 1:
                raise ReadError(name, "is encrypted", todo="unpack it first")
            with _scratch(unpacking) as path:
                with _errors(name, "zip"):
                    data = archive.open(info)
                with data:
                    _copy(name, data, path, unpacking, "zip", partial(_share, info.file_size))
                yield from _unpacked(InputFile(name, path), unpacking, depth + 1)


_STREAM: Final = "a stream"
_KINDS: Final = ", ".join(SUFFIXES)


def _is_known(name: str) -> bool:
    return suffix_of(name) in SUFFIXES or PurePath(name).suffix.lower() in (*PACKED_SUFFIXES, ".zip")


def _is_hidden(name: str) -> bool:
    """What macOS adds to a zip. Any other file whose name begins with a dot may be somebody's flights."""
    return name.startswith("__MACOSX/") or PurePath(name).name.startswith("._") or PurePath(name).name == ".DS_Store"


@contextmanager
def _errors(name: str, packing: str) -> Iterator[None]:
    """What the libraries raise for a damaged file is a ReadError."""
    try:
        yield
    except (EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, OSError, pa.ArrowException) as error:
        why = str(error)[:200] or type(error).__name__
        raise ReadError(name, f"damaged or cut short, as {packing}: {why}", todo="get the file again") from error


def _share(total: int, done: int) -> float:
    return done / total if total else 0.0


def _copy(
    name: str,
    data: IO[bytes],
    path: Path,
    unpacking: Unpacking,
    packing: str = _STREAM,
    share: Callable[[int], float] = lambda _: 0.0,
) -> None:
    """Raises ReadError for what cannot be read, LocalDiskError for what cannot be written."""
    size, max_bytes = 0, unpacking.max_bytes
    unpacking.progress.step(f"{'copying' if packing == _STREAM else 'unpacking'} {name}", "MB")
    with local_errors(path.parent), path.open("xb") as out:
        while True:
            with _errors(name, packing):
                piece = data.read(_PIECE_BYTES)
            if not piece:
                break
            size += len(piece)
            if size > max_bytes:
                most = max_bytes // 1_000_000
                raise ReadError(name, f"takes more than {most} MB unpacked, which LOAD_UNPACKED_MAX_MB limits")
            out.write(piece)
            unpacking.progress.at(size // 1_000_000, share(size))
    unpacking.progress.done()
