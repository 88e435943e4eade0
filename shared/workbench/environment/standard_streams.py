"""Standard output and standard error that a command may lose: nobody reads any more, the disk is full, or none is open.

A command that only shows something ends with its output. Any other goes on to its end, and its exit code tells what
came of its work. A character that a stream's encoding lacks is written as in JSON: `\\u65e5`.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

from shared.workbench.environment.file_problems import why

_DONE, _FAILED = 0, 1
_LAST_STANDARD = 2  # descriptor
_ESCAPED = "keyturn.as_in_json"


class LastingStream:
    """A stream to which anything can be written. What is written after a failure goes nowhere."""

    def __init__(self, stream: Any, lost: Callable[[OSError], None]) -> None:
        """`lost`: called at the first failure, when nothing can fail any more; it may raise SystemExit."""
        self._stream, self.lost = stream, lost
        self._has_failed = False
        if isinstance(stream, io.TextIOWrapper):  # a failure shows at the line that it loses, not at the end
            stream.reconfigure(line_buffering=True)

    def write(self, text: Any) -> int:
        """All of it, or nothing where the stream is lost. Returns its length."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._fail(error)
        return len(text)

    def flush(self) -> None:
        """What was written leaves this process, or is lost."""
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    @property
    def buffer(self) -> LastingStream:
        """The same stream, for bytes."""
        return LastingStream(self._stream.buffer, self._fail)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _fail(self, error: OSError) -> None:
        with suppress(OSError, ValueError):  # a test's stream may have no descriptor
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        if not self._has_failed:
            self._has_failed = True
            self.lost(error)


def protect(command: str, *, only_shows: bool) -> None:
    """Make this process's streams last; `command` begins the line that tells of a full disk.

    `only_shows`: the command ends at once when its output is lost, with exit code 0 if nobody reads it any more, else
    1. A later call decides anew.
    """

    def end(error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            sys.exit(_DONE)
        print(f"{command}: standard output cannot be written: {why(error)}", file=sys.stderr)
        sys.exit(_FAILED)

    def go_on(error: OSError) -> None:
        text = f"{command}: standard output cannot be written ({why(error)}); the command goes on to its end without it"
        print(text, file=sys.stderr)

    _open_those_that_are_closed()
    codecs.register_error(_ESCAPED, _as_in_json)
    sys.stdout = _lasting(sys.stdout, end if only_shows else go_on)
    sys.stderr = _lasting(sys.stderr, lambda _: None)


def _lasting(stream: TextIO, lost: Callable[[OSError], None]) -> TextIO:
    if isinstance(stream, LastingStream):
        stream.lost = lost
        return stream
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors=_ESCAPED)
    return cast(TextIO, LastingStream(stream, lost))


def _open_those_that_are_closed() -> None:
    """Standard streams that the caller closed lead nowhere: no file that is opened later takes their place."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _LAST_STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    # They are open as long as the process.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _as_in_json(error: UnicodeError) -> tuple[str, int]:
    """Escapes of UTF-16, which JSON takes in every string."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    escaped = "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    return escaped, error.end
