"""After a refusal behind a fence: each answer of what follows told beforehand."""

from __future__ import annotations

import pytest

from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.secret import Secret
from tests.changes.told import (
    BUSY,
    FAILED,
    FREE,
    LOST,
    NO,
    NO_TASK,
    ODD,
    OTHER_ODD,
    REFUSES,
    STILL,
    TASK,
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
        "wrong old secret",
        lambda: deliver(Told(changes=[WRONG], fenced=True)),
        ("not_changed", "WrongPassword"),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "wrong old secret, over HTTP without a name",
        lambda: deliver(Told(changes=[WRONG], fenced=True, probes=[ODD]), unnamed_caller=True),
        ("not_changed", "WrongPassword"),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: Odd",
    ),
    Case(
        "wrong old secret, another answer",
        lambda: deliver(Told(changes=[WRONG], fenced=True, probes=[ODD])),
        ("unknown", "WrongPassword"),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: Odd",
    ),
    Case(
        "same code of another kind",
        lambda: deliver(
            Told(changes=[WRONG], fenced=True, probes=[Refused(ErrorClass.FAILED, "x", code="WrongPassword")])
        ),
        ("unknown", "WrongPassword"),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "wrong old secret, not at rest",
        lambda: deliver(Told(changes=[WRONG], looks=[FREE, seen(obstacle=BUSY)], fenced=True)),
        ("unknown", "WrongPassword"),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "wrong old secret, unreadable",
        lambda: deliver(Told(changes=[WRONG], looks=[FREE, NO], fenced=True)),
        ("unknown", "WrongPassword"),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "wrong old secret, others pending",
        lambda: deliver(Told(changes=[WRONG], fenced=True), ports=Ports(pending=True)),
        ("unknown", "WrongPassword"),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "wrong old secret, none pending",
        lambda: deliver(Told(changes=[WRONG], fenced=True), ports=Ports(pending=False)),
        ("not_changed", "WrongPassword"),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "already",
        lambda: deliver(Told(changes=[WRONG], fenced=True, probes=[NO_TASK])),
        ("already_changed", None),
        "look, change new, look closely, probe",
        "looked, call 1: WrongPassword, fence_probe: accepted",
    ),
    Case(
        "already by login",
        lambda: deliver(Told(changes=[WRONG], fenced=True, logins=[REFUSES, YES]), login=True),
        ("already_changed", None),
        "look, login new, change new, login new x2",
        "looked, login with the new secret: refused, call 1: WrongPassword, login with the new secret: accepted",
    ),
    Case(
        "fence asked again",
        lambda: deliver(Told(changes=[WRONG], fenced=True, probes=[BUSY, LOST, NO_TASK])),
        ("already_changed", None),
        "look, change new, look closely, probe x3",
        "looked, call 1: WrongPassword, fence_probe: Locked, fence_probe: Lost, fence_probe: accepted",
    ),
    Case(
        "fence asked eight times",
        lambda: deliver(Told(changes=[WRONG], fenced=True, probes=[LOST]), left_s=90.0),
        ("unknown", "WrongPassword"),
        "look, change new, look closely, probe x8",
        "looked, call 1: WrongPassword, fence_probe: Lost x8",
    ),
    Case(
        "unlisted twice",
        lambda: deliver(Told(changes=[ODD], fenced=True, probes=[ODD])),
        ("not_changed", "Odd"),
        "look, change new, look closely, probe",
        "looked, call 1: Odd, fence_probe: Odd",
    ),
    Case(
        "unlisted twice, others pending",
        lambda: deliver(Told(changes=[ODD], fenced=True, probes=[ODD]), ports=Ports(pending=True)),
        ("unknown", "Odd"),
        "look, change new, look closely, probe",
        "looked, call 1: Odd, fence_probe: Odd",
    ),
    Case(
        "two unlisted codes",
        lambda: deliver(Told(changes=[ODD], fenced=True, probes=[OTHER_ODD])),
        ("unknown", "Odd"),
        "look, change new, look closely, probe",
        "looked, call 1: Odd, fence_probe: OtherOdd",
    ),
    Case(
        "unlisted, then accepted by the fence",
        lambda: deliver(Told(changes=[ODD], fenced=True, probes=[NO_TASK])),
        ("changed", None),
        "look, change new, look closely, probe",
        "looked, call 1: Odd, fence_probe: accepted",
    ),
    Case(
        "lost, then wrong, fence takes it",
        lambda: deliver(Told(changes=[LOST, WRONG], fenced=True, probes=[NO_TASK])),
        ("changed", None),
        "look, change new, read, look, change new, look closely, probe",
        "looked, call 1: Lost, call 2: WrongPassword, fence_probe: accepted",
    ),
    Case(
        "lost, then wrong, fence refuses",
        lambda: deliver(Told(changes=[LOST, WRONG], fenced=True)),
        ("unknown", "Lost"),
        "look, change new, read, look, change new, look closely, probe",
        "looked, call 1: Lost, call 2: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "lost, then wrong, handed on",
        lambda: deliver(Told(changes=[LOST, WRONG], fenced=True, can_reconcile=True), ports=Ports(hands_on=True)),
        ("pending", None),
        "look, change new, read, look, change new, look closely, probe, read, hand on 1 calls signed by 1000.02 denied",
        "looked, call 1: Lost, call 2: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "lost, then wrong, olds are not tried",
        lambda: deliver(Told(changes=[LOST, WRONG], fenced=True), ports=Ports(olds=["a"])),
        ("unknown", "Lost"),
        "look, change new, read, look, change new, look closely, probe",
        "looked, call 1: Lost, call 2: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "next old",
        lambda: deliver(
            Told(changes=[WRONG, WRONG, NO_TASK], fenced=True, old=Secret("old")),
            ports=Ports(olds=["a", None, "b"], in_force=True),
        ),
        ("changed", None),
        "look, change old to new, old 0, change a to new, old 1, old 2, change b to new, old 2 in force",
        "looked, call 1: WrongPassword, call 2: WrongPassword, old 2 was in force, accepted",
    ),
    Case(
        "next old, store does not take it",
        lambda: deliver(
            Told(changes=[WRONG, NO_TASK], fenced=True, old=Secret("old")), ports=Ports(olds=["a"], in_force=BUSY)
        ),
        ("changed", None),
        "look, change old to new, old 0, change a to new, old 0 in force",
        "looked, call 1: WrongPassword, store: Locked, accepted",
    ),
    Case(
        "first old: nothing to tell",
        lambda: deliver(
            Told(changes=[NO_TASK], fenced=True, old=Secret("old")), ports=Ports(olds=["a"], in_force=True)
        ),
        ("changed", None),
        "look, change old to new",
        "looked, accepted",
    ),
    Case(
        "next old after an unlisted code",
        lambda: deliver(Told(changes=[ODD, NO_TASK], fenced=True, old=Secret("old")), ports=Ports(olds=["a"])),
        ("changed", None),
        "look, change old to new, old 0, change a to new",
        "looked, call 1: Odd, accepted",
    ),
    Case(
        "no old fits",
        lambda: deliver(Told(changes=[WRONG], fenced=True, old=Secret("old")), ports=Ports(olds=["a", None])),
        ("not_changed", "WrongPassword"),
        "look, change old to new, old 0, change a to new, old 1, look closely, probe",
        "looked, call 1: WrongPassword, call 2: WrongPassword, fence_probe: WrongPassword",
    ),
    Case(
        "no old fits, one unlisted code",
        lambda: deliver(
            Told(changes=[ODD, ODD], probes=[ODD], fenced=True, old=Secret("old")), ports=Ports(olds=["a"])
        ),
        ("not_changed", "Odd"),
        "look, change old to new, old 0, change a to new, look closely, probe",
        "looked, call 1: Odd, call 2: Odd, fence_probe: Odd",
    ),
    Case(
        "no old fits, two codes",
        lambda: deliver(
            Told(changes=[OTHER_ODD, ODD], probes=[ODD], fenced=True, old=Secret("old")), ports=Ports(olds=["a"])
        ),
        ("unknown", "Odd"),
        "look, change old to new, old 0, change a to new, look closely, probe",
        "looked, call 1: OtherOdd, call 2: Odd, fence_probe: Odd",
    ),
    Case(
        "an old cannot be read",
        lambda: deliver(Told(changes=[WRONG], fenced=True), ports=Ports(olds=[NO])),
        ("not_changed", "No"),
        "look, change new, old 0",
        "looked, call 1: WrongPassword",
    ),
    Case(
        "an old cannot be read after an unlisted code",
        lambda: deliver(Told(changes=[ODD], fenced=True), ports=Ports(olds=[NO])),
        ("unknown", "No"),
        "look, change new, old 0",
        "looked, call 1: Odd",
    ),
    Case(
        "unlisted, next old, its task fails",
        lambda: deliver(Told(changes=[ODD, TASK], reads=[STILL], tasks=[FAILED], fenced=True), ports=Ports(olds=["a"])),
        ("unknown", "TaskFailed"),
        "look, change new, old 0, change a to new, task, read",
        "looked, call 1: Odd, accepted, failed",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_row(case: Case) -> None:
    case.check()
