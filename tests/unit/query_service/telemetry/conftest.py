"""A lake whose metrics are looked at."""

from __future__ import annotations

import pytest

from lakehouse.store.memory import MemoryStore
from tests._support.lakes.builder import LakeBuilder


@pytest.fixture
def lake() -> LakeBuilder:
    return LakeBuilder(MemoryStore())
