"""What comes from the table of event fields is as `make fields` writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.fields import written

WRITTEN = written()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.name))
def test_a_copy_is_what_the_table_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == WRITTEN[path], "make fields"
