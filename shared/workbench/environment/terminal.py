"""What a command says while it works: lines that stay, and on a terminal one line of progress and colour.

In a pipe every line is plain, and there is no line of progress. `NO_COLOR` (https://no-color.org) is honoured.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

_COLUMNS = 80
_CLEAR_LINE = "\r\x1b[2K"
_GREEN, _RED, _DIM, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


class NobodyToAsk(Exception):
    """A question was to be asked, and there is no terminal, and no `YES=1` in the environment."""

    def __init__(self) -> None:
        super().__init__("there is no terminal to ask on: YES=1 agrees beforehand; nothing was changed")


class Terminal:
    """Writes to one stream, standard output by default."""

    def __init__(self, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._stream = stream or sys.stdout
        self._is_agreed = environ.get("YES") == "1"
        self.is_live = self._stream.isatty() and environ.get("TERM", "") not in ("", "dumb")
        """Whether a person watches: a line of progress is shown."""
        self._has_colour = self.is_live and not environ.get("NO_COLOR")
        self._shown = ""

    def say(self, line: str = "") -> None:
        """Print a line that stays, in the place of the line of progress."""
        self._clear()
        self._write(f"{line}\n")

    def agrees(self, question: str) -> bool:
        """Whether the person at the terminal says yes; `YES=1` has said it. Raises: NobodyToAsk."""
        if self._is_agreed:
            return True
        if not (self._stream.isatty() and sys.stdin.isatty()):
            raise NobodyToAsk
        self._clear()
        self._write(f"{question} [y/N] ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def progress(self, line: str) -> None:
        """Show a line until the next one comes, cut to the terminal's width. Nothing in a pipe."""
        line = line[: (shutil.get_terminal_size().columns or _COLUMNS) - 1]  # none: a terminal that does not say
        if self.is_live and line != self._shown:
            self._clear()
            self._write(self.dim(line))
            self._shown = line

    def good(self, text: str) -> str:
        """The text in green, where there is colour."""
        return self._coloured(_GREEN, text)

    def bad(self, text: str) -> str:
        """The text in red, where there is colour."""
        return self._coloured(_RED, text)

    def dim(self, text: str) -> str:
        """The text in a fainter shade, where there is colour."""
        return self._coloured(_DIM, text)

    def _coloured(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._has_colour else text

    def _clear(self) -> None:
        if self._shown:
            self._write(_CLEAR_LINE)
            self._shown = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
