"""What `pip install .` brings, without an extra, is enough for an analyst."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from lakehouse.store.local import LocalStore
from tests._support.lakes.rows import land, row

ROOT = Path(__file__).parents[3]
_RUN = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

lake, cache, *absent = sys.argv[1:]
sys.meta_path.insert(0, Absent())
import lakehouse
from lakehouse.__main__ import main

with lakehouse.connect(lake, cache_dir=cache) as connection:
    for view in ("flights", "landing", "probes", "snapshot", "airports", "carriers"):
        print(view, len(connection.sql(f"FROM {view}").fetchall()))
sys.exit(main(["sql", "--lake", lake, "SELECT count(*) AS n FROM landing"]))
"""


def _name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _installed(requirements: Iterable[str], found: set[str]) -> set[str]:
    """The distributions of these, and of all that they require where no extra is asked for."""
    for required in map(Requirement, requirements):
        is_wanted = required.marker is None or required.marker.evaluate({"extra": ""})
        if is_wanted and (name := _name(required.name)) not in found:
            found.add(name)
            _installed(metadata.requires(name) or (), found)
    return found


def test_a_plain_install_connects_and_answers(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plain = _installed(project["dependencies"], {_name(project["name"])})
    assert {"duckdb", "pyarrow"} < plain
    absent = [
        module
        for module, owners in metadata.packages_distributions().items()
        if not plain & {_name(owner) for owner in owners}
    ]
    assert {"pandas", "pytest", "fastapi"} < set(absent)
    store = LocalStore(tmp_path / "lake")
    land(store, [row(number=1), row(number=2)])
    done = subprocess.run(
        [sys.executable, "-c", _RUN, store.url, str(tmp_path / "cache"), *absent],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "flights 2\nlanding 2\nprobes 0\nsnapshot 1\n" in done.stdout
