"""Every gcloud command of the project, as words; what a shell would put in is `x`, or each of VALUES.

Documents and scripts have them as a shell reads them; comments, Terraform's descriptions, notebooks and what the code
says to people have them between backticks.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.repo.deploy.terraform_files import ROOT
from tools.pages import pages

SCRIPTS = ("deploy/*.sh", "cloudbuild.yaml", "deploy/*.yaml", "Dockerfile.*", "Makefile", "tools/*.sh", ".ci/run")
OTHERS = ("docs/*.ipynb", ".github/*/*.yml", "terraform/**/*.tf", "terraform/**/*.tf*vars*", "terraform/**/*.hcl")
CODE = ("lakehouse", "ingest_writer", "query_service", "local_cloud", "probe", "bench", "tools")
VALUES = {"kind": ("worker-pools", "jobs")}
"""Variables that name a part of a command: each value is a command."""

BEGIN = re.compile(r"(?<![\w/.-])gcloud (?=[a-z])")
_CODE = re.compile(r"^```(\w*)\n(.*?)^```|`([^`]+)`", re.DOTALL | re.MULTILINE)
_ENDS = "|;&)`<>\n"


@dataclass(frozen=True)
class Command:
    """One command, and where it stands."""

    place: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)

    @property
    def flags(self) -> list[str]:
        return [word.partition("=")[0] for word in self.words if word.startswith("-")]

    @property
    def others(self) -> list[str]:
        """Names of groups and the command, and what it works on."""
        return [word for word in self.words if not word.startswith("-")]


def commands() -> list[Command]:
    """All of them, in the order of the files."""
    return [
        Command(str(path.relative_to(ROOT)), words)
        for path in files()
        for text in pieces(path)
        for words in in_shell(text)
    ]


def files() -> list[Path]:
    """Whatever may name a command, but for tests and the changelog, which speak of what was."""
    found = [path for pattern in (*SCRIPTS, *OTHERS) for path in sorted(ROOT.glob(pattern))]
    code = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]
    documents = [page for page in pages() if page.name != "CHANGELOG.md" and not page.is_relative_to(ROOT / "tests")]
    return [path for path in (*found, *code, *documents) if ".terraform" not in path.parts]


def pieces(path: Path) -> Iterator[str]:
    """What of a file is commands: the shell in it, and what stands between backticks."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        for language, block, span in _CODE.findall(text):
            if not block:
                yield " ".join(span.split())
            elif language in ("sh", "bash"):
                yield block
        return
    shell = any(path.match(pattern) for pattern in SCRIPTS)
    if shell:
        yield re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    prose = "\n".join(re.findall(r"^\s*#.*$", text, re.MULTILINE)) if shell else text
    yield from (span.replace('\\"', '"') for span in re.findall(r"`([^`\n]+)`", prose))


def in_shell(text: str) -> Iterator[tuple[str, ...]]:
    """The words of each gcloud command in a piece of shell."""
    for match in BEGIN.finditer(text):
        line = text[: match.start()].rpartition("\n")[2]
        is_quoted = line.replace('\\"', "").count('"') % 2 == 1 and not line.endswith("$(")
        words = _words(text, match.start(), is_quoted)
        yield from itertools.product(*(_values(word) for word in words))


def _values(word: str) -> tuple[str, ...]:
    name = word.removeprefix("\0")
    return VALUES[name] if word != name and name in VALUES else (re.sub("\0\\w*", "x", word),)


def _words(text: str, at: int, is_quoted: bool) -> list[str]:
    """Up to the end of the command; each variable and each command in it as a NUL and its name."""
    words: list[str] = []
    word: str | None = None
    ends = _ENDS + '"' if is_quoted else _ENDS
    while at < len(text) and text[at] not in ends:
        piece, at = _piece(text, at)
        if piece is None:
            words += [word] if word is not None else []
            word = None
            if text[at : at + 1] == "#":
                break
        else:
            word = (word or "") + piece
    is_descriptor = at < len(text) and text[at] in "<>" and word is not None and word.isdigit()
    return words if word is None or is_descriptor else [*words, word]


def _piece(text: str, at: int) -> tuple[str | None, int]:
    """What the shell makes of the next characters (None: a space), and where they end."""
    if text.startswith("\\\n", at):
        return None, at + 2
    if text[at] == " ":
        return None, at + 1
    if text[at] == "'":
        end = text.index("'", at + 1)
        return text[at + 1 : end], end + 1
    if text[at] == '"':
        return _quoted(text, at + 1)
    if text[at] == "$":
        return _expansion(text, at)
    return text[at], at + 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    said = ""
    while text[at] != '"':
        if text[at] == "$":
            piece, at = _expansion(text, at)
        else:
            at += text[at] == "\\"
            piece, at = text[at], at + 1
        said += piece
    return said, at + 1


def _expansion(text: str, at: int) -> tuple[str, int]:
    for begin, end in (("${", "}"), ("$(", ")")):
        if text.startswith(begin, at):
            depth, place = 1, at + 2
            while depth:
                depth += (text[place] == begin[1]) - (text[place] == end)
                place += 1
            return "\0", place
    match = re.compile(r"\$(\w+)").match(text, at)
    return ("\0" + match[1], match.end()) if match else ("$", at + 1)
