"""A server in memory, a change on it, and one delivery of that change.

The server's answers are scripted; its secret, its fence and its tasks are real. What arrives late lands before the next
call or after the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

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
from shared.runtime.errors import Ambiguous, ErrorClass, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret

OLD, NEW, OTHER_NEW, THEIRS = "old", "new", "other new", "theirs"


@dataclass
class Clock:
    """Moved by waits and calls alone."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Server:
    """What is in force, what was begun, and what is still on its way."""

    fenced: bool
    old_equals_new: bool = True
    odd_fence: bool = False  # its code for a wrong old secret is in no table
    secret: str = OLD
    tasks: list[tuple[int, str]] = field(default_factory=list)  # id, and how it ended
    theirs: list[int] = field(default_factory=list)
    late: list[tuple[str | None, str]] = field(default_factory=list)
    landing: bool = True  # what is late lands before the next call; else after the result

    def land(self) -> None:
        while self.late:
            self._apply(*self.late.pop(0))

    def _apply(self, old: str | None, new: str) -> bool:
        if self.fenced and old != self.secret:
            return False
        self.secret = new
        self.tasks.append((len(self.tasks) + 101, "succeed"))
        return True

    def wrong(self) -> Exception:
        if self.odd_fence:
            return Ambiguous("refused", code="OddFence", refused=True)
        return OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "refused", code="WrongPassword")

    def change(self, how: str, old: str | None, new: str) -> int:
        """The id of the task. Raises: what the cloud answers."""
        if self.landing:
            self.land()
        kind, _, when = how.partition(" ")
        answers: dict[str, Exception] = {
            "lost": Ambiguous("lost"),
            "odd": Ambiguous("odd", code="Odd", refused=True),
            "passing": Ambiguous("passing", code="TooManyOddities", refused=True, passing=True),
            "throttled": RetryLater(ErrorClass.THROTTLED, "later", code="RequestLimitExceeded"),
            "forbidden": Refused(ErrorClass.FORBIDDEN, "no", code="UnauthorizedOperation"),
        }
        if kind in ("throttled", "forbidden"):
            raise answers[kind]
        if when == "before":
            raise answers[kind]
        if when == "late":
            self.late.append((old, new))
            raise answers[kind]
        if self.fenced and old != self.secret:
            raise answers["lost"] if kind == "lost" else self.wrong()
        if kind == "rule":
            refused = Refused(ErrorClass.FAILED, "rule", code="InvalidPasswordRule")
            refused.of_value = True
            raise refused
        if kind == "failing":
            self.tasks.append((len(self.tasks) + 101, "failed"))
            return self.tasks[-1][0]
        self._apply(old, new)
        if kind != "accepted":
            raise answers[kind]
        return self.tasks[-1][0]


@dataclass
class Scripted:
    """A credential on that server."""

    server: Server
    script: Iterator[str]
    new_text: str = NEW
    old_text: str | None = None
    can_reconcile: bool = True
    repeatable: bool = True
    seen: Callable[[str], None] = lambda _: None
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fenced(self) -> bool:
        return self.server.fenced

    @property
    def new(self) -> Secret:
        return Secret(self.new_text)

    @property
    def old(self) -> Secret | None:
        return None if self.old_text is None else Secret(self.old_text)

    def snapshot(self, *, thorough: bool) -> Snapshot:
        self.seen("look")
        return Snapshot(tasks=frozenset(id_ for id_, _ in self.server.tasks) | frozenset(self.server.theirs), time="t0")

    def change(self, look: Snapshot) -> Accepted:
        self.seen("change")
        return Accepted("r-1", Task(self.server.change(next(self.script), self.old_text, self.new_text)))

    def probe(self) -> Accepted:
        self.seen("probe")
        if self.server.landing:
            self.server.land()
        if self.server.secret != self.new_text:
            error = self.server.wrong()
            raise error
        if not self.server.old_equals_new:
            raise Ambiguous("same", code="SamePassword", refused=True)
        return Accepted("r-2", None)

    def progress(self, task: Task) -> TaskProgress:
        state = dict(self.server.tasks)[task.task_id or 0]
        return TaskProgress(TaskState.FAILED if state == "failed" else TaskState.SUCCEEDED, [])

    def began_at(self, task: Task) -> float | None:
        return None

    def observe(self, before: StateBefore) -> Observation:
        ours = tuple(id_ for id_, _ in self.server.tasks if id_ not in before.tasks)
        theirs = tuple(id_ for id_ in self.server.theirs if id_ not in before.tasks)
        if not self.can_reconcile:
            return Observation()
        done = bool(ours) and all(dict(self.server.tasks)[id_] == "succeed" for id_ in ours)
        return Observation(ours, theirs, succeeded=done, moved=done or bool(theirs))

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        return None

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        return LoginAnswer.ACCEPTED if secret.reveal() == self.server.secret else LoginAnswer.REFUSED


@dataclass
class Played:
    conclusion: Conclusion
    change: Change
    handed: list[PendingChange]
    answers: int  # how many the server gave


def play(
    server: Server,
    script: tuple[str, ...],
    *,
    settles: bool,
    olds: tuple[str, ...] = (OLD,),
    values: bool = False,
    login: bool = False,
    unnamed: bool = False,
    left_s: float = 12.0,
    seen: Callable[[str], None] = lambda _: None,
) -> Played:
    """One delivery; the last answer of the script comes again and again."""
    clock, handed = Clock(), list[PendingChange]()

    count = [0]

    def answers() -> Iterator[str]:
        for answer in script:
            count[0] += 1
            yield answer
        while True:
            yield script[-1]

    given = answers()

    def passes(what: str) -> None:
        clock.now += 0.05
        seen(what)

    def credential(old: str | None, new: str) -> Scripted:
        return Scripted(server, given, new, old if server.fenced else None, settles, seen=passes)

    def sleep(seconds: float) -> None:
        clock.now += seconds
        seen("sleep")

    def hand_on(pending: PendingChange) -> bool:
        handed.append(pending)
        return True

    ports = ChangePorts(hand_on=hand_on if settles else None, clock=lambda: 1_000.0, sleep=sleep)
    now = [olds[0]]
    ports.olds = len(olds) - 1

    def old_at(index: int) -> Scripted:
        now[0] = olds[index + 1]
        return credential(now[0], NEW)

    ports.old_at = old_at
    if values:
        ports.another_value = lambda: credential(now[0], OTHER_NEW)
    change = Change(
        credential(olds[0], NEW), ChangeOptions(login=login, unnamed_caller=unnamed), Deadline(left_s, clock), ports
    )
    return Played(change.run(), change, handed, count[0])
