"""The store and the login of a pending change: when its secret becomes current, and what a server says to it."""

from __future__ import annotations

import pytest

from shared.changes.credential import LoginAnswer
from shared.handlers.follow import _end
from shared.handlers.followed_change import Ended
from shared.results.outcome import Outcome
from shared.runtime.secret import Secret
from shared.stores.alternating import AlternatingSecret
from tests.support.followed_case import (
    DENIED,
    FAILED,
    LATER,
    LATER_ERROR,
    RUNNING,
    SUCCEEDED,
    VERSION,
    Case,
    case,
    code,
    text,
)
from tests.support.scripted_world import World

# --- the store


def test_a_proven_secret_becomes_current_once_the_task_has_ended() -> None:
    scene = case(progress=SUCCEEDED)
    change = scene.change(stored=True)
    assert change.ask() == Ended(Outcome.CHANGED)
    assert scene.vault.current == "New-Passw0rd1"
    assert change.conclusion.stored is not None
    assert (change.conclusion.stored.stage, change.conclusion.stored.version) == ("current", VERSION)
    assert change.conclusion.evidence == ["succeeded", f"store: version {VERSION} is current"]


def test_only_a_secret_that_is_not_current_is_said_to_be_left_pending() -> None:
    for answer, stage in ((SUCCEEDED, "current"), (FAILED, "pending")):
        scene, world = case(progress=answer), World()
        change = scene.change(stored=True)
        ended = change.ask()
        assert ended is not None
        event = _end(world.request(), change, ended).event
        assert event is not None
        assert event["data"]["Stored"] == {"Name": "ssm://s", "Version": VERSION, "Stage": stage}
        told = f"store: version {VERSION} left pending" in event["data"]["Evidence"]
        assert told is (stage == "pending")


def test_a_secret_that_is_proven_already_needs_no_question_but_whether_another_came() -> None:
    scene = Case()
    assert scene.change(stored=True, Proven=True).ask() == Ended(Outcome.CHANGED)
    assert scene.script.calls == ["newer_change_exists"]
    assert scene.vault.current == "New-Passw0rd1"
    scene = case(newer_change_exists=True)
    assert code(scene.change(stored=True, Proven=True).ask()) == "Superseded"
    assert scene.vault.current == "first"


def test_a_proven_secret_needs_no_follower() -> None:
    scene = Case()
    assert scene.change(stored=True, Proven=True, follows=False).ask() == Ended(Outcome.CHANGED)
    assert scene.vault.current == "New-Passw0rd1"


def test_a_promotion_that_fails_for_a_while_is_made_again_and_nothing_is_asked_twice() -> None:
    scene = case(progress=SUCCEEDED)
    scene.fails["promote"] = LATER_ERROR
    change = scene.change(stored=True)
    assert change.ask() is None
    assert (change.proven, change.last_error) == (True, LATER_ERROR)
    scene.fails.clear()
    assert change.ask() == Ended(Outcome.CHANGED)
    assert scene.script.count("progress") == 1


def test_a_promotion_that_fails_for_good_says_where_the_secret_is() -> None:
    scene = case(progress=SUCCEEDED)
    scene.fails["promote"] = DENIED
    ended = scene.change(stored=True).ask()
    assert ended is not None
    assert (ended.outcome, code(ended)) == (Outcome.UNKNOWN, "Denied")
    assert f"ssm://s holds its secret only as the pending version {VERSION}" in text(ended)
    assert code(case(progress=LATER_ERROR).change(stored=True, age_s=1801.0).ask()) == "TaskNotEnded"
    scene.fails = {"promote": LATER_ERROR}
    assert f"version {VERSION}" in text(scene.change(stored=True, age_s=1801.0).ask())
    unread = case(progress=SUCCEEDED, newer_change_exists=DENIED)
    assert "could not read how the change ended (Denied)" in text(unread.change(stored=True).ask())


@pytest.mark.parametrize(
    ("newer", "task", "promoted"),
    [(False, 7, True), (None, 7, False), (False, None, False)],
)
def test_beside_a_later_command_a_secret_is_current_only_if_the_cloud_shows_it_as_the_last(
    newer: bool | None, task: int | None, promoted: bool
) -> None:
    scene = case(progress=SUCCEEDED, newer_change_exists=newer)
    scene.vault.put(LATER, "Later-Passw0rd", 6.0)
    ended = scene.change(stored=True, TaskId=task).ask()
    assert ended is not None
    assert ended.outcome is (Outcome.CHANGED if promoted else Outcome.UNKNOWN)
    assert (scene.vault.current == "New-Passw0rd1") is promoted


def test_a_question_that_fails_at_the_promotion_promotes_nothing_beside_a_later_command() -> None:
    scene = case(progress=SUCCEEDED, newer_change_exists=[False, DENIED])
    scene.vault.put(LATER, "Later-Passw0rd", 6.0)
    assert code(scene.change(stored=True).ask()) == "Superseded"
    scene = Case()
    scene.vault.put(LATER, "Later-Passw0rd", 6.0)
    assert code(scene.change(stored=True, Proven=True, follows=False).ask()) == "Superseded"


# --- the login


def test_a_login_is_made_with_the_kept_secret_once() -> None:
    scene = case(progress=SUCCEEDED, login="New-Passw0rd1")
    change = scene.change(stored=True, Login=True)
    assert change.ask() == Ended(Outcome.CHANGED)
    assert change.conclusion.evidence[1] == "login with the new secret: accepted"
    assert (scene.script.count("login"), scene.script.timeouts) == (1, [3.0])
    assert scene.time.slept == []


def test_an_alternating_secret_s_login_is_of_its_own_account() -> None:
    scene = case(progress=SUCCEEDED, login="Pair-Passw0rd1")
    scene.vault.put(VERSION, AlternatingSecret("app", Secret("Pair-Passw0rd1")).as_stored().reveal(), 5.0)
    assert scene.change(stored=True, Login=True).ask() == Ended(Outcome.CHANGED)
    other = case(progress=SUCCEEDED, login="Pair-Passw0rd1")
    other.vault.put(VERSION, AlternatingSecret("web", Secret("Pair-Passw0rd1")).as_stored().reveal(), 5.0)
    assert code(other.change(stored=True, Login=True).ask()) == "LoginRefused"


def test_a_refused_login_is_tried_for_as_long_as_there_is_time() -> None:
    scene = case(progress=SUCCEEDED, login=LoginAnswer.REFUSED)
    change = scene.change(stored=True, Login=True, left_s=13.0)
    ended = change.ask()
    assert ended is not None
    assert ended.error is not None
    assert (ended.outcome, code(ended), ended.error.request_id) == (Outcome.UNKNOWN, "LoginRefused", "req-1")
    assert scene.time.slept == [1.0, 1.0, 1.0]
    assert scene.script.count("login") == 4
    assert (change.proven, scene.vault.current) == (False, "first")
    assert change.ask() is not None
    assert scene.script.count("login") == 4  # the answer stands


def test_a_login_that_is_taken_over_late_is_a_change() -> None:
    scene = case(progress=SUCCEEDED, login=[LoginAnswer.REFUSED, LoginAnswer.ACCEPTED])
    assert scene.change(stored=True, Login=True).ask() == Ended(Outcome.CHANGED)
    assert scene.time.slept == [1.0]


@pytest.mark.parametrize(("left_s", "timeout_s"), [(20.0, 3.0), (6.0, 2.0), (0.3, 0.3)])
def test_a_login_takes_a_third_of_the_time_that_is_left(left_s: float, timeout_s: float) -> None:
    scene = case(progress=SUCCEEDED, login=LoginAnswer.UNREACHABLE)
    assert scene.change(stored=True, Login=True, left_s=left_s).ask() == Ended(Outcome.CHANGED)
    assert scene.script.timeouts == pytest.approx([timeout_s])


def test_a_proven_secret_s_login_may_still_be_refused() -> None:
    scene = case(login=LoginAnswer.REFUSED)
    assert code(scene.change(stored=True, Proven=True, Login=True, left_s=1.0).ask()) == "LoginRefused"


def test_without_a_follower_no_login_is_made_and_the_proven_secret_becomes_current() -> None:
    scene = Case()
    change = scene.change(stored=True, Proven=True, Login=True, follows=False)
    assert change.ask() == Ended(Outcome.CHANGED)
    assert "login: not made" in change.conclusion.evidence
    assert scene.vault.current == "New-Passw0rd1"


def test_without_the_secret_no_login_is_made_and_that_is_said_once() -> None:
    scene = case(progress=[RUNNING, SUCCEEDED])
    change = scene.change(Login=True)
    change.ask()
    assert change.ask() == Ended(Outcome.CHANGED)
    assert change.conclusion.evidence == ["succeeded", "login: not made"]
    assert scene.script.count("login") == 0
    change.ask()
    assert change.conclusion.evidence.count("login: not made") == 1
    quiet = case(progress=SUCCEEDED).change(stored=True)
    quiet.ask()
    assert not any("login" in line for line in quiet.conclusion.evidence)
