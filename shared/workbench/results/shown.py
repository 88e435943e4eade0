"""Results and rotation reports in one readable line each."""

from __future__ import annotations

from datetime import datetime, timezone

from shared.results.outcome import Outcome
from shared.workbench.environment.terminal import Terminal
from shared.workbench.report.events import Result, RotationPage, RotationRow

IN_FORCE = (Outcome.CHANGED, Outcome.ALREADY_CHANGED)
_ALWAYS = 3  # listed, due, sent
_WORDS = ("listed", "due", "sent", "not due", "of unknown age", "not allowed")


def result_line(result: Result, terminal: Terminal) -> str:
    """When, how it ended, of which credential, in how many seconds; why, where it is not in force."""
    outcome = f"{result.outcome.value:<15}"
    if result.outcome in IN_FORCE:
        outcome = terminal.good(outcome)
    elif result.outcome in (Outcome.NOT_CHANGED, Outcome.UNKNOWN):
        outcome = terminal.bad(outcome)
    took = "" if result.seconds is None else f"  {result.seconds:.1f} s"
    why = ": ".join(part for part in (result.code or result.error_class, result.message) if part)
    dry = "  dry run" if result.dry_run else ""
    what = f"{outcome} {result.subject}{took}{dry}{'  ' + why if why else ''}"
    return f"{clock_text(result.time)}  {what}  {result.command_id}"


def page_line(page: RotationPage) -> str:
    """A rotation's counts so far."""
    more = "" if page.last else "; more follows"
    error = f"; {page.error}" if page.error else ""
    told = f"{page.policy}: {counts_text(page.counts, sends=page.mode == 'rotate')}{more}{error}"
    return f"{clock_text(page.time)}  {'rotation':<15} {told}  {page.firing}"


def counts_text(counts: tuple[int, ...], *, sends: bool) -> str:
    """The counts of a rotation in words. Without `sends`, of ages that are only reported, no `sent` stands there."""
    shown = enumerate(zip(counts, _WORDS, strict=True))
    always = _ALWAYS if sends else _ALWAYS - 1
    return ", ".join(f"{count:,} {word}" for index, (count, word) in shown if count or index < always)


def row_line(row: RotationRow) -> str:
    """One credential of a rotation's report: its age and why it is due or not."""
    age = "-" if row.age_days is None else f"{row.age_days:,.1f} days"
    return f"  {'due' if row.due else '   '}  {age:>14}  {row.resource}/{row.account}  {row.why}"


def clock_text(seconds: float) -> str:
    """The time of day, in this machine's zone."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc).astimezone():%m-%d %H:%M:%S}"
