"""A parser of arguments with `--version`, whose errors suggest the word that was probably meant.

Subcommands get parsers of the same kind.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

from lakehouse.command_line import VERSION

_WRONG_WORD: Final = re.compile(r"invalid choice: '([^']*)'")
_WRONG_OPTIONS: Final = "unrecognized arguments: "


class Parser(argparse.ArgumentParser):
    """Descriptions and epilogs are shown with the lines that they have."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*arguments, **options)
        if self.add_help:  # one that only lends its arguments has neither
            self.add_argument("--version", action="version", version=f"flights-lakehouse {VERSION}")

    def error(self, message: str) -> NoReturn:
        super().error(message + "".join(did_you_mean(wrong, _words_of(self)) for wrong in _wrong_words(message)))


def did_you_mean(wrong: str, words: Iterable[str]) -> str:
    """`; did you mean demo?`, or nothing when no word is near."""
    near = difflib.get_close_matches(wrong, sorted(set(words)), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _wrong_words(message: str) -> list[str]:
    if _WRONG_OPTIONS in message:
        words = message.partition(_WRONG_OPTIONS)[2].split()
        return [word.partition("=")[0] for word in words if word.startswith("--")]
    return _WRONG_WORD.findall(message)


def _words_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Options and commands, those of its commands too: which one complains is up to argparse."""
    for action in parser._actions:
        yield from action.option_strings
        yield from (str(choice) for choice in action.choices or ())
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from _words_of(sub)
