"""One delivery against a server in memory, over every short sequence of answers: what it says must be true.

The server's answers are scripted; its secret, its fence and its tasks are real. What arrives late lands before the next
call or after the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

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
from shared.results.outcome import Conclusion, Outcome
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

    def answers() -> Iterator[str]:
        yield from script
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
    return Played(change.run(), change, handed)


ANSWERS = [
    *("accepted", "failing", "rule", "throttled", "forbidden"),
    *("lost before", "lost after", "lost late", "odd before", "odd after", "odd late", "passing after", "passing late"),
]
LONG, SHORT = list(product(ANSWERS, repeat=3)), list(product(ANSWERS, repeat=2))
WORLDS: dict[str, dict[str, Any]] = {
    "no fence": {"fenced": False},
    "fence": {"fenced": True},
    "fence of an unlisted code": {"fenced": True, "odd_fence": True},
    "fence that refuses old = new": {"fenced": True, "odd_fence": True, "old_equals_new": False},
}


def lies(
    world: Mapping[str, Any], landing: bool, scripts: list[tuple[str, ...]] = LONG, **how: Any
) -> list[tuple[str, ...]]:
    """Scripts after which the result was not true."""
    found = []
    for script in scripts:
        server = Server(**world, landing=landing)
        played = play(server, script, **how)
        if not true(server, played):
            found.append((played.conclusion.outcome.value, *script))
    return found


def true(server: Server, played: Played) -> bool:
    outcome = played.conclusion.outcome
    if outcome in (Outcome.CHANGED, Outcome.ALREADY_CHANGED):
        return server.secret in (NEW, OTHER_NEW) and played.change.credential.new == Secret(server.secret)
    if outcome is Outcome.NOT_CHANGED:
        server.land()
        return server.secret == OLD
    return outcome in (Outcome.UNKNOWN, Outcome.PENDING)


LANDING = pytest.mark.parametrize("landing", [True, False], ids=["lands before the next", "lands at last"])


@LANDING
@pytest.mark.parametrize("unnamed", [True, False])
@pytest.mark.parametrize("settles", [True, False])
@pytest.mark.parametrize("world", WORLDS)
def test_what_a_delivery_says_is_true_and_stays_so(world: str, settles: bool, unnamed: bool, landing: bool) -> None:
    assert lies(WORLDS[world], landing, settles=settles, unnamed=unnamed) == []


@LANDING
@pytest.mark.parametrize("world", [name for name in WORLDS if name != "no fence"])
def test_it_is_true_where_several_old_secrets_are_tried(world: str, landing: bool) -> None:
    for olds in ((OLD, "another"), ("another", OLD)):
        assert lies(WORLDS[world], landing, settles=False, olds=olds) == [], olds


@LANDING
@pytest.mark.parametrize("settles", [True, False])
@pytest.mark.parametrize("world", WORLDS)
def test_it_is_true_where_the_cloud_refuses_a_value_and_another_is_made(
    world: str, settles: bool, landing: bool
) -> None:
    assert lies(WORLDS[world], landing, SHORT, settles=settles, values=True) == []


@LANDING
@pytest.mark.parametrize("world", WORLDS)
def test_it_is_true_with_a_login(world: str, landing: bool) -> None:
    assert lies(WORLDS[world], landing, SHORT, settles=True, login=True) == []


@pytest.mark.parametrize("left_s", [1.7, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("world", WORLDS)
def test_it_is_true_with_little_time(world: str, left_s: float) -> None:
    assert lies(WORLDS[world], False, SHORT, settles=True, left_s=left_s) == []
    assert lies(WORLDS[world], True, SHORT, settles=False, left_s=left_s) == []


@pytest.mark.parametrize("settles", [True, False])
@pytest.mark.parametrize("world", WORLDS)
def test_what_works_at_once_is_never_unclear(world: str, settles: bool) -> None:
    played = play(Server(**WORLDS[world]), ("accepted",), settles=settles)
    assert played.conclusion.outcome is Outcome.CHANGED


@pytest.mark.parametrize("fault", ["lost before", "lost after", "lost late"])
@pytest.mark.parametrize("world", ["no fence", "fence"])
def test_one_lost_answer_is_cleared_up_by_a_repeat(world: str, fault: str) -> None:
    """Its own answer is enough; behind a fence the probe tells."""
    played = play(Server(**WORLDS[world]), (fault, "accepted"), settles=True)
    assert played.conclusion.outcome is Outcome.CHANGED, played.conclusion


@pytest.mark.parametrize("at", range(1, 12))
def test_a_call_is_not_repeated_once_somebody_else_s_change_was_seen(at: int) -> None:
    """At whatever look it shows: a repeat would set the secret of a change that was overtaken."""
    server = Server(fenced=False)
    steps: list[str] = []

    def interfere(what: str) -> None:
        steps.append(what)
        if len(steps) == at:
            server.theirs.append(900)
            server.secret = THEIRS

    play(server, ("lost before",), settles=True, seen=interfere)
    if len(steps) < at or "change" not in steps[: at - 1]:
        return  # nothing was sent before it, or all was over
    rest = steps[at:]
    seen = next((n for n, what in enumerate(rest) if what == "look"), len(rest))
    assert "change" not in rest[seen:], (at, steps)


def test_a_call_of_a_secret_that_the_service_makes_is_never_made_again() -> None:
    calls: list[str] = []
    server = Server(fenced=False)
    credential = Scripted(server, iter(["lost before"] * 9), can_reconcile=False, repeatable=False, seen=calls.append)
    conclusion = Change(credential, ChangeOptions(), Deadline(12.0, Clock()), ChangePorts(sleep=lambda _: None)).run()
    assert (conclusion.outcome, calls.count("change")) == (Outcome.UNKNOWN, 1)


def test_a_change_is_sent_at_most_three_times_when_its_answers_are_lost() -> None:
    calls: list[str] = []
    play(Server(fenced=False), ("lost before",), settles=True, seen=calls.append)
    assert calls.count("change") == 3


@pytest.mark.parametrize("asked_s", [0.5, 1.0, 1.7])
def test_no_change_is_sent_with_too_little_time_left(asked_s: float) -> None:
    calls: list[str] = []
    played = play(Server(fenced=False), ("accepted",), settles=True, left_s=asked_s, seen=calls.append)
    assert (played.conclusion.outcome, calls.count("change")) == (Outcome.NOT_CHANGED, 0)


@pytest.mark.parametrize("script", [("accepted",), ("lost before", "accepted")])
@pytest.mark.parametrize("world", ["no fence", "fence"])
def test_no_change_is_sent_more_than_30_s_after_the_look_that_allowed_it(world: str, script: tuple[str, ...]) -> None:
    """The write-ahead took long: account and store may have changed meanwhile, so all is looked at anew."""
    clock, steps = Clock(), list[tuple[str, float]]()
    server = Server(**WORLDS[world])
    given = iter([*script, *["accepted"] * 5])
    old = OLD if server.fenced else None
    credential = Scripted(server, given, NEW, old, seen=lambda what: steps.append((what, clock.now)))

    def slow() -> None:
        clock.now += 31.0

    def sleep(seconds: float) -> None:
        clock.now += seconds

    ports = ChangePorts(prepare=slow, clock=clock, sleep=sleep)
    conclusion = Change(credential, ChangeOptions(keeps=True), Deadline(200.0, clock), ports).run()
    assert conclusion.outcome is Outcome.CHANGED
    for number, (what, at) in enumerate(steps):
        if what == "change":
            looked = max(when for seen, when in steps[:number] if seen == "look")
            assert at - looked <= 30.0, steps


@pytest.mark.parametrize("script", [("odd before",), ("accepted",), ("lost after",)])
def test_a_refused_login_beside_what_the_cloud_says_is_no_proof(script: tuple[str, ...]) -> None:
    """Issue 13, F: the fence takes the new secret, the server does not."""
    server = Server(fenced=True, secret=NEW if script == ("odd before",) else OLD)
    clock = Clock()

    class Refusing(Scripted):
        def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
            clock.now += 0.5
            return LoginAnswer.REFUSED

    def sleep(seconds: float) -> None:
        clock.now += seconds

    credential = Refusing(server, iter([*script, *["odd before"] * 9]), NEW, OLD)
    conclusion = Change(
        credential, ChangeOptions(login=True), Deadline(12.0, clock), ChangePorts(clock=clock, sleep=sleep)
    ).run()
    assert conclusion.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("answer", [LoginAnswer.ANY, LoginAnswer.UNREACHABLE])
def test_a_login_that_proves_nothing_makes_no_change_done_already(answer: LoginAnswer) -> None:
    server, steps, clock = Server(fenced=False), list[str](), Clock()

    class Welcoming(Scripted):
        def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
            return answer

    credential = Welcoming(server, iter(["accepted"]), seen=steps.append)

    def sleep(seconds: float) -> None:
        clock.now += seconds

    conclusion = Change(
        credential, ChangeOptions(login=True), Deadline(12.0, clock), ChangePorts(clock=clock, sleep=sleep)
    ).run()
    assert (conclusion.outcome, steps.count("change")) == (Outcome.CHANGED, 1)


@pytest.mark.parametrize("took_s", [0.1, 5.0, 8.3, 9.0, 30.0])
def test_no_change_is_sent_when_a_slow_write_ahead_left_too_little_time(took_s: float) -> None:
    clock, server, steps = Clock(), Server(fenced=False), list[tuple[str, float]]()
    credential = Scripted(server, iter(["accepted"] * 9), seen=lambda what: steps.append((what, clock.now)))

    def slow() -> None:
        clock.now += took_s

    def sleep(seconds: float) -> None:
        clock.now += seconds

    ports = ChangePorts(prepare=slow, clock=clock, sleep=sleep)
    conclusion = Change(credential, ChangeOptions(keeps=True), Deadline(10.0, clock), ports).run()
    sent = [at for what, at in steps if what == "change"]
    assert conclusion.outcome is (Outcome.CHANGED if took_s <= 5.0 else Outcome.NOT_CHANGED)
    assert bool(sent) == (took_s <= 5.0)
