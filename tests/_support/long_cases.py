"""Tables of cases of which `make test` runs the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest

_PARAM: Final = type(pytest.param())


def long_after(count: int, cases: Sequence[Any]) -> list[Any]:
    """`cases` for `parametrize`: the first `count` are for `make test` too, the others for `make verify` alone."""
    return [*cases[:count], *(_long(case) for case in cases[count:])]


def _long(case: Any) -> Any:
    if isinstance(case, _PARAM):
        return pytest.param(*case.values, id=case.id, marks=[*case.marks, pytest.mark.long])
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long)
