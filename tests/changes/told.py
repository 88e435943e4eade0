"""A change whose every answer a test tells beforehand, and one delivery of it by a clock that waits alone move."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeVar

from shared.changes.change import Change
from shared.changes.credential import (
    Accepted,
    LoginAnswer,
    Observation,
    Snapshot,
    StateBefore,
    Task,
    TaskProgress,
    TaskState,
)
from shared.changes.options import ChangeOptions, ChangePorts, PendingChange
from shared.results.outcome import Conclusion
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.runtime.tls import CERTIFICATE_REFUSED

T = TypeVar("T")

LOST = Ambiguous("lost", code="Lost", request_id="r-lost")
ODD = Ambiguous("odd", code="Odd", refused=True, request_id="r-odd")
OTHER_ODD = Ambiguous("odd", code="OtherOdd", refused=True)
PASSING = Ambiguous("passing", code="Passing", refused=True, passing=True)
WRONG = OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "wrong", code="WrongPassword", request_id="r-wrong")
NOT_THEM = Refused(ErrorClass.FAILED, "not them", code=CERTIFICATE_REFUSED)
NO = Refused(ErrorClass.FORBIDDEN, "no", code="No", request_id="r-no")
BUSY = RetryLater(ErrorClass.BUSY, "busy", code="Locked", request_id="r-busy")
THROTTLED = RetryLater(ErrorClass.THROTTLED, "throttled", code="Throttled")
RULE = Refused(ErrorClass.FAILED, "rule", code="Rule")
RULE.of_value = True

TASK, NO_TASK = Accepted("r-1", Task(7), ["accepted"]), Accepted("r-1", None, ["accepted"])
RUNS, DONE = TaskProgress(TaskState.RUNNING, ["runs"]), TaskProgress(TaskState.SUCCEEDED, ["done"])
UNSEEN = TaskProgress(TaskState.UNSEEN, ["at rest"])
FAILED, UNPROVEN = TaskProgress(TaskState.FAILED, ["failed"]), TaskProgress(TaskState.UNPROVEN, ["unproven"])
NOTHING, STILL = Observation(), Observation(moved=False)
OURS = Observation(ours=(8,), succeeded=True, moved=True, evidence=("1 new task",))
THEIRS = Observation(theirs=(9,), moved=True)
OTHERS = Observation(others=True)
WORKS = Observation(running=True)
YES, REFUSES, ANY, NOBODY = LoginAnswer.ACCEPTED, LoginAnswer.REFUSED, LoginAnswer.ANY, LoginAnswer.UNREACHABLE

BEFORE = frozenset({1})
FREE = Snapshot(["looked"], tasks=BEFORE, time="t0")


def seen(*tasks: int, obstacle: KeyturnError | None = None, **more: Any) -> Snapshot:
    """What a look shows: these tasks beside the first."""
    return Snapshot(["looked"], obstacle, tasks=BEFORE | frozenset(tasks), time="t0", **more)


@dataclass
class Told:
    """A credential's change: each list is answered in turn, its last one again and again; errors are raised."""

    changes: Sequence[Accepted | KeyturnError] = (TASK,)
    looks: Sequence[Snapshot | KeyturnError] = (FREE,)
    reads: Sequence[Observation | KeyturnError] = (NOTHING,)
    probes: Sequence[Accepted | KeyturnError] = (WRONG,)
    tasks: Sequence[TaskProgress | KeyturnError] = (DONE,)
    logins: Sequence[LoginAnswer | KeyturnError] = (YES,)
    newer: bool | KeyturnError | None = None
    fenced: bool = False
    repeatable: bool = True
    can_reconcile: bool = False
    new: Secret | None = field(default_factory=lambda: Secret("new"))
    old: Secret | None = None
    trace: list[str] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)  # of the logins, in seconds
    before: list[StateBefore] = field(default_factory=list)  # as it was given to each read
    asked: Mapping[str, Any] = field(default_factory=dict)
    clock: Callable[[], float] = lambda: 0.0
    takes: Callable[[str], None] = lambda _: None
    _turn: dict[str, int] = field(default_factory=dict)

    def _told(self, what: str, answers: Sequence[T | KeyturnError], line: str = "") -> T:
        turn = self._turn.get(what, 0)
        self._turn[what] = turn + 1
        self.trace.append(line or what)
        self.takes(what)
        answer = answers[min(turn, len(answers) - 1)]
        if isinstance(answer, KeyturnError):
            raise answer
        return answer

    def with_secrets(self, old: str | None = None, new: str | None = None) -> Told:
        """The same change by other secrets, told by the same lists."""
        other = Told(**{name: value for name, value in vars(self).items() if name != "_turn"})
        other._turn = self._turn
        other.old, other.new = (Secret(old) if old else self.old), (Secret(new) if new else self.new)
        return other

    def snapshot(self, *, thorough: bool) -> Snapshot:
        return self._told("look", self.looks, "look closely" if thorough else "look")

    def change(self, look: Snapshot) -> Accepted:
        old, new = (one.reveal() if one is not None else "-" for one in (self.old, self.new))
        return self._told("change", self.changes, f"change {old} to {new}" if self.old is not None else f"change {new}")

    def probe(self) -> Accepted:
        return self._told("probe", self.probes)

    def progress(self, task: Task) -> TaskProgress:
        return self._told("task", self.tasks)

    def began_at(self, task: Task) -> float | None:
        return None

    def observe(self, before: StateBefore) -> Observation:
        self.before.append(before)
        return self._told("read", self.reads)

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        self.trace.append("newer")
        if isinstance(self.newer, KeyturnError):
            raise self.newer
        return self.newer

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        self.timeouts.append(timeout_s)
        return self._told("login", self.logins, f"login {secret.reveal()}")


def _shown(pending: PendingChange) -> str:
    """What follow_change is given: the task, or the call whose answer was lost."""
    if pending.settling is None:
        task = f"task {pending.task.task_id}" if pending.task is not None else "nothing"
        return task + (" unclear" if pending.unclear else "")
    before = pending.settling.before
    assert before == pending.before
    soon = f" soon {sorted(before.soon)}" if before.soon else ""
    return f"{before.calls} calls signed by {pending.settling.signed:.2f}{soon}{' denied' if before.denied else ''}"


def runs(lines: Sequence[str]) -> str:
    """The lines, each with how often it stands there one after another."""
    counted = ((line, len(list(same))) for line, same in groupby(lines))
    return ", ".join(line if number == 1 else f"{line} x{number}" for line, number in counted)


@dataclass
class Case:
    """One row of a table: a delivery, what it says in the end, all that it asked, and its evidence."""

    name: str
    deliver: Callable[[], Delivered]
    said: tuple[str, str | None]
    asked: str
    evidence: str = ""

    def check(self) -> None:
        delivered = self.deliver()
        found = (delivered.said, runs(delivered.trace), runs(delivered.conclusion.evidence))
        assert found == (self.said, self.asked, self.evidence), self.name


@dataclass
class Delivered:
    change: Change
    conclusion: Conclusion
    trace: list[str]  # everything that was asked, in order
    waits: list[float]
    handed: list[PendingChange]
    now: float

    @property
    def said(self) -> tuple[str, str | None]:
        """The outcome, and the error's code."""
        return self.conclusion.outcome.value, self.conclusion.error.code if self.conclusion.error else None


@dataclass
class Ports:
    """What the rest of keyturn answers; each error is raised."""

    hands_on: bool | None = None  # None: nobody is there to be given it
    settles: bool = True
    prepare: KeyturnError | bool = False  # True: it is there
    recheck: KeyturnError | bool = False
    values: KeyturnError | bool = False
    note: KeyturnError | bool = False  # before a repeat
    olds: Sequence[str | KeyturnError | None] = ()
    in_force: KeyturnError | bool = False
    pending: bool | None = None


def _ports(told: Told, given: Ports, asked: Callable[..., None], handed: list[PendingChange]) -> ChangePorts:
    """The ports that answer so; their clock and their sleep are the delivery's."""

    def hand_on(pending: PendingChange) -> bool:
        asked("hand on", True, f"hand on {_shown(pending)}")
        handed.append(pending)
        return bool(given.hands_on)

    def another_value() -> Told:
        asked("another value", given.values)
        return told.with_secrets(new="another")

    def old_at(index: int) -> Told | None:
        old = given.olds[index]
        asked("old", old if isinstance(old, KeyturnError) else True, f"old {index}")
        return told.with_secrets(old=str(old)) if old is not None else None

    def old_in_force(index: int) -> list[str]:
        asked("in force", given.in_force, f"old {index} in force")
        return [f"old {index} was in force"]

    return ChangePorts(
        hand_on=None if given.hands_on is None else hand_on,
        settles=given.settles,
        write_ahead=(lambda: asked("write", given.prepare)) if given.prepare else None,
        check_store=(lambda: asked("recheck", given.recheck)) if given.recheck else None,
        another_value=another_value if given.values else None,
        note_repeat=(lambda: asked("note", given.note)) if given.note else None,
        olds=len(given.olds),
        old_at=old_at if given.olds else None,
        old_in_force=old_in_force if given.in_force else None,
        others_maybe_in_force=None if given.pending is None else lambda: bool(given.pending),
    )


def deliver(
    told: Told,
    *,
    left_s: float = 20.0,
    takes_s: Mapping[str, float] | None = None,
    wall: float = 1_000.0,
    ports: Ports | None = None,
    **options: bool,
) -> Delivered:
    """One delivery. `takes_s`: how long each kind of question takes, else 0.01 s; `wall`: the time of day."""
    given = ports or Ports()
    now, waits, handed = [0.0], list[float](), list[PendingChange]()

    def passes(what: str) -> None:
        now[0] += (takes_s or {}).get(what, 0.01)

    def asked(what: str, answer: KeyturnError | bool, line: str = "") -> None:
        told.trace.append(line or what)
        passes(what)
        if isinstance(answer, KeyturnError):
            raise answer

    def sleep(seconds: float) -> None:
        assert seconds > 0
        waits.append(seconds)
        now[0] += seconds

    told.takes = passes
    all_ports = _ports(told, given, asked, handed)
    all_ports.clock, all_ports.sleep = (lambda: wall + now[0]), sleep
    change = Change(told, ChangeOptions(**options), Deadline(left_s, lambda: now[0]), all_ports)
    with _known_chance():
        return Delivered(change, change.run(), told.trace, waits, handed, now[0])


@contextmanager
def _known_chance() -> Iterator[None]:
    """The waits between tries are the same each time."""
    state = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)
