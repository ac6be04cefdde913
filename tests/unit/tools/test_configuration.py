"""docs/configuration.md has every variable that the code reads, and says what the settings' docstrings say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from ingest_writer.settings import CompactorSettings, WriterSettings
from probe.settings import _NAMES as PROBE_NAMES
from query_service.settings import Settings as ApiSettings
from tools.configuration import DOCUMENT, Setting, probe_settings, pydantic_settings, written
from tools.pages import PACKAGES, ROOT

PAGE = DOCUMENT.read_text(encoding="utf-8")
SETTINGS: list[Setting] = [
    *pydantic_settings(WriterSettings),
    *pydantic_settings(CompactorSettings),
    *pydantic_settings(ApiSettings),
    *probe_settings(),
]


def test_the_page_is_what_the_settings_say() -> None:
    assert written(PAGE) == PAGE, "make configuration"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.variable))
def test_a_setting_says_why(setting: Setting) -> None:
    assert len(setting.why) > 20, "its docstring says nothing"
    assert setting.default
    if re.fullmatch(r"`[\d.]+`", setting.default) and not setting.variable.endswith("_HOST"):
        assert setting.unit, "which unit?"


def test_every_variable_of_the_probe_is_a_field_of_its_settings() -> None:
    assert {setting.variable for setting in probe_settings()} == set(PROBE_NAMES)


def test_every_variable_that_the_code_names_is_on_the_page() -> None:
    named = {name for package in PACKAGES for name in _variables(package)}
    assert {"LAKE_URL", "PUBSUB_SUBSCRIPTION", "GCE_METADATA_HOST"} <= named, "the search finds nothing any more"
    assert not {name for name in named if f"`{name}`" not in PAGE}


def _variables(package: str) -> Iterator[str]:
    """Literal names looked up in an environment: `environ.get("X")`, `environment["X"]`, `environ.setdefault("X")`."""
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=place), args=[ast.Constant(value=str(name)), *_]):
                    pass
                case ast.Subscript(value=place, slice=ast.Constant(value=str(name))):
                    pass
                case _:
                    continue
            if ast.unparse(place) in ("os.environ", "environment"):
                yield name
