"""The long gates: `make verify`, or `python -m tests.verification.campaign.verify`. What a nightly run calls.

About half an hour on two cores. It resumes where it was interrupted: a part that has passed with
this very source is not run again (delete the folder to start again). It prints a table at its end;
exit code 1 when a part did not pass.
"""

from __future__ import annotations

import argparse
import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from tests._support.state_file import State, load_state, save_state
from tests.verification.campaign.ledger import ROOT
from tests.verification.campaign.parts import PARTS, Part

_SIGNAL_CHECK_S = 0.2
_WRITTEN = frozenset({"docs/reliability.md"})  # by a part: what has passed is not to be run again for it


def main(arguments: Sequence[str] | None = None, parts: Sequence[Part] = PARTS) -> int:
    options = _parser(parts).parse_args(arguments)
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder / "results.json", source_hash())
    chosen = [part for part in parts if part.name in options.only]
    left = [part for part in chosen if not results.passed(part)]
    _run_all([part for part in left if not part.is_alone], options.processes, folder, results)
    _run_all([part for part in left if part.is_alone], 1, folder, results)
    print("", *results.table(chosen), sep="\n")
    failed = [part.name for part in chosen if not results.passed(part)]
    if failed:
        print(f"\nnot passed: {', '.join(failed)}; what they printed is in {folder}")
    return 1 if failed else 0


def _run_all(parts: Sequence[Part], processes: int, folder: Path, results: Results) -> None:
    with ThreadPoolExecutor(processes) as pool, _ended_with(pool) as running:
        pending = {pool.submit(_run, part, folder, results, running) for part in parts}
        while pending:  # not without end: a signal that another thread took is seen between two waits
            done, pending = wait(pending, timeout=_SIGNAL_CHECK_S, return_when=FIRST_COMPLETED)
            for run in done:
                run.result()


def _parser(parts: Sequence[Part]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.campaign.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = [part.name for part in parts]
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="PART", help=", ".join(known))
    parser.add_argument("--processes", type=int, default=3, metavar="N", help="at a time (default %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("build/verify"), help="results and output (%(default)s)")
    return parser


class Results:
    """The result of each part, in a file; results of other sources are dropped."""

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._lock = Lock()
        self._state: State = {"source": source, "parts": {}}
        found = load_state(path, self._state, same=())
        if source and found["source"] == source:
            self._state = found

    def passed(self, part: Part) -> bool:
        """Whether exactly this was run with this source, and passed."""
        entry = self._state["parts"].get(part.name, {})
        return bool(entry.get("command") == part.command and entry.get("exit_code") == 0)

    def add(self, part: Part, seconds: float, exit_code: int, says: str) -> None:
        entry = {"command": part.command, "seconds": seconds, "exit_code": exit_code, "says": says}
        with self._lock:
            self._state["parts"][part.name] = entry
            save_state(self._path, self._state)

    def of(self, part: Part) -> str:
        entry = self._state["parts"][part.name]
        return f"{'passed' if entry['exit_code'] == 0 else 'NOT PASSED'}: {entry['says']}"

    def table(self, parts: Sequence[Part]) -> list[str]:
        """A Markdown table, a row a part."""
        rows = [
            f"| {part.name} | {part.size} | {self._state['parts'][part.name]['seconds']:.0f} | {self.of(part)} |"
            for part in parts
        ]
        return ["| part | size | seconds | result |", "|---|---|---|---|", *rows]


def source_hash(root: Path = ROOT) -> str:
    """Of the names and bytes of all files that belong to the source; empty, which is like no other, without git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    whole = hashlib.sha256(sys.version.encode())
    for name in sorted(set(listed.stdout.split("\0")) - _WRITTEN):
        if (file := root / name).is_file():
            whole.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest() if listed.returncode == 0 else ""


class Running:
    """The parts that run now. After `end` none does, and none begins."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._is_over = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.add(process)
            if self._is_over:  # it began while the run was interrupted
                process.terminate()

    def discard(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.discard(process)

    def end(self) -> None:
        with self._lock:
            self._is_over = True
            for process in self._processes:
                process.terminate()


@contextmanager
def _ended_with(pool: ThreadPoolExecutor) -> Iterator[Running]:
    """When the block is left by an interrupt, what runs is ended, and nothing begins any more."""
    running = Running()
    try:
        yield running
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        running.end()
        raise


def _run(part: Part, folder: Path, results: Results, running: Running) -> None:
    """Runs it with its output in a file; its last line, exit code and seconds go to the results."""
    print(f"{part.name}: begins", flush=True)
    began = time.monotonic()
    output = folder / f"{part.name}.out"
    with output.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", *part.command], cwd=ROOT, stdout=out, stderr=out)
    running.add(process)
    code = process.wait()
    running.discard(process)
    lines = output.read_text().splitlines()
    results.add(part, time.monotonic() - began, code, lines[-1] if lines else "")
    print(f"{part.name}: {results.of(part)}", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
