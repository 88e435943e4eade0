"""Lines of a person or a pipe, read one at a time: what stands behind a line is left to who reads next."""

from __future__ import annotations

import os
import select
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

_LFLAG = 3  # in the list of termios


def read_line() -> bytes:
    """The next line of standard input with its end; empty where there is none. Reads no byte behind it."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
        line += byte
    return bytes(line)


def is_typed_ahead() -> bool:
    """Whether the terminal of standard input holds a line that nobody asked for yet."""
    return bool(select.select([sys.stdin.fileno()], [], [], 0)[0])


@contextmanager
def unseen() -> Iterator[None]:
    """The terminal of standard input shows nothing of what is typed. What was typed before is not thrown away."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = [*before]
    silent[_LFLAG] &= ~termios.ECHO
    try:
        termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
