"""Numbers of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from local_cloud.processes.numbers import port, positive_float, positive_int


def test_numbers_are_read() -> None:
    assert (port("0"), port("65535"), positive_int("7"), positive_float("0.5")) == (0, 65_535, 7, 0.5)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((port, text) for text in ("", "-1", "65536", "http", "٣")),
        *((positive_int, text) for text in ("0", "-1", "1.5", "")),
        *((positive_float, text) for text in ("0", "nan", "inf", "x")),
    ],
)
def test_what_is_none_says_what_it_takes(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=repr(text)):
        read(text)
