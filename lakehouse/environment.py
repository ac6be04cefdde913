"""Refuses environment variables with one of our prefixes that no setting reads.

A typing error or an old name stops the start.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lakehouse.errors import ConfigError


def unread_variables_error(unread: Collection[str], known: Collection[str], renamed: Mapping[str, str]) -> ConfigError:
    """The error for `unread` variables, which names the new name of each that was renamed (old to new)."""
    found = [f"{name}: it is called {renamed[name.upper()]} now" for name in unread if name.upper() in renamed]
    if unknown := [name for name in unread if name.upper() not in renamed]:
        found.append(f"{', '.join(unknown)}: nothing reads this; known are {', '.join(known)}")
    return ConfigError("; ".join(found))
