"""Commands that name a role: they work in another account, by keys that STS gives, or end before any call there."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shared.clouds import assumed_roles
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support.commands import VALID_COMMANDS
from tests.support.other_accounts import ALIBABA_ROLE, ROLES, TENCENT_ROLE, two_accounts

OPERATIONS = [
    (ACCOUNT, "crs-demo0001", "app", "New-Passw0rd1"),
    (PASSWORD, "crs-demo0001", "root", "New-Passw0rd1"),
    (REGISTRY, "tcr-demo0001", "robot", "NewPass123"),
    (TAIR, "r-demo0001", "app", "New-Passw0rd1"),
    ("tencent_redis_reset_password", "crs-demo0001", "root", "Example-Root-01"),
    ("alibaba_tair_reset_account_password", "r-demo0001", "app", "Example-Tair-01"),
]
STORED = {
    **{name: value for name, value in VALID_COMMANDS[PASSWORD].items() if name not in ("OldPassword", "Password")},
    "OldPassword": {"SecretRef": "ssm://redis-crs-demo0001-root"},
    "Password": {"Generate": {}},
    "Deliver": {"Store": "ssm://redis-crs-demo0001-root"},
}


@pytest.fixture(autouse=True)
def _cold() -> Iterator[None]:
    """No test finds the keys that another one's process kept."""
    assumed_roles._kept.clear()
    assumed_roles._failed.clear()
    yield
    assumed_roles._kept.clear()
    assumed_roles._failed.clear()


@pytest.fixture
def hub(house: House) -> House:
    """Functions that may assume the roles of a second account, which owns all that the default world names."""
    house.cloud.reset(**two_accounts("*"))
    house.settings["KEYTURN_ASSUME"] = "qcs::cam::uin/*:roleName/keyturn,acs:ram::2000000000000002:role/*"
    return house


def command_of(function: str) -> dict[str, Any]:
    return {**VALID_COMMANDS[function], "Role": ROLES[function.partition("_")[0]]}


def platform_of(function: str) -> str:
    return "fc" if function.startswith("alibaba") else "scf"


def calls(house: House) -> list[str]:
    return [call["Action"] for call in house.cloud.calls()]


@pytest.mark.parametrize(("function", "resource", "account", "new"), OPERATIONS)
def test_a_command_with_a_role_changes_a_password_of_the_role_s_account(
    hub: House, function: str, resource: str, account: str, new: str
) -> None:
    command = command_of(function)
    returned = hub.send(function, command, platform_of(function))
    data = result(returned)
    assert data["Outcome"] == "changed", data["Error"]
    assert hub.accepts(resource, account, new)
    assert data["Role"] == command["Role"]
    assert data["Evidence"][0] == f"role assumed, session keyturn-{function}"
    assert hub.results()[0]["data"]["Role"] == command["Role"]
    assert calls(hub)[0] == "AssumeRole"


@pytest.mark.parametrize(("function", "resource", "account", "new"), OPERATIONS)
def test_without_the_role_the_other_account_s_credential_is_not_there(
    hub: House, function: str, resource: str, account: str, new: str
) -> None:
    returned = hub.send(function, VALID_COMMANDS[function], platform_of(function))
    assert (outcome(returned), result(returned)["Role"]) == ("not_changed", None)
    assert not hub.accepts(resource, account, new)
    assert "AssumeRole" not in calls(hub)


@pytest.mark.parametrize("function", [ACCOUNT, TAIR])
@pytest.mark.parametrize(
    "setting",
    [None, "qcs::cam::uin/200000000003:roleName/keyturn,acs:ram::3:role/*", "qcs::cam::uin/2*:roleName/other*"],
)
def test_a_role_that_the_setting_does_not_name_is_refused_before_any_call(
    hub: House, function: str, setting: str | None
) -> None:
    del hub.settings["KEYTURN_ASSUME"]
    if setting is not None:
        hub.settings["KEYTURN_ASSUME"] = setting
    returned = hub.send(function, command_of(function), platform_of(function))
    error = result(returned)["Error"]
    assert (returned.value["statusCode"], error["Class"], error["Code"]) == (403, "forbidden", "RoleForbidden")
    assert "KEYTURN_ASSUME" in error["Message"]
    assert hub.cloud.calls() == []


@pytest.mark.parametrize("function", [ACCOUNT, TAIR])
@pytest.mark.parametrize("twist", ["no_trust", "no_role", "no_right"])
def test_a_role_that_cannot_be_assumed_ends_the_command_before_its_own_call(
    hub: House, function: str, twist: str
) -> None:
    if twist == "no_right":
        nothing: dict[str, Any] = {"tencent": {"policies": []}, "alibaba": {"policies": []}}
        hub.cloud.reset(**two_accounts("*"), caller=nothing)
    elif twist == "no_trust":
        hub.cloud.reset(**two_accounts("*", trusted=False))
    else:
        hub.cloud.reset()
    data = result(hub.send(function, command_of(function), platform_of(function)))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "forbidden")
    assert "sts:AssumeRole" in data["Error"]["Message"]
    assert set(calls(hub)) == {"AssumeRole"}


def test_keys_are_kept_in_a_warm_instance_until_five_minutes_before_they_end(hub: House) -> None:
    def assumed_after(seconds: float) -> int:
        hub.cloud.advance(seconds)
        assert outcome(hub.send(ACCOUNT, {**command_of(ACCOUNT), "DryRun": True})) == "would_change"
        return calls(hub).count("AssumeRole")

    assert [assumed_after(at) for at in (0.0, 1.0, 3290.0, 20.0)] == [1, 1, 1, 2]


@pytest.mark.parametrize("function", [ACCOUNT, TAIR])
def test_keys_that_the_cloud_refuses_are_not_used_again(hub: House, function: str) -> None:
    """As when somebody withdrew them: a world that begins again knows none of the keys that it gave before."""
    command, platform = command_of(function), platform_of(function)
    assert outcome(hub.send(function, command | {"DryRun": True}, platform)) == "would_change"
    hub.cloud.reset(**two_accounts("*"))
    refused = result(hub.send(function, command, platform))
    assert (refused["Outcome"], refused["Error"]["Class"], refused["Error"]["Retryable"]) == (
        "not_changed",
        "forbidden",
        True,
    )
    assert outcome(hub.send(function, command, platform)) == "changed"


def test_each_role_has_keys_of_its_own_in_each_function(hub: House) -> None:
    assert outcome(hub.send(ACCOUNT, command_of(ACCOUNT))) == "changed"
    assert outcome(hub.send(TAIR, command_of(TAIR), "fc")) == "changed"
    assert outcome(hub.send(REGISTRY, command_of(REGISTRY))) == "changed"
    assert calls(hub).count("AssumeRole") == 3  # each function's sessions bear its own name


def test_one_batch_assumes_a_role_once(hub: House) -> None:
    commands = [{**command_of(ACCOUNT), "DryRun": True, "InstanceId": f"crs-demo000{number}"} for number in (1, 1, 2)]
    hub.send(ACCOUNT, commands)
    assert calls(hub).count("AssumeRole") == 1


@pytest.mark.parametrize("action", ["AssumeRole", "DescribeInstanceAccount"])
def test_a_batch_does_not_wait_for_a_cloud_that_stalls_once_a_command(hub: House, action: str) -> None:
    """Which would take it far beyond its limit, and so to its end with no result at all."""
    hub.cloud.faults([{"Action": action, "Fault": "stall", "Times": 999}])
    began = time.monotonic()
    returned = hub.send(ACCOUNT, [{**command_of(ACCOUNT), "CommandId": f"c-{n}"} for n in range(60)], timeout_s=9.0)
    assert returned.error is None and time.monotonic() - began < 10.0
    assert len(hub.results()) == 60
    assert {one["data"]["Error"]["Class"] for one in hub.results()} == {"unavailable"}
    assert calls(hub).count(action) < 12


def test_a_right_that_is_missing_costs_no_new_keys(hub: House) -> None:
    nobody = two_accounts("*")
    for cloud in nobody["accounts"].values():
        for account in cloud.values():
            account["roles"]["keyturn"]["policies"] = []
    hub.cloud.reset(**nobody)
    for name in ("a", "b", "c"):
        told = result(hub.send(ACCOUNT, command_of(ACCOUNT) | {"CommandId": name}))
        assert (told["Error"]["Class"], told["Error"]["Retryable"]) == ("forbidden", False)
    assert calls(hub).count("AssumeRole") == 1


def test_what_is_kept_of_a_silent_sts_holds_no_error(hub: House) -> None:
    """An error's frames hold the command that waited for the keys, and so its secret."""
    hub.cloud.faults([{"Action": "AssumeRole", "Fault": "drop_before", "Times": 99}])
    assert result(hub.send(ACCOUNT, command_of(ACCOUNT)))["Error"]["Class"] == "unavailable"
    (kept,) = assumed_roles._failed.values()
    assert not [one for one in kept if isinstance(one, BaseException)]


def test_what_the_settings_forbid_is_refused_before_a_role_is_assumed(hub: House) -> None:
    hub.settings["KEYTURN_ALLOW"] = "tencent/redis/*/*/*"
    for store in ("ssm://redis-crs-demo0001-root", "kms://redis-crs-demo0001-root"):
        told = result(hub.send(PASSWORD, {**STORED, "Role": TENCENT_ROLE, "Deliver": {"Store": store}}))
        assert told["Error"]["Class"] in ("forbidden", "invalid_command")
    assert calls(hub) == []


def test_a_store_is_the_role_s_account_s_too(hub: House) -> None:
    hub.cloud.reset(**two_accounts("crs-demo0001", "redis-crs-demo0001-*"))
    data = result(hub.send(PASSWORD, {**STORED, "Role": TENCENT_ROLE}))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("changed", "current"), data["Error"]
    assert "role assumed" in data["Evidence"][0]
    data = result(hub.send(PASSWORD, {**STORED, "CommandId": "own"}))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "not_found")


def test_a_store_of_the_other_cloud_is_none_of_the_role_s_account(hub: House) -> None:
    command = {**command_of(TAIR), "OldAccountPassword": {"SecretRef": "ssm://redis-crs-demo0001-root"}}
    data = result(hub.send(TAIR, command))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert "with Role" in data["Error"]["Message"]


@pytest.mark.parametrize(
    "role",
    [
        "",
        "keyturn",
        ALIBABA_ROLE,
        "qcs::cam::uin/200000000002:role/4611686018427397919",
        "qcs::cam::uin/200000000002:roleName/",
        "qcs::cam::uin/200000000002:roleName/a/b",
        "qcs::cam::uin/*:roleName/keyturn",
        "qcs::cam::uin/200000000002:roleName/keyturn\n",
        f"{TENCENT_ROLE},{TENCENT_ROLE}",
        7,
    ],
)
def test_what_is_no_role_of_the_cloud_is_refused_without_an_echo(hub: House, role: Any) -> None:
    returned = hub.send(ACCOUNT, {**VALID_COMMANDS[ACCOUNT], "Role": role})
    data = result(returned)
    assert (returned.value["statusCode"], data["Error"]["Class"], data["Role"]) == (400, "invalid_command", None)
    assert hub.cloud.calls() == []


def test_a_lost_answer_of_sts_is_asked_for_again(hub: House) -> None:
    hub.cloud.faults([{"Action": "AssumeRole", "Fault": "drop_after", "Times": 2}])
    assert outcome(hub.send(ACCOUNT, command_of(ACCOUNT))) == "changed"


def test_sts_that_is_away_hands_a_command_without_a_clear_secret_back(hub: House) -> None:
    hub.settings["KEYTURN_COMMANDS"] = hub.commands_url
    hub.cloud.faults([{"Action": "AssumeRole", "Fault": "throttle", "Times": 99}])
    hub.send(PASSWORD, {**STORED, "Role": TENCENT_ROLE}, trigger="queue")
    (back,) = hub.commands()
    assert (back["data"]["Role"], back["attempt"]) == (TENCENT_ROLE, 2)
    hub.cloud.clear_faults()
    assert hub.results() == []


def test_a_pending_change_is_followed_by_the_same_role(hub: House) -> None:
    hub.settings["KEYTURN_COMMANDS"] = hub.commands_url
    hub.cloud.reset(**two_accounts("*"), task_s=60.0)
    data = result(hub.send(PASSWORD, {**STORED, "Role": TENCENT_ROLE}, timeout_s=8.0))
    assert (data["Outcome"], data["Role"]) == ("pending", TENCENT_ROLE)
    (message,) = hub.commands()
    assert message["data"]["Role"] == TENCENT_ROLE
    hub.cloud.advance(61.0)
    ended = result(hub.send("follow_change", message, trigger="queue"))
    assert (ended["Outcome"], ended["Role"], ended["Stored"]["Stage"]) == ("changed", TENCENT_ROLE, "current")


def test_follow_change_assumes_no_role_that_its_own_setting_does_not_name(hub: House) -> None:
    hub.settings["KEYTURN_COMMANDS"] = hub.commands_url
    hub.cloud.reset(**two_accounts("*"), task_s=60.0)
    hub.send(PASSWORD, {**STORED, "Role": TENCENT_ROLE}, timeout_s=8.0)
    (message,) = hub.commands()
    del hub.settings["KEYTURN_ASSUME"]
    ended = result(hub.send("follow_change", message, trigger="queue"))
    assert (ended["Outcome"], ended["Error"]["Code"]) == ("unknown", "RoleForbidden")


def test_no_key_of_a_role_is_logged_or_told(hub: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = [str(hub.send(ACCOUNT, command_of(ACCOUNT)).value) for _ in range(2)]
    ((keys, _),) = assumed_roles._kept.values()
    logging.getLogger("another").error("keys: %s %s", keys.key.reveal(), keys.token.reveal() if keys.token else "")
    for secret in (keys.key, keys.token):
        assert secret is not None
        assert secret.reveal() not in caplog.text + "".join(told) + str(hub.results())
