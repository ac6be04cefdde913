"""Numbers as options of commands take them. Each raises ArgumentTypeError, which argparse shows."""

from __future__ import annotations

import argparse


def port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: it takes 0 to 65535")
    return int(text)


def positive_int(text: str) -> int:
    value = int(text) if text.isascii() and text.isdecimal() else 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"must be positive, a whole number, not {text!r}")
    return value


def positive_float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be positive, a number, not {text!r}")
    return value
