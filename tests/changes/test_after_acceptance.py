"""After the cloud accepted the change: each answer about its task told beforehand."""

from __future__ import annotations

import pytest

from shared.changes.credential import Accepted, Observation, Task
from tests.changes.told import (
    ANY,
    BUSY,
    DONE,
    FAILED,
    NO,
    NOT_THEM,
    NOTHING,
    REFUSES,
    RUNS,
    STILL,
    UNPROVEN,
    UNSEEN,
    WRONG,
    YES,
    Case,
    Ports,
    Told,
    deliver,
)

STATUS = Accepted("r-1", Task())

CASES = [
    Case(
        "a task",
        lambda: deliver(Told(tasks=[RUNS, DONE])),
        ("changed", None),
        "look, change new, task x2",
        "looked, accepted, done",
    ),
    Case(
        "a question about a task whose certificate is refused, which is asked again",
        lambda: deliver(Told(tasks=[NOT_THEM, DONE])),
        ("changed", None),
        "look, change new, task x2",
        "looked, accepted, done",
    ),
    Case(
        "a task about which no question is answered",
        lambda: deliver(Told(tasks=[NOT_THEM])),
        ("unknown", "TaskNotEnded"),
        "look, change new, task x12",
        "looked, accepted, task: CertificateRefused",
    ),
    Case(
        "a task that fails, and a time that stands still",
        lambda: deliver(Told(tasks=[FAILED], reads=[STILL])),
        ("not_changed", "TaskFailed"),
        "look, change new, task, read",
        "looked, accepted, failed",
    ),
    Case(
        "a task that fails, and a time that moved",
        lambda: deliver(Told(tasks=[FAILED], reads=[Observation(moved=True, evidence=("moved",))])),
        ("unknown", "TaskFailed"),
        "look, change new, task, read",
        "looked, accepted, failed, moved",
    ),
    Case(
        "a task that fails, and a look that cannot be had",
        lambda: deliver(Told(tasks=[FAILED], reads=[NO])),
        ("unknown", "TaskFailed"),
        "look, change new, task, read",
        "looked, accepted, failed, read: No",
    ),
    Case(
        "a task that fails, and a time that is not shown",
        lambda: deliver(Told(tasks=[FAILED], reads=[NOTHING])),
        ("unknown", "TaskFailed"),
        "look, change new, task, read",
        "looked, accepted, failed",
    ),
    Case(
        "a task that fails, without a secret, and an account that does not show what was asked",
        lambda: deliver(Told(new=None, tasks=[FAILED], reads=[Observation(moved=True, shown=False)])),
        ("not_changed", "TaskFailed"),
        "look, change -, task, read",
        "looked, accepted, failed",
    ),
    Case(
        "a task that fails, without a secret, and an account that shows what was asked",
        lambda: deliver(Told(new=None, tasks=[FAILED], reads=[Observation(moved=False, shown=True)])),
        ("unknown", "TaskFailed"),
        "look, change -, task, read",
        "looked, accepted, failed",
    ),
    Case(
        "a task that fails, no time, and a fence that takes the new secret",
        lambda: deliver(Told(fenced=True, tasks=[FAILED], probes=[Accepted("r-2", None)])),
        ("changed", None),
        "look, change new, task, read, probe",
        "looked, accepted, failed, fence_probe: accepted",
    ),
    Case(
        "a task that fails, no time, and a fence that does not take the new secret, which may be as it equals the old",
        lambda: deliver(Told(fenced=True, tasks=[FAILED], probes=[WRONG])),
        ("unknown", "TaskFailed"),
        "look, change new, task, read, probe",
        "looked, accepted, failed, fence_probe: WrongPassword",
    ),
    Case(
        "a task that fails, and a login that is refused",
        lambda: deliver(Told(tasks=[FAILED], logins=[REFUSES]), login=True, fresh=True),
        ("not_changed", "TaskFailed"),
        "look, change new, task, login new",
        "looked, accepted, failed, login with the new secret: refused",
    ),
    Case(
        "a task that fails, and a server that takes any password",
        lambda: deliver(Told(tasks=[FAILED], logins=[ANY]), login=True, fresh=True),
        ("unknown", "TaskFailed"),
        "look, change new, task, login new, read",
        "looked, accepted, failed, login with the new secret: takes any password",
    ),
    Case(
        "a task that fails, and a login",
        lambda: deliver(Told(tasks=[FAILED], logins=[YES]), login=True, fresh=True),
        ("changed", None),
        "look, change new, task, login new x2",
        "looked, accepted, failed, login with the new secret: accepted",
    ),
    Case(
        "a task that is unproven",
        lambda: deliver(Told(tasks=[UNPROVEN])),
        ("unknown", "TaskUnproven"),
        "look, change new, task",
        "looked, accepted, unproven",
    ),
    Case(
        "a task that may not be read",
        lambda: deliver(Told(tasks=[NO])),
        ("unknown", "No"),
        "look, change new, task",
        "looked, accepted, task: No",
    ),
    Case(
        "a task that cannot be read now",
        lambda: deliver(Told(tasks=[BUSY, DONE])),
        ("changed", None),
        "look, change new, task x2",
        "looked, accepted, done",
    ),
    Case(
        "a task for ever",
        lambda: deliver(Told(tasks=[RUNS]), left_s=8.0),
        ("unknown", "TaskNotEnded"),
        "look, change new, task x6",
        "looked, accepted",
    ),
    Case(
        "a task without a number for ever",
        lambda: deliver(Told(changes=[Accepted("r-1", Task())], tasks=[RUNS]), left_s=8.0),
        ("unknown", "TaskNotEnded"),
        "look, change new, task x7",
        "looked",
    ),
    Case(
        "an account that is seen to change",
        lambda: deliver(Told(changes=[STATUS], tasks=[RUNS, DONE])),
        ("changed", None),
        "look, change new, task x2",
        "looked, done",
    ),
    Case(
        "an account that is not seen to change, and a fence that takes the new secret",
        lambda: deliver(Told(fenced=True, changes=[STATUS], tasks=[UNSEEN], probes=[Accepted("r-2", None)])),
        ("changed", None),
        "look, change new, task x2, probe",
        "looked, fence_probe: accepted, at rest",
    ),
    Case(
        "an account that is seen to change late",
        lambda: deliver(Told(fenced=True, changes=[STATUS], tasks=[UNSEEN, UNSEEN, RUNS, DONE], probes=[WRONG])),
        ("changed", None),
        "look, change new, task x2, probe, task x2",
        "looked, fence_probe: WrongPassword, done",
    ),
    Case(
        "an account that is never seen to change, and a fence that does not take the new secret",
        lambda: deliver(
            Told(fenced=True, changes=[STATUS], tasks=[UNSEEN], probes=[WRONG]), ports=Ports(hands_on=True), left_s=9.0
        ),
        ("unknown", "TaskNotEnded"),
        "look, change new, task x2, probe, task, probe, task x2, probe, task, probe, task, probe, task, probe, task x2",
        "looked, fence_probe: WrongPassword x6",
    ),
    Case(
        "an account that is not seen to change, and a login",
        lambda: deliver(
            Told(fenced=True, changes=[STATUS], tasks=[UNSEEN], probes=[WRONG], logins=[REFUSES, YES]),
            login=True,
            fresh=True,
        ),
        ("changed", None),
        "look, change new, task x2, login new, probe, task, login new x2",
        "looked, login with the new secret: refused, fence_probe: WrongPassword,"
        " login with the new secret: accepted, at rest, login with the new secret: accepted",
    ),
    Case(
        "a task that is handed on",
        lambda: deliver(Told(tasks=[RUNS]), ports=Ports(hands_on=True)),
        ("pending", None),
        "look, change new, task x2, hand on task 7",
        "looked, accepted",
    ),
    Case(
        "a task that cannot be handed on",
        lambda: deliver(Told(tasks=[RUNS, RUNS, RUNS, RUNS, DONE]), ports=Ports(hands_on=False)),
        ("changed", None),
        "look, change new, task x2, hand on task 7, task x3",
        "looked, accepted, follow_change: not reached, waited here instead, done",
    ),
    Case(
        "a task that can neither be handed on nor waited for",
        lambda: deliver(Told(tasks=[RUNS]), left_s=8.0, ports=Ports(hands_on=False)),
        ("unknown", "TaskNotEnded"),
        "look, change new, task x2, hand on task 7, task x5",
        "looked, accepted, follow_change: not reached, waited here instead",
    ),
    Case(
        "a task with a login is waited for",
        lambda: deliver(
            Told(tasks=[RUNS, RUNS, RUNS, RUNS, DONE], logins=[REFUSES, YES]), login=True, ports=Ports(hands_on=True)
        ),
        ("changed", None),
        "look, login new, change new, task x5, login new",
        "looked, login with the new secret: refused, accepted, done, login with the new secret: accepted",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_row(case: Case) -> None:
    case.check()


@pytest.mark.parametrize(
    ("ports", "login", "left_s", "waits"),
    [
        (Ports(), False, 6.0, [0.5, 0.75, 1.12, 1.69, 0.98]),
        (Ports(hands_on=True), False, 20.0, [0.5, 0.68]),
        (Ports(hands_on=True), False, 1.9, [0.5, 0.48]),
        (Ports(hands_on=True), True, 6.0, [0.5, 0.75, 1.12, 1.69, 0.98]),
        (Ports(), False, 12.0, [0.5, 0.75, 1.12, 1.69, 2.0, 2.0, 2.0, 0.95]),
    ],
)
def test_a_task_is_asked_for_ever_more_rarely_until_the_reserve(
    ports: Ports, login: bool, left_s: float, waits: list[float]
) -> None:
    found = deliver(Told(tasks=[RUNS], logins=[REFUSES]), ports=ports, login=login, fresh=True, left_s=left_s)
    assert found.waits == pytest.approx(waits, abs=0.011)


@pytest.mark.parametrize(("keeps", "ends_s"), [(False, 7.1), (True, 5.5)])
def test_time_is_kept_back_to_publish_and_more_of_it_for_a_store(keeps: bool, ends_s: float) -> None:
    assert deliver(Told(tasks=[RUNS]), left_s=8.0, keeps=keeps).now == pytest.approx(ends_s, abs=0.05)
