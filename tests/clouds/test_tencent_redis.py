"""TencentDB for Redis: what each answer of its reads is taken for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.changes.credential import StateBefore, Task, TaskState
from shared.clouds.tencent.redis import InstanceId, RedisInstance
from shared.runtime.errors import ErrorClass, Refused
from tests.clouds.redis_answers import (
    APP,
    CRS,
    SUBJECT,
    T1,
    T2,
    T3,
    account,
    accounts,
    instance,
    instances,
    task,
    tasks,
)
from tests.clouds.scripted import Answer, access, raised

# --- the account


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ([account()], True),
        ([account("other"), account()], True),
        ([account("other")], False),
        ([account(status=4)], False),  # deleted
        ([account(status=4), account(status=2)], True),
        ([account(status=1)], True),
        (["no object", account()], True),
        ([account("App")], False),
        ([], False),
    ],
)
def test_the_account_is_the_one_of_this_very_name_that_is_not_deleted(shown: list[Any], found: bool) -> None:
    made, script = instance(DescribeInstanceAccount=accounts(*shown))
    told = made.account()
    assert (told is not None) is found
    assert told is None or (told["AccountName"], told["Status"]) in ((APP, 2), (APP, 1))
    assert script.asked("DescribeInstanceAccount") == [{"InstanceId": CRS, "Limit": 100, "Offset": 0}]


@pytest.mark.parametrize(
    ("pages", "asked", "found"),
    [
        ([accounts(account("a"), total=101), accounts(account(), total=101)], [0, 100], True),
        ([accounts(account("a"), total=100), accounts(account())], [0], False),
        (
            [accounts(account("a"), total=201), accounts(account("b"), total=201), accounts(account())],
            [0, 100, 200],
            True,
        ),
        ([accounts(account("a"), total=300), accounts(total=300), accounts(account())], [0, 100], False),
        ([accounts(account("a"), total=10**6)], [n * 100 for n in range(50)], False),
        ([{"Accounts": [account("a")]}, accounts(account())], [0], False),
        ([{"Accounts": {"AccountName": APP}, "TotalCount": 500}, accounts(account())], [0], False),
        ([accounts(account(), total=500)], [0], True),
    ],
)
def test_every_page_of_accounts_is_read_and_none_behind_the_last(
    pages: list[Any], asked: list[int], found: bool
) -> None:
    made, script = instance(DescribeInstanceAccount=pages)
    assert (made.account() is not None) is found
    assert [one["Offset"] for one in script.asked("DescribeInstanceAccount")] == asked
    assert {one["Limit"] for one in script.asked("DescribeInstanceAccount")} == {100}


# --- the instance


def test_the_instance_is_the_one_of_this_id() -> None:
    both = {"InstanceSet": [{"InstanceId": "crs-other"}, {"InstanceId": CRS, "Status": 2}]}
    made, script = instance(DescribeInstances=both)
    assert made.instance()["Status"] == 2
    assert script.asked("DescribeInstances") == [{"InstanceId": CRS, "Limit": 1, "Offset": 0}]
    made, _ = instance(DescribeInstances={"InstanceSet": [{"InstanceId": "crs-other"}]})
    error = raised(Refused, made.instance)
    assert (error.error_class, error.code) == (ErrorClass.NOT_FOUND, "NotFound")
    assert f"no instance {CRS} in ap-guangzhou" in error.message


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ({"SSLConfig": True}, True),
        ({"SSLConfig": False}, False),
        ({}, False),
        (Refused(ErrorClass.FAILED, "x", code="InvalidParameterValue.UnSupportedType"), False),
        (Refused(ErrorClass.FAILED, "x", code="ResourceUnavailable.InstanceStatusError"), False),
    ],
)
def test_the_address_is_the_instances_and_says_whether_it_speaks_tls(tls: Answer, expected: bool) -> None:
    made, script = instance(DescribeSSLStatus=tls)
    address = made.address()
    assert (address.host, address.port, address.tls) == ("10.0.0.1", 6379, expected)
    assert script.asked("DescribeSSLStatus") == [{"InstanceId": CRS}]


def test_an_answer_that_says_nothing_of_tls_is_no_address() -> None:
    made, _ = instance(DescribeSSLStatus=Refused(ErrorClass.FORBIDDEN, "x", code="UnauthorizedOperation"))
    assert raised(Refused, made.address).code == "UnauthorizedOperation"


@pytest.mark.parametrize("shown", [{"WanIp": None}, {"WanIp": ""}, {"WanIp": 7}, {"Port": 0}, {"Port": "6379"}])
def test_an_instance_without_host_or_port_has_no_address(shown: dict[str, Any]) -> None:
    made, _ = instance(DescribeInstances=instances(**shown), DescribeSSLStatus={})
    assert raised(Refused, made.address).error_class is ErrorClass.FAILED


# --- a task of our own


@pytest.mark.parametrize(
    ("answer", "state", "evidence"),
    [
        ({"Status": "succeed"}, TaskState.SUCCEEDED, "succeed"),
        ({"Status": "Succeed"}, TaskState.SUCCEEDED, "succeed"),
        ({"Status": "failed"}, TaskState.FAILED, "failed"),
        ({"Status": "error"}, TaskState.FAILED, "error"),
        ({"Status": "Error"}, TaskState.FAILED, "error"),
        ({"Status": "running"}, TaskState.RUNNING, "running"),
        ({"Status": "preparing"}, TaskState.RUNNING, "preparing"),
        ({}, TaskState.RUNNING, ""),
        ({"Status": "x" * 25}, TaskState.RUNNING, "x" * 20),
        ({"Status": "succeed", "InstanceId": "crs-other"}, TaskState.UNPROVEN, "belongs to another instance"),
        ({"Status": "failed", "InstanceId": "crs-other"}, TaskState.UNPROVEN, "belongs to another instance"),
        ({"Status": "succeed", "InstanceId": None}, TaskState.UNPROVEN, "belongs to another instance"),
    ],
)
def test_a_tasks_status_is_its_progress(answer: dict[str, Any], state: TaskState, evidence: str) -> None:
    made, script = instance(DescribeTaskInfo={"InstanceId": CRS, **answer})
    progress = made.progress(Task(7))
    assert (progress.state, progress.evidence) == (state, [f"DescribeTaskInfo 7: {evidence}"])
    assert script.asked("DescribeTaskInfo") == [{"TaskId": 7}]


@pytest.mark.parametrize(
    ("listed", "began"),
    [
        ([task(7, start="1970-01-01 08:00:05")], 5.0),
        ([task(6, start="1970-01-01 08:00:09"), task(7, start="1970-01-01 08:00:05")], 5.0),
        ([task(7, kind="007", start="1970-01-02 08:00:00")], 86400.0),
        ([task(7, kind="035", start="1970-01-01 08:00:05")], 5.0),
        ([task(7, kind="001", start="1970-01-01 08:00:05")], None),
        ([task(6, start="1970-01-01 08:00:05")], None),
        ([task(7, start=None)], None),
        ([task(7, start="1970-01-01 08:00:05.5000001")], 5.5),
        ([task(7, start="1970-01-01T08:00:05Z")], 28805.0),
        ([task(7, start="1970-01-01")], None),
        ([], None),
    ],
)
def test_a_task_began_when_the_list_says_in_chinas_time(listed: list[Any], began: float | None) -> None:
    made, _ = instance(DescribeTaskList=tasks(*listed))
    assert made.began_at(Task(7)) == began


# --- after a lost answer


def observed(before: StateBefore, operator: str | None = "100", **answers: Any) -> Any:
    made, script = instance(operator, **answers)
    return made.observe(before), script


def test_new_tasks_are_told_apart_by_the_operator_who_began_them() -> None:
    new = [task(5), task(6), task(7, kind="001"), task(8, kind="007")]
    lists: list[Answer] = [tasks(task(4), *new), tasks(task(4), new[1])]
    told, script = observed(StateBefore(frozenset({4}), T1), DescribeTaskList=lists)
    assert (told.ours, told.theirs, told.others) == ((6,), (5, 8), True)
    assert told.evidence[0] == "DescribeTaskList: 4 new tasks"
    page = {"InstanceId": CRS, "Limit": 100, "Offset": 0}
    assert script.asked("DescribeTaskList") == [page, {**page, "OperateUin": ["100"]}]


def test_without_an_operator_every_new_task_may_be_ours_and_none_has_surely_succeeded() -> None:
    told, script = observed(StateBefore(frozenset({4})), None, DescribeTaskList=tasks(task(4), task(5), task(6)))
    assert (told.ours, told.theirs, told.others, told.succeeded) == ((5, 6), (), False, False)
    assert script.actions.count("DescribeTaskList") == 1


def test_where_no_task_is_new_the_operator_is_not_asked_for() -> None:
    told, script = observed(StateBefore(frozenset({4})), DescribeTaskList=tasks(task(4)))
    assert (told.ours, told.theirs, told.others, told.succeeded, told.running) == ((), (), False, False, False)
    assert told.evidence[0] == "DescribeTaskList: 0 new tasks"
    assert script.actions.count("DescribeTaskList") == 1


@pytest.mark.parametrize(
    ("new", "own", "succeeded", "running", "others"),
    [
        ([task(5)], [5], True, False, False),
        ([task(5, 3)], [5], False, False, False),
        ([task(5, 0)], [5], False, True, False),
        ([task(5, 1)], [5], False, True, False),
        ([task(5), task(6, 3)], [5, 6], False, False, False),
        ([task(5), task(6)], [5, 6], True, False, False),
        ([task(5)], [], False, False, False),
        ([task(5, 1)], [], False, True, False),
        ([task(5, 1, "001")], [], False, True, True),
        ([task(5), task(6, 0, "001")], [5], True, True, True),
    ],
)
def test_what_new_tasks_have_come_to(
    new: list[Any], own: list[int], succeeded: bool, running: bool, others: bool
) -> None:
    lists: list[Answer] = [tasks(*new), tasks(*(one for one in new if one["TaskId"] in own))]
    told, _ = observed(StateBefore(), DescribeTaskList=lists)
    assert (told.succeeded, told.running, told.others) == (succeeded, running, others)
    assert told.evidence[0] == f"DescribeTaskList: {len(new)} new task{'' if len(new) == 1 else 's'}"


@pytest.mark.parametrize(
    ("before", "after", "moved", "word"),
    [
        (T1, T2, True, "yes"),
        (T1, T1, False, "no"),
        (None, T1, None, "not shown"),
        (T1, None, None, "not shown"),
        (T1, "", None, "not shown"),
    ],
)
def test_the_time_has_moved_only_where_both_are_shown(
    before: str | None, after: str | None, moved: bool | None, word: str
) -> None:
    told, _ = observed(StateBefore(time=before), DescribeInstanceAccount=accounts(account(time=after)))
    assert told.moved is moved
    assert told.evidence[1] == f"PasswordLastModifiedTime moved: {word}"


def test_an_account_that_is_gone_shows_no_time() -> None:
    told, _ = observed(StateBefore(time=T1, asked={"Remark": "r"}), DescribeInstanceAccount=accounts())
    assert (told.moved, told.shown) == (None, False)


@pytest.mark.parametrize(
    ("status", "flow", "running"), [(1, 2, True), (2, 1, True), (2, 2, False), (1, 1, True), (3, 0, False)]
)
def test_an_account_or_instance_at_work_is_running(status: int, flow: int, running: bool) -> None:
    told, _ = observed(
        StateBefore(),
        DescribeInstanceAccount=accounts(account(status=status)),
        DescribeInstances=instances(Status=flow),
    )
    assert told.running is running


@pytest.mark.parametrize(
    ("asked", "shows", "no_auth", "expected"),
    [
        ({}, {}, None, None),
        ({"Remark": "r"}, {"Remark": "r"}, None, True),
        ({"Remark": "r"}, {"Remark": "q"}, None, False),
        ({"Remark": "r"}, {}, None, False),
        ({"Remark": "r", "Privilege": "rw"}, {"Remark": "r", "Privilege": "r"}, None, False),
        ({"NoAuth": True}, {}, True, True),
        ({"NoAuth": True}, {}, False, False),
        ({"NoAuth": False}, {}, None, True),
        ({"NoAuth": False}, {}, True, False),
        ({"NoAuth": True, "Remark": "r"}, {"Remark": "q"}, True, False),
        ({"Remark": "r"}, {"Remark": "r"}, True, True),
    ],
)
def test_what_was_asked_beside_a_secret_is_shown_or_not(
    asked: dict[str, Any], shows: dict[str, Any], no_auth: bool | None, expected: bool | None
) -> None:
    told, _ = observed(
        StateBefore(asked=asked),
        DescribeInstanceAccount=accounts(account(**shows)),
        DescribeInstances=instances(NoAuth=no_auth),
    )
    assert told.shown is expected
    line = {True: "yes", False: "no"}.get(expected) if expected is not None else None
    assert told.evidence[2:] == (() if line is None else (f"instance and account show what was asked: {line}",))


# --- whether another change came after


@pytest.mark.parametrize(
    ("listed", "time", "newer"),
    [
        ([task(7)], T1, False),
        ([], T1, None),  # a list without our own task lags, or is full of others
        ([task(6, start=T1)], T1, None),
        ([task(7), task(3)], T1, False),  # it was there before
        ([task(6, start=T1, end=T3), task(7, start=T2, end=T2)], T2, True),  # it outlasted ours
        ([task(6, 1, start=T1, end=None), task(7, start=T2, end=T2)], T2, True),
        ([task(6, 0, start=T1, end=""), task(7, start=T2, end=T2)], T2, True),
        ([task(6, 4, start=T1, end=None), task(7, start=T2, end=T2)], T2, False),
        ([task(8), task(7, start=T2)], None, True),
        ([task(6, start=T1), task(7, start=T2)], None, False),  # ours replaced it
        ([task(6, start=T2), task(7, start=T2)], None, False),
        ([task(6, start=T3), task(7, start=T2)], None, True),
        ([task(6, start=None), task(7, start=T2)], None, True),
        ([task(8, start=T3), task(7, start=T1, end=T2)], T2, False),  # of another account: our time stands
        ([task(8, start=T3), task(7, start=T1, end=T2)], T1, False),
        ([task(8, start=T3), task(7, start=T1, end=T2)], T3, True),
        ([task(8, start=T2), task(7, start=T1, end=T2)], T2, True),  # within the same second
        ([task(8, start=T3), task(6, start=T3), task(10, start=T2), task(7, start=T1, end=T2)], T2, True),
        ([task(9, start=T3), task(7, start=T1, end=T2)], None, False),
        ([task(8, start=T3), task(7, start=T1, end=None)], T2, True),
        ([task(8, start=T3)], T2, True),
        ([task(8, start=T3), task(7, start=T1, end=T2)], None, True),
        ([task(8, start=None), task(7, start=T1, end=T2)], T2, False),
    ],
)
def test_a_newer_change_is_a_later_task_that_this_accounts_time_does_not_rule_out(
    listed: list[Any], time: str | None, newer: bool | None
) -> None:
    made, _ = instance(DescribeTaskList=tasks(*listed), DescribeInstanceAccount=accounts(account(time=time)))
    assert made.newer_change_exists(Task(7), StateBefore(frozenset({3, 9}))) is newer


def test_without_a_tasks_id_nothing_tells_of_a_newer_change() -> None:
    made, script = instance()
    assert made.newer_change_exists(Task(None), StateBefore()) is None
    assert not script.calls


@pytest.mark.parametrize(
    ("call", "action"),
    [
        (lambda made: made.account(), "DescribeInstanceAccount"),
        (lambda made: made.tasks(), "DescribeTaskList"),
        (lambda made: made.instance(), "DescribeInstances"),
    ],
)
def test_what_a_read_is_refused_with_goes_up(call: Callable[[RedisInstance], object], action: str) -> None:
    error = Refused(ErrorClass.FORBIDDEN, "x", code="AuthFailure")
    made, script = instance()
    script.answers[action] = error
    assert raised(Refused, lambda: call(made)) is error


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("crs-a1", True),
        ("crs-" + "a" * 60, True),
        ("crs-" + "a" * 61, False),
        ("crs-", False),
        ("r-a1", False),
        ("xcrs-a1", False),
        ("crs-a_1", False),
        ("crs-a1/x", False),
    ],
)
def test_an_instances_id_has_a_form(text: str, taken: bool) -> None:
    id_ = TypeAdapter(InstanceId)
    if taken:
        assert id_.validate_python(text) == text
    else:
        with pytest.raises(ValidationError):
            id_.validate_python(text)


def test_an_instance_is_asked_of_its_own_service() -> None:
    made = RedisInstance(replace(access(), site="intl"), SUBJECT)
    assert made.session._key == ("redis", "redis.intl.tencentcloudapi.com", "", "")


def test_its_rights_are_the_actions_that_its_reads_call() -> None:
    made, script = instance(
        DescribeTaskInfo={"Status": "succeed", "RequestId": "r"},
        DescribeSSLStatus={"SSLConfig": False, "RequestId": "r"},
    )
    made.account()
    made.tasks()
    made.address()
    made.progress(Task(7))
    assert {f"redis:{action}" for action in script.actions} == set(RedisInstance.rights)
