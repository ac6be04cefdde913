"""The bar of a download: on a terminal, and nowhere else."""

from __future__ import annotations

import io
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from lakehouse.client.progress import bar_on, line


class Terminal(io.StringIO):
    """Tells when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.is_written = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.is_written.set()
        return super().write(text)


def test_the_line_says_how_much_is_there() -> None:
    assert line(13_000_000, 26_000_000) == "[###############               ] 13 of 26 MB"
    assert line(0, 0) == "[##############################] 0 of 0 MB"


def test_a_long_download_has_a_bar_that_is_gone_at_the_end(tmp_path: Path) -> None:
    terminal = Terminal()
    (tmp_path / "half").write_bytes(bytes(1_000_000))
    download: Future[Path] = Future()
    with ThreadPoolExecutor(1) as pool:
        watched = pool.submit(bar_on(terminal), [download], 2_000_000, tmp_path)
        assert terminal.is_written.wait(30)
        download.set_result(tmp_path)
        watched.result(30)
    assert "1 of 2 MB" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_what_is_there_at_once_has_none(tmp_path: Path) -> None:
    terminal = Terminal()
    download: Future[Path] = Future()
    download.set_result(tmp_path)
    bar_on(terminal)([download], 1, tmp_path)
    assert terminal.getvalue() == ""


def test_where_stderr_is_no_terminal_it_only_waits(tmp_path: Path) -> None:
    stream = io.StringIO()
    download: Future[Path] = Future()
    with ThreadPoolExecutor(1) as pool:
        watched = pool.submit(bar_on(stream), [download], 1, tmp_path)
        download.set_result(tmp_path)
        watched.result(30)
    assert stream.getvalue() == ""
