"""What a command says while it works: lines that stay, and on a terminal one line of progress and colour.

In a pipe every line is plain, and there is no line of progress. `NO_COLOR` (https://no-color.org) is honoured. No line
is wider than the terminal nor than `WIDEST`, unless a command asks for that: a longer one goes on below, indented.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from shared.workbench.environment.typed_lines import read_line, unseen

WIDEST = 120
"""Columns of the widest line that a command writes for people."""
_HANG = "    "  # before what goes on from the line above
_COLUMNS, _NARROWEST = 80, 40  # of a terminal that does not say; of one that lines are fitted to
_COMMAND = re.compile("`[^`]{1,100}`")
_STUCK = "\0"  # in the place of a space where no line ends
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
# What hides, reorders or breaks text: control characters, direction marks, halves of pairs.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_CLEAR_LINE = "\r\x1b[2K"
_GREEN, _RED, _DIM, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


def columns_of(stream: TextIO) -> int:
    """How wide a line on this stream may be: as wide as its terminal, and `WIDEST` at most."""
    return max(_NARROWEST, min(WIDEST, _columns(stream))) if stream.isatty() else WIDEST


def wrapped(text: str, columns: int = WIDEST) -> list[str]:
    """The text in lines of at most so many columns; what goes on is indented. A command in backticks stays on one."""
    lines = []
    for line in text.split("\n"):
        if len(_COLOUR.sub("", line)) <= columns:
            lines.append(line)
            continue
        indent = line[: len(line) - len(line.lstrip(" "))] or _HANG
        whole = _COMMAND.sub(lambda found: found[0].replace(" ", _STUCK), line)
        parts = textwrap.wrap(whole, columns, subsequent_indent=indent, break_on_hyphens=False)
        lines += [part.replace(_STUCK, " ") for part in parts]
    return lines


def visible(text: str) -> str:
    """Somebody's text, in which each character that cannot be seen is shown as one that can."""
    return _UNSEEN.sub("\ufffd", text)


def complain(text: object) -> None:
    """Say on standard error what is wrong, in lines that fit and without what a terminal would obey."""
    print("\n".join(wrapped(visible(str(text)), columns_of(sys.stderr))), file=sys.stderr, flush=True)


def _columns(terminal: TextIO) -> int:
    with suppress(OSError, ValueError):
        return os.get_terminal_size(terminal.fileno()).columns or _COLUMNS
    return _COLUMNS


class NobodyToAsk(Exception):
    """A question was to be asked, and there is no terminal, and no `YES=1` in the environment."""

    def __init__(self) -> None:
        super().__init__("there is no terminal to ask on: YES=1 agrees beforehand; nothing was changed")


class Terminal:
    """Writes to one stream, standard output by default."""

    def __init__(
        self, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ, *, wraps: bool = True
    ) -> None:
        """Without `wraps` a long line stays whole, as where it holds names and commands that people copy."""
        self._wraps = wraps
        self._stream = stream or sys.stdout
        self._is_agreed = environ.get("YES") == "1"
        self.is_live = self._stream.isatty() and environ.get("TERM", "") not in ("", "dumb")
        """Whether a person watches: a line of progress is shown."""
        self._has_colour = self.is_live and not environ.get("NO_COLOR")
        self._shown = ""

    def say(self, line: str = "") -> None:
        """Print a line that stays, in the place of the line of progress."""
        self._clear()
        self._write("".join(f"{one}\n" for one in (self.wrapped(line) if self._wraps else [line])))

    def wrapped(self, text: str) -> list[str]:
        """The text in lines that fit this stream."""
        return wrapped(text, self.columns)

    @property
    def columns(self) -> int:
        """How wide a line may be here."""
        return columns_of(self._stream)

    def agrees(self, question: str) -> bool:
        """Whether the person at the terminal says yes; `YES=1` has said it. Raises: NobodyToAsk."""
        if self._is_agreed:
            return True
        if not (self._stream.isatty() and sys.stdin.isatty()):
            raise NobodyToAsk
        self._clear()
        self._write(f"{question} [y/N] ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def ask_unseen(self, prompt: str) -> bytes:
        """One line that the person at the terminal of standard input types, not shown. Empty: there is no more.

        Nothing behind that line is read, and nothing that was typed before it is thrown away.
        """
        self._clear()
        with unseen():
            stream = self._stream if self._stream.isatty() else sys.stderr
            print(prompt, end="", file=stream, flush=True)
            try:
                return read_line()
            finally:
                print(file=stream, flush=True)

    def progress(self, line: str) -> None:
        """Show a line until the next one comes, cut to the terminal's width. Nothing in a pipe."""
        line = line[: _columns(self._stream) - 1]
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
