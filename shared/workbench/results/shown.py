"""The one form in which commands show results to people: a line a result, and below it why it is not in force.

changed       redis/crs-demo0001/app   task 233815   0.7 s
not_changed   redis/crs-demo0002/app   0.1 s
    wrong_old_secret (WrongPassword): ... Next: what the runbook says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache

from shared.results.outcome import Outcome
from shared.runtime.errors import ErrorClass
from shared.workbench.environment.terminal import Terminal
from shared.workbench.operations.runbook import read_runbook
from shared.workbench.report.events import Result, RotationPage, RotationRow, parse_event

IN_FORCE = (Outcome.CHANGED, Outcome.ALREADY_CHANGED)
FAILED = (Outcome.NOT_CHANGED, Outcome.UNKNOWN)
WIDTH = len(Outcome.ALREADY_CHANGED.value)
"""Of the column of outcomes, where nobody knows yet which ones come."""
ROTATION = "rotation"
_NO_SECRET = re.compile(r"((?:ssm|kms)://[A-Za-z0-9._/-]+).*\bResourceNotFound\b")
_RESETS = {"redis": "tencent_redis_reset_password", "tair": "alibaba_tair_reset_account_password"}
_SAY_WHAT_TO_DO = ("Settings",)  # codes whose messages end with what to do
_GAP = "   "
_ALWAYS = 3  # listed, due, sent
_WORDS = ("listed", "due", "sent", "not due", "of unknown age", "not allowed")

Event = Result | RotationPage


def read_event(value: object) -> Event:
    """The event that a JSON value is, a result with its task. Raises: report.events' NotOurs, Malformed."""
    event = parse_event(value)
    if not isinstance(event, Result) or not isinstance(value, Mapping):
        return event
    task = value["data"].get("TaskId")
    is_task = isinstance(task, int) and not isinstance(task, bool) and 0 <= task < 1 << 63
    return replace(event, task_id=task) if is_task else event


def event_lines(event: Event, terminal: Terminal, *, clock: bool = False, width: int = WIDTH) -> list[str]:
    """One event: its line, and why it is not as asked. `width`: of the column of outcomes."""
    when = [clock_text(event.time)] if clock else []
    word = first_word(event).ljust(width)
    if isinstance(event, RotationPage):
        more = "; more follows" if not event.last else ""
        told = f"{event.policy}: {counts_text(event.counts, sends=event.mode == 'rotate')}{more}"
        return [*_line(terminal, *when, word, told), *_below(terminal, event.error or "")]
    paint = terminal.good if event.outcome in IN_FORCE else terminal.bad if event.outcome in FAILED else str
    task = [f"task {event.task_id}"] if event.task_id is not None else []
    took = [f"{event.seconds:.1f} s"] if event.seconds is not None else []
    dry = ["dry run"] if event.dry_run and event.outcome is not Outcome.WOULD_CHANGE else []
    return [
        *_line(terminal, *when, paint(word), event.subject, *task, *took, *dry),
        *_below(terminal, reason_text(event)),
    ]


def reason_text(result: Result) -> str:
    """Why a result is not in force and what to do next; of one that is pending, what comes. Empty where all is well."""
    row = _next(result)
    named = f"{result.error_class} ({result.code})" if result.error_class and result.code else None
    why = ": ".join(part for part in (named or result.code or result.error_class, result.message) if part)
    if result.outcome is Outcome.PENDING:
        comes = _runbook().get(result.outcome.value, "")
        return _sentences(why, f"{comes}. Its CommandId is {result.command_id}" if comes else "")
    is_told = not row or not why or result.code in _SAY_WHAT_TO_DO
    return _sentences(why, "" if is_told else f"Next: {row}")


def missing_secret(text: str) -> str:
    """The place of the secret that a store does not hold, by an error's text; empty if it tells of none."""
    found = _NO_SECRET.search(text)
    return found[1] if found else ""


def _next(result: Result) -> str:
    """What to do next about an error, by its class; more closely where the credential or the store says more."""
    if place := missing_secret(result.message or "") if result.error_class == ErrorClass.NOT_FOUND.value else "":
        cloud = "tencent" if place.startswith("ssm:") else "alibaba"
        command = f"`make bootstrap CLOUD={cloud} SECRET={place}`"
        return f"put the secret in force into {place}: {command} if a policy names that store, else the console"
    row = _runbook().get(result.error_class or "", "")
    service = result.subject.partition("/")[0]
    if result.error_class == ErrorClass.WRONG_OLD_SECRET.value and service in _RESETS:
        return f"{row} with `{_RESETS[service]}`"
    return row


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
    """The time of day, in UTC."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%m-%d %H:%M:%S}"


def first_word(event: Event) -> str:
    """What its line begins with."""
    return event.outcome.value if isinstance(event, Result) else ROTATION


def _line(terminal: Terminal, *parts: str) -> list[str]:
    return terminal.wrapped(_GAP.join(parts).rstrip())


def _below(terminal: Terminal, text: str) -> list[str]:
    return terminal.wrapped(f"    {text}") if text else []


def _sentences(*texts: str) -> str:
    return " ".join(text if text.endswith((".", "?", "!")) else f"{text}." for text in texts if text)


@cache
def _runbook() -> Mapping[str, str]:
    """What the runbook says in short, by error class and outcome."""
    rows: Iterable[tuple[str, str]] = ((row.id, row.short) for row in read_runbook())
    return dict(rows)
