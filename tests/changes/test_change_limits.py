"""What a delivery never does: calls too often, too late, after somebody else's change, on a proof that is none."""

from __future__ import annotations

import pytest

from shared.changes.change import Change
from shared.changes.credential import LoginAnswer
from shared.changes.options import ChangeOptions, ChangePorts
from shared.results.outcome import Outcome
from shared.runtime.deadline import Deadline
from shared.runtime.secret import Secret
from tests.changes.scripted_server import NEW, OLD, THEIRS, Clock, Scripted, Server, play

WORLDS = {"no fence": False, "fence": True}


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


def test_a_lost_call_may_be_handed_on_unless_a_task_alone_may() -> None:
    assert play(Server(fenced=False), ("lost before",), settles=True).conclusion.outcome is Outcome.PENDING


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
    server = Server(WORLDS[world])
    given = iter([*script, *["accepted"] * 5])
    old = OLD if server.fenced else None
    credential = Scripted(server, given, NEW, old, seen=lambda what: steps.append((what, clock.now)))

    def slow() -> None:
        clock.now += 31.0

    def sleep(seconds: float) -> None:
        clock.now += seconds

    ports = ChangePorts(write_ahead=slow, clock=clock, sleep=sleep)
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

    ports = ChangePorts(write_ahead=slow, clock=clock, sleep=sleep)
    conclusion = Change(credential, ChangeOptions(keeps=True), Deadline(10.0, clock), ports).run()
    sent = [at for what, at in steps if what == "change"]
    assert conclusion.outcome is (Outcome.CHANGED if took_s <= 5.0 else Outcome.NOT_CHANGED)
    assert bool(sent) == (took_s <= 5.0)
