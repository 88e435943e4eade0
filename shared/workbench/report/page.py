"""The page: what the ledger says, put in the order in which a person needs it, and rendered."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from shared.workbench.operations.runbook import read_runbook
from shared.workbench.report import charts
from shared.workbench.report.events import Result
from shared.workbench.report.figures import Figures, Truncated
from shared.workbench.report.ledger import OVERDUE_S, Ledger
from shared.workbench.report.reading import Source

MOST_CARDS = 24
OPEN_CARDS = 6  # the others are folded
MOST_ROWS = 50
QUANTILES = (50, 90, 99)
_NO_ROW = "This version does not know the class: see the message."


@dataclass(frozen=True)
class OpenCommand:
    """A command that has not ended well: what is known, and since when it is so."""

    result: Result
    for_s: float
    overdue: bool = False
    settled: Result | None = None


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
class ErrorClassCount:
    """One error class: how often, with which codes, and what to do."""

    name: str
    count: int
    retryable: int
    codes: str
    next: str


@dataclass(frozen=True)
class Totals:
    """The headline numbers."""

    commands: int
    outcomes: Mapping[str, int]
    retryable: int
    unsettled: int
    overdue: int
    undelivered: int
    unfinished: int
    over_age: int
    known_ages: int
    median_s: float | None

    @property
    def to_do(self) -> int:
        """What does not end by itself: a person must look at it."""
        return self.unsettled + self.overdue + self.undelivered + self.unfinished

    @property
    def parts(self) -> list[str]:
        """The same, in words."""
        rotations = "rotation that is not whole" if self.unfinished == 1 else "rotations that are not whole"
        counted = (
            (self.unsettled, "unknown"),
            (self.overdue, "pending for too long"),
            (self.undelivered, "undelivered"),
            (self.unfinished, rotations),
        )
        return [f"{count:,} {noun}" for count, noun in counted if count]


def page_values(ledger: Ledger, sources: Sequence[Source], now: float) -> dict[str, Any]:
    """What the template shows, by name."""
    book = {row.id: row for row in read_runbook()}
    figures = Figures(ledger, now)
    outcomes, dry_outcomes = figures.outcomes(), figures.outcomes(dry=True)
    undelivered = figures.undelivered(MOST_ROWS)
    unfinished = Truncated.of(figures.unfinished(), MOST_CARDS)
    oldest = figures.credentials(aged=True, most=20)
    took = array("d", merge(*figures.took.values()))
    totals = Totals(
        sum(outcomes.values()),
        outcomes,
        figures.retryable(),
        figures.unsettled(),
        figures.overdue(),
        undelivered.count,
        unfinished.count,
        figures.over_age(),
        oldest.count,
        quantile(took, 50) if took else None,
    )
    unknown = [_unknown(one, settled, now) for one, settled in figures.unknown(MOST_CARDS)]
    return {
        "ledger": ledger,
        "sources": sources,
        "now": now,
        "totals": totals,
        "unknown": Truncated(unknown, outcomes["unknown"]),
        "pending": Truncated([_pending(one, now) for one in figures.pending(MOST_CARDS)], outcomes["pending"]),
        "undelivered": undelivered,
        "unanswered": figures.unanswered(MOST_ROWS),
        "unfinished": unfinished,
        "over_time": charts.outcomes_over_time(figures.times),
        "ages": charts.ages(figures.ages),
        "oldest": oldest,
        "ageless": figures.credentials(aged=False, most=MOST_ROWS),
        "durations": charts.durations(took),
        "quantiles": [(percent, quantile(took, percent)) for percent in QUANTILES] if took else [],
        "longest": took[-1] if took else None,
        "slowest": Truncated(figures.slowest(10), len(took)),
        "groups": Truncated.of(_groups(figures), MOST_ROWS),
        "failures": Truncated.of(_failures(figures, {row.id: row.next for row in book.values()}), MOST_ROWS),
        "refused": Truncated(figures.refused(20), outcomes["not_changed"]),
        "firings": Truncated.of(figures.firings, 20),
        "dry_runs": Truncated(figures.dry_runs(20), sum(dry_outcomes.values())),
        "dry_outcomes": dry_outcomes,
        "runbook": book,
        "open_cards": OPEN_CARDS,
        "colors": charts.COLORS,
        "group_names": charts.GROUPS,
    }


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


def _unknown(one: Result, settled: Result | None, now: float) -> OpenCommand:
    return OpenCommand(one, max(0.0, now - one.time), settled=settled)


def _pending(one: Result, now: float) -> OpenCommand:
    for_s = max(0.0, now - (one.time if one.started is None else one.started))
    return OpenCommand(one, for_s, overdue=for_s > OVERDUE_S)


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


def _failures(figures: Figures, advice: Mapping[str, str]) -> list[ErrorClassCount]:
    failures = []
    for name, found in groupby(figures.errors(), key=lambda row: row[0]):
        told: list[str] = []
        codes = count = retryable = 0
        for _, code, often, repeatable in found:
            if codes < 4:
                told.append(f"{code} ({often:,})")
            codes, count, retryable = codes + 1, count + often, retryable + repeatable
        more = f" and {codes - 4:,} more" if codes > 4 else ""
        failures.append(ErrorClassCount(name, count, retryable, ", ".join(told) + more, advice.get(name, _NO_ROW)))
    return sorted(failures, key=lambda one: (-one.count, one.name))
