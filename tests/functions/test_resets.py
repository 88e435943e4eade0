"""The resets of a lost password: no old one is asked for, so nothing but a store keeps a redelivery from harm."""

from __future__ import annotations

import io
from typing import Any

import pytest

from shared.workbench.bundle.function_text import story
from shared.workbench.bundle.operations import operations
from shared.workbench.environment.terminal import Terminal
from shared.workbench.results.shown import event_lines, read_event
from tests.conftest import ACCOUNT, PASSWORD, TAIR, House, outcome, result
from tests.support.commands import VALID_COMMANDS, change_calls
from tests.support.store_contents import store_contents

REDIS_RESET, TAIR_RESET = "tencent_redis_reset_password", "alibaba_tair_reset_account_password"
MADE = {"Generate": {"Length": 20}}
ROOT = {"InstanceId": "crs-demo0001", "Region": "ap-guangzhou"}
APP = {"InstanceId": "r-demo0001", "Region": "cn-hangzhou", "AccountName": "app"}
RESETS: dict[str, tuple[str, str, dict[str, Any], str, str]] = {
    REDIS_RESET: ("scf", "ResetPassword", ROOT, "Password", "ssm://redis-crs-demo0001-root"),
    TAIR_RESET: ("fc", "ResetAccountPassword", APP, "AccountPassword", "kms://tair-r-demo0001-app"),
}
EACH = pytest.mark.parametrize("function", RESETS)


def command(function: str, new: Any, **more: Any) -> dict[str, Any]:
    _, _, names, field, _ = RESETS[function]
    return {**names, field: new, **more}


def opens(house: House, function: str, password: str) -> bool:
    names = RESETS[function][2]
    return house.accepts(names["InstanceId"], names.get("AccountName", "root"), password)


@EACH
@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
@pytest.mark.parametrize("platform", ["scf", "fc"])
def test_a_reset_needs_no_old_password(house: House, function: str, platform: str, trigger: str) -> None:
    returned = house.send(function, command(function, "New-Passw0rd1"), platform, trigger)
    assert outcome(returned) == "changed"
    assert opens(house, function, "New-Passw0rd1")
    assert change_calls(house) == [RESETS[function][1]]


@EACH
def test_a_redelivery_without_a_store_undoes_what_came_between_as_its_docstring_says(
    house: House, function: str
) -> None:
    platform = RESETS[function][0]
    for new, name in (("First-Passw0rd1", "a"), ("Other-Passw0rd1", "b"), ("First-Passw0rd1", "a")):
        sent = command(function, new, CommandId=name)
        assert outcome(house.send(function, sent, platform)) in ("changed", "already_changed")
        assert opens(house, function, new)
    assert "a second delivery changes the password again" in " ".join(story(function).promise.split())


@pytest.mark.parametrize("function", [REDIS_RESET, ACCOUNT])
def test_a_login_is_not_asked_for_where_no_password_is_left(house: House, function: str) -> None:
    house.settings["KEYTURN_ALLOW_NOAUTH"] = "1"
    more = {"AccountName": "root"} if function == ACCOUNT else {}
    told = result(house.send(function, {**ROOT, **more, "NoAuth": True, "Login": True}))
    assert (told["Outcome"], told["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert told["Error"]["Message"].startswith("Login: ") and house.cloud.calls() == []


@EACH
@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
def test_a_redelivery_with_a_store_makes_no_second_change(house: House, function: str, trigger: str) -> None:
    platform, action, _, _, place = RESETS[function]
    sent = command(function, MADE, Deliver={"Store": place}, CommandId="lost-1")
    seen = [outcome(house.send(function, sent, platform, trigger)) for _ in range(3)]
    assert seen == ["changed", "already_changed", "already_changed"]
    assert opens(house, function, store_contents(house.cloud, place).current)
    assert [one["Action"] for one in house.cloud.calls()].count(action) == 1


@EACH
def test_a_reset_after_a_wrong_old_secret_in_the_store_puts_the_store_right(house: House, function: str) -> None:
    """What the operation is for: the store's secret opens nothing, and nobody knows the one that does."""
    platform, _, names, _, place = RESETS[function]
    service, account = "redis" if platform == "scf" else "tair", names.get("AccountName", "root")
    house.cloud.change_by_hand(service, names["InstanceId"], account, "Nobody-Kn0ws")
    assert outcome(house.send(function, command(function, MADE, Deliver={"Store": place}), platform)) == "changed"
    assert opens(house, function, store_contents(house.cloud, place).current)
    assert not opens(house, function, "Nobody-Kn0ws")


@EACH
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "stall", "html_500", "cut_body", "not_json"])
def test_a_lost_answer_of_a_reset_ends_in_what_is_true(house: House, function: str, fault: str) -> None:
    platform, action, _, _, place = RESETS[function]
    house.cloud.faults([{"Action": action, "Fault": fault}])
    data = result(house.send(function, command(function, MADE, Deliver={"Store": place}), platform, timeout_s=20.0))
    assert data["Outcome"] in ("changed", "unknown"), data
    if data["Outcome"] == "changed":
        assert opens(house, function, store_contents(house.cloud, place).current)


def test_a_reset_of_tair_that_was_never_seen_is_told_by_a_login_alone(house: House) -> None:
    house.cloud.reset(shows_changing=False)
    sent = command(TAIR_RESET, "New-Passw0rd1")
    data = result(house.send(TAIR_RESET, sent, "fc", timeout_s=6.0))
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "TaskNotEnded")
    data = result(house.send(TAIR_RESET, sent | {"Login": True}, "fc"))
    assert data["Outcome"] in ("changed", "already_changed")
    assert "login with the new secret: accepted" in data["Evidence"]


@EACH
def test_a_code_of_a_wrong_password_says_nothing_where_no_old_one_was_sent(house: House, function: str) -> None:
    platform, action, _, _, _ = RESETS[function]
    code = "InvalidParameterValue.PasswordError" if platform == "scf" else "WrongPassword"
    house.cloud.faults([{"Action": action, "Fault": "code", "Code": code, "Status": 400, "When": "after", "Times": 99}])
    data = result(house.send(function, command(function, "New-Passw0rd1"), platform, timeout_s=8.0))
    assert data["Outcome"] in ("changed", "unknown"), data
    assert (data["Error"] or {}).get("Class") != "wrong_old_secret"


@pytest.mark.parametrize(
    ("function", "old", "reset"), [(PASSWORD, "OldPassword", REDIS_RESET), (TAIR, "OldAccountPassword", TAIR_RESET)]
)
def test_a_wrong_old_secret_is_told_with_its_services_operation_that_asks_for_none(
    house: House, function: str, old: str, reset: str
) -> None:
    for how in ({}, {"CommandId": "c-1"}):
        returned = house.send(function, {**VALID_COMMANDS[function], old: "Not-It-123", **how})
        assert result(returned)["Error"]["Class"] == "wrong_old_secret"
        terminal = Terminal(io.StringIO(), {})
        told = " ".join(event_lines(read_event(house.results()[-1]), terminal))
        assert {one for one in operations() if one in told} == {reset}
        assert operations()[reset].command.old_field is None


# --- an instance without a password


@pytest.mark.parametrize("given", [{}, {"Password": None}, {"NoAuth": False}, {"Password": None, "NoAuth": False}])
def test_a_reset_without_a_password_is_refused_before_any_call(house: House, given: dict[str, Any]) -> None:
    data = result(house.send(REDIS_RESET, {**ROOT, **given}))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert "Password: give it, or NoAuth: true" in data["Error"]["Message"]
    assert house.cloud.calls() == []


@pytest.mark.parametrize("more", [{}, {"NoAuth": True}, {"NoAuth": False}])
@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
def test_an_empty_password_is_refused_before_any_call(house: House, trigger: str, more: dict[str, Any]) -> None:
    house.settings["KEYTURN_ALLOW_NOAUTH"] = "1"
    data = result(house.send(REDIS_RESET, {**ROOT, "Password": "", **more}, trigger=trigger))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert house.cloud.calls() == []


def test_an_empty_secret_in_a_store_is_never_sent(house: House) -> None:
    house.cloud.reset(ssm={"redis-crs-demo0001-root": {"versions": {"v1": ""}}})
    sent = {**ROOT, "Password": {"SecretRef": "ssm://redis-crs-demo0001-root"}}
    data = result(house.send(REDIS_RESET, sent))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "failed")
    assert "ResetPassword" not in change_calls(house)


def test_no_auth_is_let_through_by_a_setting_alone_and_proven_by_the_instance(house: House) -> None:
    data = result(house.send(REDIS_RESET, {**ROOT, "NoAuth": True}))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "forbidden")
    assert house.cloud.calls() == []
    house.settings["KEYTURN_ALLOW_NOAUTH"] = "1"
    data = result(house.send(REDIS_RESET, {**ROOT, "NoAuth": True}))
    assert (data["Outcome"], data["TaskId"]) == ("changed", None), data
    assert "instance and account show what was asked: yes" in data["Evidence"]
    assert house.cloud.state()["redis"]["instances"]["crs-demo0001"]["root"]["NoAuth"] is True
    again = result(house.send(REDIS_RESET, {**ROOT, "NoAuth": True, "Password": "New-Passw0rd1"}))
    assert again["Error"]["Class"] == "invalid_command"


@pytest.mark.parametrize("not_so", [[], ["R24"]])
def test_a_password_for_an_instance_without_one_is_not_proven_by_the_tasks_id(house: House, not_so: list[str]) -> None:
    house.cloud.reset(not_so=not_so, redis={"crs-demo0001": {"no_auth": True}})
    assert outcome(house.send(PASSWORD, VALID_COMMANDS[PASSWORD])) in ("changed", "already_changed")
    data = result(house.send(REDIS_RESET, {**ROOT, "Password": "Brand-Passw0rd1"}))
    assert data["Outcome"] == "changed", data
    assert opens(house, REDIS_RESET, "Brand-Passw0rd1")
    assert house.cloud.state()["redis"]["instances"]["crs-demo0001"]["root"]["NoAuth"] is False
