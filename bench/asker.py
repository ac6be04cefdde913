"""A peer that answers questions in its own process: one JSON document a line in, one out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

_STOP_WITHIN_S = 10.0


class Asker:
    """`python -m ...` with pipes; it ends when its input does, or with this process."""

    def __init__(self, module: str, cores: frozenset[int]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local_cloud.processes.child", str(os.getpid()), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        os.sched_setaffinity(self._process.pid, cores)

    def ask(self, question: Mapping[str, Any]) -> Any:
        """Raises RuntimeError when the peer has died; its own words are above, on stderr."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the peer was started without pipes")
        stdin.write(json.dumps(question) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with {self._process.wait(_STOP_WITHIN_S)}")
        return json.loads(line)

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(_STOP_WITHIN_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
