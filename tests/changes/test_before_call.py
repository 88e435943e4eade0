"""What comes before the call: looks, waits and the write-ahead, each answer told beforehand."""

from __future__ import annotations

import pytest

from tests.changes.told import BUSY, FREE, NO, THROTTLED, YES, Case, Ports, Told, deliver, seen

CASES = [
    Case(
        "in force already",
        lambda: deliver(Told(looks=[seen(in_force=True)], new=None)),
        ("already_changed", None),
        "look",
        "looked",
    ),
    Case(
        "a login shows it before any call",
        lambda: deliver(Told(), login=True),
        ("already_changed", None),
        "look, login new",
        "looked, login with the new secret: accepted",
    ),
    Case(
        "a made secret cannot be in force",
        lambda: deliver(Told(logins=[YES]), login=True, fresh=True),
        ("changed", None),
        "look, change new, task, login new",
        "looked, accepted, done, login with the new secret: accepted",
    ),
    Case(
        "other fields are not in force",
        lambda: deliver(Told(looks=[seen(other_fields_in_force=False)]), login=True),
        ("changed", None),
        "look, change new, task, login new",
        "looked, accepted, done, login with the new secret: accepted",
    ),
    Case(
        "obstructed: no login before the wait",
        lambda: deliver(Told(looks=[seen(obstacle=BUSY), FREE]), login=True),
        ("changed", None),
        "look x2, change new, task, login new",
        "looked, accepted, done, login with the new secret: accepted",
    ),
    Case(
        "dry run",
        lambda: deliver(Told(logins=[YES]), dry_run=True, login=True),
        ("would_change", None),
        "look closely",
        "looked",
    ),
    Case(
        "dry run, busy",
        lambda: deliver(Told(looks=[seen(obstacle=BUSY)]), dry_run=True),
        ("not_changed", "Locked"),
        "look closely",
        "looked",
    ),
    Case(
        "dry run, refused",
        lambda: deliver(Told(looks=[seen(obstacle=NO)]), dry_run=True),
        ("not_changed", "No"),
        "look closely",
        "looked",
    ),
    Case(
        "dry run, in force",
        lambda: deliver(Told(looks=[seen(in_force=True)]), dry_run=True),
        ("already_changed", None),
        "look closely",
        "looked",
    ),
    Case(
        "dry run, unreadable",
        lambda: deliver(Told(looks=[NO]), dry_run=True),
        ("not_changed", "No"),
        "look closely",
        "",
    ),
    Case("unreadable", lambda: deliver(Told(looks=[THROTTLED])), ("not_changed", "Throttled"), "look", ""),
    Case(
        "refused by what is seen",
        lambda: deliver(Told(looks=[seen(obstacle=NO)])),
        ("not_changed", "No"),
        "look",
        "looked",
    ),
    Case(
        "busy, then free",
        lambda: deliver(Told(looks=[seen(obstacle=BUSY), seen(obstacle=BUSY), FREE])),
        ("changed", None),
        "look x3, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "busy for ever",
        lambda: deliver(Told(looks=[seen(obstacle=BUSY)]), left_s=200.0),
        ("not_changed", "Locked"),
        "look x9",
        "looked",
    ),
    Case(
        "busy, then refused",
        lambda: deliver(Told(looks=[seen(obstacle=BUSY), seen(obstacle=NO)])),
        ("not_changed", "No"),
        "look x2",
        "looked",
    ),
    Case(
        "busy, then unreadable",
        lambda: deliver(Told(looks=[seen(obstacle=BUSY), NO])),
        ("not_changed", "No"),
        "look x2",
        "looked",
    ),
    Case(
        "written ahead",
        lambda: deliver(Told(), keeps=True, ports=Ports(prepare=True, recheck=True)),
        ("changed", None),
        "look, recheck, write, recheck, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "not written",
        lambda: deliver(Told(), ports=Ports(prepare=BUSY)),
        ("not_changed", "Locked"),
        "look, write",
        "looked",
    ),
    Case(
        "written slowly",
        lambda: deliver(Told(), left_s=20.0, takes_s={"write": 18.5}, ports=Ports(prepare=True)),
        ("not_changed", "TooLittleTime"),
        "look, write",
        "looked",
    ),
    Case(
        "written so slowly that the look is old",
        lambda: deliver(Told(), takes_s={"write": 10.0}, ports=Ports(prepare=True)),
        ("changed", None),
        "look, write, look, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "a look that is not old",
        lambda: deliver(Told(), takes_s={"write": 9.9}, ports=Ports(prepare=True)),
        ("changed", None),
        "look, write, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "a look that rests on an older read",
        lambda: deliver(Told(looks=[seen(read_at=-4.0), FREE]), takes_s={"write": 6.0}, ports=Ports(prepare=True)),
        ("changed", None),
        "look, write, look, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "a look that rests on a read that is not old",
        lambda: deliver(Told(looks=[seen(read_at=-4.0), FREE]), takes_s={"write": 5.9}, ports=Ports(prepare=True)),
        ("changed", None),
        "look, write, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "a look after a wait that rests on an older read",
        lambda: deliver(Told(looks=[seen(obstacle=BUSY), seen(read_at=-10.0), FREE])),
        ("changed", None),
        "look x3, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "a look whose read stood in line before it went out",
        lambda: deliver(Told(looks=[seen(read_at=5.0), FREE]), takes_s={"write": 9.99}, ports=Ports(prepare=True)),
        ("changed", None),
        "look, write, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "old look, and now busy",
        lambda: deliver(
            Told(looks=[FREE, seen(obstacle=BUSY), FREE]), takes_s={"write": 10.0}, ports=Ports(prepare=True)
        ),
        ("changed", None),
        "look, write, look x2, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "old look, and now unreadable",
        lambda: deliver(Told(looks=[FREE, NO]), takes_s={"write": 10.0}, ports=Ports(prepare=True)),
        ("not_changed", "No"),
        "look, write, look",
        "looked",
    ),
    Case(
        "too late from the first",
        lambda: deliver(Told(), left_s=1.7),
        ("not_changed", "TooLittleTime"),
        "look",
        "looked",
    ),
    Case(
        "too late after a wait",
        lambda: deliver(Told(looks=[seen(obstacle=BUSY), FREE]), left_s=6.0, takes_s={"look": 2.3}),
        ("not_changed", "Locked"),
        "look x2",
        "looked",
    ),
    Case(
        "late, and the store needs its time too",
        lambda: deliver(Told(), left_s=4.9, keeps=True),
        ("not_changed", "TooLittleTime"),
        "look",
        "looked",
    ),
    Case(
        "just in time for the store too",
        lambda: deliver(Told(), left_s=5.02, keeps=True),
        ("changed", None),
        "look, change new, task",
        "looked, accepted, done",
    ),
    Case(
        "taken by another",
        lambda: deliver(Told(), ports=Ports(recheck=NO)),
        ("not_changed", "No"),
        "look, recheck",
        "looked",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_row(case: Case) -> None:
    case.check()
