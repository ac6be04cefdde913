"""What comes from the table of event fields is as `make fields` writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repo.docs.pages import filled
from tools.fields import written

WRITTEN = written()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.name))
def test_a_copy_is_what_the_table_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == WRITTEN[path], "make fields"


@pytest.mark.parametrize("page", ["", "<b>\n", "<b> x\n<e>\n", "<b>\n<e>\n<b>\n<e>\n"])
def test_marks_that_are_not_there_once_are_an_error(page: str) -> None:
    with pytest.raises(ValueError, match="are not there once"):
        filled(page, "<b>", "<e>", "text")
