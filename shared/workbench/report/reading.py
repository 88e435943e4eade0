"""Where events come from: a queue that is looked at and not taken from, a file, or standard input.

Nothing of a line that cannot be read is ever shown: it is named by its number alone.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOBase
from pathlib import Path
from typing import TextIO

from shared.handlers.adapters import open_inbox
from shared.queues.port import QueueUnavailable
from shared.runtime.queue_urls import SqlitePlace, place_of
from shared.workbench.environment.file_problems import why
from shared.workbench.environment.terminal import complain, visible
from shared.workbench.report.events import visible_text

_LONGEST_LINE = 8_000_000  # characters; a reply to a list holds at most 100 results of 48 KB
_CHUNK = 1 << 20
_NAMED = 20  # numbers of skipped lines that are kept; the rest is counted
_WHITE = " \t\r\n"
_NO_LOOK = {
    "ckafka": "ckafka:// cannot be looked at here: read the topic in a group of your own into a file, one event a line "
    "(kcat -C -e -o beginning -b BROKERS -t TOPIC > results.jsonl), and give that file",
    "smq": "smq:// shows its 16 oldest messages and no more: let a consumer of yours write each body to a file, "
    "one event a line, and give that file",
    "memory": "memory:// is seen by its own process alone: give a file",
}
_AMQP_NOTE = (
    "note: on AMQP a look takes each message and puts it back; a quorum queue counts that as a delivery, so do not "
    "look often, or give a file"
)


class SourceError(Exception):
    """A source cannot be read. The text names the rule or the file, never a URL: it may hold a password."""


@dataclass
class LineNumbers:
    """How many, and the first of them by number."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        self.count += 1
        if len(self.first) < _NAMED:
            self.first.append(number)

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.first))
        return f"{shown} and {self.count - len(self.first):,} more" if self.count > len(self.first) else shown


@dataclass
class Source:
    """One source, by a name that may be shown, and what was found in it."""

    name: str
    unit: str = "line"  # what its numbers count: line, item or message
    read: int = 0
    not_ours: LineNumbers = field(default_factory=LineNumbers)
    malformed: LineNumbers = field(default_factory=LineNumbers)

    def named(self, numbers: LineNumbers) -> str:
        """Numbers with their unit: `line 3`, `messages 1, 2`."""
        return f"{self.unit}{'s' if numbers.count > 1 else ''} {numbers}"


@dataclass(frozen=True)
class ReadValue:
    """One JSON value of a source, or, where `value` is None, something that is none."""

    number: int
    value: object


def named_source(text: str) -> Source:
    """The source that an argument names, not opened yet. Raises: SourceError."""
    if text == "-":
        return Source("standard input")
    if not text.strip():
        raise SourceError("a source has no name: FROM= is a queue or a file of events")
    scheme, separator, rest = text.partition("://")
    if not separator:
        return Source(Path(text).name)
    scheme = scheme.lower()
    if scheme in _NO_LOOK:
        raise SourceError(_NO_LOOK[scheme])
    # A broker's URL holds a user and a password.
    return Source(f"queue {Path(rest).name}" if scheme == "sqlite" else f"queue over {scheme[:5]}", "message")


def read_source(text: str, source: Source) -> Iterator[ReadValue]:
    """Every JSON value of what `text` names, oldest first. Raises: SourceError."""
    if "://" in text:
        yield from _queue(text)
        return
    try:
        if text == "-":
            reconfigure = getattr(sys.stdin, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(encoding="utf-8-sig", errors="replace")
            yield from _text(sys.stdin, source)
        else:
            with Path(text).open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
                yield from _text(file, source)
    except OSError as error:
        shown = source.name if text == "-" else f"FROM={visible_text(text)}"
        raise SourceError(f"{shown} cannot be read: {why(error)}") from None


def _queue(url: str) -> Iterator[ReadValue]:
    if url.lower().startswith(("amqp://", "amqps://")):
        complain(_AMQP_NOTE)
    try:
        inbox = open_inbox(url)
        place = place_of(url)
    except ValueError as error:
        raise SourceError(str(error)) from None
    if isinstance(place, SqlitePlace) and not Path(place.path).is_file():
        what = "is a folder, and a queue is a file" if Path(place.path).is_dir() else "does not exist"
        raise SourceError(f"queue {visible(place.path)} {what}: FROM= or KEYTURN_RESULTS is wrong, or nothing came yet")
    try:
        stored = list(inbox.peek())
    except QueueUnavailable as error:
        raise SourceError(f"the queue cannot be looked at: {error}") from None
    finally:
        inbox.close()
    stored.reverse()
    number = 0
    while stored:  # each body is let go of once it is read
        number += 1
        yield ReadValue(number, _parsed(stored.pop().message.body))


def _text(file: TextIO | TextIOBase, source: Source) -> Iterator[ReadValue]:
    """One JSON value a line, or one array over any number of lines."""
    head, number = "", 0
    while not head.strip(_WHITE):
        head = file.readline(_LONGEST_LINE)
        if not head:
            return
        number += 1
    if head.lstrip(_WHITE).startswith("["):
        source.unit = "item"
        yield from _array(file, head)
        return
    line = head
    while line:
        if len(line) >= _LONGEST_LINE:  # what is left of it is not a line of its own
            while line and not line.endswith("\n"):
                line = file.readline(_LONGEST_LINE)
            yield ReadValue(number, None)
        elif line.strip(_WHITE):
            yield ReadValue(number, _parsed(line))
        line = file.readline(_LONGEST_LINE)
        number += 1


def _array(file: TextIO | TextIOBase, head: str) -> Iterator[ReadValue]:
    """The elements of one array, read piece by piece; what follows a broken element cannot be told apart."""
    decoder = json.JSONDecoder()
    buffer, number, ended = head.lstrip(_WHITE)[1:], 0, False
    while True:
        buffer = buffer.lstrip(_WHITE + ("," if number else ""))
        value: object = None
        end = -1
        if buffer.startswith("]"):
            return
        with contextlib.suppress(ValueError, RecursionError):
            value, end = decoder.raw_decode(buffer)
        # A number at the end of what is there may go on, so an element counts only with something behind it.
        if end >= 0 and (end < len(buffer) or ended):
            number += 1
            yield ReadValue(number, value)
            buffer = buffer[end:]
            continue
        if ended or len(buffer) > _LONGEST_LINE:
            yield ReadValue(number + 1, None)
            return
        more = file.read(_CHUNK)
        ended = not more
        buffer += more


def _parsed(text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value
