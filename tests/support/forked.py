"""A child of this process. It must not use its parent's connections, because each would read the other's answers."""

from __future__ import annotations

import os
from collections.abc import Callable

from darabonba.core import DaraCore

from tests.cloud.invocation.bootstrap import kill_at


def fork(act: Callable[[], int]) -> int:
    """Call `act` in a child.

    The child's exit code is the result, or 99 after an error. Returns the child's process id.
    """
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        DaraCore._sessions = {}  # Alibaba's clients keep connections here; Tencent's client has none from before
        code = act()
    finally:
        os._exit(code)


def run_until_killed(act: Callable[[], int], point: str) -> bool:
    """Call `act` in a child that ends by SIGKILL at a point; returns whether it was killed."""

    def until_there() -> int:
        kill_at(point)
        return act()

    return os.WIFSIGNALED(os.waitpid(fork(until_there), 0)[1])
