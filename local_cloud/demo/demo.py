"""`demo`: the whole system on this machine, with a year of real flights.

Runs the local cloud, writer, compactor and API as processes, on 127.0.0.1 alone, and prints the results. In a
terminal it keeps serving until Ctrl-C, which ends it at any moment and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from lakehouse.command_line.arguments import Parser
from local_cloud.demo.ports import Ports, add_port_options, chosen
from local_cloud.demo.stopping import stopped_at_once
from local_cloud.processes.numbers import positive_float, positive_int
from local_cloud.processes.supervise import Processes, ProcessFailed
from probe.errors import ProbeFailedError

# A million events in about a minute: half of what two cores carry with everything on them, so that freshness is
# that of a healthy system and not of a backlog.
_EVENTS_PER_S = 17_000.0
_COMPACT_EVERY_S = 5.0  # often, so that a minute shows what an hour would


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    with stopped_at_once() as processes:
        try:
            ports = _welcome(options)
            return _demo(processes, options, ports)
        except (ProcessFailed, ProbeFailedError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
        except BrokenPipeError:  # `| head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1


def _welcome(options: argparse.Namespace) -> Ports:
    """Says what comes before anything that takes time: the libraries alone are a second."""
    which = "the flights" if options.limit is None else f"the first {options.limit:,} flights"
    _say(f"The whole system on this machine, with {which} of New York in 2013.")
    if options.limit is None:
        _say("Takes two minutes; Ctrl-C ends it at any moment, and nothing is left behind.")
    ports = chosen(options, _say)
    _say(f"Dashboard: http://127.0.0.1:{ports.api}/ (in a few seconds)")
    return ports


def _demo(processes: Processes, options: argparse.Namespace, ports: Ports) -> int:
    from local_cloud.demo.run import run  # slow to import

    return run(processes, options, ports)


def _say(text: str) -> None:
    print(text, flush=True)


_EPILOG = """examples:
  make demo
  python -m local_cloud demo --limit 20000 --api-port 9000

settings, from the environment: none of its own. WRITER_*, COMPACTOR_* and API_* reach the services (defaults: see
`python -m ingest_writer run --help`, `compact --help`, `python -m query_service --help`); where they listen and find
each other is up to the options."""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m local_cloud demo", description=__doc__, epilog=_EPILOG)
    parser.add_argument(
        "--limit", type=positive_int, metavar="N", help="only the first N flights of the year (default: all)"
    )
    parser.add_argument(
        "--rate", type=positive_float, default=_EVENTS_PER_S, metavar="N", help="events a second (default %(default)s)"
    )
    parser.add_argument(
        "--compact-every",
        type=positive_float,
        default=_COMPACT_EVERY_S,
        metavar="SECONDS",
        help="between compactions (default %(default)s)",
    )
    add_port_options(parser)
    return parser
