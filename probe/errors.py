"""The errors of a probe."""

from __future__ import annotations


class ConfigError(Exception):
    """A setting is missing or wrong; the message says which, what it is and what it takes."""


class ProbeFailedError(Exception):
    """The service broke a promise; the message has the expected and the actual result."""
