"""Environment variables that stop the start: those that nothing reads, and wrong ways to Google's services."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping
from typing import Final

from lakehouse.errors import ConfigError

PUBSUB_EMULATOR: Final = "PUBSUB_EMULATOR_HOST"
STORAGE_EMULATOR: Final = "STORAGE_EMULATOR_HOST"

_SLIP_FROM_LETTERS: Final = 8
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
        meant = [near[0] for name in unknown if (near := difflib.get_close_matches(name.upper(), known, 1, 0.8))]
        hint = f"; did you mean {', '.join(meant)}?" if meant else ""
        found.append(f"{', '.join(unknown)}: nothing reads this; known are {', '.join(known)}{hint}")
    return ConfigError("; ".join(found))


def unread_variables(environment: Mapping[str, str], prefixes: tuple[str, ...], known: Collection[str]) -> list[str]:
    """Names that begin as ours do and that nothing reads, and those that are one slip away from a known one.

    AIP_KEYS would leave the API open, and nobody would see it.
    """
    return sorted(
        name
        for name in environment
        if name.upper() not in known
        and (name.upper().startswith(prefixes) or any(_is_one_slip_from(other, name.upper()) for other in known))
    )


def not_set_error(name: str, takes: str, environment: Mapping[str, str] = os.environ) -> ConfigError:
    """The error for a variable that is needed and not set; it names one that was probably meant to be it."""
    near = [other for other in environment if _is_one_slip_from(name, other.upper()) or other.upper() == name]
    hint = f"; {sorted(near)[0]} is set: did you mean {name}?" if near and name not in near else ""
    return ConfigError(f"{name} is not set; it takes {takes}{hint}")


def _is_one_slip_from(name: str, typed: str) -> bool:
    """One letter too many, too few or wrong, or two that changed places. Short names are near to everything."""
    if name == typed or len(name) < _SLIP_FROM_LETTERS:
        return False
    begin = _same_letters(name, typed)
    end = _same_letters(name[begin:][::-1], typed[begin:][::-1])
    meant, got = name[begin : len(name) - end], typed[begin : len(typed) - end]
    return max(len(meant), len(got)) == 1 or (len(meant) == 2 and got == meant[::-1])


def _same_letters(one: str, other: str) -> int:
    """How many they begin with."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
