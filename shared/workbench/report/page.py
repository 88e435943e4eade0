"""The page: what the ledger says, put in the order in which a person needs it, and rendered."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Generic, TypeVar

import jinja2
from markupsafe import Markup, escape

from shared.results.outcome import Outcome
from shared.workbench.operations.runbook import read_runbook
from shared.workbench.report import charts
from shared.workbench.report.events import Result
from shared.workbench.report.ledger import IN_FORCE, OVERDUE_S, Firing, FleetCredential, Ledger, SentCommand
from shared.workbench.report.reading import Source

MOST_CARDS = 24
OPEN_CARDS = 6  # the others are folded
MOST_ROWS = 50
QUANTILES = (50, 90, 99)
_NO_ROW = "This version does not know the class: see the message."

T = TypeVar("T")


@dataclass(frozen=True)
class Truncated(Generic[T]):
    """The first of many, and how many were left out."""

    shown: Sequence[T]
    rest: int
    count: int

    @classmethod
    def of(cls, items: Sequence[T], most: int) -> Truncated[T]:
        return cls(items[:most], max(0, len(items) - most), len(items))


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
    commands = ledger.commands
    settled = ledger.settled_by(commands)
    unknown = [_unknown(one, settled, now) for one in commands if one.outcome is Outcome.UNKNOWN]
    unknown.sort(key=lambda one: (one.settled is not None, -one.result.time))
    pending = [_pending(one, now) for one in commands if one.outcome is Outcome.PENDING]
    pending.sort(key=lambda one: -one.for_s)
    undelivered, unanswered, firings = ledger.undelivered, ledger.unanswered(), ledger.firings
    unfinished = _unfinished(firings)
    fleet = ledger.credentials(commands, now)
    ended = [(one.seconds, one) for one in commands if one.outcome is not Outcome.PENDING and one.seconds is not None]
    slowest = sorted(ended, key=lambda pair: (-pair[0], pair[1].time, pair[1].id))
    took = sorted(seconds for seconds, _ in ended)
    refused = [one for one in commands if one.outcome is Outcome.NOT_CHANGED]
    totals = Totals(
        len(commands),
        Counter(one.outcome.value for one in commands),
        sum(one.retryable for one in refused),
        sum(one.settled is None for one in unknown),
        sum(one.overdue for one in pending),
        len(undelivered),
        len(unfinished),
        sum(one.over for one in fleet),
        sum(one.age_days is not None for one in fleet),
        quantile(took, 50) if took else None,
    )
    ageless = [one for one in fleet if one.age_days is None]
    return {
        "ledger": ledger,
        "sources": sources,
        "now": now,
        "totals": totals,
        "unknown": Truncated.of(unknown, MOST_CARDS),
        "pending": Truncated.of(pending, MOST_CARDS),
        "undelivered": Truncated.of(undelivered[::-1], MOST_ROWS),
        "unanswered": Truncated[SentCommand].of(unanswered, MOST_ROWS),
        "unfinished": Truncated[Firing].of(unfinished, MOST_CARDS),
        "over_time": charts.outcomes_over_time(commands),
        "ages": charts.ages(fleet),
        "oldest": Truncated[FleetCredential].of([one for one in fleet if one.age_days is not None], 20),
        "ageless": Truncated[FleetCredential].of(ageless, MOST_ROWS),
        "durations": charts.durations(took),
        "quantiles": [(percent, quantile(took, percent)) for percent in QUANTILES] if took else [],
        "longest": took[-1] if took else None,
        "slowest": Truncated.of([one for _, one in slowest], 10),
        "groups": Truncated.of(_groups(commands), MOST_ROWS),
        "failures": Truncated.of(_failures(commands, {row.id: row.next for row in book.values()}), MOST_ROWS),
        "refused": Truncated.of(refused[::-1], 20),
        "firings": Truncated[Firing].of(firings, 20),
        "dry_runs": Truncated.of(ledger.dry_runs[::-1], 20),
        "dry_outcomes": Counter(one.outcome.value for one in ledger.dry_runs),
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


def _unknown(one: Result, settled: Mapping[tuple[str, str], Result], now: float) -> OpenCommand:
    later = settled.get((one.source, one.subject))
    return OpenCommand(
        one, max(0.0, now - one.time), settled=later if later is not None and later.time > one.time else None
    )


def _pending(one: Result, now: float) -> OpenCommand:
    for_s = max(0.0, now - (one.time if one.started is None else one.started))
    return OpenCommand(one, for_s, overdue=for_s > OVERDUE_S)


def _unfinished(firings: Iterable[Firing]) -> list[Firing]:
    """Of each policy the newest firing, where it was cut short, could not send, or a page of it is missing."""
    newest: dict[tuple[str, str, str], Firing] = {}
    for one in firings:
        newest.setdefault((one.source, one.service, one.policy), one)
    return [one for one in newest.values() if not one.whole]


def _groups(commands: Iterable[Result]) -> list[OperationOutcomes]:
    by_name: dict[tuple[str, str, str], list[Result]] = {}
    for one in commands:
        by_name.setdefault((one.cloud, one.service, one.operation), []).append(one)
    groups = []
    for name, found in sorted(by_name.items(), key=lambda item: (-len(item[1]), item[0])):
        counts = Counter(charts.GROUPS[one.outcome] for one in found)
        took = sorted(one.seconds for one in found if one.outcome is not Outcome.PENDING and one.seconds is not None)
        quantiles = tuple(quantile(took, percent) for percent in QUANTILES) if took else ()
        groups.append(OperationOutcomes(*name, counts, len(found), quantiles, took[-1] if took else None))
    return groups


def _failures(commands: Iterable[Result], advice: Mapping[str, str]) -> list[ErrorClassCount]:
    by_class: dict[str, list[Result]] = {}
    for one in commands:
        if one.error_class is not None and one.outcome not in IN_FORCE:
            by_class.setdefault(one.error_class, []).append(one)
    failures = []
    for name, found in sorted(by_class.items(), key=lambda item: (-len(item[1]), item[0])):
        codes = sorted(Counter(one.code or "no code" for one in found).items(), key=lambda item: (-item[1], item[0]))
        told = ", ".join(f"{code} ({count:,})" for code, count in codes[:4])
        more = f" and {len(codes) - 4:,} more" if len(codes) > 4 else ""
        retryable = sum(one.retryable for one in found)
        failures.append(ErrorClassCount(name, len(found), retryable, told + more, advice.get(name, _NO_ROW)))
    return failures
