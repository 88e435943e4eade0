"""A child of this process, which must not speak on its parent's connections: each would read the other's answers."""

from __future__ import annotations

import os
from collections.abc import Callable

from darabonba.core import DaraCore

from tests.cloud.invocation.bootstrap import kill_at


def fork(act: Callable[[], int]) -> int:
    """Do something in a child, which ends with what it returns, or 99; the child's number."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        DaraCore._sessions = {}  # where Alibaba's clients keep theirs; Tencent's has none from before
        code = act()
    finally:
        os._exit(code)


def run_until_killed(act: Callable[[], int], point: str) -> bool:
    """Do something in a child that ends by SIGKILL at a point; whether it did."""

    def until_there() -> int:
        kill_at(point)
        return act()

    return os.WIFSIGNALED(os.waitpid(fork(until_there), 0)[1])
