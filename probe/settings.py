"""Where to publish and whom to ask: PUBSUB_TOPIC and PROBE_*. A name that nothing reads stops the start."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probe.errors import ConfigError

_NAMES = ("PROBE_URL", "PROBE_AUDIENCE", "PROBE_TOKEN", "PROBE_API_KEY", "PROBE_WITHIN_S")
_WITHIN_S = 120.0


HELP = """settings, from the environment:
  PUBSUB_TOPIC (required)
    Where events are published: projects/PROJECT/topics/NAME.
  PROBE_URL (required)
    http(s)://HOST of the API that has to answer.
  PROBE_AUDIENCE (default none)
    For a service that wants an identity token: the metadata server is asked for one for this audience.
  PROBE_TOKEN (default none)
    Or the identity token itself, where there is no metadata server.
  PROBE_API_KEY (default none)
    Sent as X-API-Key, where the API asks for one.
  PROBE_WITHIN_S (default 120 seconds)
    For all steps of a probe of a deploy, 1 to 3600."""

"""As `--help` lists them."""


@dataclass(frozen=True)
class Settings:
    """`PUBSUB_TOPIC`, and `PROBE_*` for the others."""

    url: str
    """`http(s)://HOST` of the API that has to answer. No default: another one would answer, and look right."""
    topic: str
    """Where events are published: `projects/PROJECT/topics/NAME`."""
    audience: str | None
    """For a service that wants an identity token: the metadata server is asked for one for this audience."""
    token: str | None
    """Or the identity token itself, where there is no metadata server (a build, a laptop)."""
    api_key: str | None
    """Sent as `X-API-Key`, where the API asks for one; then a probe also checks that nobody gets in without one."""
    within_s: float = _WITHIN_S
    """For all steps of a probe of a deploy: two batches of 5 s, an instance that starts, and a
    writer that is replaced, whose messages come back within 60 s."""


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in `environment`. Raises ConfigError."""
    unread = sorted(n for n in environment if n.startswith("PROBE_") and n not in _NAMES)
    if unread:
        meant = did_you_mean(unread[0], _NAMES)
        raise ConfigError(f"{', '.join(unread)}: nothing reads this; known are {', '.join(_NAMES)}{meant}")
    return Settings(
        url=_matching(environment, "PROBE_URL", r"https?://[^/?#]+", "http(s)://HOST").rstrip("/"),
        topic=_matching(environment, "PUBSUB_TOPIC", r"projects/[^/]+/topics/[^/]+", "projects/PROJECT/topics/NAME"),
        audience=environment.get("PROBE_AUDIENCE") or None,
        token=environment.get("PROBE_TOKEN") or None,
        api_key=environment.get("PROBE_API_KEY", "").strip() or None,  # a secret's file often ends with a newline
        within_s=_seconds(environment.get("PROBE_WITHIN_S", str(_WITHIN_S))),
    )


def _matching(environment: Mapping[str, str], name: str, pattern: str, takes: str) -> str:
    value = environment.get(name, "")
    if not re.fullmatch(f"{pattern}/?", value):
        instead = "" if value else is_set_instead(name, environment)
        raise ConfigError(f"{name} is {value!r}; it takes {takes}{instead}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 3600:
        raise ConfigError(f"PROBE_WITHIN_S is {text!r}; it takes 1 to 3600 seconds")
    return value


def did_you_mean(wrong: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(wrong, sorted(words), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def is_set_instead(name: str, environment: Mapping[str, str]) -> str:
    """A variable that was probably meant to be `name`, which is not set."""
    near = difflib.get_close_matches(name, sorted(environment), n=1, cutoff=0.85)
    return f"; {near[0]} is set: did you mean {name}?" if near and near[0] != name else ""
