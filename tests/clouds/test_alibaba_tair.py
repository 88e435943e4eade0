"""Tair on Alibaba Cloud: what each answer of its API is taken for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shared.changes.credential import Snapshot, StateBefore, Task, TaskState
from shared.clouds.alibaba.tair import TairChange, TairInstance
from shared.results.outcome import Subject
from shared.runtime.errors import Ambiguous, ErrorClass, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret
from tests.clouds.scripted import Answer, Script, ScriptedAlibaba, access, raised

TAIR, APP = "r-one", "app"
SUBJECT = Subject("alibaba", "cn-hangzhou", "tair", TAIR, APP)
OLD, NEW = Secret("Old-password-1"), Secret("New-password-1")
BOTH = {"OldAccountPassword": OLD, "NewAccountPassword": NEW}


def accounts(*found: Any) -> dict[str, Any]:
    return {"Accounts": {"Account": list(found)}, "RequestId": "r"}


def account(status: object = "Available", name: object = APP) -> dict[str, Any]:
    return {"AccountName": name, "AccountStatus": status}


def instances(status: object = "Normal", **shown: Any) -> dict[str, Any]:
    one = {"InstanceId": TAIR, "InstanceStatus": status, "ConnectionDomain": "one.example", "Port": 6379, **shown}
    return {"Instances": {"DBInstanceAttribute": [one]}, "RequestId": "r"}


def instance(**answers: Answer | Sequence[Answer]) -> tuple[TairInstance, Script]:
    given: dict[str, Any] = {"DescribeAccounts": accounts(account()), "DescribeInstanceAttribute": instances()}
    script, through = Script({**given, **answers}), access()
    made = TairInstance(through, SUBJECT)
    made.session = ScriptedAlibaba(script, through)
    return made, script


def change(
    secrets: dict[str, Secret] = BOTH, old: Secret | None = OLD, **answers: Answer | Sequence[Answer]
) -> tuple[TairChange, Script]:
    made, script = instance(**answers)
    return TairChange(made, "ModifyAccountPassword", secrets, NEW, old), script


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ([account()], True),
        ([account(name="other"), "no object", account()], True),
        ([account(name="other")], False),
        ([], False),
    ],
)
def test_the_account_is_the_one_of_this_name(shown: list[Any], found: bool) -> None:
    made, script = instance(DescribeAccounts=accounts(*shown))
    if found:
        assert made.account() == account()
    else:
        error = raised(Refused, made.account)
        assert (error.error_class, error.code) == (ErrorClass.NOT_FOUND, "NotFound")
        assert f"no account {APP} on {TAIR}" in error.message
    assert script.asked("DescribeAccounts") == [{"InstanceId": TAIR, "AccountName": APP}]


@pytest.mark.parametrize("answer", [{}, {"Accounts": []}, {"Accounts": {}}, {"Accounts": {"Account": {}}}])
def test_an_answer_without_a_list_holds_no_account(answer: dict[str, Any]) -> None:
    made, _ = instance(DescribeAccounts=answer)
    raised(Refused, made.account)


def test_the_instance_is_the_one_of_this_id() -> None:
    both = [{"InstanceId": "r-other"}, {"InstanceId": TAIR, "InstanceStatus": "Normal"}]
    made, script = instance(DescribeInstanceAttribute={"Instances": {"DBInstanceAttribute": both}})
    assert made.instance()["InstanceStatus"] == "Normal"
    assert script.asked("DescribeInstanceAttribute") == [{"InstanceId": TAIR}]
    made, _ = instance(DescribeInstanceAttribute={"Instances": {"DBInstanceAttribute": both[:1]}})
    error = raised(Refused, made.instance)
    assert (error.error_class, error.code) == (ErrorClass.NOT_FOUND, "NotFound")
    assert f"no instance {TAIR} in cn-hangzhou" in error.message


@pytest.mark.parametrize(
    ("port", "tls", "expected"),
    [
        (6379, {"SSLEnabled": "Enable"}, (6379, True)),
        ("6380", {"SSLEnabled": "Disable"}, (6380, False)),
        (6379, {}, (6379, False)),
        (6379, Refused(ErrorClass.FAILED, "x", code="IncorrectEngineVersion"), (6379, False)),
        (6379, Refused(ErrorClass.FAILED, "x", code="IncorrectEngineVersion.Format"), (6379, False)),
    ],
)
def test_the_address_is_the_instances_and_says_whether_it_speaks_tls(
    port: object, tls: Answer, expected: tuple[int, bool]
) -> None:
    made, script = instance(DescribeInstanceAttribute=instances(Port=port), DescribeInstanceSSL=tls)
    address = made.address()
    assert (address.host, address.port, address.tls) == ("one.example", *expected)
    assert script.asked("DescribeInstanceSSL") == [{"InstanceId": TAIR}]


@pytest.mark.parametrize("code", ["Forbidden.RAM", None])
def test_an_answer_that_says_nothing_of_tls_is_no_address(code: str | None) -> None:
    made, _ = instance(DescribeInstanceSSL=Refused(ErrorClass.FORBIDDEN, "x", code=code))
    assert raised(Refused, made.address).error_class is ErrorClass.FORBIDDEN


@pytest.mark.parametrize(
    "shown",
    [{"ConnectionDomain": ""}, {"ConnectionDomain": None}, {"ConnectionDomain": 5}, {"Port": None}, {"Port": "x"}],
)
def test_an_instance_without_host_or_port_has_no_address(shown: dict[str, Any]) -> None:
    made, _ = instance(DescribeInstanceAttribute=instances(**shown), DescribeInstanceSSL={})
    assert raised(Refused, made.address).error_class is ErrorClass.FAILED


@pytest.mark.parametrize(
    ("of_account", "of_instance", "state", "line"),
    [
        ("Available", "Normal", TaskState.UNSEEN, "account Available, instance Normal"),
        ("Available", "Changing", TaskState.RUNNING, "account Available, instance Changing"),
        ("Unavailable", "Normal", TaskState.RUNNING, "account Unavailable, instance Normal"),
        ("A" * 40, None, TaskState.RUNNING, f"account {'A' * 30}, instance unreadable"),
        ("not a word!", 5, TaskState.RUNNING, "account unreadable, instance unreadable"),
    ],
)
def test_a_change_has_settled_when_account_and_instance_are_at_rest(
    of_account: object, of_instance: object, state: TaskState, line: str
) -> None:
    made, _ = change(DescribeAccounts=accounts(account(of_account)), DescribeInstanceAttribute=instances(of_instance))
    progress = made.progress(Task())
    assert (progress.state, progress.evidence) == (state, [f"accepted: {line}"])
    told = made.observe(StateBefore())
    assert told.evidence == (line,)
    assert (told.moved, told.running, told.succeeded) == (None, False, False)


@pytest.mark.parametrize("at_work", [accounts(account("Unavailable")), accounts(account("Locked"))])
def test_what_was_seen_to_change_since_the_call_has_settled_once_it_is_at_rest(at_work: dict[str, Any]) -> None:
    rest = accounts(account())
    made, _ = change(DescribeAccounts=[rest, at_work, rest, rest], ModifyAccountPassword={"RequestId": "r"})
    states = [made.progress(Task()).state for _ in range(3)]
    assert states == [TaskState.UNSEEN, TaskState.RUNNING, TaskState.SUCCEEDED]
    made.change(Snapshot())  # another call: what was seen before it says nothing of it
    assert made.progress(Task()).state is TaskState.UNSEEN


def test_follow_change_takes_rest_for_the_end_as_it_is_only_given_what_was_seen_to_change() -> None:
    made, _ = instance()
    assert made.progress(Task()).state is TaskState.SUCCEEDED


def test_a_look_before_a_fenced_change_asks_nothing_unless_it_is_a_dry_run() -> None:
    made, script = change()
    look = made.snapshot(thorough=False)
    assert (look.evidence, look.obstacle, look.in_force, script.calls) == ([], None, False, [])
    look = made.snapshot(thorough=True)
    assert look.evidence == ["account: Available", "instance: Normal", "password rule: kept"]
    assert look.obstacle is None


@pytest.mark.parametrize(("of_account", "of_instance"), [("Unavailable", "Normal"), ("Available", "Changing")])
def test_a_dry_run_finds_an_instance_or_account_that_is_not_ready(of_account: str, of_instance: str) -> None:
    made, _ = change(DescribeAccounts=accounts(account(of_account)), DescribeInstanceAttribute=instances(of_instance))
    obstacle = made.snapshot(thorough=True).obstacle
    assert isinstance(obstacle, RetryLater)
    assert (obstacle.error_class, obstacle.code) == (ErrorClass.BUSY, "NotReady")


def test_a_change_sends_the_old_secret_and_a_probe_the_new_one_twice() -> None:
    made, script = change(ModifyAccountPassword={"RequestId": "r-1"})
    accepted = made.change(Snapshot())
    assert (accepted.request_id, accepted.evidence) == ("r-1", ["ModifyAccountPassword: answered"])
    assert accepted.task is not None
    assert accepted.task.task_id is None
    made.probe()
    ids = {"InstanceId": TAIR, "AccountName": APP}
    assert [call.ids for call in script.calls] == [ids, ids]
    assert [call.secrets for call in script.calls] == [
        {"OldAccountPassword": OLD.reveal(), "NewAccountPassword": NEW.reveal()},
        {"OldAccountPassword": NEW.reveal(), "NewAccountPassword": NEW.reveal()},
    ]


def test_a_change_without_a_fence_sends_the_new_secret_alone_and_no_code_tells_of_an_old_one() -> None:
    made, script = change({"AccountPassword": NEW}, None, ModifyAccountPassword={"RequestId": "r-1"})
    assert made.fenced is False
    made.change(Snapshot())
    assert script.calls[0].secrets == {"AccountPassword": NEW.reveal()}
    wrong = OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "x", code="WrongPassword", request_id="r")
    made, _ = change({"AccountPassword": NEW}, None, ModifyAccountPassword=wrong)
    error = raised(Ambiguous, lambda: made.change(Snapshot()))
    assert isinstance(error, Ambiguous)
    assert (error.code, error.request_id) == ("WrongPassword", "r")
    assert (error.refused, error.passing) == (True, False)


def test_there_is_no_task_to_ask_for() -> None:
    made, script = change()
    assert (made.fenced, made.can_reconcile, made.repeatable, made.asked) == (True, False, True, {})
    assert made.instance.can_reconcile is False
    assert made.began_at(Task()) is None
    assert made.newer_change_exists(Task(), StateBefore()) is None
    assert not script.calls


def test_its_rights_are_the_actions_that_its_reads_call() -> None:
    made, script = instance(DescribeInstanceSSL={"SSLEnabled": "Disable", "RequestId": "r"})
    made.account()
    made.address()
    assert {f"kvstore:{action}" for action in script.actions} == set(TairInstance.rights)
