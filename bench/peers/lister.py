"""One way to list a folder: {"how", "root"} in, the number of objects, CPU seconds and peak memory out."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from bench.machine import own_peak_mb
from lakehouse.store.local import LocalStore


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        began = time.process_time()
        objects = {"store": _listed, "walk": _walked}[job["how"]](Path(job["root"]))
        spent = time.process_time() - began
        print(json.dumps({"objects": objects, "cpu_s": spent, "peak_mb": own_peak_mb()}), flush=True)


def _listed(root: Path) -> int:
    return sum(1 for _ in LocalStore(root).list("landing/"))


def _walked(root: Path) -> int:
    return sum(os.stat(os.path.join(folder, name)).st_size > 0 for folder, _, files in os.walk(root) for name in files)


if __name__ == "__main__":
    main()
