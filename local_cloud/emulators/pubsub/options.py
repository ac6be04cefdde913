"""Command-line options for the faults."""

from __future__ import annotations

import argparse
from dataclasses import fields

from local_cloud.emulators.pubsub.faults import Faults


def add_fault_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("faults of Pub/Sub")
    for setting in fields(Faults):
        group.add_argument(
            f"--{setting.name.replace('_', '-')}",
            type=type(setting.default),
            default=setting.default,
            help=f"{setting.metadata['help']} (default %(default)s)",
        )


def faults_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Faults:
    """The faults that were asked for; ends with a usage error when they make no sense."""
    try:
        return Faults(**{setting.name: getattr(options, setting.name) for setting in fields(Faults)})
    except ValueError as error:
        parser.error(str(error))
