"""`python -m probe deploy --id BUILD | canary`: settings are PUBSUB_TOPIC and PROBE_*."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

try:
    from probe import VERSION
    from probe.canary import send_canary
    from probe.deployed import DeployProbe
    from probe.errors import ConfigError, ProbeFailedError
    from probe.flight import flight_of_build, flight_of_minute
    from probe.publisher import Publisher
    from probe.service import open_service
    from probe.settings import HELP, Settings, did_you_mean, load_settings
except ModuleNotFoundError as error:
    print(
        f"probe: {error.name} is not installed in {sys.executable}: in the project's folder run `make setup` once, then"
        " `. .venv/bin/activate`, and this again",
        file=sys.stderr,
    )
    sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 it works (a canary: it was looked for), 1 it does not, 2 wrongly configured."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        return _canary(settings) if options.command == "canary" else _deploy(settings, options.id)
    except ConfigError as error:
        print(f"probe: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except ProbeFailedError as error:
        print(f"probe: FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _deploy(settings: Settings, build_id: str) -> int:
    flight = flight_of_build(build_id, dt.datetime.now(dt.UTC))
    with Publisher(settings.topic) as publisher:
        DeployProbe(open_service(settings), publisher, flight, settings.within_s, _say).run()
    _say(f"{settings.url} works")
    return 0


def _canary(settings: Settings) -> int:
    with Publisher(settings.topic) as publisher:
        canary = send_canary(open_service(settings), publisher, flight_of_minute(dt.datetime.now(dt.UTC)))
    print(canary.line(), flush=True)
    return 0


def _say(text: str) -> None:
    print(f"probe: {text}", flush=True)


class _Parser(argparse.ArgumentParser):
    """With `--version`, and errors that say what was probably meant, as those of the services."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*arguments, **options)
        self.add_argument("--version", action="version", version=f"flights-lakehouse {VERSION}")

    def error(self, message: str) -> NoReturn:
        found = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        words = re.findall(r"[a-z]+", found[2]) if found else ()
        super().error(message + (did_you_mean(found[1], words) if found else ""))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m probe", description=__doc__, epilog=_help("canary"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    deploy = commands.add_parser(
        "deploy",
        help="prove that PROBE_URL answers with an event published now; exit 1 if not",
        epilog=_help("deploy --id 4f1c2d"),
    )
    deploy.add_argument(
        "--id", required=True, type=_build_id, help="of the build: 1 to 100 characters, letters and digits among them"
    )
    commands.add_parser("canary", help="send one ZZ event and print one line of JSON about it", epilog=_help("canary"))
    return parser


def _help(example: str) -> str:
    """What follows the options in a help."""
    where = "PUBSUB_TOPIC=projects/PROJECT/topics/NAME PROBE_URL=https://HOST"
    return f"example:\n  {where} python -m probe {example}\n\n{HELP}"


def _build_id(text: str) -> str:
    if not 1 <= len(text) <= 100 or not any(c.isascii() and c.isalnum() for c in text):
        raise argparse.ArgumentTypeError("1 to 100 characters, letters and digits among them")
    return text


if __name__ == "__main__":
    sys.exit(main())
