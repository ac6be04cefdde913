"""`python -m ingest_writer run | compact | publish | load | replay-rejected`: puts the parts together and runs them."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import logging
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from lakehouse.command_line.outside import leave

try:
    from lakehouse.no_pandas import without_pandas_and_numpy

    if __name__ == "__main__":
        without_pandas_and_numpy()
    from ingest_writer.backfill.arguments import EPILOG, add_arguments, publish_moment, read_options
    from ingest_writer.settings import (
        CompactorSettings,
        LoadSettings,
        Settings,
        WriterSettings,
        load_settings,
        subscription_from_environment,
        variables,
    )
    from lakehouse.command_line.arguments import Parser
    from lakehouse.command_line.settings_text import LAKE_URL, Variable, settings_text
    from lakehouse.errors import ConfigError, LakeError
    from lakehouse.store.open import store_from_environment
    from lakehouse.store.store import Store
    from lakehouse.telemetry import logs
    from lakehouse.telemetry.instrumented_store import InstrumentedStore
except ModuleNotFoundError as error:
    leave(error)

if TYPE_CHECKING:  # each command imports its own: a writer does without DuckDB, a help without both
    from ingest_writer.compaction.compactor import Compactor
    from ingest_writer.publishing.publisher import Publisher


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code: 0 done, 1 failed, 2 wrongly configured, 3 in part, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        chosen = settings.compactor if options.command in (_compact, _publish, _load) else settings.writer
        logs.configure(chosen.log_format, lines_per_minute=chosen.log_lines_per_minute)
        return int(options.command(options, settings))
    except ModuleNotFoundError as error:  # of a command's own imports
        leave(error)
    except ConfigError as error:
        print(f"ingest_writer: {error}", file=sys.stderr)
        return 2
    except (LakeError, OSError) as error:
        print(f"ingest_writer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ingest_writer: interrupted; run again, what was landed stays", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m ingest_writer",
        description=__doc__,
        epilog=f"example:\n  {_LAKE} python -m ingest_writer compact\n\n`COMMAND --help` lists the command's settings;"
        " each needs LAKE_URL.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="move messages of PUBSUB_SUBSCRIPTION to LAKE_URL until SIGTERM",
        epilog=_help(f"{_SUBSCRIPTION} {_LAKE} python -m ingest_writer run", _PUBSUB, *variables(WriterSettings)),
    )
    run.set_defaults(command=_run)
    of_compactor = variables(CompactorSettings)
    compact = commands.add_parser(
        "compact",
        help="one compaction and collection, or one every so often",
        epilog=_help(f"{_LAKE} python -m ingest_writer compact --every 300", *of_compactor),
    )
    compact.add_argument("--every", type=_seconds, metavar="SECONDS", help="repeat until SIGTERM")
    compact.set_defaults(command=_compact)
    publish = commands.add_parser(
        "publish",
        help="bring the Delta and the Iceberg table up to the latest snapshot",
        epilog=_help(f"{_LAKE} python -m ingest_writer publish", *of_compactor),
    )
    publish.add_argument("--rebuild", action="store_true", help="write them anew: they were lost, damaged or copied")
    publish.set_defaults(command=_publish)
    load = commands.add_parser(
        "load",
        help="bulk load of files: events as CSV, NDJSON, JSON, Parquet, Arrow, or the US DOT's on-time file",
        epilog=f"{EPILOG}\n{settings_text([LAKE_URL, *variables(LoadSettings, CompactorSettings)])}",
    )
    add_arguments(load)
    load.set_defaults(command=_load)
    _add_replay(commands.add_parser)
    return parser


def _add_replay(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    replay = add_parser(
        "replay-rejected",
        help="decode rejected lines again and land those that pass",
        epilog=_help(f"{_LAKE} python -m ingest_writer replay-rejected", *variables(WriterSettings)),
    )
    replay.set_defaults(command=_replay_rejected)


_LAKE: Final = "LAKE_URL=file://$PWD/lake"
_SUBSCRIPTION: Final = "PUBSUB_SUBSCRIPTION=projects/PROJECT/subscriptions/NAME"
_PUBSUB: Final = Variable("PUBSUB_SUBSCRIPTION", "required", "projects/PROJECT/subscriptions/NAME.")


def _help(example: str, *settings: Variable) -> str:
    return f"example:\n  {example}\n\n{settings_text([LAKE_URL, *settings])}"


def _run(_: argparse.Namespace, all_settings: Settings) -> int:
    from prometheus_client import CollectorRegistry

    from ingest_writer.subscriber.metrics import MeasuredSubscription, WriterMetrics
    from ingest_writer.subscriber.process import run_writer
    from ingest_writer.subscriber.pubsub import PubsubSubscription
    from ingest_writer.subscriber.writer import Writer

    settings = all_settings.writer
    metrics = WriterMetrics(CollectorRegistry())
    store = InstrumentedStore(store_from_environment(), metrics.store)
    subscription = PubsubSubscription(subscription_from_environment())
    threads = ThreadPoolExecutor(settings.uploads_in_flight + settings.pulls_in_flight, thread_name_prefix="work")
    try:
        subscription.check()
        with asyncio.Runner() as runner:
            writer = Writer(
                MeasuredSubscription(subscription, metrics.subscription),
                store,
                settings.options(),
                _random_id,
                random.Random(secrets.randbits(64)),
                partial(runner.get_loop().run_in_executor, threads),
                metrics,
            )
            metrics.watch(writer, writer.counts)
            runner.run(run_writer(writer, settings.port, store.url, metrics.page, settings.health_limits))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        subscription.close()
    return 0


def _compact(options: argparse.Namespace, all_settings: Settings) -> int:
    from prometheus_client import CollectorRegistry

    from ingest_writer.compaction.garbage_collector import GarbageCollector
    from ingest_writer.compaction.metrics import CompactorMetrics
    from ingest_writer.compaction.runner import Compaction
    from ingest_writer.health_server import listen
    from ingest_writer.publishing.background import BackgroundPublisher

    settings = all_settings.compactor
    metrics = CompactorMetrics(CollectorRegistry())
    store = InstrumentedStore(store_from_environment(), metrics.store)
    compactor = _compactor(store, settings)
    collector = GarbageCollector(
        store,
        compactor.planner,
        settings.delete_grace_s,
        settings.deletes_at_once,
        settings.retention_s,
        compactor.history,
    )
    publisher = BackgroundPublisher(_publisher(store, settings).publish, settings.publish_wait_s)
    compaction = Compaction(compactor, collector, publisher.publish, metrics)
    if options.every is None:
        report = compaction.until_done()
        # Unreadable objects are left alone by every run until somebody restores or removes them, and each run says so:
        # runs that fail for it would only add alerts about the compactor to the one about the object.
        return 1 if report.failed else 0
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with contextlib.ExitStack() as stack:
        if settings.port:
            limits = settings.health_limits
            health = listen("COMPACTOR_PORT", settings.port, compaction.status, metrics.page, limits)
            stack.callback(health.close)
        compaction.every(options.every, stop)
    return 0


def _load(options: argparse.Namespace, settings: Settings) -> int:
    from ingest_writer.backfill.bulk_load import Loader
    from ingest_writer.backfill.preview import preview_lines
    from ingest_writer.backfill.progress import Progress

    try:
        published = publish_moment(options, _now)
    except argparse.ArgumentTypeError as error:
        raise ConfigError(str(error)) from None
    store = store_from_environment()
    compactor = _compactor(store, settings.compactor)
    limits = settings.load.limits()
    scratch, progress = settings.compactor.scratch_dir, Progress(sys.stderr, time.monotonic)
    loader = Loader(store, compactor, _random_id, scratch, limits, progress)
    reading = read_options(options, limits, published)
    if options.dry_run:
        report, months = loader.check(options.files, published, reading)
        print(*report.lines("would load"), *preview_lines(months), sep="\n")
        return report.exit_code
    report = loader.load(options.files, published, reading)
    print(*report.lines(), sep="\n")
    if report.months:
        print(f"into {len(report.months)} months, snapshot {report.snapshot}")
    for name, why in sorted(report.unreadable.items()):
        print(f"  unreadable, left alone: {name}: {why}", file=sys.stderr)
    _publish_loaded(store, settings.compactor)
    return report.exit_code


def _publish_loaded(store: Store, settings: CompactorSettings) -> None:
    """What is loaded is loaded, also when the outside tables do not show it yet."""
    try:
        _publisher(store, settings).publish()
    except LakeError as error:
        print(
            f"the Delta or Iceberg table is not up to date, the next compaction tries again: {error}", file=sys.stderr
        )


def _publish(options: argparse.Namespace, all_settings: Settings) -> int:
    from ingest_writer.publishing.rebuild import rebuild
    from lakehouse.table.planner import Planner

    settings = all_settings.compactor
    store = store_from_environment()
    if options.rebuild:
        published = rebuild(store, Planner(store, _now, settings.trusted_snapshot), settings.trusted_snapshot)
    else:
        published = _publisher(store, settings).publish()
    print(f"Delta table at version {published.delta}, Iceberg table at snapshot {published.iceberg}")
    return 0


def _replay_rejected(_: argparse.Namespace, __: Settings) -> int:
    from ingest_writer.backfill.replay_rejected import replay_rejected

    report = replay_rejected(store_from_environment(), _random_id)
    print(*report.lines(), sep="\n")
    for name, why in sorted(report.unreadable.items()):
        print(f"  unreadable: {name}: {why}", file=sys.stderr)
    return report.exit_code


def _publisher(store: Store, settings: CompactorSettings) -> Publisher:
    """With its own planner: it may run while a compactor does."""
    from ingest_writer.publishing.publisher import Publisher
    from lakehouse.table.planner import Planner

    return Publisher(store, Planner(store, _now, settings.trusted_snapshot), settings.trusted_snapshot)


def _compactor(store: Store, settings: CompactorSettings) -> Compactor:
    from ingest_writer.compaction.compactor import Compactor
    from ingest_writer.compaction.model import CompactorOptions

    options = CompactorOptions(
        scratch=settings.scratch_dir,
        scratch_max_bytes=settings.scratch_mb * 1_000_000,
        memory_mb=settings.memory_mb,
        threads=settings.threads,
        months_at_once=settings.months_at_once,
        merge_max_files=settings.merge_max_files,
        merge_max_bytes=settings.merge_max_mb * 1_000_000,
        merge_max_rows=settings.merge_max_rows,
        commit_attempts=settings.commit_attempts,
        retention_s=settings.retention_s,
        file_max_bytes=settings.file_max_mb * 1_000_000,
        moving_file_max_bytes=settings.moving_file_max_mb * 1_000_000,
        rest_s=settings.rest_s,
        trusted_snapshot=settings.trusted_snapshot,
    )
    return Compactor(store, options, _now, _random_id)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _random_id() -> str:
    return secrets.token_hex(16)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"is {text!r}; it takes seconds, above 0 and at most 86400")
    return value


def _exit(code: int) -> NoReturn:
    """Ends at once: Python would first wait for threads that hang in a call to a storage that does not answer."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _exit(main())
