"""`python -m query_service`: serves the API over the lake at LAKE_URL until SIGTERM or Ctrl-C.

Everything is set by environment variables. GET /docs of the running service explains its paths.
`python -m query_service new-key NAME` makes an API key.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence

from lakehouse.command_line.outside import leave

try:
    from lakehouse.command_line.arguments import Parser
    from lakehouse.errors import ConfigError, StoreAccessDeniedError
    from lakehouse.no_pandas import without_pandas_and_numpy
    from query_service.auth.api_keys import new_key
    from query_service.settings import settings_text
except ModuleNotFoundError as error:
    leave(error)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after a signal, 1 when it cannot start, 2 when a setting is wrong.

    Exits by itself for --help and wrong arguments.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "new-key":
            return _new_key(options.name)
        return _serve()
    except ModuleNotFoundError as error:
        leave(error)
    except (ConfigError, StoreAccessDeniedError) as error:
        print(f"query_service: {error}", file=sys.stderr)
        return 2


def _serve() -> int:
    gc.disable()  # what imports make stays: to look through it again and again takes an eighth of the start
    from query_service.server.run import run  # here: a help needs none of it

    gc.freeze()
    gc.enable()
    return run()


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m query_service",
        description=__doc__,
        epilog=f"example:\n  LAKE_URL=file://$PWD/lake PORT=8080 python -m query_service\n\n{settings_text()}",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    key = commands.add_parser(
        "new-key", help="print a fresh API key, once, and its entry for API_KEYS", epilog=_NEW_KEY
    )
    key.add_argument("name", metavar="NAME", help="who gets it; shows in logs and metrics")
    return parser


_NEW_KEY = """example:
  python -m query_service new-key dashboards

It reads no setting; the service reads the entry in API_KEYS (default none), or in the file of API_KEYS_FILE."""


def _new_key(name: str) -> int:
    key, entry = new_key(name)
    print(f"Key, shown only now; its holder sends it as X-API-Key:\n  {key}")
    print(f"Entry for API_KEYS, or a line of API_KEYS_FILE; it holds no secret:\n  {entry}")
    return 0


if __name__ == "__main__":
    without_pandas_and_numpy()
    sys.exit(main())
