"""`python -m tools.configuration`: writes the tables of docs/configuration.md from the settings' docstrings."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from ingest_writer.settings import CompactorSettings, LoadSettings, WriterSettings
from lakehouse.client.settings import Settings as ClientSettings
from probe.settings import Settings as ProbeSettings
from query_service.settings import MEMORY_SHARES, PROCESS_MB
from query_service.settings import Settings as ApiSettings
from tools.pages import filled

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "configuration.md"

_UNITS: Final = (
    ("_per_s", "requests/s"),
    ("_s", "seconds"),
    ("_mb", "MB"),
    ("_gb", "GB"),
    ("_kb", "kB"),
    ("_rows", "rows"),
    ("_messages", "messages"),
    ("_files", "files"),
    ("_values", "values"),
    ("_attempts", "attempts"),
    ("_burst", "requests"),
    ("_limit", "questions"),
    ("threads", "threads"),
    ("_hops", "proxies"),
    ("port", "port"),
    ("_dir", "folder"),
    ("_file", "file"),
)
_AT_ONCE: Final = ("_at_once", "_in_flight")


class Setting(NamedTuple):
    """One row: `takes` and `default` as text."""

    variable: str
    unit: str
    default: str
    takes: str
    why: str


def written(page: str) -> str:
    """`page` with its tables as they must be. Raises ValueError when their marks are not there once."""
    for name, settings in (
        ("writer", pydantic_settings(WriterSettings)),
        ("compactor", pydantic_settings(CompactorSettings)),
        ("load", pydantic_settings(LoadSettings)),
        ("api", pydantic_settings(ApiSettings)),
        ("probe", probe_settings()),
        ("lakehouse", client_settings()),
    ):
        page = _filled(page, name, _table(settings))
    return _filled(page, "memory", _memory())


def _memory() -> str:
    """The sum that `memory_needed_mb` computes, as prose."""
    shares = [f"{f'{times} x ' if times > 1 else ''}`API_{name.upper()}`" for name, times in MEMORY_SHARES.items()]
    return textwrap.fill(
        f"An API instance takes at most {PROCESS_MB} MB (Python, Arrow, 100 requests) + {' + '.join(shares)}. Twice:"
        " DuckDB spills as much again, and replaced tail files stay while they are read. Where the file system is"
        " memory (Cloud Run) all of it counts; elsewhere files and spill are on disk. The start warns when the"
        " container's limit is lower, and Terraform refuses such an `api_memory`.",
        100,
        break_on_hyphens=False,
    )


def _filled(page: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name}: written by tools.configuration -->", f"<!-- end of {name} -->"
    return filled(page, begin, end, f"\n{table}\n")


def _table(settings: Iterator[Setting]) -> str:
    rows = [f"| `{s.variable}` | {s.unit} | {s.default} | {s.takes} | {s.why} |" for s in settings]
    return "\n".join(["| variable | unit | default | takes | why |", "|---|---|---|---|---|", *rows])


def pydantic_settings(settings: type[BaseSettings]) -> Iterator[Setting]:
    """A row for each field, but LAKE_URL, which is everybody's."""
    prefix = str(settings.model_config["env_prefix"])
    for name, field in settings.model_fields.items():
        variable = str(field.validation_alias or f"{prefix}{name}".upper())
        if variable != "LAKE_URL":
            yield Setting(variable, _unit(name, field), _default(field), _takes(field), _one_line(field.description))


def _unit(name: str, field: FieldInfo) -> str:
    if name.endswith(_AT_ONCE):
        return name.rpartition("_at_once")[0] or name.rpartition("_in_flight")[0]
    found = next((unit for ending, unit in _UNITS if name.endswith(ending)), "")
    return found or ("" if field.annotation is not int else "number")


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return _one_line(field.default_factory.__doc__)
    return _value(field.default)


def _value(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) and value < 100_000 else f"`{value}`"


def _takes(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "`true` or `false`"
    if get_origin(field.annotation) is Literal:
        return " ".join(f"`{value}`" for value in get_args(field.annotation))
    limits = {type(each).__name__: each for each in field.metadata}
    low = [f"from {limits['Ge'].ge}"] if "Ge" in limits else [f"above {limits['Gt'].gt}"] if "Gt" in limits else []
    high = [f"to {limits['Le'].le}"] if "Le" in limits else []
    long = [f"at most {limits['MaxLen'].max_length} characters"] if "MaxLen" in limits else []
    return " ".join(low + high + long)


def probe_settings() -> Iterator[Setting]:
    """The probe knows no pydantic."""
    for name, annotation, why in _documented(ProbeSettings):
        if name != "topic":
            yield _of_probe(name, annotation, why)


def client_settings() -> Iterator[Setting]:
    """Nor does what analysts install."""
    for name, _, why in _documented(ClientSettings):
        unit = next(unit for ending, unit in _UNITS if name.endswith(ending))
        takes = "above 0" if name.endswith("_gb") else ""
        yield Setting(f"FLIGHTS_{name.upper()}", unit, _value(getattr(ClientSettings, name)), takes, why)


def _documented(settings: type) -> Iterator[tuple[str, str, str]]:
    """Fields, their types and docstrings, read out of the source."""
    (body,) = (node for node in ast.parse(textwrap.dedent(inspect.getsource(settings))).body)
    assert isinstance(body, ast.ClassDef)
    for field, doc in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
            yield ast.unparse(field.target), ast.unparse(field.annotation), _one_line(str(doc.value.value))


def _of_probe(name: str, annotation: str, why: str) -> Setting:
    has_default = hasattr(ProbeSettings, name)
    default = _value(getattr(ProbeSettings, name)) if has_default else "none" if "None" in annotation else "required"
    unit = "seconds" if name.endswith("_s") else ""
    return Setting(f"PROBE_{name.upper()}", unit, default, "from 1 to 3600" if unit else "", why)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
