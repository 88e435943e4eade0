"""`make results`: what is on the results queue of a deployed bundle, in order of time, a line each.

Nothing is taken from the queue's consumers. `--borrow` (SMQ) receives each message and gives it back at once, where a
look shows 16 only. Below a line that is not in force stands why, and what to do next.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import Description
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy.access import Refused
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.terminal import Terminal, complain
from shared.workbench.report.events import Malformed, NotOurs
from shared.workbench.results.deployed import log_search, open_results
from shared.workbench.results.errors import SourceError
from shared.workbench.results.shown import WIDTH, Event, event_lines, first_word, read_event
from shared.workbench.results.source import Source

DONE, UNREADABLE, WRONG_USE = 0, 1, 2
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGAIN_S = 2.0
_MOMENT_S = 600.0  # that a command itself may take


def main(argv: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """Exit 1: the queue cannot be read, or not whole. 2: wrong use."""
    parser = CommandLine(
        "python -m shared.workbench.results",
        __doc__,
        "make results CLOUD=tencent",
        "make results CLOUD=alibaba SINCE=2d JSON=1",
        only_shows=True,
    )
    parser.add_argument("cloud", help="tencent or alibaba")
    parser.add_argument("--since", default="1h", help="how far back: 30m, 1h, 2d (default: 1h)")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--borrow", action="store_true", help="SMQ: receive each message and give it back")
    parser.add_argument("--json", action="store_true", help="the events themselves, one a line")
    options = parser.parse_args(argv)
    since_s = seconds_of(options.since)
    if since_s is None:
        parser.error(f"SINCE={options.since}: it takes a number from 1 and s, m, h or d, as in SINCE=30m")
    try:
        description = load(ROOT / "serverless.yml", options.cloud, environ)
        reading = Reading(description, environ, time.time() - since_s, as_json=options.json)
        return reading.run(follow=options.follow, borrow=options.borrow)
    except DescriptionError as error:
        complain(error)
        return WRONG_USE
    except Refused as error:
        complain(f"results: {error}")
        return WRONG_USE
    except KeyboardInterrupt:
        print("", file=sys.stderr)
        return DONE


class Reading:
    """One run of the command."""

    def __init__(self, description: Description, environ: Mapping[str, str], since: float, *, as_json: bool) -> None:
        self._description, self._environ, self._since, self._as_json = description, environ, since, as_json
        self._terminal = Terminal(environ=environ)
        self._shown = 0

    def run(self, *, follow: bool, borrow: bool) -> int:
        """Show what is there, and what comes. Raises: Refused."""
        try:
            source = open_results(self._description, self._environ, since=self._since, borrow=borrow)
            try:
                self._say(source.note)
                told = ""
                while True:
                    self._show_all(source)
                    if source.missed and source.missed != told:
                        told = source.missed
                        self._say(f"not all: {told}")
                        self._say(log_search(self._description))
                    if not follow:
                        break
                    time.sleep(_AGAIN_S)
                if not self._shown:
                    self._say(f"no result since then{self._further_back()}")
                return UNREADABLE if source.missed else DONE
            finally:
                source.close()
        except SourceError as error:
            self._say(str(error))
            self._say(log_search(self._description))
            return UNREADABLE

    def _show_all(self, source: Source) -> None:
        """What one look shows, in order of time. Raises: SourceError."""
        found: list[tuple[Event, object]] = []
        try:
            found.extend(self._new(source))
        finally:  # what was read before the queue failed is shown as well
            self._show(sorted(found, key=lambda one: one[0].time))

    def _show(self, found: Sequence[tuple[Event, object]]) -> None:
        width = max((len(first_word(event)) for event, _ in found), default=WIDTH)
        if found and not self._shown and not self._as_json:
            self._say("times are UTC; JSON=1 shows the whole events, each with its CommandId")
        self._shown += len(found)
        for event, value in found:
            if self._as_json:
                print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)
                continue
            for line in event_lines(event, self._terminal, clock=True, width=width):
                self._terminal.say(line)

    def _new(self, source: Source) -> Iterator[tuple[Event, object]]:
        """The events that have come and are not too old, each with the JSON value that it was read from."""
        for body in source.read():
            try:
                value = json.loads(body)
                event = read_event(value)
            except (ValueError, RecursionError, NotOurs, Malformed):  # somebody else's message
                continue
            if event.time >= self._since:
                yield event, value

    def _further_back(self) -> str:
        asked_s = time.time() - self._since
        longer = next((days for days in (1, 7, 30) if asked_s < days * _UNITS["d"] - _MOMENT_S), 0)
        return f": SINCE={longer}d looks further back" if longer else ""

    def _say(self, text: str) -> None:
        if text:
            complain(f"results: {text}")


def seconds_of(text: str) -> float | None:
    """How long `30m` is, in seconds; None for what is no such text."""
    match = re.fullmatch(r"0*([1-9]\d{0,5})([smhd])", text)
    return float(int(match[1]) * _UNITS[match[2]]) if match else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
