"""How documents are read and filled in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.pages import Block, anchors, blocks, filled, labelled_links, links

PAGE = """# A title, `code` and 1.5

[one](a.md#x) and `[no](link.md)` and ![picture](p.png)

```sh
[not](a-link.md)
```

# A title, `code` and 1.5
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_links_are_those_outside_of_code(page: Path) -> None:
    assert links(page) == ["a.md#x", "p.png"]
    assert ("one", "a.md#x") in labelled_links(page)
    assert "a-link.md" not in dict(labelled_links(page)).values()


def test_a_heading_that_is_there_twice_has_two_anchors(page: Path) -> None:
    assert anchors(page) == {"a-title-code-and-15", "a-title-code-and-15-1"}


def test_a_block_has_its_language_and_its_text(page: Path) -> None:
    assert blocks(page) == [Block("sh", "[not](a-link.md)\n")]


def test_a_page_is_filled_between_its_marks() -> None:
    assert filled("a\n<b>\nold\n<e>\nz\n", "<b>", "<e>", "new") == "a\n<b>\nnew\n<e>\nz\n"


@pytest.mark.parametrize("page", ["", "<b>\n", "<b> x\n<e>\n", "<b>\n<e>\n<b>\n<e>\n"])
def test_marks_that_are_not_there_once_are_an_error(page: str) -> None:
    with pytest.raises(ValueError, match="are not there once"):
        filled(page, "<b>", "<e>", "text")
