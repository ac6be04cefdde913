"""A fingerprint of code that ignores comments, docstrings and layout.

It covers the syntax tree of each file and the locked version of each library. It is the same on
every version of Python that the project supports.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

_LOCKS: Final = ("requirements.lock", "requirements.bench.lock")
_PINNED = re.compile(r"^([a-z0-9-]+)==[^ \\\n]+(?: ; [^\\\n]+)?", re.MULTILINE)
_DIGITS: Final = 16


@dataclass(frozen=True)
class Sources:
    """The code that a figure depends on: Python files, folders with everything below them, libraries.

    Paths are relative to the root of the repository. `without`: files to leave out of the folders.
    """

    paths: tuple[str, ...]
    without: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    def plus(self, *paths: str, libraries: tuple[str, ...] = ()) -> Sources:
        return replace(self, paths=self.paths + paths, libraries=self.libraries + libraries)

    def files(self, root: Path) -> list[Path]:
        """Sorted. Raises FileNotFoundError for a declared path that does not exist."""
        for path in (*self.paths, *self.without):
            if not (root / path).exists():
                raise FileNotFoundError(f"{path} is not there, and a measure declares it in bench/sources.py")
        left_out = {file for path in self.without for file in _python_files(root / path)}
        return sorted({file for path in self.paths for file in _python_files(root / path)} - left_out)


def fingerprint(root: Path, sources: Sources) -> str:
    """Raises FileNotFoundError for a path that does not exist, ValueError for an unlocked library."""
    digest = hashlib.sha256()
    for file in sources.files(root):
        digest.update(f"{file.relative_to(root).as_posix()}\0{_code(file.read_bytes())}\0".encode())
    for version in _locked(root, sources.libraries):
        digest.update(f"{version}\0".encode())
    return digest.hexdigest()[:_DIGITS]


def _python_files(path: Path) -> Iterator[Path]:
    return path.rglob("*.py") if path.is_dir() else iter((path,))


@cache
def _code(source: bytes) -> str:
    return _written(ast.parse(source))


def _written(value: object) -> str:
    """A syntax tree as text. Versions of Python differ in the empty fields that `ast.dump` shows."""
    if isinstance(value, ast.JoinedStr):  # Python 3.12 ends some with an empty text
        return f"JoinedStr({_written([part for part in value.values if not _is_empty(part)])})"
    if isinstance(value, ast.AST):
        fields = [(name, child) for name, child in ast.iter_fields(value) if child is not None and child != []]
        return f"{type(value).__name__}({','.join(f'{name}={_written(child)}' for name, child in fields)})"
    if isinstance(value, list):
        return f"[{','.join(_written(each) for each in value if not _is_only_text(each))}]"
    return ascii(value)


def _is_empty(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value == ""


def _is_only_text(statement: object) -> bool:
    """A docstring, of an attribute too."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _locked(root: Path, libraries: tuple[str, ...]) -> list[str]:
    """`name==version`, with the marker where a library has several versions."""
    found: dict[str, set[str]] = {}
    for lock in _LOCKS if libraries else ():
        for match in _PINNED.finditer((root / lock).read_text()):
            found.setdefault(match[1], set()).add(match[0].strip())
    if missing := set(libraries) - set(found):
        raise ValueError(f"not in {' or '.join(_LOCKS)}: {', '.join(sorted(missing))}")
    return sorted(version for library in set(libraries) for version in found[library])
