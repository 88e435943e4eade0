"""The call that cannot be undone: each of its answers told beforehand."""

from __future__ import annotations

import pytest

from shared.runtime.secret import Secret
from tests.changes.told import (
    BUSY,
    FAILED,
    FREE,
    NO,
    NO_TASK,
    NOBODY,
    ODD,
    OTHERS,
    OURS,
    PASSING,
    REFUSES,
    RULE,
    STILL,
    TASK,
    THEIRS,
    THROTTLED,
    UNPROVEN,
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
        "accepted at once",
        lambda: deliver(Told(changes=[NO_TASK])),
        ("changed", None),
        "look, change new",
        "looked, accepted",
    ),
    Case(
        "accepted, proven by login",
        lambda: deliver(Told(changes=[NO_TASK], logins=[REFUSES, REFUSES, YES]), login=True),
        ("changed", None),
        "look, login new, change new, login new x2",
        "looked, login with the new secret: refused, accepted, login with the new secret: refused, "
        "login with the new secret: accepted",
    ),
    Case(
        "accepted, both logins",
        lambda: deliver(Told(changes=[NO_TASK], logins=[REFUSES, YES, REFUSES], old=Secret("old")), login=True),
        ("changed", None),
        "look, login new, change old to new, login new, login old",
        "looked, login with the new secret: refused, accepted, login with the new secret: accepted, "
        "login with the old secret: refused",
    ),
    Case(
        "accepted, hung up once",
        lambda: deliver(Told(changes=[NO_TASK], logins=[NOBODY, NOBODY, YES, REFUSES]), login=True),
        ("changed", None),
        "look, login new, change new, login new x2",
        "looked, login with the new secret: unreachable, accepted, login with the new secret: unreachable, "
        "login with the new secret: accepted",
    ),
    Case(
        "accepted, hung up twice",
        lambda: deliver(Told(changes=[NO_TASK], logins=[NOBODY]), login=True),
        ("changed", None),
        "look, login new, change new, login new x2",
        "looked, login with the new secret: unreachable, accepted, login with the new secret: unreachable",
    ),
    Case(
        "accepted, and the server refuses",
        lambda: deliver(Told(changes=[NO_TASK], logins=[REFUSES]), login=True),
        ("unknown", "LoginRefused"),
        "look, login new, change new, login new x14",
        "looked, login with the new secret: refused, accepted, login with the new secret: refused",
    ),
    Case(
        "throttled, then accepted",
        lambda: deliver(Told(changes=[THROTTLED, NO_TASK])),
        ("changed", None),
        "look, change new, look, change new",
        "looked, call 1: Throttled, accepted",
    ),
    Case(
        "busy by another",
        lambda: deliver(Told(changes=[BUSY, NO_TASK], looks=[FREE, seen(2), FREE], can_reconcile=True)),
        ("changed", None),
        "look, change new, look, read, change new",
        "looked, call 1: Locked, accepted",
    ),
    Case(
        "refused", lambda: deliver(Told(changes=[NO])), ("not_changed", "No"), "look, change new", "looked, call 1: No"
    ),
    Case(
        "rule, another, accepted",
        lambda: deliver(Told(changes=[RULE, RULE, NO_TASK]), ports=Ports(values=True)),
        ("changed", None),
        "look, change new, another value, change another, another value, change another",
        "looked, call 1: Rule, call 2: Rule, accepted",
    ),
    Case(
        "rule for ever",
        lambda: deliver(Told(changes=[RULE]), ports=Ports(values=True)),
        ("not_changed", "Rule"),
        "look, change new, another value, change another, another value, change another, another value, change another",
        "looked, call 1: Rule, call 2: Rule, call 3: Rule, call 4: Rule",
    ),
    Case(
        "rule, none other",
        lambda: deliver(Told(changes=[RULE])),
        ("not_changed", "Rule"),
        "look, change new",
        "looked, call 1: Rule",
    ),
    Case(
        "rule, another cannot be kept",
        lambda: deliver(Told(changes=[RULE]), ports=Ports(values=NO)),
        ("not_changed", "No"),
        "look, change new, another value",
        "looked, call 1: Rule",
    ),
    Case(
        "busy by what it began itself, then refused",
        lambda: deliver(
            Told(changes=[BUSY, NO], looks=[FREE, seen(8)], reads=[OURS], can_reconcile=True),
            ports=Ports(hands_on=True),
        ),
        ("pending", None),
        "look, change new, look, read, change new, hand on 1 calls signed by 1000.38",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "busy by what it began itself, and nobody to settle it",
        lambda: deliver(Told(changes=[BUSY, NO], looks=[FREE, seen(8)], reads=[OURS], can_reconcile=True)),
        ("unknown", "No"),
        "look, change new, look, read, change new",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "busy, and the reads fail",
        lambda: deliver(Told(changes=[BUSY, NO], looks=[FREE, seen(8)], reads=[NO], can_reconcile=True)),
        ("unknown", "No"),
        "look, change new, look, read, change new",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "busy by what it began itself, which a later look shows",
        lambda: deliver(
            Told(
                changes=[BUSY, NO],
                looks=[FREE, seen(obstacle=BUSY), seen(8)],
                reads=[OURS],
                can_reconcile=True,
            )
        ),
        ("unknown", "No"),
        "look, change new, look x2, read, change new",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "busy, and something else began first",
        lambda: deliver(
            Told(
                changes=[BUSY, NO],
                looks=[FREE, seen(2, obstacle=BUSY), seen(2, 8)],
                reads=[OTHERS, OURS],
                can_reconcile=True,
            )
        ),
        ("unknown", "No"),
        "look, change new, look, read, look, read, change new",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "busy, and a change began that seems to be another operator's",
        lambda: deliver(Told(changes=[BUSY, NO], looks=[FREE, seen(9)], reads=[THEIRS], can_reconcile=True)),
        ("unknown", "No"),
        "look, change new, look, read, change new",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "busy, and something else began",
        lambda: deliver(Told(changes=[BUSY, NO], looks=[FREE, seen(9)], reads=[OTHERS], can_reconcile=True)),
        ("not_changed", "No"),
        "look, change new, look, read, change new",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "busy, and nothing began",
        lambda: deliver(Told(changes=[BUSY, NO], looks=[FREE], reads=[OURS], can_reconcile=True)),
        ("not_changed", "No"),
        "look, change new, look, change new",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "busy, and reads tell nothing of such a change",
        lambda: deliver(Told(changes=[BUSY, NO], looks=[FREE, seen(8)], reads=[OURS])),
        ("not_changed", "No"),
        "look, change new, look, change new",
        "looked, call 1: Locked, call 2: No",
    ),
    Case(
        "throttled, and something began",
        lambda: deliver(Told(changes=[THROTTLED, NO], looks=[FREE, seen(8)], reads=[OURS], can_reconcile=True)),
        ("not_changed", "No"),
        "look, change new, look, change new",
        "looked, call 1: Throttled, call 2: No",
    ),
    Case(
        "busy by itself, then its task fails",
        lambda: deliver(
            Told(changes=[BUSY, TASK], looks=[FREE, seen(8)], reads=[OURS, STILL], tasks=[FAILED], can_reconcile=True)
        ),
        ("unknown", "TaskFailed"),
        "look, change new, look, read, change new, task, read",
        "looked, call 1: Locked, accepted, failed",
    ),
    Case(
        "busy by itself, then its task is unproven",
        lambda: deliver(
            Told(changes=[BUSY, TASK], looks=[FREE, seen(8)], reads=[OURS], tasks=[UNPROVEN], can_reconcile=True)
        ),
        ("unknown", "TaskUnproven"),
        "look, change new, look, read, change new, task",
        "looked, call 1: Locked, accepted, unproven",
    ),
    Case(
        "a code about the old secret where none is",
        lambda: deliver(Told(changes=[WRONG, NO_TASK])),
        ("changed", None),
        "look, change new, read, look, change new",
        "looked, call 1: WrongPassword, accepted",
    ),
    Case(
        "an unlisted code without a fence",
        lambda: deliver(Told(changes=[ODD, NO_TASK])),
        ("changed", None),
        "look, change new, read, look, change new",
        "looked, call 1: Odd, accepted",
    ),
    Case(
        "a passing code",
        lambda: deliver(Told(changes=[PASSING, NO_TASK], fenced=True)),
        ("changed", None),
        "look, change new, read, look, change new",
        "looked, call 1: Passing, accepted",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_row(case: Case) -> None:
    case.check()
