"""`python -m shared.workbench.results CLOUD [--since 1h] [--follow] [--borrow] [--json]`: results, a line each.

Nothing is taken from the queue's consumers. `--borrow` (SMQ) receives each message and gives it back at once, where a
look shows 16 only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Mapping

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import Description
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy.access import Refused
from shared.workbench.environment.terminal import Terminal
from shared.workbench.report.events import Malformed, NotOurs, Result, RotationPage, parse_event
from shared.workbench.results.deployed import log_search, open_results
from shared.workbench.results.errors import SourceError
from shared.workbench.results.shown import page_line, result_line

DONE, UNREADABLE, WRONG_USE = 0, 1, 2
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGAIN_S = 2.0


def main(argv: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """Exit 1: the queue cannot be read, or not whole. 2: wrong use."""
    parser = argparse.ArgumentParser(prog="python -m shared.workbench.results", description=__doc__)
    parser.add_argument("cloud", help="tencent or alibaba")
    parser.add_argument("--since", default="1h", help="how far back: 30m, 1h, 2d (default: 1h)")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--borrow", action="store_true", help="SMQ: receive each message and give it back")
    parser.add_argument("--json", action="store_true", help="the events themselves, one a line")
    options = parser.parse_args(argv)
    since_s = seconds_of(options.since)
    if since_s is None:
        parser.error("--since takes a number and s, m, h or d, as in 30m")
    try:
        description = load(ROOT / "serverless.yml", options.cloud, environ)
        reading = Reading(description, environ, time.time() - since_s, as_json=options.json)
        return reading.run(follow=options.follow, borrow=options.borrow)
    except DescriptionError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except Refused as error:
        print(f"results: {error}", file=sys.stderr)
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
                    for body in source.read():
                        self._show(body)
                    if source.missed and source.missed != told:
                        told = source.missed
                        self._say(f"not all: {told}")
                        self._say(log_search(self._description))
                    if not follow:
                        break
                    time.sleep(_AGAIN_S)
                if not self._shown:
                    self._say("no result since then")
                return UNREADABLE if source.missed else DONE
            finally:
                source.close()
        except SourceError as error:
            self._say(str(error))
            self._say(log_search(self._description))
            return UNREADABLE

    def _show(self, body: str) -> None:
        try:
            value = json.loads(body)
            event = parse_event(value)
        except (ValueError, RecursionError, NotOurs, Malformed):  # somebody else's message, or none of ours
            return
        if event.time < self._since:
            return
        self._shown += 1
        if self._as_json:
            print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)
        else:
            self._terminal.say(event_line(event, self._terminal))

    def _say(self, text: str) -> None:
        if text:
            print(f"results: {text}", file=sys.stderr, flush=True)


def event_line(event: Result | RotationPage, terminal: Terminal) -> str:
    """One event in a line."""
    return result_line(event, terminal) if isinstance(event, Result) else page_line(event)


def seconds_of(text: str) -> float | None:
    """How long `30m` is, in seconds; None for what is no such text."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    return float(int(match[1]) * _UNITS[match[2]]) if match else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
