"""One pending change, one question at a time: what each answer ends, and what stays open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.changes.credential import LoginAnswer, Observation, StateBefore, TaskProgress
from shared.changes.settling import LostCall
from shared.handlers.followed_change import Ended, unreadable
from shared.results.outcome import Outcome
from shared.runtime.errors import Ambiguous, ErrorClass, Refused
from shared.runtime.tls import CERTIFICATE_REFUSED
from tests.support.followed_case import (
    BEFORE,
    DENIED,
    FAILED,
    LATER_ERROR,
    RUNNING,
    SUCCEEDED,
    UNPROVEN,
    Case,
    case,
    code,
    text,
)
from tests.support.scripted_cloud import Script

NOT_THEM = Refused(ErrorClass.FAILED, "not them", code=CERTIFICATE_REFUSED)

# --- by a task


def test_a_task_that_runs_is_asked_again() -> None:
    scene = case(progress=RUNNING)
    change = scene.change()
    change.again_s = 9.0
    assert change.ask() is None
    assert (change.again_s, change.conclusion.evidence, change.last_error) == (0.0, [], None)
    assert [task.task_id for task in scene.script.tasks] == [7]


def test_a_task_that_succeeded_is_a_change() -> None:
    scene = case(progress=SUCCEEDED)
    change = scene.change()
    assert change.ask() == Ended(Outcome.CHANGED)
    assert (change.proven, change.believed, change.conclusion.evidence) == (True, True, ["succeeded"])
    assert "began_at" not in scene.script.calls
    assert scene.script.befores == [StateBefore(frozenset({1}), "then", {}, True, 1)]


def test_without_what_stood_before_the_question_is_asked_with_nothing() -> None:
    scene = case(progress=SUCCEEDED)
    assert scene.change(Before=None).ask() == Ended(Outcome.CHANGED)
    assert scene.script.befores == [StateBefore()]


def test_a_task_that_another_change_came_after_leaves_unknown_what_is_in_force() -> None:
    change = case(progress=SUCCEEDED, newer_change_exists=True).change()
    ended = change.ask()
    assert (code(ended), ended and ended.outcome) == ("Superseded", Outcome.UNKNOWN)
    assert ended is not None
    assert ended.error is not None
    assert ended.error.request_id == "req-1"
    assert change.proven is False


def test_a_task_of_which_nothing_tells_whether_another_came_is_a_change() -> None:
    assert case(progress=SUCCEEDED, newer_change_exists=None).change().ask() == Ended(Outcome.CHANGED)


def test_an_account_s_status_is_followed_without_a_task() -> None:
    scene = case(progress=SUCCEEDED, newer_change_exists=True)
    assert scene.change(TaskId=None).ask() == Ended(Outcome.CHANGED)
    assert scene.script.calls == ["progress"]


def test_a_failed_task_changed_nothing_unless_an_earlier_call_may_have() -> None:
    ended = case(progress=FAILED, observe=Observation(moved=False)).change().ask()
    assert ended is not None
    assert (ended.outcome, code(ended)) == (Outcome.NOT_CHANGED, "TaskFailed")
    scene = case(progress=FAILED)
    ended = scene.change(Unclear=True).ask()
    assert ended is not None
    assert ended.error is not None
    assert (ended.outcome, code(ended), ended.error.request_id) == (Outcome.UNKNOWN, "TaskFailed", "req-1")
    assert scene.script.calls == ["progress"]
    assert case(progress=SUCCEEDED).change(Unclear=True).ask() == Ended(Outcome.CHANGED)


@pytest.mark.parametrize(
    ("observed", "answer", "outcome"),
    [
        (Observation(), LoginAnswer.UNREACHABLE, Outcome.UNKNOWN),
        (Observation(), LoginAnswer.ANY, Outcome.UNKNOWN),
        (Observation(), LoginAnswer.REFUSED, Outcome.NOT_CHANGED),
        (Observation(moved=True), LoginAnswer.UNREACHABLE, Outcome.UNKNOWN),
        (Observation(moved=True), LoginAnswer.ACCEPTED, Outcome.CHANGED),
        (Observation(moved=False), LoginAnswer.UNREACHABLE, Outcome.NOT_CHANGED),
        (DENIED, LoginAnswer.UNREACHABLE, Outcome.UNKNOWN),
    ],
)
def test_a_failed_task_is_believed_where_the_account_or_a_refused_login_shows_it(
    observed: object, answer: LoginAnswer, outcome: Outcome
) -> None:
    ended = case(progress=FAILED, observe=observed, login=answer).change(stored=True, Login=True).ask()
    assert ended is not None
    assert ended.outcome is outcome


@pytest.mark.parametrize(
    ("shown", "outcome"), [(False, Outcome.NOT_CHANGED), (True, Outcome.UNKNOWN), (None, Outcome.UNKNOWN)]
)
def test_without_a_secret_what_was_asked_tells_of_a_failed_task(shown: bool | None, outcome: Outcome) -> None:
    scene = case(progress=FAILED, observe=Observation(moved=True, shown=shown))
    ended = scene.change(Before=BEFORE | {"Secret": False}).ask()
    assert ended is not None
    assert ended.outcome is outcome


def test_a_task_that_nothing_proves_is_unknown() -> None:
    ended = case(progress=UNPROVEN).change().ask()
    assert ended is not None
    assert (ended.outcome, code(ended)) == (Outcome.UNKNOWN, "TaskUnproven")


def test_a_question_that_could_not_be_asked_is_asked_again_and_remembered() -> None:
    change = case(progress=[LATER_ERROR, RUNNING]).change()
    assert change.ask() is None
    assert change.last_error is LATER_ERROR
    assert change.ask() is None
    assert change.last_error is None


# --- of a message that nobody signed


@pytest.mark.parametrize(
    ("answer", "began_s", "believed"),
    [
        (SUCCEEDED, 0.0, True),
        (SUCCEEDED, -300.0, True),
        (SUCCEEDED, -301.0, False),
        (SUCCEEDED, None, False),
        (FAILED, 5.0, True),
        (FAILED, None, False),
        (UNPROVEN, 5.0, False),
    ],
)
def test_an_unsigned_message_is_believed_only_where_the_cloud_shows_its_task(
    answer: TaskProgress, began_s: float | None, believed: bool
) -> None:
    scene = Case()
    began = None if began_s is None else scene.time.unix - 10.0 + began_s
    scene.script.answers |= {"progress": [answer], "began_at": [began]}
    change = scene.change(authentic=False)
    assert change.ask() is not None
    assert change.believed is believed
    signed = Case(script=Script({"progress": [answer], "began_at": [began]})).change()
    signed.ask()
    assert signed.believed is True


# --- by reads


def test_a_lost_call_waits_for_its_settling_time() -> None:
    scene = case(observe=Observation(moved=False))
    change = scene.change(lost=True, age_s=100.0)
    assert change.ask() is None
    assert change.again_s == pytest.approx(230.0)
    assert change.conclusion.evidence == []
    assert scene.script.befores == [StateBefore(frozenset({1}), "then", {}, True, 1)]


def test_the_first_quiet_look_is_kept_and_the_second_ends_it() -> None:
    scene = case(observe=Observation(moved=False, evidence=("nothing begun",)))
    change = scene.change(lost=True, age_s=400.0)
    assert change.ask() is None
    assert change.lost_call == LostCall(scene.time.unix - 400.0, scene.script.befores[0], scene.time.unix)
    assert change.again_s == 60.0
    scene.time.pass_by(60.0)
    ended = change.ask()
    assert ended is not None
    assert ended.error is not None
    assert (ended.outcome, code(ended), ended.error.retryable) == (Outcome.NOT_CHANGED, "NotHappened", True)
    assert ended.error.error_class is ErrorClass.FAILED
    assert change.conclusion.evidence == ["nothing begun", "settled by reads: not_happened"]


def test_a_refusal_of_the_last_delivery_is_told_where_no_earlier_one_did_it() -> None:
    refused = {"Class": "busy", "Code": "Locked", "Message": "locked", "Retryable": True}
    scene = case(observe=Observation(moved=False))
    change = scene.change(lost=True, age_s=400.0, Refused=refused)
    change.ask()
    scene.time.pass_by(60.0)
    ended = change.ask()
    assert ended is not None
    assert ended.error is not None
    assert (ended.outcome, code(ended), text(ended), ended.error.retryable) == (
        Outcome.NOT_CHANGED,
        "Locked",
        "locked",
        True,
    )


def test_what_reads_prove_in_force_is_a_change() -> None:
    scene = case(observe=Observation(ours=(5,), succeeded=True, moved=True, evidence=("seen", "task 5")))
    change = scene.change(lost=True, Before=BEFORE | {"Soon": [5]})
    change.conclusion.evidence.append("seen")
    assert change.ask() == Ended(Outcome.CHANGED)
    assert change.conclusion.evidence == ["seen", "task 5", "settled by reads: in_force"]


def test_another_s_change_leaves_unknown_what_is_in_force_unless_a_login_tells() -> None:
    theirs = Observation(theirs=(9,))
    ended = case(observe=theirs).change(lost=True).ask()
    assert ended is not None
    assert ended.error is not None
    assert (ended.outcome, code(ended), ended.error.request_id) == (Outcome.UNKNOWN, "Superseded", "req-1")
    assert "another change, or another delivery of this command, was seen" in text(ended)
    assert case(observe=theirs).change(lost=True, stored=True, Login=True).ask() == Ended(Outcome.CHANGED)


def test_what_cannot_be_read_is_unknown_unless_a_login_tells() -> None:
    unread = Observation(moved=None)
    ended = case(observe=unread).change(lost=True, age_s=400.0).ask()
    assert ended is not None
    assert ended.error is not None
    assert (ended.outcome, code(ended), ended.error.request_id) == (Outcome.UNKNOWN, "NotSettled", "req-1")
    refused = case(observe=unread, login=LoginAnswer.UNREACHABLE)
    assert code(refused.change(lost=True, age_s=400.0, stored=True, Login=True).ask()) == "NotSettled"


# --- errors, and giving up


@pytest.mark.parametrize("lost", [True, False])
def test_a_question_that_fails_for_a_while_leaves_it_open(lost: bool) -> None:
    change = case(observe=LATER_ERROR, progress=SUCCEEDED, newer_change_exists=LATER_ERROR).change(lost=lost)
    assert change.ask() is None
    assert change.last_error is LATER_ERROR


def test_a_question_that_is_forbidden_ends_it_with_the_reason() -> None:
    ended = case(observe=DENIED).change(lost=True).ask()
    assert ended is not None
    assert ended.error is not None
    assert (ended.outcome, code(ended), ended.error.request_id) == (Outcome.UNKNOWN, "Denied", "req-9")
    assert "(Denied)" in text(ended)


@pytest.mark.parametrize("lost", [True, False])
def test_a_certificate_that_is_refused_ends_what_is_to_be_handed_on(lost: bool) -> None:
    change = case(observe=[NOT_THEM, Observation(running=True)], progress=[NOT_THEM, RUNNING]).change(lost=lost)
    assert change.kept_away() is None
    assert change.ask() is None
    assert code(change.kept_away()) == CERTIFICATE_REFUSED
    assert change.ask() is None
    assert change.kept_away() is None


def test_what_could_not_be_read_is_said_by_code_or_class() -> None:
    told = unreadable(Refused(ErrorClass.NOT_FOUND, "gone"))
    assert (told.code, told.error_class) == ("not_found", ErrorClass.AMBIGUOUS)
    ambiguous = Ambiguous("already so")
    assert unreadable(ambiguous) is ambiguous


def test_without_a_follower_the_reason_is_told_and_asked_again_while_it_passes() -> None:
    change = Case().change(follows=False)
    assert code(change.ask()) == "NotFollowed"
    change = Case().change(follows=False)
    change.last_error = LATER_ERROR
    assert change.ask() is None
    change.last_error = DENIED
    assert code(change.ask()) == "Denied"


def test_a_proven_change_whose_store_could_not_be_opened_is_not_told_as_changed() -> None:
    """As where STS gave no keys for the account whose store it is: the version would stay pending for ever."""
    one = replace(case().change(stored=True, Proven=True), store=None, follower=None, last_error=LATER_ERROR)
    assert one.ask() is None
    assert one.last_error is LATER_ERROR and one.proven
    ended = replace(one, last_error=None).ask()
    assert ended is not None and ended.outcome is not Outcome.CHANGED


@pytest.mark.parametrize(("age_s", "ends"), [(1799.0, False), (1800.0, False), (1801.0, True)])
def test_what_still_runs_after_thirty_minutes_is_given_up(age_s: float, ends: bool) -> None:
    ended = case(progress=RUNNING).change(age_s=age_s).ask()
    assert (ended is not None) is ends
    if ended is not None:
        assert ended.error is not None
        assert (ended.outcome, code(ended), ended.error.request_id) == (Outcome.UNKNOWN, "TaskNotEnded", "req-1")


def test_after_thirty_minutes_the_reason_is_told_where_reads_could_not_be_made() -> None:
    assert code(case(observe=LATER_ERROR).change(lost=True, age_s=1801.0).ask()) == "Down"
    assert code(case(progress=LATER_ERROR).change(age_s=1801.0).ask()) == "TaskNotEnded"
    waiting = case(observe=Observation(running=True)).change(lost=True, age_s=1801.0)
    assert code(waiting.ask()) == "TaskNotEnded"
