"""`python -m tools.prose`: wording that documents, docstrings and comments avoid, and long lines of documents.

The list of wordings is the project's own, so a general linter adds only a binary that has to be fetched.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tools.pages import PACKAGES, ROOT, pages

MAX_LINE: Final = 100
_NOT_READ: Final = re.compile(
    r"CHANGELOG\.md"  # a record of what was
    r"|docs/brief/respuestas\.md"  # Spanish
)

WORDINGS: Final = {
    r"whoever|whomever": "anyone who, or the role's name",
    r"likewise": "also, or repeat the words",
    r"in hand": "what is meant: held, read, cached",
    r"as it is(?=[.,;:)]|$)": "unchanged",
    r"goes? first": "is evicted, is deleted, or comes before",
    r"is no (?:JSON|UTF-8|event|code|registration|problem)": "is not ...",
    r"of ours(?=[ ,.])": "our ...",
    r"is asked of": "is requested from",
    r"(?:a|one) (?:row|line|file|month|object|event) a (?:flight|date|line|batch|run|month)": "... per ...",
    r"what came of it|came of it": "the impact, the result",
    r"nobody can (?:know|tell)": "we cannot know",
    r"dear(?:er)?": "expensive",
    r"mends?|mended": "fix",
    r"in vain": "wasted",
    r"the law": "the invariants",
    r"(?:as|so) long as they like": "without limit",
    r"beside(?=[.,;:]| (?:it|them|each|those|the|a)\b)": "next to, and, or in addition",
    r"in its (?:turn|place)|at its turn": "then, instead",
    r"one after the other": "in sequence",
    r"on (?:its|their) way": "in transit",
    r"for ever": "forever, permanently",
}
"""A pattern in whole words, and what a reader expects instead."""

_GENERATED: Final = re.compile(r"^<!-- ([\w ]+): written by .*?^<!-- end of \1 -->", re.MULTILINE | re.DOTALL)
_FENCE: Final = re.compile(r"^( *)```.*?^ *```", re.MULTILINE | re.DOTALL)
_TARGET: Final = re.compile(r"!\[[^]]*\]\([^)\s]+\)|(?<=\])\([^)\s]+\)|^<!-- .* -->$")
_CODE: Final = re.compile(r"`[^`]+`", re.DOTALL)
_WORD: Final = re.compile(r"\w")


class Finding(NamedTuple):
    """A place in a document, and what to change there."""

    line: int
    text: str


def findings(text: str) -> list[Finding]:
    """What to change in the prose of a document; code, and what a program writes, are left out."""
    prose = _without(_GENERATED, _without(_FENCE, text))
    return sorted([*_wordings(_without(_CODE, prose)), *_long_lines(prose)])


def module_findings(source: str) -> list[Finding]:
    """What to change in the comments of a module and in its docstrings: its own, and those of all that it defines."""
    lines = source.splitlines()
    prose = [""] * len(lines)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(ast.Constant(str())):
                place = slice(node.lineno - 1, node.end_lineno)
                prose[place] = lines[place]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            prose[token.start[0] - 1] = token.string.lstrip("# ")
    return sorted(_wordings(_without(_CODE, "\n".join(prose))))


def words(text: str) -> int:
    """How many a document has: tables and links count; code blocks, and what a program writes, do not."""
    return len([word for word in _without(_GENERATED, _without(_FENCE, text)).split() if _WORD.search(word)])


def _without(pattern: re.Pattern[str], text: str) -> str:
    """`text` with nothing but the line breaks of what matches."""
    return pattern.sub(lambda found: "`" + "\n" * found[0].count("\n"), text)


def _wordings(prose: str) -> Iterator[Finding]:
    for pattern, instead in WORDINGS.items():
        words = rf"\b(?:{pattern.replace(' ', chr(92) + 's+')})(?!\w)"
        for found in re.finditer(words, prose, re.IGNORECASE | re.MULTILINE):
            wording = " ".join(found[0].split())
            yield Finding(prose.count("\n", 0, found.start()) + 1, f'"{wording}": say {instead}')


def _long_lines(prose: str) -> Iterator[Finding]:
    """Lines of text that could be broken: a table's row, a link's target and a long command cannot."""
    for number, line in enumerate(prose.splitlines(), start=1):
        shown = re.sub(r"`[^`]{40,}`", "`", _TARGET.sub("", line))
        if len(shown) > MAX_LINE and not line.lstrip().startswith("|"):
            yield Finding(number, f"{len(shown)} characters, more than {MAX_LINE}")


def read_pages() -> list[Path]:
    """The documents whose prose is checked."""
    names = {page: str(page.relative_to(ROOT)) for page in pages()}
    return [page for page, name in names.items() if not _NOT_READ.fullmatch(name)]


def read_modules() -> list[Path]:
    """The modules whose docstrings and comments are checked."""
    return sorted(module for package in (*PACKAGES, "bench", "tools") for module in (ROOT / package).rglob("*.py"))


def main() -> int:
    """Prints every finding; 1 if there is one."""
    checks = [(page, findings) for page in read_pages()] + [(module, module_findings) for module in read_modules()]
    found = [
        f"{file.relative_to(ROOT)}:{finding.line}: {finding.text}"
        for file, check in checks
        for finding in check(file.read_text(encoding="utf-8"))
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
