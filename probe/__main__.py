"""`python -m probe deploy --id BUILD | canary`: settings are PUBSUB_TOPIC and PROBE_*."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Sequence

from probe.canary import send_canary
from probe.deployed import DeployProbe
from probe.errors import ConfigError, ProbeFailedError
from probe.flight import flight_of_build, flight_of_minute
from probe.publisher import Publisher
from probe.service import open_service
from probe.settings import Settings, load_settings


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m probe", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    deploy = commands.add_parser(
        "deploy", help="prove that PROBE_URL answers with an event published now; exit 1 if not"
    )
    deploy.add_argument(
        "--id", required=True, type=_build_id, help="of the build: 1 to 100 characters, letters and digits among them"
    )
    commands.add_parser("canary", help="send one ZZ event and print one line of JSON about it")
    return parser


def _build_id(text: str) -> str:
    if not 1 <= len(text) <= 100 or not any(c.isascii() and c.isalnum() for c in text):
        raise argparse.ArgumentTypeError("1 to 100 characters, letters and digits among them")
    return text


if __name__ == "__main__":
    sys.exit(main())
