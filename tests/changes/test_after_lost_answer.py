"""After a lost answer: each answer of what follows told beforehand."""

from __future__ import annotations

import pytest

from shared.changes.credential import Observation
from shared.runtime.errors import ErrorClass, RetryLater
from tests.changes.told import (
    FAILED,
    FREE,
    LOST,
    NO,
    NO_TASK,
    NOTHING,
    OURS,
    REFUSES,
    RULE,
    RUNS,
    STILL,
    TASK,
    THEIRS,
    WORKS,
    WRONG,
    YES,
    Case,
    Ports,
    Told,
    deliver,
    seen,
)

CASES = [
    Case(
        "lost, repeated",
        lambda: deliver(Told(changes=[LOST, NO_TASK])),
        ("changed", None),
        "look, change new, read, look, change new",
        "looked, call 1: Lost, accepted",
    ),
    Case(
        "lost twice, repeated",
        lambda: deliver(Told(changes=[LOST, LOST, NO_TASK]), ports=Ports(note=True)),
        ("changed", None),
        "look, change new, read, note, look, change new, read, note, look, change new",
        "looked, call 1: Lost, call 2: Lost, accepted",
    ),
    Case(
        "lost for ever",
        lambda: deliver(Told(changes=[LOST])),
        ("unknown", "Lost"),
        "look, change new, read, look, change new, read, look, change new, read",
        "looked, call 1: Lost, call 2: Lost, call 3: Lost",
    ),
    Case(
        "lost for ever, handed on",
        lambda: deliver(Told(changes=[LOST], can_reconcile=True), ports=Ports(hands_on=True)),
        ("pending", None),
        "look, change new, read, look, change new, read, look, change new, read x2, hand on 3 calls signed by 1001.02",
        "looked, call 1: Lost, call 2: Lost, call 3: Lost",
    ),
    Case(
        "lost for ever, not to be handed on",
        lambda: deliver(Told(changes=[LOST], can_reconcile=True), ports=Ports(hands_on=True, settles=False)),
        ("unknown", "Lost"),
        "look, change new, read, look, change new, read, look, change new, read",
        "looked, call 1: Lost, call 2: Lost, call 3: Lost",
    ),
    Case(
        "lost for ever, nobody to hand it to",
        lambda: deliver(Told(changes=[LOST], can_reconcile=True), ports=Ports(hands_on=False)),
        ("unknown", "Lost"),
        "look, change new, read, look, change new, read, look, change new, read x2, hand on 3 calls signed by 1001.02",
        "looked, call 1: Lost, call 2: Lost, call 3: Lost, follow_change: not reached",
    ),
    Case(
        "lost for ever, and the last read proves it",
        lambda: deliver(
            Told(changes=[LOST], reads=[NOTHING, NOTHING, NOTHING, OURS], can_reconcile=True),
            ports=Ports(hands_on=True),
        ),
        ("changed", None),
        "look, change new, read, look, change new, read, look, change new, read x2",
        "looked, call 1: Lost, call 2: Lost, call 3: Lost, 1 new task",
    ),
    Case(
        "lost for ever, and reads prove it after the last repeat",
        lambda: deliver(Told(changes=[LOST], reads=[NOTHING, NOTHING, OURS], can_reconcile=True)),
        ("changed", None),
        "look, change new, read, look, change new, read, look, change new, read",
        "looked, call 1: Lost, call 2: Lost, call 3: Lost, 1 new task",
    ),
    Case(
        "lost, a login shows it",
        lambda: deliver(Told(changes=[LOST], logins=[REFUSES, YES]), login=True),
        ("changed", None),
        "look, login new, change new, read, login new x2",
        "looked, login with the new secret: refused, call 1: Lost, login with the new secret: accepted",
    ),
    Case(
        "lost, makes its own secret",
        lambda: deliver(Told(changes=[LOST], repeatable=False)),
        ("unknown", "Lost"),
        "look, change new, read",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, makes its own secret, proven by reads",
        lambda: deliver(Told(changes=[LOST], repeatable=False, reads=[OURS], can_reconcile=True)),
        ("changed", None),
        "look, change new, read",
        "looked, call 1: Lost, 1 new task",
    ),
    Case(
        "lost, then repeated though reads show it",
        lambda: deliver(Told(changes=[LOST, NO_TASK], reads=[OURS], can_reconcile=True)),
        ("changed", None),
        "look, change new, read, look, change new",
        "looked, call 1: Lost, 1 new task, accepted",
    ),
    Case(
        "lost, no secret asked, shown",
        lambda: deliver(Told(changes=[LOST], reads=[Observation(shown=True)], new=None, can_reconcile=True)),
        ("changed", None),
        "look, change -, read",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, at work, then nothing",
        lambda: deliver(Told(changes=[LOST, NO_TASK], reads=[WORKS, WORKS, NOTHING], can_reconcile=True)),
        ("changed", None),
        "look, change new, read x3, look, change new",
        "looked, call 1: Lost, accepted",
    ),
    Case(
        "lost, at work for ever",
        lambda: deliver(Told(changes=[LOST], reads=[WORKS], can_reconcile=True)),
        ("unknown", "Lost"),
        "look, change new, read x11",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, at work for ever, handed on",
        lambda: deliver(Told(changes=[LOST], reads=[WORKS], can_reconcile=True), ports=Ports(hands_on=True)),
        ("pending", None),
        "look, change new, read x12, hand on 1 calls signed by 1000.02",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, at work, theirs",
        lambda: deliver(Told(changes=[LOST], reads=[WORKS, THEIRS], can_reconcile=True)),
        ("unknown", "Lost"),
        "look, change new, read x2",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, at work, unreadable",
        lambda: deliver(Told(changes=[LOST], reads=[WORKS, NO], can_reconcile=True)),
        ("unknown", "Lost"),
        "look, change new, read x2",
        "looked, call 1: Lost, read: No",
    ),
    Case(
        "lost, at work, a login shows it",
        lambda: deliver(
            Told(changes=[LOST], reads=[WORKS], logins=[REFUSES, REFUSES, YES], can_reconcile=True), login=True
        ),
        ("changed", None),
        "look, login new, change new, read, login new, read, login new x2",
        "looked, login with the new secret: refused, call 1: Lost, login with the new secret: refused, "
        "login with the new secret: accepted",
    ),
    Case(
        "lost, seen soon, then settled",
        lambda: deliver(
            Told(
                changes=[LOST],
                reads=[OURS, Observation(ours=(8,)), Observation(ours=(8, 9))],
                can_reconcile=True,
                repeatable=False,
                new=None,
            ),
            ports=Ports(hands_on=True),
        ),
        ("pending", None),
        "look, change -, read, hand on 1 calls signed by 1000.02 soon [8]",
        "looked, call 1: Lost, 1 new task",
    ),
    Case(
        "lost, seen late",
        lambda: deliver(
            Told(changes=[LOST], reads=[OURS], can_reconcile=True, repeatable=False),
            takes_s={"change": 15.01},
            left_s=60.0,
            ports=Ports(hands_on=True),
        ),
        ("pending", None),
        "look, change new, read x2, hand on 1 calls signed by 1015.02",
        "looked, call 1: Lost, 1 new task",
    ),
    Case(
        "lost, seen just soon enough",
        lambda: deliver(
            Told(changes=[LOST], reads=[OURS], can_reconcile=True, repeatable=False),
            takes_s={"change": 14.99, "read": 0.0},
            left_s=60.0,
            ports=Ports(hands_on=True),
        ),
        ("changed", None),
        "look, change new, read",
        "looked, call 1: Lost, 1 new task",
    ),
    Case(
        "lost for ever, the fence refuses, seen soon, handed on",
        lambda: deliver(
            Told(changes=[LOST], reads=[Observation(ours=(8,))], fenced=True, can_reconcile=True, probes=[LOST, WRONG]),
            ports=Ports(hands_on=True),
        ),
        ("pending", None),
        "look, change new, read, look, change new, read, look, change new, read, look closely, probe x2, "
        "read, hand on 4 calls signed by 1001.02 soon [8] denied",
        "looked, call 1: Lost, call 2: Lost, call 3: Lost, fence_probe: Lost, fence_probe: WrongPassword",
    ),
    Case(
        "lost for ever, the fence answers nothing, handed on",
        lambda: deliver(
            Told(changes=[LOST], fenced=True, can_reconcile=True, probes=[LOST, NO]), ports=Ports(hands_on=True)
        ),
        ("pending", None),
        "look, change new, read, look, change new, read, look, change new, read, look closely, probe x2, "
        "read, hand on 4 calls signed by 1001.02",
        "looked, call 1: Lost, call 2: Lost, call 3: Lost, fence_probe: Lost, fence_probe: No",
    ),
    Case(
        "lost, theirs",
        lambda: deliver(Told(changes=[LOST], reads=[THEIRS], can_reconcile=True)),
        ("unknown", "Lost"),
        "look, change new, read",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, theirs, behind a fence",
        lambda: deliver(Told(changes=[LOST], reads=[THEIRS], fenced=True, can_reconcile=True)),
        ("unknown", "Lost"),
        "look, change new, read, look closely, probe",
        "looked, call 1: Lost, fence_probe: WrongPassword",
    ),
    Case(
        "lost, unreadable",
        lambda: deliver(Told(changes=[LOST], reads=[NO], can_reconcile=True)),
        ("unknown", "Lost"),
        "look, change new, read",
        "looked, call 1: Lost, read: No",
    ),
    Case(
        "lost, unreadable by an error without a code",
        lambda: deliver(
            Told(changes=[LOST], reads=[RetryLater(ErrorClass.UNAVAILABLE, "no answer")], can_reconcile=True)
        ),
        ("unknown", "Lost"),
        "look, change new, read",
        "looked, call 1: Lost, read: unavailable",
    ),
    Case(
        "lost, unreadable and never to be read",
        lambda: deliver(Told(changes=[LOST, NO_TASK], reads=[NO])),
        ("changed", None),
        "look, change new, read, look, change new",
        "looked, call 1: Lost, read: No, accepted",
    ),
    Case(
        "lost, unreadable, behind a fence",
        lambda: deliver(Told(changes=[LOST], reads=[NO], can_reconcile=True, fenced=True, probes=[NO_TASK])),
        ("changed", None),
        "look, change new, read, look closely, probe",
        "looked, call 1: Lost, read: No, fence_probe: accepted",
    ),
    Case(
        "lost, cannot be noted",
        lambda: deliver(Told(changes=[LOST]), ports=Ports(note=NO)),
        ("unknown", "Lost"),
        "look, change new, read, note",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, cannot be noted, handed on",
        lambda: deliver(Told(changes=[LOST], can_reconcile=True), ports=Ports(note=NO, hands_on=True)),
        ("pending", None),
        "look, change new, read, note, read, hand on 1 calls signed by 1000.02",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, then busy for good",
        lambda: deliver(Told(changes=[LOST], looks=[FREE, seen(obstacle=NO)])),
        ("unknown", "Lost"),
        "look, change new, read, look",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, then unreadable",
        lambda: deliver(Told(changes=[LOST], looks=[FREE, NO])),
        ("unknown", "Lost"),
        "look, change new, read, look",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, something began, nothing found",
        lambda: deliver(Told(changes=[LOST, NO_TASK], looks=[FREE, seen(8)], can_reconcile=True)),
        ("changed", None),
        "look, change new, read, look, read, change new",
        "looked, call 1: Lost, accepted",
    ),
    Case(
        "lost, something began, theirs",
        lambda: deliver(Told(changes=[LOST], looks=[FREE, seen(9)], reads=[NOTHING, THEIRS], can_reconcile=True)),
        ("unknown", "Lost"),
        "look, change new, read, look, read",
        "looked, call 1: Lost",
    ),
    Case(
        "lost, something began, unreadable",
        lambda: deliver(Told(changes=[LOST], looks=[FREE, seen(8)], reads=[NOTHING, NO], can_reconcile=True)),
        ("unknown", "Lost"),
        "look, change new, read, look, read",
        "looked, call 1: Lost, read: No",
    ),
    Case(
        "lost, something began, at work, ours",
        lambda: deliver(
            Told(changes=[LOST, NO_TASK], looks=[FREE, seen(8)], reads=[NOTHING, WORKS, OURS], can_reconcile=True)
        ),
        ("changed", None),
        "look, change new, read, look, read x2, look, change new",
        "looked, call 1: Lost, 1 new task, accepted",
    ),
    Case(
        "lost, something began, a login shows it",
        lambda: deliver(
            Told(changes=[LOST], looks=[FREE, seen(8)], logins=[REFUSES, REFUSES, YES], can_reconcile=True), login=True
        ),
        ("changed", None),
        "look, login new, change new, read, login new, look, read, login new x2",
        "looked, login with the new secret: refused, call 1: Lost, login with the new secret: refused, "
        "login with the new secret: accepted",
    ),
    Case(
        "lost, what began is looked at once",
        lambda: deliver(Told(changes=[LOST, LOST, NO_TASK], looks=[FREE, seen(8)], can_reconcile=True)),
        ("changed", None),
        "look, change new, read, look, read, change new, read, look, change new",
        "looked, call 1: Lost, call 2: Lost, accepted",
    ),
    Case(
        "lost, then the task of its repeat fails",
        lambda: deliver(Told(changes=[LOST, TASK], reads=[STILL], tasks=[FAILED])),
        ("unknown", "Lost"),
        "look, change new, read, look, change new, task, read",
        "looked, call 1: Lost, accepted, failed",
    ),
    Case(
        "lost, then the task of its repeat fails, handed on",
        lambda: deliver(
            Told(changes=[LOST, TASK], reads=[STILL], tasks=[FAILED], can_reconcile=True), ports=Ports(hands_on=True)
        ),
        ("pending", None),
        "look, change new, read, look, change new, task, read x2, hand on 1 calls signed by 1000.02",
        "looked, call 1: Lost, accepted, failed",
    ),
    Case(
        "lost, then the task of its repeat is handed on",
        lambda: deliver(Told(changes=[LOST, TASK], tasks=[RUNS]), ports=Ports(hands_on=True)),
        ("pending", None),
        "look, change new, read, look, change new, task x2, hand on task 7 unclear",
        "looked, call 1: Lost, accepted",
    ),
    Case(
        "lost, then refused",
        lambda: deliver(Told(changes=[LOST, NO])),
        ("unknown", "Lost"),
        "look, change new, read, look, change new",
        "looked, call 1: Lost, call 2: No",
    ),
    Case(
        "lost, then its rule",
        lambda: deliver(Told(changes=[LOST, RULE]), ports=Ports(values=True)),
        ("unknown", "Lost"),
        "look, change new, read, look, change new",
        "looked, call 1: Lost, call 2: Rule",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_row(case: Case) -> None:
    case.check()
