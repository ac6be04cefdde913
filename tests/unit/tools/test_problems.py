"""The page of problems, and that the document has each kind that the service can answer with."""

from __future__ import annotations

import ast
import re

from tools.pages import ROOT
from tools.problems import DOCUMENT, PAGE, page

_KIND = re.compile(
    r"^## ([a-z-]+)\n\n\*\*([0-9]{3}|4xx)\.\*\* .+?\n\n> .+?\n\n[A-Z].+?\n(?=\n## |\Z)", re.MULTILINE | re.DOTALL
)


def kinds_in_code() -> set[tuple[str, str]]:
    """Kind and status of every Problem that is made; 4xx where it has several."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "query_service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                status, kind = node.args[:2]
                assert isinstance(kind, ast.Constant), f"{path}:{node.lineno}: the kind is no literal"
                said = str(status.value) if isinstance(status, ast.Constant) else "4xx"
                found.setdefault(str(kind.value), set()).add(said)
    return {(kind, said.pop() if len(said) == 1 else "4xx") for kind, said in found.items()}


def test_each_kind_of_problem_has_its_heading_and_each_heading_its_kind() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    described = _KIND.findall(text)
    assert len(described) == text.count("\n## "), "a heading has no status, example or advice"
    assert sorted(described) == sorted(kinds_in_code())


def test_the_page_of_the_service_is_the_document() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(DOCUMENT.read_text(encoding="utf-8")), "run `make problems`"


def test_links_to_other_documents_are_only_their_text() -> None:
    made = page("# Title\n\n## kind\n\n[here](runbook.md#x) and [there](https://example.com/)\n")
    assert '<h2 id="kind">kind</h2>' in made
    assert 'here and <a href="https://example.com/">there</a>' in made
    assert "Title" not in made
