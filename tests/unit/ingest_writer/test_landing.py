"""Storing one object for sure."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ingest_writer.landing import PendingObject, store_object, store_with_retry
from lakehouse.errors import CreateStateUnknownError, StoreAccessDeniedError, StoreUnavailableError
from lakehouse.store.memory import MemoryStore
from tests._support.compactors import MeddlingStore
from tests._support.events import ids


def an_object() -> PendingObject:
    names = ids()
    return PendingObject(names, b"data")


def _lose(name: str) -> None:
    raise CreateStateUnknownError(name)


def test_every_try_has_a_name_of_its_own() -> None:
    store = MemoryStore()
    landed = an_object()
    assert store_object(store, landed) != store_object(store, landed)
    assert len(list(store.list(""))) == 2


def test_a_create_of_unknown_outcome_is_tried_again_until_one_is_known() -> None:
    meddling = MeddlingStore(MemoryStore())
    for _ in range(4):
        meddling.after("create", "", _lose)
    stored = store_with_retry(meddling, an_object())
    assert stored == meddling.called("create", "")[-1]
    assert len(set(meddling.called("create", ""))) == 5
    assert meddling.called("delete", "") == []


def test_storage_that_loses_five_answers_is_away() -> None:
    meddling = MeddlingStore(MemoryStore())
    for _ in range(5):
        meddling.after("create", "", _lose)
    with pytest.raises(StoreUnavailableError):
        store_with_retry(meddling, an_object())


def test_a_definite_failure_is_not_tried_again() -> None:
    meddling = MeddlingStore(MemoryStore())

    def refuse(name: str) -> None:
        raise StoreAccessDeniedError(name)

    meddling.before("create", "", refuse)
    with pytest.raises(StoreAccessDeniedError):
        store_with_retry(meddling, an_object())
    assert len(meddling.called("create", "")) == 1


def test_the_first_batch_imports_nothing_that_takes_long() -> None:
    code = (
        "import sys, pyarrow as pa\n"
        "from ingest_writer.__main__ import warm_up\n"
        "warm_up()\n"
        "before = 'pandas' in sys.modules\n"
        "pa.array(('a', None), pa.string())\n"
        "assert before == ('pandas' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
