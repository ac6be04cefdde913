"""A peer in a process of its own: a document in, a document out, until its input ends."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from bench.asker import Asker

PEER = """
import json, os, sys
for line in sys.stdin:
    question = json.loads(line)
    if question.get("die"):
        sys.exit(3)
    cores = sorted(os.sched_getaffinity(0))
    print(json.dumps({"asked": question, "cores": cores}), flush=True)
"""


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that answers with what it was asked."""
    (tmp_path / "echoing_peer.py").write_text(PEER)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path.cwd()}")
    return "echoing_peer"


def test_each_question_gets_its_answer_from_the_cores_that_were_given(peer: str) -> None:
    core = min(os.sched_getaffinity(0))
    with closing(Asker(peer, frozenset({core}))) as asker:
        asker.ask({"first": True})  # it may have begun before it was moved
        assert asker.ask({"text": "é\n"}) == {"asked": {"text": "é\n"}, "cores": [core]}


def test_a_peer_that_died_is_an_error_with_its_exit_code(peer: str) -> None:
    everywhere = frozenset(os.sched_getaffinity(0))
    with closing(Asker(peer, everywhere)) as asker, pytest.raises(RuntimeError, match="the peer ended with 3"):
        asker.ask({"die": True})
