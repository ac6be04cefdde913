"""Settings of `connect`, `sql` and `cache`, from the environment."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lakehouse.environment import unread_variables, unread_variables_error
from lakehouse.errors import ConfigError
from lakehouse.local_disk import name_setting
from lakehouse.table.kept_files import KeptFiles

_PREFIX: Final = "FLIGHTS_"
_READ: Final = ("FLIGHTS_CACHE_DIR", "FLIGHTS_CACHE_MAX_GB")
_GB: Final = 1_000_000_000


@dataclass(frozen=True)
class Settings:
    """Where downloaded files are kept, and how many."""

    cache_dir: Path | None = None
    """Checked files of lakes, for all processes of this user. None: `flights-lakehouse` in the
    user's cache folder: `XDG_CACHE_HOME`, or `~/.cache` (macOS: `~/Library/Caches`)."""
    cache_max_gb: float = 20
    """Beyond it the least recently used files are evicted; a connection needs no more either. About
    1.5 billion flights."""

    @property
    def folder(self) -> Path:
        return _users_folder() if self.cache_dir is None else self.cache_dir

    @property
    def cache_max_bytes(self) -> int:
        return int(self.cache_max_gb * _GB)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Raises ConfigError for a value that is none, and for a variable of this prefix that nothing reads."""
    unread = unread_variables(environment, (_PREFIX,), _READ)
    if unread:
        raise unread_variables_error(unread, _READ, {})
    text = environment.get("FLIGHTS_CACHE_MAX_GB", "")
    folder = environment.get("FLIGHTS_CACHE_DIR", "")
    return Settings(
        cache_dir=Path(folder).expanduser().absolute() if folder else None,
        cache_max_gb=_positive(text) if text else Settings.cache_max_gb,
    )


def settings() -> Settings:
    """As the environment is now."""
    return settings_of(os.environ)


def kept_files(cache_dir: Path | str | None = None, max_bytes: int | None = None) -> KeptFiles:
    """Those of the environment, or of a folder and a bound that are named. Raises ConfigError, LocalDiskError."""
    configured = settings()
    folder = configured.folder if cache_dir is None else Path(cache_dir).absolute()
    name_setting("FLIGHTS_CACHE_DIR" if cache_dir is None else "cache_dir", folder)
    return KeptFiles(folder, configured.cache_max_bytes if max_bytes is None else max_bytes)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ConfigError(f"FLIGHTS_CACHE_MAX_GB is {text!r}; it takes a number of GB above 0")
    return value


def _users_folder() -> Path:
    caches = Path.home() / "Library" / "Caches" if sys.platform == "darwin" else Path.home() / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or caches).absolute() / "flights-lakehouse"
