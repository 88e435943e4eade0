"""A finished change that is delivered again: what shows whether it is in force still."""

from __future__ import annotations

from typing import Any

import pytest

from shared.changes.credential import Accepted, Task
from tests.changes.told import ANY, DONE, NO, NO_TASK, NOBODY, ODD, REFUSES, YES, Case, Told, deliver

CASES = [
    Case(
        "finished",
        lambda: deliver(Told(), finished=True),
        ("already_changed", None),
        "",
        "earlier delivery; not looked at since",
    ),
    Case(
        "finished, contested", lambda: deliver(Told(), finished=True, contested=True), ("unknown", "Superseded"), "", ""
    ),
    Case(
        "finished, opens",
        lambda: deliver(Told(), finished=True, login=True),
        ("already_changed", None),
        "login new",
        "login with the new secret: accepted",
    ),
    Case(
        "finished, refused",
        lambda: deliver(Told(logins=[REFUSES]), finished=True, login=True),
        ("not_changed", "Superseded"),
        "login new x14",
        "login with the new secret: refused",
    ),
    Case(
        "finished, nobody answers",
        lambda: deliver(Told(logins=[NOBODY]), finished=True, login=True),
        ("already_changed", None),
        "login new x2",
        "login with the new secret: unreachable, earlier delivery; not looked at since",
    ),
    Case(
        "finished, fence takes it",
        lambda: deliver(Told(fenced=True, probes=[NO_TASK]), finished=True),
        ("already_changed", None),
        "probe",
        "fence_probe: accepted",
    ),
    Case(
        "finished, fence refuses it",
        lambda: deliver(Told(fenced=True), finished=True),
        ("unknown", "Superseded"),
        "probe",
        "fence_probe: WrongPassword",
    ),
    Case(
        "finished, fence refuses it oddly",
        lambda: deliver(Told(fenced=True, probes=[ODD]), finished=True),
        ("unknown", "Superseded"),
        "probe",
        "fence_probe: Odd",
    ),
    Case(
        "finished, fence tells nothing",
        lambda: deliver(Told(fenced=True, probes=[NO]), finished=True),
        ("already_changed", None),
        "probe",
        "fence_probe: No, earlier delivery; not looked at since",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_row(case: Case) -> None:
    case.check()


BY_STATUS = Accepted("r-1", Task())
STILL: list[tuple[str, dict[str, Any], dict[str, Any], bool | None]] = [
    ("nothing tells", {}, {}, None),
    ("no newer task", {"newer": False}, {}, True),
    ("a newer task", {"newer": True, "fenced": True, "probes": [NO_TASK]}, {"login": True, "fresh": True}, False),
    ("newer tasks cannot be read", {"newer": NO}, {}, None),
    ("the fence takes it", {"fenced": True, "probes": [NO_TASK]}, {}, True),
    ("the fence refuses it", {"fenced": True}, {}, None),
    ("without a task, the fence takes it", {"changes": [NO_TASK], "fenced": True, "probes": [NO_TASK]}, {}, True),
    ("an account's status alone, behind a fence", {"changes": [BY_STATUS], "fenced": True}, {}, None),
    ("an account's status alone, and no fence", {"changes": [BY_STATUS]}, {}, False),
    (
        "no time is left for more than a status",
        {"changes": [BY_STATUS]},
        {"left_s": 3.0, "takes_s": {"task": 2.0}},
        False,
    ),
    ("a status, and it opens", {"changes": [BY_STATUS]}, {"login": True, "fresh": True}, True),
    ("it opens", {}, {"login": True, "fresh": True}, True),
    ("it does not open", {"logins": [YES, REFUSES]}, {"login": True, "fresh": True}, False),
    ("any secret opens", {"logins": [YES, ANY]}, {"login": True, "fresh": True}, None),
    ("it opens, and nobody asked for it", {"logins": [YES]}, {}, None),
    ("nothing to log in with", {"new": None}, {"login": True}, None),
    ("no time is left", {"newer": False, "tasks": [DONE]}, {"left_s": 3.0, "takes_s": {"task": 2.0}}, None),
    ("time is left", {"newer": False, "tasks": [DONE]}, {"left_s": 3.4, "takes_s": {"task": 1.9}}, True),
]


@pytest.mark.parametrize(("what", "told", "how", "last"), STILL, ids=[row[0] for row in STILL])
def test_before_a_promotion_the_cloud_is_asked_whether_the_change_is_still_the_last(
    what: str, told: dict[str, Any], how: dict[str, Any], last: bool | None
) -> None:
    assert deliver(Told(**told), **how).change.still() is last
