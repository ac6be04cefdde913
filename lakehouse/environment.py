"""Environment variables that stop the start: those that nothing reads, and wrong ways to Google's services."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from typing import Final

from lakehouse.errors import ConfigError

PUBSUB_EMULATOR: Final = "PUBSUB_EMULATOR_HOST"
STORAGE_EMULATOR: Final = "STORAGE_EMULATOR_HOST"

_HOST_AND_PORT: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(?P<port>[0-9]{1,5})"
_TAKES: Final = {PUBSUB_EMULATOR: "HOST:PORT, without http://", STORAGE_EMULATOR: "http://HOST:PORT, without a path"}
_PATTERN: Final = {
    PUBSUB_EMULATOR: re.compile(_HOST_AND_PORT),
    STORAGE_EMULATOR: re.compile(rf"https?://{_HOST_AND_PORT}"),
}


def emulator(variable: str) -> str | None:
    """Where a server on this machine stands in for Google's, or None. Raises ConfigError when it cannot be that.

    Google's clients read the variable by themselves, and take whatever is in it.
    """
    value = os.environ.get(variable)
    if value is None or (not value and variable == PUBSUB_EMULATOR):  # as the clients see it
        return None
    match = _PATTERN[variable].fullmatch(value)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise ConfigError(f"{variable} is {value!r}; it takes {_TAKES[variable]}")
    return value


def no_emulator_error(variable: str, service: str, why: object) -> ConfigError:
    """The error for an emulator that does not answer at the start, or is none."""
    return ConfigError(
        f"{variable} is {os.environ.get(variable)!r}, and no {service} answers there; it takes {_TAKES[variable]}, as"
        f" `python -m local_cloud up` prints it: {' '.join(str(why).split())[:200]}"
    )


def no_credentials_error(needed_by: str, variable: str, why: object) -> ConfigError:
    """The error for missing credentials; `variable` names the emulator that would need none."""
    return ConfigError(
        f"{needed_by} needs Google credentials: run `gcloud auth application-default login`, or set"
        f" GOOGLE_APPLICATION_CREDENTIALS to a key file; did you mean to set {variable}, as"
        f" `python -m local_cloud up` prints it? ({' '.join(str(why).split())[:200]})"
    )


def unread_variables_error(unread: Collection[str], known: Collection[str], renamed: Mapping[str, str]) -> ConfigError:
    """The error for `unread` variables, which names the new name of each that was renamed (old to new)."""
    found = [f"{name}: it is called {renamed[name.upper()]} now" for name in unread if name.upper() in renamed]
    if unknown := [name for name in unread if name.upper() not in renamed]:
        found.append(f"{', '.join(unknown)}: nothing reads this; known are {', '.join(known)}")
    return ConfigError("; ".join(found))
