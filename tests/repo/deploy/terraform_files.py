"""The Terraform files as plain values: blocks by type and name, strings without quotes, expressions as their text."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).parents[3]
BACKEND = ROOT / "terraform" / "backend"
FLEET = ROOT / "terraform" / "fleet"
MAIN = ROOT / "terraform" / "main"


@cache
def blocks(folder: Path, kind: str) -> list[Any]:
    """Every block of `kind` (resource, variable, output, locals, ...) of the folder's files."""
    return [block for file in _files(folder) for block in file.get(kind, [])]


@cache
def _files(folder: Path) -> list[dict[str, Any]]:
    parsed = []
    for path in sorted(folder.glob("*.tf")):
        with path.open() as file:
            parsed.append(_plain(hcl2.load(file)))
    return parsed


def named(folder: Path, kind: str) -> dict[str, Any]:
    """Blocks with one label, by it: variables and outputs."""
    return {name: body for block in blocks(folder, kind) for name, body in block.items()}


def resources(folder: Path, kind: str | None = None) -> dict[str, Any]:
    """Resources by `type.name`, all of them or those of a type."""
    return {
        f"{found}.{name}": body
        for block in blocks(folder, "resource")
        for found, by_name in block.items()
        for name, body in by_name.items()
        if kind in (None, found)
    }


def local(name: str) -> Any:
    """A value of a `locals` block of main."""
    [value] = [block[name] for block in blocks(MAIN, "locals") if name in block]
    return value


def computed(value: Any, **given: float) -> Any:
    """What an arithmetic expression of main comes to, with `given` as the variables and locals that it may lean on."""
    if not isinstance(value, str):
        return value

    def named_number(match: re.Match[str]) -> str:
        return str(given[match[1]] if match[1] in given else computed(local(match[1]), **given))

    expression = re.sub(r"\b(?:local|var)\.(\w+)", named_number, value.removeprefix("${").removesuffix("}"))
    return eval(expression, {"__builtins__": {}}, {"max": max, "ceil": math.ceil})


def texts(value: Any) -> list[str]:
    """Every string inside of `value`."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items() if k not in ("__comments__", "__inline_comments__")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        quoted = len(value) >= 2 and value[0] == value[-1] == '"'
        return _NAMES.sub("flights", value[1:-1] if quoted else value)
    return value


_NAMES = re.compile(r"^\$\{var\.name\}$|\$\{(?:var\.name|local\.metrics)\}(?=[-_: ])")
"""What `name` makes of names; with its default everybody reads `flights-api`."""
