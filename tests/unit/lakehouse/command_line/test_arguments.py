"""Wrong words get the one that was probably meant."""

from __future__ import annotations

import pytest

from lakehouse.command_line.arguments import Parser, did_you_mean


def parser() -> Parser:
    made = Parser(prog="trains")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    depart = commands.add_parser("depart")
    depart.add_argument("--limit", type=int)
    commands.add_parser("arrive")
    return made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dpeart"], "; did you mean depart?\n"),
        (["depart", "--limt=5"], "unrecognized arguments: --limt=5; did you mean --limit?\n"),
        (["depart", "--limit", "5", "--verison"], "; did you mean --version?\n"),
        (["xyz"], "(choose from 'depart', 'arrive')\n"),
    ],
)
def test_the_word_that_was_probably_meant_is_said(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(said)


def test_nothing_is_said_where_nothing_is_near() -> None:
    assert did_you_mean("fly", ["depart"]) == ""
