"""Settings as a help lists them."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from lakehouse.command_line.settings_text import LAKE_URL, settings_text, variables_of


class Brakes(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BRAKE_", use_attribute_docstrings=True)

    hold_s: float = 5.0
    """Until the doors are shut."""
    shoes: list[str] = Field(default_factory=lambda: ["left", "right"])
    note: str = ""


def test_each_has_its_name_default_unit_and_reason() -> None:
    assert settings_text([LAKE_URL, *variables_of(Brakes.model_fields, "BRAKE_")]).splitlines()[1:] == [
        "  LAKE_URL (required)",
        "    gs://BUCKET or file:///absolute/path.",
        "  BRAKE_HOLD_S (default 5.0 seconds)",
        "    Until the doors are shut.",
        "  BRAKE_SHOES (default ['left', 'right'])",
        "  BRAKE_NOTE (default none)",
    ]
