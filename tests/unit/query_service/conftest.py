"""What tests of the API share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from lakehouse.store.memory import MemoryStore
from query_service.engine.database import Database, Query
from tests._support.api.in_process import Api, serving
from tests._support.api.query_counter import Counter
from tests._support.lakes.builder import LakeBuilder, event


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Counts the queries that databases run."""
    counter, fetch = Counter(), Database.fetch

    async def counted(self: Database, query: Query, admitted: Callable[[], None]) -> pa.Table:
        counter.count += 1
        return await fetch(self, query, admitted)

    monkeypatch.setattr(Database, "fetch", counted)
    return counter


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """An API over two merged flights; modules that need another lake have an `api` of their own."""
    lake = LakeBuilder(MemoryStore())
    lake.land(event(tail_number="N1"), event(carrier="AA", flight_number=1))
    lake.merge()
    with serving(lake.store) as serving_api:
        yield serving_api
