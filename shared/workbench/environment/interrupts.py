"""Ctrl-C while a command is still being loaded, or where it has nothing to say of its own: a line and no stack."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""


@contextmanager
def told_in_a_line(text: str) -> Iterator[None]:
    """Ctrl-C in this block ends the process with 130, and says the text on standard error."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\n{text}", file=sys.stderr)
        sys.exit(INTERRUPTED)
