"""`python -m local_cloud.processes.child PARENT MODULE [ARGUMENT...]`: runs the module, and dies when the parent does.

A killed test cannot end its children. The child asks the kernel for its own death signal: code
between fork and exec would be unsafe with the parent's threads. Elsewhere than on Linux the child
just runs.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = (
    1  # prctl(2); it is the death of the parent's thread that counts, so start children from the main one
)


def die_with_parent(parent: int) -> None:
    """From now on this process is killed when its parent ends; it ends at once if that has happened."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
