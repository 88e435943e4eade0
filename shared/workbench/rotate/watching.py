"""Watches one firing: shows each result when it arrives, and a bar with the number of commands that have ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from shared.results.outcome import Outcome
from shared.workbench.environment.terminal import Terminal
from shared.workbench.report.events import Malformed, NotOurs
from shared.workbench.results.shown import Event, event_lines, read_event
from shared.workbench.results.source import Source
from shared.workbench.rotate.tally import FiringTally

_AGAIN_S = 1.0
_SILENT_S = 1200.0  # a change with a lost answer settles within 16 minutes
_FULL_SILENT_S = 30.0  # for a queue that cannot show messages behind its oldest ones
_BAR = 24  # width in characters


class Watcher:
    """Reads a Source for one or more firings."""

    def __init__(
        self,
        source: Source,
        terminal: Terminal,
        *,
        as_json: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`as_json`: print the events of the firing to standard output unchanged, and no lines for people."""
        self._source, self._terminal, self._clock, self._sleep = source, terminal, clock, sleep
        self._as_json = as_json
        self._bodies: dict[str, str] = {}  # id -> event text, of events that may belong to a firing; for `as_json` only

    def watch(self, *firings: str, silent_s: float = _SILENT_S, commands: bool = True) -> FiringTally:
        """Read until each firing's last page and, with `commands`, all results of its commands have arrived.

        `silent_s`: give up after so many seconds without an event of these firings. Raises: SourceError.
        """
        tally, heard, size = FiringTally(*firings), self._clock(), (0, 0)
        told: set[tuple[str, Outcome]] = set()
        while True:
            for body in self._source.read():
                try:
                    event = read_event(json.loads(body))
                except (ValueError, RecursionError, NotOurs, Malformed):  # a message of another sender
                    continue
                tally.add(event)
                self._keep(event, body)
                self._show(tally, told, commands)
            self._show(tally, told, commands)
            if is_over(tally, commands=commands):
                return tally
            if (now := (len(tally.rows), len(told))) != size:
                heard, size = self._clock(), now
            patience_s = min(silent_s, _FULL_SILENT_S) if self._source.missed else silent_s
            if self._clock() - heard > patience_s:
                return tally
            self._sleep(_AGAIN_S)

    def _keep(self, event: Event, body: str) -> None:
        if self._as_json:
            self._bodies[event.id] = body

    def _print(self, event: Event) -> None:
        """Print an event as JSON, only once."""
        if body := self._bodies.pop(event.id, ""):
            print(json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")), flush=True)

    def _show(self, tally: FiringTally, told: set[tuple[str, Outcome]], commands: bool) -> None:
        if self._as_json:
            for page in tally.pages:
                self._print(page)
        if not commands:
            self._terminal.progress(f"reading the report: {len(tally.rows):,} rows")
            return
        for result in tally.results:
            if (key := (result.command_id, result.outcome)) not in told:
                told.add(key)
                if self._as_json:
                    self._print(result)
                    continue
                for line in event_lines(result, self._terminal):
                    self._terminal.say(line)
        last = tally.last
        self._terminal.progress(progress_text(tally.ended, last.counts[2] if last else None))


def is_over(tally: FiringTally, *, commands: bool) -> bool:
    """Whether the fleet is listed and, with `commands`, as many commands have ended as were sent."""
    last = tally.last
    return tally.is_listed and last is not None and (not commands or tally.ended >= last.counts[2])


def progress_text(ended: int, sent: int | None) -> str:
    """A progress bar; `sent` None: the fleet is still being listed."""
    if sent is None:
        return f"listing; {ended:,} ended"
    filled = _BAR if not sent else min(_BAR, _BAR * ended // sent)
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {ended:,} of {sent:,} ended"
