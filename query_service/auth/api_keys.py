"""API keys. The configuration holds names and SHA-256 hashes, never a key.

A key is 256 random bits, so one round of SHA-256 is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lakehouse.errors import ConfigError
from lakehouse.telemetry.logs import API_KEY_PREFIX

NO_KEY: Final = "none"
"""The name of callers without a key in logs and metrics; no key may have it."""

MAX_KEYS: Final = 1000
"""Every request is compared with all of them, 0.3 ms at most; and each name is a label value."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LONGEST: Final = 200  # characters of a key that is looked at: ours have 47


@dataclass(frozen=True)
class Keys:
    """The accepted keys as (name, hash). A name may have two hashes, to change a key."""

    entries: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name, _ in self.entries))

    def name_of(self, presented: str) -> str | None:
        """The name of a key, None when it is not known. Takes as long whichever key it is, or none."""
        digest = hashlib.sha256(presented[:_LONGEST].encode("utf-8", "replace")).hexdigest()
        found = None
        for name, known in self.entries:
            if hmac.compare_digest(digest, known):
                found = name
        return found if len(presented) <= _LONGEST else None


def load_keys(text: str, file: Path | None) -> Keys:
    """The keys of API_KEYS (`name:hash,...`) or of the file of API_KEYS_FILE (one a line), if set.

    Raises ConfigError, which numbers the wrong entry but does not quote it: it may be a key.
    """
    if text and file is not None:
        raise ConfigError("API_KEYS and API_KEYS_FILE are both set; keep the keys in one place")
    if file is None:
        return _parse(text, "API_KEYS") if text else Keys()
    try:
        content = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"API_KEYS_FILE is {str(file)!r}; it cannot be read: {error}") from None
    lines = [line.partition("#")[0].strip() for line in content.splitlines()]
    return _parse(",".join(line for line in lines if line), "API_KEYS_FILE")


def new_key(name: str) -> tuple[str, str]:
    """A fresh key, and its entry in the configuration. Raises ConfigError when the name cannot be one."""
    _check_name(name, repr(name))
    key = API_KEY_PREFIX + secrets.token_urlsafe(32)
    return key, f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


def _parse(text: str, setting: str) -> Keys:
    entries = []
    for number, entry in enumerate((part.strip() for part in text.split(",")), start=1):
        where = f"{setting}, entry {number}"
        name, _, digest = entry.partition(":")
        if not _HASH.fullmatch(digest):
            raise ConfigError(f"{where}: takes name:hash, as `python -m query_service new-key NAME` prints it")
        _check_name(name, where)
        entries.append((name, digest))
    if len({digest for _, digest in entries}) < len(entries):
        raise ConfigError(f"{setting}: two entries have the same hash")
    if len(entries) > MAX_KEYS:
        raise ConfigError(f"{setting}: {len(entries)} keys; at most {MAX_KEYS}")
    return Keys(tuple(entries))


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name) or name == NO_KEY:
        raise ConfigError(
            f"{where}: a key's name has 1 to 40 of a-z, 0-9 and -, does not begin with - and is not {NO_KEY!r}"
        )
