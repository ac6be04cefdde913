"""What a probe can end with."""

from __future__ import annotations


class ConfigError(Exception):
    """A setting is missing or wrong; the message says which, what it is and what it takes."""


class ProbeFailedError(Exception):
    """The service did not do what it promises; the message says what was expected and what was seen."""
