"""The sizes and themes that pages are looked at in; all but one are for long runs."""

from __future__ import annotations

from typing import Any, Final

import pytest

Look = dict[str, Any]
"""Options of a browser's context."""

SIZES: Final[dict[str, Look]] = {
    "desktop": {"viewport": {"width": 1200, "height": 1000}},
    "tablet": {"viewport": {"width": 768, "height": 1000}, "has_touch": True},
    "phone": {"viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True},
}
LOOKS: Final = [
    pytest.param(
        look | {"color_scheme": theme},
        id=f"{size} {theme}",
        marks=[] if (size, theme) == ("desktop", "light") else pytest.mark.long,
    )
    for size, look in SIZES.items()
    for theme in ("light", "dark")
]


def is_phone(look: Look) -> bool:
    """Whether the filters are folded at first, and columns left out."""
    return look.get("is_mobile") is True
