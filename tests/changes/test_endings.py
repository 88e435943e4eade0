"""How a delivery ends in words: the error that a person reads, its class, its code and the request's id."""

from __future__ import annotations

import pytest

from shared.changes.credential import Accepted, Task
from shared.runtime.errors import ErrorClass
from tests.changes.told import (
    BUSY,
    FAILED,
    LOST,
    NO,
    NO_TASK,
    NOTHING,
    ODD,
    OURS,
    REFUSES,
    RULE,
    RUNS,
    STILL,
    TASK,
    UNPROVEN,
    WRONG,
    Delivered,
    Ports,
    Told,
    deliver,
    seen,
)

C = ErrorClass
WORDS: list[tuple[Delivered, ErrorClass, str | None, str]] = [
    (deliver(Told(changes=[NO])), C.FORBIDDEN, "r-no", "no"),
    (deliver(Told(changes=[RULE])), C.FAILED, None, "rule"),
    (deliver(Told(), left_s=1.7), C.UNAVAILABLE, None, "too little time"),
    (
        deliver(Told(changes=[WRONG], fenced=True)),
        C.WRONG_OLD_SECRET,
        "r-wrong",
        "also the new one in its place: check the old one",
    ),
    (
        deliver(Told(changes=[WRONG], fenced=True), unnamed_caller=True),
        C.WRONG_OLD_SECRET,
        "r-wrong",
        "check it. If this is a repeat, send it with its CommandId",
    ),
    (deliver(Told(changes=[ODD], probes=[ODD], fenced=True)), C.FAILED, "r-odd", "twice with Odd"),
    (
        deliver(Told(changes=[WRONG], probes=[ODD], fenced=True)),
        C.AMBIGUOUS,
        "r-wrong",
        "refuses the change, and it is not known whether",
    ),
    (deliver(Told(changes=[LOST])), C.AMBIGUOUS, "r-lost", "no clear answer"),
    (deliver(Told(changes=[LOST, WRONG], fenced=True)), C.AMBIGUOUS, "r-wrong", "no clear answer"),
    (deliver(Told(tasks=[FAILED])), C.AMBIGUOUS, "r-1", "the change may be in force all the same"),
    (deliver(Told(tasks=[FAILED], reads=[STILL])), C.FAILED, "r-1", "task failed, nothing was changed"),
    (deliver(Told(tasks=[UNPROVEN])), C.AMBIGUOUS, "r-1", "nothing shows how the task ended"),
    (deliver(Told(tasks=[NO])), C.AMBIGUOUS, "r-1", "could not read how it ended (No)"),
    (deliver(Told(tasks=[RUNS])), C.AMBIGUOUS, "r-1", "task 7 did not end"),
    (
        deliver(Told(changes=[Accepted("r-1", Task())], tasks=[RUNS])),
        C.AMBIGUOUS,
        "r-1",
        "the account did not settle",
    ),
    (deliver(Told(changes=[NO_TASK], logins=[REFUSES]), login=True), C.AMBIGUOUS, "r-1", "server refuses the new"),
    (deliver(Told(logins=[REFUSES]), finished=True, login=True), C.FAILED, None, "now refuses its secret"),
    (deliver(Told(fenced=True), finished=True), C.AMBIGUOUS, "r-wrong", "refuses its secret as the old one"),
    (deliver(Told(), finished=True, contested=True), C.AMBIGUOUS, None, "a later change began since"),
    (
        deliver(Told(changes=[ODD, TASK], tasks=[FAILED], fenced=True), ports=Ports(olds=["a"])),
        C.AMBIGUOUS,
        "r-1",
        "task shows no success, and an earlier call",
    ),
]


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row[3])
def test_each_end_has_its_class_and_its_words(row: tuple[Delivered, ErrorClass, str | None, str]) -> None:
    delivered, error_class, request_id, words = row
    error = delivered.conclusion.error
    assert error is not None
    assert (error.error_class, words in error.message) == (error_class, True), error.message
    assert delivered.conclusion.request_id == request_id


@pytest.mark.parametrize(
    ("delivered", "verified"),
    [
        (deliver(Told(), finished=True), False),
        (deliver(Told(), finished=True, contested=True), False),
        (deliver(Told(fenced=True), finished=True), False),
        (deliver(Told(fenced=True, probes=[NO_TASK]), finished=True), True),
        (deliver(Told(), finished=True, login=True), True),
        (deliver(Told()), True),
    ],
)
def test_what_was_not_looked_at_since_is_said_so(delivered: Delivered, verified: bool) -> None:
    assert delivered.conclusion.verified_now is verified


@pytest.mark.parametrize(
    ("delivered", "calls", "called", "task_id"),
    [
        (deliver(Told()), 1, True, 7),
        (deliver(Told(changes=[NO_TASK])), 1, True, None),
        (deliver(Told(changes=[LOST])), 3, True, None),
        (deliver(Told(looks=[NO])), 0, False, None),
        (deliver(Told(changes=[NO])), 1, True, None),
    ],
)
def test_calls_and_the_task_are_told(delivered: Delivered, calls: int, called: bool, task_id: int | None) -> None:
    found = delivered.conclusion.calls, delivered.change.called, delivered.conclusion.task_id
    assert found == (calls, called, task_id)
    assert (delivered.change.task is None) == (task_id is None)


def test_what_stood_before_is_read_before_the_first_unclear_call() -> None:
    later = deliver(Told(changes=[NO, NO], looks=[seen(obstacle=BUSY), seen(2)]))
    assert later.change.before.tasks == {1, 2}
    lost = deliver(Told(changes=[LOST, LOST, NO_TASK], looks=[seen(), seen(2), seen(3)], can_reconcile=True))
    assert lost.change.before.tasks == {1}
    assert lost.change.before.time == "t0"
    assert (lost.change.before.secret, deliver(Told(new=None)).change.before.secret) == (True, False)


@pytest.mark.parametrize(("reads", "calls"), [([NOTHING], [1, 2, 3]), ([OURS], [1, 2, 3])])
def test_each_read_is_told_how_many_calls_are_unclear(reads: list[object], calls: list[int]) -> None:
    told = Told(changes=[LOST], reads=reads, can_reconcile=True)  # type: ignore[arg-type]
    deliver(told)
    assert [before.calls for before in told.before] == calls
