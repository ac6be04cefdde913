"""What a store must make of damage: checks that hold, and that fail without the safeguard that is against it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from lakehouse.errors import (
    CreateStateUnknownError,
    ObjectExistsError,
    ObjectMissingError,
    StoreUnavailableError,
    UnreadableError,
)
from lakehouse.store.gcs import GcsStore
from tests.verification.fault_injection.faults import (
    CUT,
    RESET_AFTER,
    Fault,
    Kind,
    Operation,
    in_turn,
    times,
)
from tests.verification.fault_injection.lakes import LyingLake

NAME = "landing/a"

SOURCE = random.Random(1).randbytes(5000)

OTHERS = random.Random(2).randbytes(5000)

Read = Callable[[GcsStore, Path], object]


def _downloaded(store: GcsStore, path: Path) -> bytes:
    store.download(NAME, path)
    return path.read_bytes()


READS: dict[str, Read] = {
    "list": lambda store, _: [(info.name, info.size) for info in store.list("landing/")],
    "read": lambda store, _: store.read(NAME),
    "download": _downloaded,
    "generation": lambda store, _: store.generation(NAME) > 0,
}


def found(lake: LyingLake) -> bytes | None:
    """What is there."""
    try:
        return lake.truth.read(NAME)
    except ObjectMissingError:
        return None


def three(lake: LyingLake) -> list[str]:
    names = [f"landing/{letter}" for letter in "abc"]
    for name in names:
        lake.truth.create(name, b"x")
    return names


def check_second_create_is_refused(lake: LyingLake) -> None:
    lake.proxy.plan = times(1, RESET_AFTER)
    with pytest.raises(CreateStateUnknownError):
        lake.store.create(NAME, SOURCE)
    with pytest.raises(ObjectExistsError):
        lake.store.create(NAME, OTHERS)
    assert found(lake) == SOURCE


def check_damaged_upload_is_not_stored(lake: LyingLake, carrier: Operation, source: bytes | Path, at: float) -> None:
    lake.proxy.plan = times(1, Fault(Kind.FLIP_UPLOAD, at=at), carrier)
    with pytest.raises(CreateStateUnknownError, match="CRC32C"):
        lake.store.create(NAME, source)
    assert found(lake) is None
    lake.store.create(NAME, source)
    assert found(lake) == SOURCE


def check_damaged_answer_takes_nothing_away(lake: LyingLake, carrier: Operation, near: bytes) -> None:
    """Google's client deletes the object when the answer to a resumable upload has another checksum."""
    lake.proxy.plan = times(1, Fault(Kind.FLIP_ANSWER, near=near), carrier)
    with pytest.raises(CreateStateUnknownError) if near == b'"crc32c":"' else nullcontext():
        lake.store.create(NAME, SOURCE)
    assert Operation.DELETE not in [request.operation for request, _ in lake.proxy.told]
    assert found(lake) == SOURCE


def check_damaged_download_is_unreadable(lake: LyingLake, tmp_path: Path, operation: str, at: float) -> None:
    lake.truth.create(NAME, SOURCE)
    lake.proxy.plan = times(1, Fault(Kind.FLIP_ANSWER, at=at))
    with pytest.raises(UnreadableError, match=r"landing/a.*crc32c"):
        READS[operation](lake.store, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert READS[operation](lake.store, tmp_path / "copy") == SOURCE


def check_damage_after_a_cut_is_unreadable(lake: LyingLake, tmp_path: Path, operation: str) -> None:
    """Google's client would ask for the rest only, and not check the whole."""
    lake.truth.create(NAME, SOURCE * 20)  # many of the client's chunks of 8 kB
    for cut in (CUT, Fault(Kind.CUT, at=0.9)):
        lake.proxy.plan = in_turn(cut, Fault(Kind.FLIP_ANSWER, at=0.1))
        with pytest.raises(UnreadableError, match=r"landing/a.*crc32c"):
            READS[operation](lake.store, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def check_listing_under_another_key_is_refused(lake: LyingLake, near: bytes) -> None:
    three(lake)
    for at in (0.0, 0.3, 0.6, 0.9):
        lake.proxy.plan = times(1, Fault(Kind.FLIP_ANSWER, at=at, near=near))
        with pytest.raises(StoreUnavailableError):
            list(lake.store.list("landing/"))
