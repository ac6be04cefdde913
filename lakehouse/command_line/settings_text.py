"""Environment variables as `--help` lists them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

_UNITS: Final = {"_S": "seconds", "_MB": "MB", "_KB": "kB", "_GB": "GB"}
_WIDTH: Final = 110


class Variable(NamedTuple):
    """`default` as text; "required" where there is none."""

    name: str
    default: str
    why: str


LAKE_URL: Final = Variable("LAKE_URL", "required", "gs://BUCKET or file:///absolute/path.")


def settings_text(variables: Iterable[Variable]) -> str:
    """A heading and two lines or more for each."""
    return "settings, from the environment:\n" + "\n".join(map(_described, variables))


def variables_of(fields: Mapping[str, Any], prefix: str) -> Iterator[Variable]:
    """Those of a class of pydantic settings, given by its `model_fields`."""
    for name, field in fields.items():
        default = "required" if field.is_required() else str(field.get_default(call_default_factory=True))
        yield Variable(
            str(field.validation_alias or f"{prefix}{name}".upper()), default or "none", field.description or ""
        )


def _described(variable: Variable) -> str:
    default = variable.default if variable.default == "required" else f"default {variable.default}"
    unit = next((f" {unit}" for ending, unit in _UNITS.items() if variable.name.endswith(ending)), "")
    why = textwrap.fill(" ".join(variable.why.split()), _WIDTH, initial_indent="    ", subsequent_indent="    ")
    head = f"  {variable.name} ({default}{'' if default == 'required' else unit})"
    return f"{head}\n{why}" if why else head
