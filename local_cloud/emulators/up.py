"""`up`: Pub/Sub and GCS on this machine, with the topic, subscription and bucket that the services expect.

Prints the settings that lead the services there, as lines for a shell, then serves until told to stop.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lakehouse.command_line.arguments import Parser
from local_cloud.emulators.gcs import GcsServer, GcsServerFailed
from local_cloud.emulators.pubsub import Faults, PortTaken, PubsubServer
from local_cloud.emulators.pubsub.options import add_fault_options, faults_of
from local_cloud.processes.numbers import port

PROJECT = "local"
TOPIC = f"projects/{PROJECT}/topics/flights"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/flights-writer"
BUCKET = "flights-lake"

# Longer than a writer collects a batch and uploads it; what a killed writer held comes back after a minute.
ACK_DEADLINE_S = 60


@dataclass(frozen=True)
class LocalCloud:
    pubsub: PubsubServer
    gcs: GcsServer

    @property
    def environment(self) -> dict[str, str]:
        """What leads the services and the official clients to these servers."""
        return {
            "PUBSUB_EMULATOR_HOST": self.pubsub.address,
            "STORAGE_EMULATOR_HOST": self.gcs.url,
            "LAKE_URL": f"gs://{BUCKET}",
            "PUBSUB_SUBSCRIPTION": SUBSCRIPTION,
            "PUBSUB_TOPIC": TOPIC,
            "GOOGLE_CLOUD_PROJECT": PROJECT,
        }


@contextmanager
def local_cloud(
    pubsub_port: int = 0,
    gcs_port: int = 0,
    data: Path | None = None,
    faults: Faults = Faults(),  # noqa: B008 - frozen
) -> Iterator[LocalCloud]:
    """Both servers, with everything created, until the block ends. Port 0 is any free one."""
    with (
        PubsubServer(pubsub_port, faults) as pubsub,
        GcsServer(gcs_port, buckets=(BUCKET,), data=data) as gcs,
    ):
        pubsub.broker.create_topic(TOPIC)
        pubsub.broker.create_subscription(SUBSCRIPTION, TOPIC, ACK_DEADLINE_S)
        yield LocalCloud(pubsub, gcs)


def main(argv: Sequence[str]) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    faults = faults_of(parser, options)
    try:
        with _stop_signals() as stop, local_cloud(options.pubsub_port, options.gcs_port, options.data, faults) as cloud:
            return _serve(cloud, stop)
    except (PortTaken, GcsServerFailed) as error:
        _remark(str(error))
        return 1


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that is set by Ctrl-C or SIGTERM, also while the servers are still starting."""
    stop = threading.Event()
    handlers = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _serve(cloud: LocalCloud, stop: threading.Event) -> int:
    for name, value in cloud.environment.items():
        print(f"export {name}={value}")
    sys.stdout.flush()
    _remark("serving until Ctrl-C")
    while not stop.wait(1.0):
        if cloud.gcs.process.poll() is not None:
            _remark(f"the GCS server exited with {cloud.gcs.process.returncode}")
            return 1
    _remark("stopping")
    return 0


def _remark(text: str) -> None:
    print(f"local cloud: {text}", file=sys.stderr, flush=True)


_EPILOG = """example:
  python -m local_cloud up --data ./bucket

It reads no setting: ports, data and faults are options. What it prints are settings of the other commands."""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m local_cloud up", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--pubsub-port", type=port, default=8085, help="0: any free port (default %(default)s)")
    parser.add_argument("--gcs-port", type=port, default=4443, help="0: any free port (default %(default)s)")
    parser.add_argument("--data", type=Path, help="directory to keep objects in (default: memory)")
    add_fault_options(parser)
    return parser
