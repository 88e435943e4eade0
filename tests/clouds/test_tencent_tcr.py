"""Tencent Container Registry: what each answer of its API is taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.changes.credential import LoginAnswer, Snapshot, StateBefore, Task, TaskState
from shared.changes.evidence import value_or_error
from shared.clouds.tencent.tcr import RegistryChange
from shared.results.outcome import Subject
from shared.runtime.cloud_access import SEVERAL
from shared.runtime.errors import Ambiguous, ErrorClass, Refused
from shared.runtime.secret import Secret
from tests.clouds.scripted import Answer, Script, ScriptedTencent, access, raised

TCR, ROBOT = "tcr-one", "robot"
SUBJECT = Subject("tencent", "ap-guangzhou", "tcr", TCR, ROBOT)
NEW = Secret("New-password-1")


def change(new: Secret | None = NEW, **answers: Answer | Sequence[Answer]) -> tuple[RegistryChange, Script]:
    script, through = Script({"DescribeServiceAccounts": accounts(account()), **answers}), access()
    made = RegistryChange(through, SUBJECT, "domestic", new)
    made.session = ScriptedTencent(script, through)
    return made, script


def account(name: object = f"tcr${ROBOT}", time: object = "2026-03-01 10:00:01", **more: Any) -> dict[str, Any]:
    return {"Name": name, "UpdateTime": time, **more}


def accounts(*found: Any) -> dict[str, Any]:
    return {"ServiceAccounts": list(found), "RequestId": "r"}


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ([account()], True),
        ([account(ROBOT)], True),
        ([account("tcr$robot2"), account()], True),
        ([account("tcr$robot2")], False),
        (["no object", account()], True),
        ([], False),
    ],
)
def test_the_account_is_the_one_of_this_very_name(shown: list[Any], found: bool) -> None:
    made, script = change(DescribeServiceAccounts=accounts(*shown))
    if found:
        look = made.snapshot(thorough=False)
        assert (look.time, look.evidence, look.obstacle) == ("2026-03-01 10:00:01", [], None)
        assert look.account["Name"] in (ROBOT, f"tcr${ROBOT}")
    else:
        error = raised(Refused, lambda: made.snapshot(thorough=False))
        assert (error.error_class, error.code) == (ErrorClass.NOT_FOUND, "NotFound")
        assert f"no service account {ROBOT} in {TCR}" in error.message
    filters = [{"Name": "ServiceAccountName", "Values": [ROBOT, f"tcr${ROBOT}"]}]
    asked = {"RegistryId": TCR, "Filters": filters, "Limit": 100, "Offset": 0}
    assert script.asked("DescribeServiceAccounts") == [asked]


@pytest.mark.parametrize(("disabled", "reads"), [(False, 1), (True, 2)])
def test_what_was_read_for_another_command_refuses_none(disabled: bool, reads: int) -> None:
    first, script = change(DescribeServiceAccounts=accounts(account("tcr$other"), account(Disable=disabled)))
    first.access.shared[SEVERAL, TCR] = True
    first.subject = replace(SUBJECT, account="other")
    first.snapshot(thorough=False)
    script.answers["DescribeServiceAccounts"] = accounts(account())
    made = RegistryChange(first.access, SUBJECT, "domestic", NEW)
    made.session = first.session
    look = made.snapshot(thorough=False)
    assert (look.obstacle, look.read_at) == (None, 0.0)
    assert len(script.calls) == reads
    made.snapshot(thorough=False)
    assert len(script.calls) == reads + 1, "a second look is a read of its own"


@pytest.mark.parametrize("answer", [{"RequestId": "r", "Password": NEW.reveal()}, Ambiguous("x")])
def test_a_service_account_that_was_changed_is_read_anew(answer: Any) -> None:
    first, script = change(ModifyServiceAccountPassword=answer)
    first.access.shared[SEVERAL, TCR] = True
    value_or_error(lambda: first.change(first.snapshot(thorough=False)))
    made = RegistryChange(first.access, SUBJECT, "domestic", NEW)
    made.session = first.session
    made.snapshot(thorough=False)
    assert script.actions == ["DescribeServiceAccounts", "ModifyServiceAccountPassword", "DescribeServiceAccounts"]


def test_an_answer_without_a_list_holds_no_account() -> None:
    made, _ = change(DescribeServiceAccounts={"ServiceAccounts": None})
    raised(Refused, lambda: made.snapshot(thorough=False))


@pytest.mark.parametrize(
    ("new", "disabled", "evidence"),
    [
        (NEW, False, ["account: enabled", "password rule: kept"]),
        (None, None, ["account: enabled"]),
        (NEW, True, ["account: disabled", "password rule: kept"]),
    ],
)
def test_a_thorough_look_says_whether_the_account_is_enabled(
    new: Secret | None, disabled: bool | None, evidence: list[str]
) -> None:
    made, _ = change(new, DescribeServiceAccounts=accounts(account(Disable=disabled)))
    look = made.snapshot(thorough=True)
    assert look.evidence == evidence
    brief = made.snapshot(thorough=False).obstacle  # a real run sees what a dry run sees
    assert (brief and brief.code) == (look.obstacle and look.obstacle.code)
    if disabled:
        assert isinstance(look.obstacle, Refused)
        assert (look.obstacle.error_class, look.obstacle.code) == (ErrorClass.FAILED, "AccountDisabled")
    else:
        assert look.obstacle is None


NOW = 1_790_000_000  # September 2026


@pytest.mark.parametrize(
    ("expires_at", "expired"),
    [
        (-1, False),
        (0, False),
        (None, False),
        ("1", False),
        (NOW - 1, True),
        (NOW, True),
        (NOW + 1, False),
        ((NOW - 1) * 1000, True),
        ((NOW + 1) * 1000, False),
        (10**11 - 1, False),
        (10**11, True),
    ],
)
@pytest.mark.parametrize("thorough", [True, False])
def test_an_account_that_has_expired_is_left_alone_whatever_the_unit(
    expires_at: object, expired: bool, thorough: bool
) -> None:
    made, _ = change(DescribeServiceAccounts=accounts(account(ExpiresAt=expires_at)))
    made.clock = lambda: float(NOW)
    look = made.snapshot(thorough=thorough)
    assert (look.obstacle.code if look.obstacle else None) == ("AccountExpired" if expired else None)
    if thorough:
        assert look.evidence[0] == f"account: {'expired' if expired else 'enabled'}"


@pytest.mark.parametrize(("total", "pages"), [(101, 2), (250, 3), (100, 1), (None, 1), ("300", 1)])
def test_the_account_is_looked_for_on_every_page_that_the_total_promises(total: object, pages: int) -> None:
    others = [account(f"tcr$robot-{number}") for number in range(100)]
    found = [{**accounts(*others), "TotalCount": total} for _ in range(pages - 1)]
    found.append({**accounts(*others[:-1], account()), "TotalCount": total})
    made, script = change(DescribeServiceAccounts=found)
    assert made.snapshot(thorough=False).account["Name"] == f"tcr${ROBOT}"
    offsets = [asked["Offset"] for asked in script.asked("DescribeServiceAccounts")]
    assert offsets == [100 * number for number in range(pages)]


def test_a_page_that_is_empty_is_the_last() -> None:
    others = {**accounts(account("tcr$robot2")), "TotalCount": 900}
    made, script = change(DescribeServiceAccounts=[others, {**accounts(), "TotalCount": 900}])
    raised(Refused, lambda: made.snapshot(thorough=False))
    assert len(script.asked("DescribeServiceAccounts")) == 2


def test_a_given_password_is_sent_and_must_come_back() -> None:
    made, script = change(ModifyServiceAccountPassword={"RequestId": "r-1", "Password": NEW.reveal()})
    accepted = made.change(Snapshot())
    assert (accepted.request_id, accepted.task, accepted.password) == ("r-1", None, None)
    assert accepted.evidence == ["ModifyServiceAccountPassword: answered"]
    (call,) = script.calls
    assert call.ids == {"RegistryId": TCR, "Name": ROBOT, "Random": False}
    assert call.secrets == {"Password": NEW.reveal()}


def test_a_password_that_the_service_makes_is_shown_once() -> None:
    made, script = change(None, ModifyServiceAccountPassword={"RequestId": "r-1", "Password": "Made-by-tcr-1"})
    shown = made.change(Snapshot()).password
    assert shown is not None
    assert shown.reveal() == "Made-by-tcr-1"
    (call,) = script.calls
    assert call.ids == {"RegistryId": TCR, "Name": ROBOT, "Random": True}
    assert call.secrets == {}
    assert (made.repeatable, change()[0].repeatable) == (False, True)


@pytest.mark.parametrize(
    ("answer", "code", "request_id"),
    [
        ({"RequestId": "r-1", "Password": "Another-1"}, "OtherPassword", "r-1"),
        ({"RequestId": "r-1", "Password": ""}, "NoPassword", None),
        ({"RequestId": "r-1", "Password": None}, "NoPassword", None),
        ({"RequestId": "r-1"}, "NoPassword", None),
        ({"Password": "New-password-1"}, "NoPassword", None),
        ({"RequestId": 5, "Password": "New-password-1"}, "NoPassword", None),
    ],
)
def test_an_answer_that_does_not_show_the_password_proves_nothing(
    answer: dict[str, Any], code: str, request_id: str | None
) -> None:
    made, _ = change(ModifyServiceAccountPassword=answer)
    error = raised(Ambiguous, lambda: made.change(Snapshot()))
    assert (error.code, error.request_id) == (code, request_id)


@pytest.mark.parametrize(
    ("before", "shown", "word"),
    [
        ("a", account(time="b"), "yes"),
        ("a", account(time="a"), "no"),
        (None, account(time="a"), "not shown"),
        ("a", account(time=None), "not shown"),
        ("a", account("tcr$other"), "not shown"),
    ],
)
def test_the_time_of_an_update_is_a_hint_and_proves_nothing(before: str | None, shown: Any, word: str) -> None:
    made, _ = change(DescribeServiceAccounts=accounts(shown))
    told = made.observe(StateBefore(time=before))
    assert told.evidence == (f"UpdateTime moved: {word}",)
    assert (told.moved, told.succeeded, told.running, told.ours) == (None, False, False, ())


def test_there_is_no_fence_no_task_and_nothing_to_read() -> None:
    made, script = change()
    assert (made.fenced, made.can_reconcile, made.old, made.asked) == (False, False, None, {})
    assert raised(Refused, made.probe).error_class is ErrorClass.FAILED
    progress = made.progress(Task())
    assert (progress.state, progress.evidence) == (
        TaskState.UNPROVEN,
        ["ModifyServiceAccountPassword has no tasks"],
    )
    assert made.began_at(Task()) is None
    assert made.newer_change_exists(Task(), StateBefore()) is None
    assert not script.calls


@pytest.mark.parametrize(
    "registries",
    [
        [],
        None,
        [{"RegistryId": "tcr-other", "PublicDomain": "other.example"}],
        [{"RegistryId": TCR, "PublicDomain": ""}],
        [{"RegistryId": TCR, "PublicDomain": None}],
        ["no object"],
    ],
)
def test_without_a_domain_nobody_logs_in(registries: Any) -> None:
    made, script = change(DescribeInstances={"Registries": registries})
    error = raised(Refused, lambda: made.login(NEW, 1.0))
    assert error.error_class is ErrorClass.FAILED
    assert script.asked("DescribeInstances") == [{"Registryids": [TCR], "Limit": 1, "Offset": 0}]


def test_a_login_goes_to_this_registrys_domain() -> None:
    found = [{"RegistryId": "tcr-other", "PublicDomain": ""}, {"RegistryId": TCR, "PublicDomain": "127.0.0.1:1"}]
    made, _ = change(DescribeInstances={"Registries": ["no object", *found]})
    assert made.login(NEW, 1.5) is LoginAnswer.UNREACHABLE  # nothing listens at that port
