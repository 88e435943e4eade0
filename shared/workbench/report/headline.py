"""The one line at the top of the page. It is true, or a test fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from shared.workbench.environment.counted import counted

_CLEAR = "All clear: "
_MOST_PARTS = 3  # in the line itself; the page lists all of them below it


class Level(Enum):
    """How bad it is. The page shows it by a mark and by a word, not by colour alone."""

    BAD = "Action needed"
    WARN = "Please check"
    WAIT = "In progress"
    GOOD = "No action needed"
    EMPTY = "Nothing to show"


@dataclass(frozen=True)
class Tally:
    """What the headline is made of: counts, each of them 0 or more.

    A command has failed if it ended `not_changed`, and no command that began later changed the same password.
    A refusal that such a change mended is history: nobody has to act. The same holds for `unknown`, if the change began
    when the lost call could take effect no more: after its settling time. To change a remark or rights mends nothing,
    and neither does `already_changed`, unless a rotation sent its command since.
    Commands still count once only, by the strongest of their results. So a refused delivery is no failure if another
    delivery of the same command changed the credential.
    """

    events: int = 0
    commands: int = 0  # without dry runs
    changed: int = 0
    already_changed: int = 0
    failed: int = 0  # `not_changed`, and not mended since
    unknown: int = 0  # `unknown`, and not mended since
    mended: int = 0  # `not_changed` or `unknown`, and a later command changed the password
    endless: int = 0  # pending for longer than a change can take
    running: int = 0  # pending, and within that time
    unanswered: int = 0  # a rotation sent the command long ago, and no result is here
    sent: int = 0  # a rotation sent the command a short time ago
    stopped: int = 0  # rotations whose newest firing ended with an error
    incomplete: int = 0  # rotations whose newest firing did not send all, or of whose report a page is missing
    unmatched: int = 0  # rotations whose policy matches no resource
    overdue: int = 0  # credentials older than their limit
    ageless: int = 0  # credentials of no known age
    storeless: int = 0  # credentials that the policy cannot rotate: its `Store` gives no valid name for them
    limitless: int = 0  # credentials of a known age, and no event tells the limit of their policy
    not_allowed: int = 0  # credentials of a policy that `KEYTURN_ALLOW` does not allow
    known_ages: int = 0
    future: int = 0  # events whose time has not come
    undelivered: int = 0  # results that did not reach the results queue
    unreadable: int = 0  # lines that are no valid event
    rotations: int = 0
    dry_runs: int = 0
    dry_refused: int = 0  # and neither a later dry run nor a later change of the credential went through


@dataclass(frozen=True)
class Problem:
    """One thing to act upon: the words, how bad it is, and the place on the page that says what to do."""

    text: str
    level: Level
    place: str


@dataclass(frozen=True)
class Headline:
    """The line, how bad it is, and every problem by itself, the worst first."""

    text: str
    level: Level
    problems: tuple[Problem, ...]


def headline(tally: Tally, as_of: str | None = None) -> Headline:
    """The truth about everything that was read, in one line. Only where nobody has to act does it say `All clear`.

    `as_of`: the day of the newest event, if that is too old to say how things are now; then the line is never green.

    First comes what may have cut off clients (`unknown`), then what never ended, what failed, and what is missing.
    Credentials over their age limit, undelivered results and unreadable lines follow.
    """
    said = _of_the_newest(tally)
    if as_of is None:
        return said
    level = Level.WARN if said.level in (Level.GOOD, Level.WAIT) else said.level
    return Headline(f"As of {as_of}: {said.text.removeprefix(_CLEAR)}", level, said.problems)


def _of_the_newest(tally: Tally) -> Headline:
    problems = tuple(_problems(tally))
    if problems:
        level = Level.BAD if any(one.level is Level.BAD for one in problems) else Level.WARN
        told = [one.text for one in problems[:_MOST_PARTS]]
        if len(problems) > _MOST_PARTS:
            told.append(f"and {len(problems) - _MOST_PARTS} more")
        text = "; ".join(told)
        return Headline(text if tally.events else f"No events; {text}", level, problems)
    if not tally.events:
        return Headline("No events", Level.EMPTY, ())
    if tally.running or tally.sent:
        return Headline("; ".join(_waiting(tally)), Level.WAIT, ())
    return Headline(f"{_CLEAR}{', '.join(_done(tally))}", Level.GOOD, ())


def _problems(tally: Tally) -> Iterator[Problem]:
    """The worst first. The first part about commands says of how many; the parts behind it need not repeat it."""
    whole = True
    for count, what, place in (
        (tally.unknown, ": outcome unknown", "unknown"),
        (tally.endless, " pending without end", "endless"),
        (tally.failed, " failed", "failed"),
    ):
        if count:
            yield Problem(_of(count, tally.commands) + what if whole else f"{count:,}{what}", Level.BAD, place)
            whole = False
    for count, text, level, place in (
        (tally.unanswered, f"{counted(tally.unanswered, 'command')} without a result", Level.BAD, "unanswered"),
        (tally.stopped, f"{counted(tally.stopped, 'rotation')} stopped", Level.BAD, "rotations-open"),
        (tally.incomplete, f"{counted(tally.incomplete, 'rotation')} incomplete", Level.BAD, "rotations-open"),
        (tally.overdue, f"{counted(tally.overdue, 'credential')} overdue", Level.BAD, "overdue"),
        (tally.undelivered, f"{counted(tally.undelivered, 'result')} undelivered", Level.WARN, "undelivered"),
        (tally.ageless, f"{counted(tally.ageless, 'credential')} without a known age", Level.WARN, "ageless"),
        (tally.storeless, f"{counted(tally.storeless, 'credential')} without a store name", Level.WARN, "storeless"),
        (tally.not_allowed, f"{counted(tally.not_allowed, 'credential')} not allowed", Level.WARN, "not-allowed"),
        (tally.unmatched, f"{counted(tally.unmatched, 'rotation')} without a match", Level.WARN, "unmatched"),
        (tally.future, f"{counted(tally.future, 'event')} in the future", Level.WARN, "future"),
        (tally.limitless, f"{counted(tally.limitless, 'credential')} without a known limit", Level.WARN, "ages"),
        (tally.unreadable, f"{counted(tally.unreadable, 'line')} unreadable", Level.WARN, "unreadable"),
        (tally.dry_refused, f"{_of(tally.dry_refused, tally.dry_runs, 'dry run')} refused", Level.WARN, "dry"),
    ):
        if count:
            yield Problem(text, level, place)


def _of(count: int, all_of_them: int, noun: str = "command") -> str:
    if count == all_of_them:
        return counted(count, noun) if count == 1 else f"all {count:,} {noun}s".capitalize()
    return f"{count:,} of {counted(all_of_them, noun)}"


def _waiting(tally: Tally) -> Iterator[str]:
    if tally.running:
        yield f"{_of(tally.running, tally.commands)} still running"
    if tally.sent:
        yield f"{counted(tally.sent, 'command')} sent, no result yet"


def _done(tally: Tally) -> Iterator[str]:
    """What there was, and how it ended."""
    if tally.commands:
        yield counted(tally.commands, "command")
        for count, what in (
            (tally.changed, "changed"),
            (tally.already_changed, "already changed"),
            (tally.mended, "mended by a later change"),
        ):
            if count:
                yield f"{count:,} {what}"
    elif tally.known_ages:
        yield f"{counted(tally.known_ages, 'credential')} within the age limit"
    elif tally.dry_runs:
        yield f"{counted(tally.dry_runs, 'dry run')}, no obstacle found"
    else:
        yield f"{counted(tally.rotations, 'rotation')}, nothing due"
