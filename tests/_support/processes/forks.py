"""Something done in a fork of this process, which then ends without touching the test run."""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable


def in_a_fork(work: Callable[[], object]) -> int:
    """Calls `work` in a fork; its exit code: 0, or 1 after an exception other than SystemExit(0)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks of processes with threads: that is what is tried
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException:  # noqa: BLE001 - shown; a fork must not go on with the tests
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
