"""The page: what the ledger says, put in the order in which a person needs it, and rendered."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from shared.workbench.environment.counted import counted
from shared.workbench.operations.runbook import read_runbook
from shared.workbench.report import charts
from shared.workbench.report.events import Result
from shared.workbench.report.figures import AGED, AGELESS, STORELESS, Figures, Truncated
from shared.workbench.report.headline import Level, Tally, headline
from shared.workbench.report.ledger import Ledger
from shared.workbench.report.reading import Source

MOST_CARDS = 24
OPEN_CARDS, OPEN_ROWS = 6, 10  # the others are folded
MOST_ROWS = 25
MOST_CLASSES, MOST_OF_A_CLASS = 12, 8
OLD_S = 86_400.0  # events that end longer ago do not say how things are now
QUANTILES = (50, 90, 99)
MARKS = {Level.BAD: "\u2716", Level.WARN: "!", Level.WAIT: "\u2026", Level.GOOD: "\u2713", Level.EMPTY: "\u2013"}


@dataclass(frozen=True)
class OpenCommand:
    """A command that has not ended well: what is known, and for how many seconds it is so."""

    result: Result
    for_s: float


@dataclass(frozen=True)
class OperationOutcomes:
    """The commands of one cloud, service and operation, by group of outcomes."""

    cloud: str
    service: str
    operation: str
    counts: Mapping[str, int]
    total: int
    quantiles: tuple[float, ...]
    longest: float | None


@dataclass(frozen=True)
class FailureClass:
    """The failed commands of one error class: how many, with which codes, and the newest of them."""

    name: str | None
    count: int
    retryable: int
    codes: str
    newest: Truncated[Result]


@dataclass(frozen=True)
class Totals:
    """The numbers at the top of the page."""

    commands: int
    outcomes: Mapping[str, int]
    over_age: int
    known_ages: int
    median_s: float | None


def page_values(ledger: Ledger, sources: Sequence[Source], now: float, today: float) -> dict[str, Any]:
    """What the template shows, by name. `now`: the time for ages; `today`: the real one. Both in Unix seconds."""
    figures = Figures(ledger, now)
    took = array("d", merge(*figures.took.values()))
    lists = _lists(figures)
    tally = _tally(figures, lists, sum(source.malformed.count for source in sources))
    outcomes = figures.outcomes()
    is_old = ledger.newest is not None and ledger.newest < today - OLD_S
    median_s = quantile(took, 50) if took else None
    return {
        "ledger": ledger,
        "sources": sources,
        "now": now,
        "headline": headline(tally, when(ledger.newest)[:10] if is_old and ledger.newest is not None else None),
        "is_old": is_old,
        "tally": tally,
        "marks": MARKS,
        "totals": Totals(tally.commands, outcomes, tally.overdue, tally.known_ages, median_s),
        **lists,
        "over_time": charts.outcomes_over_time(figures.times),
        "ages": charts.ages(figures.ages),
        "durations": charts.durations(took),
        "quantiles": [(percent, quantile(took, percent)) for percent in QUANTILES] if took else [],
        "longest": took[-1] if took else None,
        "slowest": Truncated(figures.slowest(10), len(took)),
        "groups": Truncated.of(_groups(figures), MOST_ROWS),
        "firings": Truncated.of(figures.firings, 20),
        "runbook": {row.id: row for row in read_runbook()},
        "open_cards": OPEN_CARDS,
        "open_rows": OPEN_ROWS,
        "patterns_of_outcomes": charts.PATTERNS,
        "patterns_of_ages": charts.AGE_PATTERNS,
        "group_header": [(name, "n") for name in charts.PATTERNS],
    }


def _lists(figures: Figures) -> dict[str, Any]:
    """Each list of commands, rotations and credentials as far as the page shows it, by name."""
    outcomes, dry_outcomes, now = figures.outcomes(), figures.outcomes(dry=True), figures.now
    endless = figures.overdue()

    def pending(*, late: bool, count: int) -> Truncated[OpenCommand]:
        return Truncated([OpenCommand(one, _pending_s(one, now)) for one in figures.pending(MOST_CARDS, late)], count)

    unknown = [OpenCommand(one, max(0.0, now - one.time)) for one in figures.unknown(MOST_CARDS)]
    return {
        "unknown": Truncated(unknown, figures.unsettled()),
        "endless": pending(late=True, count=endless),
        "running": pending(late=False, count=outcomes["pending"] - endless),
        "failed": Truncated.of(_failed(figures), MOST_CLASSES),
        "unanswered": figures.unanswered(MOST_ROWS, late=True),
        "sent": figures.unanswered(MOST_ROWS, late=False),
        "unfinished": Truncated.of(figures.unfinished(), MOST_CARDS),
        "undelivered": figures.undelivered(MOST_ROWS),
        "unmatched": Truncated.of(figures.unmatched(), MOST_ROWS),
        "future": figures.future(MOST_ROWS),
        "changed": Truncated(figures.changed(MOST_ROWS), outcomes["changed"] + outcomes["already_changed"]),
        "mended": figures.mended(MOST_ROWS),
        "oldest": figures.credentials(AGED, 20),
        "ageless": figures.credentials(AGELESS, MOST_ROWS),
        "storeless": figures.credentials(STORELESS, MOST_ROWS),
        "dry_runs": Truncated(figures.dry_runs(20), sum(dry_outcomes.values())),
        "dry_outcomes": dry_outcomes,
    }


def _tally(figures: Figures, lists: Mapping[str, Any], unreadable: int) -> Tally:
    outcomes = figures.outcomes()
    stopped = sum(1 for one in figures.unfinished() if one.error is not None)
    return Tally(
        events=figures.ledger.events,
        commands=sum(outcomes.values()),
        changed=outcomes["changed"],
        already_changed=outcomes["already_changed"],
        failed=figures.failed(),
        unknown=lists["unknown"].count,
        mended=lists["mended"].count,
        endless=lists["endless"].count,
        running=lists["running"].count,
        unanswered=lists["unanswered"].count,
        sent=lists["sent"].count,
        stopped=stopped,
        incomplete=lists["unfinished"].count - stopped,
        overdue=figures.over_age(),
        ageless=lists["ageless"].count,
        storeless=lists["storeless"].count,
        limitless=figures.limitless(),
        unmatched=lists["unmatched"].count,
        not_allowed=figures.not_allowed(),
        future=lists["future"].count,
        known_ages=lists["oldest"].count,
        undelivered=lists["undelivered"].count,
        unreadable=unreadable,
        rotations=len({one.key for one in figures.firings}),
        dry_runs=lists["dry_runs"].count,
        dry_refused=figures.dry_refused(),
    )


def render(shown: Mapping[str, Any]) -> str:
    """The whole page as HTML. Every text is escaped; the charts alone are markup."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "when": when,
        "iso": iso,
        "took": took_text,
        "lasted": duration_text,
        "number": "{:,}".format,
        "counted": counted,
    }
    environment.filters["code"] = code
    environment.filters["days"] = lambda days: f"{days:,.1f}" if days < 1000 else f"{days:,.0f}"
    return environment.get_template("page.html.j2").render(shown) + "\n"


def code(text: str) -> Markup:
    """Text with what stands between backticks as code; all of it is escaped."""
    parts = text.split("`")
    shown = [Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)]
    return Markup("").join(shown)


def quantile(ordered: Sequence[float], percent: int) -> float:
    """The smallest value that at least so many percent do not exceed (nearest rank); `ordered` holds one or more."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def when(seconds: float) -> str:
    """A time as people read it, in UTC."""
    return _at(seconds).strftime("%Y-%m-%d %H:%M:%S")


def iso(seconds: float) -> str:
    """A time as machines read it."""
    return _at(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(0, timezone.utc) + timedelta(seconds=seconds)


def took_text(seconds: float | None) -> str:
    """How long something took."""
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds < 60 else duration_text(seconds)


def duration_text(seconds: float) -> str:
    """A span of time in its two largest units."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count:,} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 ")) or "0 s"


def _pending_s(one: Result, now: float) -> float:
    return max(0.0, now - (one.time if one.started is None else one.started))


def _groups(figures: Figures) -> list[OperationOutcomes]:
    groups = []
    for name, outcomes in figures.operations().items():
        counts: Counter[str] = Counter()
        for outcome, count in outcomes.items():
            counts[charts.GROUPS[outcome]] += count
        took = figures.took.get(name, ())
        quantiles = tuple(quantile(took, percent) for percent in QUANTILES) if took else ()
        groups.append(OperationOutcomes(*name, counts, sum(counts.values()), quantiles, took[-1] if took else None))
    return sorted(groups, key=lambda one: (-one.total, one.cloud, one.service, one.operation))


def _failed(figures: Figures) -> Iterator[FailureClass]:
    """The class with the most commands first."""
    found = []
    for name, codes in groupby(figures.errors(), key=lambda row: row[0]):
        told = [(code, often, repeatable) for _, code, often, repeatable in codes]
        found.append((name, sum(often for _, often, _ in told), told))
    for name, count, told in sorted(found, key=lambda one: (-one[1], one[0] or "")):
        more = f" and {len(told) - 4:,} more" if len(told) > 4 else ""
        yield FailureClass(
            name,
            count,
            sum(repeatable for _, _, repeatable in told),
            ", ".join(f"{code} ({often:,})" for code, often, _ in told[:4]) + more,
            Truncated(figures.failed_of(name, MOST_OF_A_CLASS), count),
        )
