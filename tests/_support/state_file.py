"""The progress of a long run in a JSON file: read at the start, replaced atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

State = dict[str, Any]


def load_state(path: Path | None, new: State, *, same: tuple[str, ...]) -> State:
    """What the file says, or `new` without one. Raises SystemExit when what `same` names differs: another run's."""
    if path is None or not path.exists():
        return new
    found: State = json.loads(path.read_text())
    for name in same:
        if found[name] != new[name]:
            raise SystemExit(f"{path}: its {name} is {found[name]}, this run's is {new[name]}; give another file")
    return found


def save_state(path: Path | None, state: State) -> None:
    """Replaces the file; a run that is cut off here leaves the old one or the new one, whole."""
    if path is not None:
        new = path.with_suffix(".new")
        new.write_text(json.dumps(state, indent=1) + "\n")
        new.replace(path)
