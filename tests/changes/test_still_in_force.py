"""A finished change that is delivered again: what shows whether it is in force still."""

from __future__ import annotations

import pytest

from tests.changes.told import NO, NO_TASK, NOBODY, ODD, REFUSES, Case, Told, deliver

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
