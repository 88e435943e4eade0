"""TencentDB for Redis: what is looked at before a change, what the change sends, and what it is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.changes.credential import Snapshot, StateBefore, Task, TaskState
from shared.clouds.tencent.redis import RedisAccountChange, RedisChange
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret
from tests.clouds.redis_answers import (
    APP,
    CRS,
    NEW,
    OLD,
    T1,
    account,
    accounts,
    instance,
    instances,
    task,
    tasks,
)
from tests.clouds.scripted import Clock, Script, raised

# --- before a change


def change(
    secret: bool = True, old: Secret | None = None, actions: tuple[str, ...] = ("Modify",), **answers: Any
) -> tuple[RedisChange, Script]:
    params = answers.pop("params", {"InstanceId": CRS, "AccountName": APP})
    made, script = instance(**answers)
    secrets = {"Password": NEW} if secret else {}
    return RedisChange(made, "Modify", actions, params, secrets, NEW if secret else None, old), script


def test_a_snapshot_holds_the_account_its_time_and_the_tasks() -> None:
    made, script = change(DescribeTaskList=tasks(task(3), task(4, 1, "001")))
    look = made.snapshot(thorough=False)
    assert (look.tasks, look.time, look.account["AccountName"]) == (frozenset({3, 4}), T1, APP)
    assert (look.obstacle, look.in_force, look.other_fields_in_force, look.evidence) == (None, False, True, [])
    assert script.actions == ["DescribeTaskList", "DescribeInstanceAccount"]  # so that no change falls between unseen


def test_a_look_is_as_old_as_its_first_read_that_was_answered() -> None:
    clock = Clock()

    def slowly(_: object) -> dict[str, Any]:
        clock.now += 3.0
        return tasks()

    made, _ = change(DescribeTaskList=[RetryLater(ErrorClass.UNAVAILABLE, "x"), slowly])
    access = replace(made.instance.session.access, deadline=Deadline(60.0, clock), sleep=clock.sleep)
    made.instance.session.access = access
    assert made.snapshot(thorough=False).read_at == sum(clock.slept) > 0.0


@pytest.mark.parametrize(
    ("status", "listed", "stands"),
    [
        (2, [task(3, 0)], True),
        (2, [task(3, 1)], True),
        (2, [task(3, 1, "007")], True),
        (2, [task(3, 2)], False),
        (2, [task(3, 1, "001")], False),
        (1, [], True),
        (2, [], False),
    ],
)
def test_a_task_in_flight_that_sets_a_secret_stands_in_the_way(status: int, listed: list[Any], stands: bool) -> None:
    made, _ = change(DescribeInstanceAccount=accounts(account(status=status)), DescribeTaskList=tasks(*listed))
    for thorough in (False, True):
        obstacle = made.snapshot(thorough=thorough).obstacle
        assert (obstacle is not None) is stands
        if obstacle is not None:
            assert isinstance(obstacle, RetryLater)
            assert (obstacle.error_class, obstacle.code) == (ErrorClass.BUSY, "TaskInFlight")


def test_an_account_that_is_not_there_is_refused_unless_the_fence_will_tell() -> None:
    made, _ = change(DescribeInstanceAccount=accounts())
    error = raised(Refused, lambda: made.snapshot(thorough=False))
    assert (error.error_class, error.code) == (ErrorClass.NOT_FOUND, "NotFound")
    assert f"no account {APP} on {CRS} in ap-guangzhou" in error.message
    made, _ = change(old=OLD, DescribeInstanceAccount=accounts())
    assert made.snapshot(thorough=False).time is None


def test_a_thorough_look_says_what_it_saw() -> None:
    made, _ = change(DescribeTaskList=tasks(task(3, 1), task(4, 1, "001")))
    assert made.snapshot(thorough=True).evidence == [
        "instance: Status 2",
        "account: Status 2",
        "tasks in flight: 1",
        "password rule: kept",
    ]
    made, _ = change(secret=False)
    assert "password rule: kept" not in made.snapshot(thorough=True).evidence


def test_a_thorough_look_at_an_instance_that_does_not_run_finds_an_obstacle() -> None:
    made, _ = change(DescribeInstances=instances(Status=1))
    obstacle = made.snapshot(thorough=True).obstacle
    assert isinstance(obstacle, RetryLater)
    assert (obstacle.error_class, obstacle.code) == (ErrorClass.BUSY, "InstanceStatus")
    made, _ = change(DescribeInstances=instances(Status=1), DescribeTaskList=tasks(task(3, 1)))
    busy = made.snapshot(thorough=True).obstacle
    assert busy is not None
    assert busy.code == "TaskInFlight"


@pytest.mark.parametrize(
    ("secret", "params", "shows", "no_auth", "in_force", "rest"),
    [
        (False, {"Remark": "r"}, {"Remark": "r"}, None, True, True),
        (False, {"Remark": "r"}, {"Remark": "q"}, None, False, False),
        (True, {"Remark": "r"}, {"Remark": "r"}, None, False, True),
        (True, {"Remark": "r"}, {"Remark": "q"}, None, False, False),
        (False, {"Privilege": "rw", "ReadonlyPolicy": ["m"]}, {"Privilege": "rw"}, None, False, False),
        (True, {"NoAuth": True}, {}, True, False, True),
        (True, {"NoAuth": True}, {}, False, False, False),
        (False, {"NoAuth": False}, {}, None, True, True),
        (False, {"NoAuth": True}, {}, True, True, True),
    ],
)
def test_what_is_asked_is_in_force_already_where_all_of_it_is_shown(
    secret: bool, params: dict[str, Any], shows: dict[str, Any], no_auth: bool | None, in_force: bool, rest: bool
) -> None:
    made, script = change(
        secret,
        params={"AccountName": APP, **params},
        DescribeInstanceAccount=accounts(account(**shows)),
        DescribeInstances=instances(NoAuth=no_auth),
    )
    look = made.snapshot(thorough=False)
    assert (look.in_force, look.other_fields_in_force) == (in_force, rest)
    assert ("DescribeInstanceAccount: shows all that was asked" in look.evidence) is in_force
    assert ("DescribeInstances" in script.actions) is ("NoAuth" in params)
    assert made.asked == params


def test_nothing_is_in_force_while_a_task_is_in_flight() -> None:
    made, _ = change(False, params={"Remark": "r"}, DescribeInstanceAccount=accounts(account(status=1, Remark="r")))
    look = made.snapshot(thorough=False)
    assert (look.in_force, look.other_fields_in_force) == (False, True)


# --- the change itself


def test_a_change_sends_its_parameters_and_secrets_and_names_its_task() -> None:
    made, script = change(Modify={"TaskId": 9, "RequestId": "r-9"})
    accepted = made.change(Snapshot(account={"Privilege": "rw"}))
    assert accepted.task is not None
    assert (accepted.task.task_id, accepted.request_id, accepted.evidence) == (9, "r-9", ["Modify: task 9"])
    assert accepted.password is None
    (call,) = script.calls
    assert (call.ids, call.secrets) == ({"InstanceId": CRS, "AccountName": APP}, {"Password": NEW.reveal()})


@pytest.mark.parametrize("task_id", [None, 0, -1, True, "9", 9.5])
def test_an_answer_without_a_tasks_id_proves_nothing(task_id: object) -> None:
    made, _ = change(Modify={"TaskId": task_id, "RequestId": "r-9"})
    error = raised(Ambiguous, lambda: made.change(Snapshot()))
    assert (error.code, error.request_id) == ("NoTaskId", "r-9")


@pytest.mark.parametrize(
    ("switch_has_task", "free_before", "told"), [(True, True, True), (False, True, False), (False, False, True)]
)
def test_a_switch_of_no_auth_has_a_task_only_where_the_actions_page_says_so(
    switch_has_task: bool, free_before: bool, told: bool
) -> None:
    made, _ = change(Modify={"TaskId": 9, "RequestId": "r-9"})
    made.params["NoAuth"], made.switch_has_task = False, switch_has_task
    look = Snapshot(other_fields_in_force=not free_before)
    if told:
        assert made.change(look).evidence == ["Modify: task 9"]
    else:
        assert raised(Ambiguous, lambda: made.change(look)).code == "NoTaskId"


def test_an_empty_password_is_never_sent() -> None:
    made, script = change(Modify={"TaskId": 9})
    made.secrets["Password"] = Secret("")
    assert raised(Refused, lambda: made.change(Snapshot())).error_class is ErrorClass.INVALID_COMMAND
    assert script.calls == []


def test_a_request_id_that_is_no_text_is_none() -> None:
    made, _ = change(Modify={"TaskId": 1, "RequestId": 5})
    assert made.change(Snapshot()).request_id is None


@pytest.mark.parametrize("code", ["InvalidAction", "InvalidParameter.ActionNotFound"])
def test_another_spelling_is_tried_only_where_the_first_is_unknown(code: str) -> None:
    unknown = Refused(ErrorClass.FAILED, "x", code=code)
    made, script = change(actions=("Modfiy", "Modify"), Modfiy=unknown, Modify={"TaskId": 9})
    assert made.change(Snapshot()).evidence == ["Modify: task 9"]
    assert script.actions == ["Modfiy", "Modify"]
    made, script = change(actions=("Modfiy", "Modify"), Modfiy=unknown, Modify=unknown)
    assert raised(Refused, lambda: made.change(Snapshot())).code == code
    made, script = change(actions=("Modfiy", "Modify"), Modfiy={"TaskId": 8})
    made.change(Snapshot())
    assert script.actions == ["Modfiy"]


def test_an_action_with_one_spelling_that_is_unknown_is_refused() -> None:
    made, _ = change(Modify=Refused(ErrorClass.FAILED, "x", code="InvalidAction"))
    assert raised(Refused, lambda: made.change(Snapshot())).code == "InvalidAction"


def test_any_other_refusal_ends_the_change() -> None:
    refused = Refused(ErrorClass.FORBIDDEN, "x", code="AuthFailure")
    made, script = change(actions=("Modfiy", "Modify"), Modfiy=refused)
    assert raised(Refused, lambda: made.change(Snapshot())) is refused
    assert script.actions == ["Modfiy"]


def test_a_code_about_the_old_secret_counts_only_behind_a_fence() -> None:
    def answer() -> OldSecretRefused:
        return OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "x", code="C", request_id="r")

    made, _ = change(old=OLD, Modify=answer())
    made.secrets["OldPassword"] = OLD
    assert made.fenced
    assert raised(OldSecretRefused, lambda: made.change(Snapshot())).code == "C"
    made, _ = change(Modify=answer())
    made.secrets["OldPassword"] = OLD  # sent, though nothing of it is fenced
    assert not made.fenced
    error = raised(Ambiguous, lambda: made.change(Snapshot()))
    assert isinstance(error, Ambiguous)
    assert (error.code, error.request_id, error.refused, error.passing) == ("C", "r", True, False)


def test_the_probe_sends_the_new_secret_as_both_and_needs_no_task() -> None:
    made, script = change(old=OLD, Modify={"TaskId": 0, "RequestId": "r"})
    accepted = made.probe()
    assert (accepted.request_id, accepted.task) == ("r", None)
    assert script.calls[0].secrets == {"OldPassword": NEW.reveal(), "Password": NEW.reveal()}
    made, _ = change(old=OLD, Modify={"TaskId": 4})
    told = made.probe().task
    assert told is not None
    assert told.task_id == 4
    made, _ = change(old=OLD, Modify=Ambiguous("x", code="InternalError"))
    assert raised(Ambiguous, made.probe).code == "InternalError"


@pytest.mark.parametrize(
    ("name", "params", "shows", "sent_back"),
    [
        (APP, {}, {"Privilege": "rw", "ReadonlyPolicy": ["master"]}, {"Privilege": "rw", "ReadonlyPolicy": ["master"]}),
        (APP, {"Privilege": "r"}, {"Privilege": "rw"}, {"Privilege": "r"}),
        (APP, {}, {"Privilege": "", "ReadonlyPolicy": []}, {}),
        (APP, {}, {}, {}),
        ("root", {}, {"Privilege": "rw", "ReadonlyPolicy": ["master"]}, {"ReadonlyPolicy": ["master"]}),
        (APP, {}, {"Remark": "r"}, {}),
    ],
)
def test_a_change_of_an_account_sends_its_rights_back(
    name: str, params: dict[str, Any], shows: dict[str, Any], sent_back: dict[str, Any]
) -> None:
    made, script = instance(ModifyInstanceAccount={"TaskId": 1})
    one = RedisAccountChange(made, "Modify", ("ModifyInstanceAccount",), {"AccountName": name, **params}, {}, NEW)
    one.change(Snapshot(account=shows))
    assert script.calls[0].ids == {"AccountName": name, **sent_back}


def test_a_change_asks_its_instance_for_everything_else() -> None:
    made, _ = change(DescribeTaskInfo={"Status": "succeed", "InstanceId": CRS})
    assert made.progress(Task(1)).state is TaskState.SUCCEEDED
    assert made.began_at(Task(1)) is None
    assert made.observe(StateBefore()).running is False
    assert made.newer_change_exists(Task(1), StateBefore()) is None
    assert (made.can_reconcile, made.repeatable, made.fenced, made.instance.can_reconcile) == (True, True, False, True)
