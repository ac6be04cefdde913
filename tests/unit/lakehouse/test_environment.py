"""Variables that nothing reads: each is named, an old name with its new one."""

from __future__ import annotations

import pytest

from ingest_writer import settings as writer_settings
from lakehouse.environment import unread_variables_error
from lakehouse.errors import ConfigError
from query_service import settings as api_settings

_RENAMED = {
    "API_CACHE_MB": "API_FILE_CACHE_MB",
    "API_DECIDED_CACHE_MB": "API_TAIL_CACHE_MB",
    "API_DECIDED_FROM_KB": "API_TAIL_CACHE_MIN_KB",
    "API_PARTIAL_CACHE_MB": "API_ROLLUP_CACHE_MB",
    "API_PARTIAL_ROWS": "API_ROLLUP_MIN_ROWS",
    "API_QUERIES_AT_ONCE": "API_MAX_CONCURRENT_QUERIES",
    "API_SENDING_MB": "API_SEND_BUFFER_MB",
    "API_WAITS_AT_ONCE": "API_MAX_LONG_POLLS",
    "COMPACTOR_GRACE_S": "COMPACTOR_DELETE_GRACE_S",
    "WRITER_UPLOAD_STUCK_S": "WRITER_UPLOAD_STALL_S",
}


def test_unknown_and_renamed_variables_are_named_apart() -> None:
    error = unread_variables_error(["API_OLD", "API_TYPO"], ["API_A", "API_B"], {"API_OLD": "API_NEW"})
    assert str(error) == "API_OLD: it is called API_NEW now; API_TYPO: nothing reads this; known are API_A, API_B"


@pytest.mark.parametrize(("old", "new"), _RENAMED.items())
def test_the_old_name_of_a_setting_stops_the_start_and_says_the_new_one(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_URL", "file:///tmp")
    monkeypatch.setenv(old, "1")
    load = api_settings.load_settings if old.startswith("API_") else writer_settings.load_settings
    with pytest.raises(ConfigError, match=f"^{old}: it is called {new} now$"):
        load()
    monkeypatch.delenv(old)
    monkeypatch.setenv(new, "1" if old != "WRITER_UPLOAD_STUCK_S" else "30")
    load()
