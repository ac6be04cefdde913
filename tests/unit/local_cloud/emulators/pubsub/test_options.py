"""Faults as options: one for each setting, with its default, and a usage error where they make no sense."""

from __future__ import annotations

import argparse

import pytest

from local_cloud.emulators.pubsub import Faults
from local_cloud.emulators.pubsub.options import add_fault_options, faults_of


def parsed(*arguments: str) -> Faults:
    parser = argparse.ArgumentParser(prog="up")
    add_fault_options(parser)
    return faults_of(parser, parser.parse_args(arguments))


def test_without_an_option_there_are_no_faults() -> None:
    assert parsed() == Faults()


def test_every_setting_has_an_option_of_its_name() -> None:
    given = parsed(
        *("--redeliver=0.1", "--duplicate=0.2", "--reorder=0.3", "--reorder-s=2", "--delay=0.4", "--delay-s=3"),
        *("--drop-acks=0.5", "--unavailable-before=0.6", "--unavailable-after=0.7", "--seed=8"),
    )
    assert given == Faults(0.1, 0.2, 0.3, 2.0, 0.4, 3.0, 0.5, 0.6, 0.7, 8)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--redeliver=1.5", "redeliver must be a fraction from 0 to 1, not 1.5"),
        ("--delay-s=-1", "delay_s must not be negative, not -1.0"),
        ("--seed=x", "argument --seed: invalid int value"),
    ],
)
def test_a_value_that_makes_no_sense_is_a_usage_error(
    argument: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        parsed(argument)
    assert exit_.value.code == 2
    assert said in capsys.readouterr().err
