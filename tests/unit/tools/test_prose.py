"""What is found in prose, where, and what is left out."""

from __future__ import annotations

import pytest

from tools.prose import MAX_LINE, WORDINGS, findings, main, module_findings, read_modules, read_pages, words


def test_documents_docstrings_and_comments_have_nothing_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out
    assert len(read_pages()) > 30
    assert len(read_modules()) > 200


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("Whoever asks waits.", "Whoever"),
        ("Long answers\nand likewise short ones.", "likewise"),
        ("The file stays as\nit is.", "as it is"),
        ("One file a month.", "One file a month"),
    ],
)
def test_a_wording_is_found_also_over_two_lines(text: str, wording: str) -> None:
    [finding] = findings(f"# Title\n\n{text}\n")
    assert finding.text.startswith(f'"{wording}": say ')
    assert finding.line in (3, 4)


def test_a_wording_is_found_in_docstrings_and_comments_and_in_no_other_code() -> None:
    source = '''"""Whoever reads this.

`likewise` is a name.
"""

whoever = "whoever"  # likewise, not `whoever`
# One file a month.


class _Class:
    """The file stays as it is."""

    size: int
    """Likewise, and
    in vain."""
'''
    found = [(finding.line, finding.text.split('"')[1]) for finding in module_findings(source)]
    assert found == [
        *((1, "Whoever"), (6, "likewise"), (7, "One file a month")),
        *((11, "as it is"), (14, "Likewise"), (15, "in vain")),
    ]


def test_words_are_counted_without_marks_code_blocks_and_generated_text() -> None:
    generated = "<!-- sizes: written by tools.sizes -->\n| one | two |\n<!-- end of sizes -->\n"
    code = "```sh\nmake test\n```\n"
    assert words(f"# A title\n\n- one `make test`\n\n| a | row |\n|---|---|\n{code}{generated}") == 7
    assert words(generated) == words(code) == 0


def test_a_part_of_a_word_is_none() -> None:
    assert findings("A dearth of files, and a plan as it isolates them.\n") == []


def test_every_wording_is_a_pattern_that_can_match_prose() -> None:
    assert all(instead and pattern == pattern.strip() for pattern, instead in WORDINGS.items())


def test_lines_longer_than_the_limit_are_found() -> None:
    [finding] = findings(f"{'word ' * 20}word\n{'x' * MAX_LINE}\n")
    assert finding == (1, f"104 characters, more than {MAX_LINE}")


@pytest.mark.parametrize(
    "text",
    [
        f"| a row | {'word ' * 30}|\n",
        f"[a link](https://{'x' * 120})\n",
        f"`{'a command ' * 12}`\n",
        f"```sh\nwhoever {'x' * 120}\n```\n",
        f"<!-- figures: written by bench.document -->\nwhoever {'x' * 120}\n<!-- end of figures -->\n",
        "`whoever` is a name.\n",
    ],
)
def test_tables_links_code_and_generated_text_are_left_out(text: str) -> None:
    assert findings(text) == []
