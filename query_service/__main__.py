"""`python -m query_service`: serves the API over the lake at LAKE_URL until SIGTERM or Ctrl-C.

It takes no arguments; everything is set by environment variables. GET /docs of the running service explains its paths.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence

import uvicorn

from lakehouse.errors import ConfigError, StoreRefusedError
from lakehouse.store import Store, open_store
from query_service.app import create_app
from query_service.services import workspace
from query_service.settings import Settings, load_settings, settings_text

_GRACE_S = 8  # Cloud Run kills ten seconds after SIGTERM

_log = logging.getLogger("query_service")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after a signal, 2 when a setting is wrong. Exits by itself for --help and wrong arguments."""
    _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings()
        store = open_store(settings.lake_url, must_exist=True)
        with workspace(settings.cache_dir):
            pass  # usable; it is opened again when the application starts
    except (ConfigError, StoreRefusedError) as error:
        print(f"query_service: {error}", file=sys.stderr)
        return 2
    _serve(store, settings)
    return 0


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="python -m query_service",
        description=__doc__,
        epilog=f"settings:\n{settings_text()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _serve(store: Store, settings: Settings) -> None:
    _log.info(
        "serving %s on %s:%d; plans up to %g s old, %d queries at once, %d more may wait, %g s for an answer,"
        " %d MB of files, %d MB for DuckDB",
        store.url,
        settings.host,
        settings.port,
        settings.plan_max_age_s,
        settings.queries_at_once,
        settings.queue_limit,
        settings.query_timeout_s,
        settings.cache_mb,
        settings.duckdb_memory_mb,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises it again when it has shut down: that is no failure
    uvicorn.run(
        lambda: create_app(store, settings),
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


if __name__ == "__main__":
    sys.exit(main())
