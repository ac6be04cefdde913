"""A fingerprint follows the code of a measured path, in every file of it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.fingerprint import Sources, fingerprint

SOURCES = Sources(("service", "shared/event.py"), without=("service/pages",), libraries=("duckdb",))
_CODE = '''"""Adds."""


class Adder:
    """What adds."""

    step: int = 1
    """How much."""

    def add(self, number: int) -> int:
        """The sum."""
        return number + self.step  # and no more
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "service/ask.py",
        "service/engine/deep/run.py",
        "service/pages/page.py",
        "shared/event.py",
        "other.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(_CODE)
    (tmp_path / "requirements.lock").write_text("duckdb==1.5.5 \\\n    --hash=sha256:00\nrich==15.0.0 \\\n")
    (tmp_path / "requirements.bench.lock").write_text("chdb==4.4.0 \\\n    --hash=sha256:00\n")
    return tmp_path


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("name", ["service/ask.py", "service/engine/deep/run.py", "shared/event.py"])
def test_it_changes_when_code_on_the_path_does(root: Path, name: str) -> None:
    before = fingerprint(root, SOURCES)
    _edit(root / name, "number + self.step", "number - self.step")
    assert fingerprint(root, SOURCES) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Adds."""', '"""Adds one number to another."""'),
        ('    """What adds."""\n', ""),
        ("How much", "By how much"),
        ("The sum", "Their sum"),
        ("  # and no more", ""),
        ("(self, number: int)", "(\n        self,\n        number: int,\n    )"),
    ],
)
def test_it_stays_when_only_words_or_layout_change(root: Path, old: str, new: str) -> None:
    before = fingerprint(root, SOURCES)
    _edit(root / "service/engine/deep/run.py", old, new)
    assert fingerprint(root, SOURCES) == before


@pytest.mark.parametrize("name", ["service/pages/page.py", "other.py"])
def test_it_stays_when_code_off_the_path_changes(root: Path, name: str) -> None:
    before = fingerprint(root, SOURCES)
    _edit(root / name, "number + self.step", "number - self.step")
    assert fingerprint(root, SOURCES) == before


def test_it_changes_when_a_module_of_a_folder_comes_moves_or_goes(root: Path) -> None:
    found = [fingerprint(root, SOURCES)]
    new = root / "service/engine/new.py"
    new.write_text("A = 1\n")
    found.append(fingerprint(root, SOURCES))
    moved = new.rename(root / "service/new.py")
    found.append(fingerprint(root, SOURCES))
    assert len(set(found)) == 3
    moved.unlink()
    assert fingerprint(root, SOURCES) == found[0]


def test_it_follows_the_versions_of_its_own_libraries(root: Path) -> None:
    before = fingerprint(root, SOURCES)
    _edit(root / "requirements.lock", "rich==15.0.0", "rich==15.0.1")
    _edit(root / "requirements.lock", "sha256:00", "sha256:01")
    assert fingerprint(root, SOURCES) == before
    _edit(root / "requirements.lock", "duckdb==1.5.5", "duckdb==1.5.6")
    assert fingerprint(root, SOURCES) != before


@pytest.mark.parametrize(
    "sources", [Sources(("service/gone.py",)), Sources(("service",), without=("service/gone.py",))]
)
def test_a_declared_path_that_does_not_exist_is_an_error(root: Path, sources: Sources) -> None:
    with pytest.raises(FileNotFoundError, match=r"service/gone\.py"):
        fingerprint(root, sources)


def test_a_declared_library_that_is_not_locked_is_an_error(root: Path) -> None:
    with pytest.raises(ValueError, match="polars"):
        fingerprint(root, Sources(("service",), libraries=("duckdb", "chdb", "polars")))


_VERSATILE = """
@cache
async def ask(question, /, *rest, key=None, **more) -> str | None:
    match question:
        case {"a": 1, **others} | [_, *others] if (n := len(others)) > 1e-3:
            return f"{n!r:>{key}} of {question=}" "and" + str(lambda: (..., b"0"))
    try:
        yield {**more, "\u00e9": [x async for x in rest if not x], -1: 2j}
    except* OSError as error:
        raise ValueError() from error
"""


def test_it_is_the_same_on_every_version_of_python(root: Path) -> None:
    (root / "code.py").write_text(_VERSATILE)
    assert fingerprint(root, Sources(("code.py",))) == "d6aeb697d0dd686f"
