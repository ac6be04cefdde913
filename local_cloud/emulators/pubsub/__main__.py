"""`python -m local_cloud.emulators.pubsub`: only the Pub/Sub server, as a process that may be killed, until SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from local_cloud.emulators.pubsub.journal import JournalUnusable
from local_cloud.emulators.pubsub.options import add_fault_options, faults_of
from local_cloud.emulators.pubsub.server import PortTaken, PubsubServer


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local_cloud.emulators.pubsub", description=__doc__)
    parser.add_argument("--port", type=int, default=8085, help="0: any free port (default %(default)s)")
    parser.add_argument("--data", type=Path, metavar="FILE", help="keeps messages over a kill (default: memory)")
    add_fault_options(parser)
    options = parser.parse_args(arguments)
    faults = faults_of(parser, options)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with PubsubServer(options.port, faults, data=options.data) as server:
            print(f"export PUBSUB_EMULATOR_HOST={server.address}", flush=True)
            stop.wait()
    except (PortTaken, JournalUnusable, OSError) as error:
        print(f"local_cloud.emulators.pubsub: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
