"""`make report`: a page of what happened.

SOURCE is a queue's URL (sqlite:///path, amqps://...), a file of events (one JSON a line, or a JSON array; log lines
`undelivered_result` and HTTP replies too), or `-`. Default: $KEYTURN_RESULTS. What was read waits in a temporary file
($TMPDIR), some 500 bytes an event. Prints where the page is and how many commands ended how, with `--json` as JSON.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

from shared.results.outcome import Outcome
from shared.runtime.loopback import is_loopback
from shared.runtime.settings import setting
from shared.runtime.times import parse_time
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.counted import counted
from shared.workbench.environment.file_problems import why
from shared.workbench.environment.terminal import complain
from shared.workbench.report.events import Malformed, NotOurs, unwrapped, visible_text
from shared.workbench.report.ledger import Ledger
from shared.workbench.report.page import OLD_S, page_values, render
from shared.workbench.report.reading import Source, SourceError, named_source, read_source

OUT = Path("dist") / "report.html"
_AHEAD_S = 3600.0  # a later event has a wrong clock
_ENDPOINTS = ("KEYTURN_TENCENT_ENDPOINT", "KEYTURN_ALIBABA_ENDPOINT")


def main(argv: list[str], environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.time) -> int:
    """Exit 1: a source cannot be read or holds no event, or the page cannot be written; 2: wrong use.

    Lines that are no events are told, and are no failure beside one that is. A file without a line is an empty page.
    """
    parser = CommandLine(
        "python -m shared.workbench.report",
        __doc__,
        "make report FROM=results.jsonl",
        "make report FROM=sqlite:///tmp/keyturn-results.db OUT=report.html",
        only_shows=True,
    )
    parser.add_argument("source", nargs="*", metavar="SOURCE")
    parser.add_argument("-o", "--out", type=Path, default=OUT, metavar="FILE", help=f"default: {OUT}; - is stdout")
    parser.add_argument(
        "--now",
        metavar="TIME",
        help="for ages and waits, RFC 3339 or `now`; default: the time of the newest event if it is over a day old or "
        "from the stand-in, else now",
    )
    parser.add_argument("--json", action="store_true", help="the counts as JSON")
    arguments = parser.parse_args(argv)
    now = datetime.now(timezone.utc) if arguments.now == "now" else parse_time(arguments.now)
    if arguments.now is not None and (now is None or not 1 < now.year < 9999):
        parser.error("--now takes an RFC 3339 time, as in 2026-11-22T06:00:00Z")
    texts = arguments.source or [url for url in (setting(environ, "KEYTURN_RESULTS"),) if url]
    if not texts:
        parser.error("no source: FROM= is a queue or a file of events; without it KEYTURN_RESULTS names a queue")
    try:
        today = clock()
        with Ledger(math.inf if _has_a_clock_of_its_own(environ) else today + _AHEAD_S) as ledger:
            return _reported(ledger, texts, arguments.out, now, today, as_json=arguments.json)
    except SourceError as error:
        complain(f"report: {error}")
    except sqlite3.Error as error:
        text = "the events do not fit into the folder for temporary files: set TMPDIR to one that has more room"
        complain(f"report: {text} ({error})")
    return 1


def _has_a_clock_of_its_own(environ: Mapping[str, str]) -> bool:
    """Whether this shell works with the stand-in, whose clock may be ahead."""
    return any(is_loopback(urlsplit(setting(environ, name) or "").hostname) for name in _ENDPOINTS)


def _time_of(ledger: Ledger, today: float) -> float:
    """When the page counts as read: today, or with old events and with those of the stand-in when the newest came."""
    if ledger.newest is None:
        return today
    return ledger.newest if ledger.latest == math.inf or ledger.newest < today - OLD_S else today


def _reported(
    ledger: Ledger, texts: Sequence[str], out: Path, now: datetime | None, today: float, *, as_json: bool
) -> int:
    """Read, render and tell. Raises: SourceError, sqlite3.Error."""
    if out.parent not in (OUT.parent, Path()) and not out.parent.exists():
        complain(f"report: OUT={out} cannot be written: there is no folder {out.parent}")
        return 1
    sources = []
    for text in texts:
        source = named_source(text)
        sources.append(source)
        add_source(text, source, ledger)
        if "://" not in text and 0 < source.read == source.malformed.count + source.not_ours.count:
            holds = f"{counted(source.read, source.unit)}, but no result and no report of a rotation"
            raise SourceError(f"FROM={visible_text(text)} holds {holds}; no page was written")
    at = _time_of(ledger, today) if now is None else now.timestamp()
    shown = page_values(ledger, sources, at, today)
    page = render(shown)
    if str(out) == "-":
        sys.stdout.buffer.write(page.encode())
        sys.stdout.flush()
    else:
        try:
            out.parent.mkdir(exist_ok=True)
            out.write_text(page, encoding="utf-8")
        except OSError as error:
            complain(f"report: OUT={out} cannot be written: {why(error)}")
            return 1
    for source in sources:
        for what, numbers in (("malformed", source.malformed), ("not ours", source.not_ours)):
            if numbers.count:
                complain(f"report: {source.name}: {numbers.count:,} {what}, {source.named(numbers)}, skipped")
    totals = shown["totals"]
    outcomes = {one.value: totals.outcomes[one.value] for one in Outcome if totals.outcomes[one.value]}
    print(
        _told(shown["headline"].text, str(out), ledger.events, totals.commands, outcomes, as_json=as_json),
        file=sys.stderr if str(out) == "-" else sys.stdout,
    )
    return 0


def _told(headline: str, out: str, events: int, commands: int, outcomes: Mapping[str, int], *, as_json: bool) -> str:
    """The page's own headline, and below it where the page is and what it counts."""
    if as_json:
        counts = {"Page": out, "Events": events, "Commands": commands, "Outcomes": outcomes}
        return json.dumps({"Headline": headline, **counts})
    ended = (f"{count:,} {outcome}" for outcome, count in outcomes.items())
    return "\n".join([headline, "   ".join([out, counted(events, "event"), counted(commands, "command"), *ended])])


def add_source(text: str, source: Source, ledger: Ledger) -> None:
    """Put every event of a source into the ledger; count what is none. Raises: SourceError."""
    for found in read_source(text, source):
        source.read += 1
        if found.value is None:
            source.malformed.add(found.number)
            continue
        wrong = [why for event, delivered in unwrapped(found.value) if (why := _refused(ledger, event, delivered))]
        if wrong:
            (source.malformed if Malformed in wrong else source.not_ours).add(found.number)


def _refused(ledger: Ledger, event: object, delivered: bool) -> type[Malformed | NotOurs] | None:
    """Why an event did not go into the ledger, None if it did."""
    try:
        ledger.add(event, delivered=delivered)
    except (Malformed, NotOurs) as error:
        return type(error)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
