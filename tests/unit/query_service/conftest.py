"""What tests of the API share."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from query_service.engine.database import Database, Query


class Counter:
    """How often something happened."""

    def __init__(self) -> None:
        self.count = 0


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Counts the queries that databases run."""
    counter, fetch = Counter(), Database.fetch

    async def counted(self: Database, query: Query, admitted: Callable[[], None]) -> pa.Table:
        counter.count += 1
        return await fetch(self, query, admitted)

    monkeypatch.setattr(Database, "fetch", counted)
    return counter
