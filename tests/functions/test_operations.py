"""The five rows of the API pages: each changes the real server, by its own host, action and version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support.public_keys import rsa_jwk

ROWS = [
    pytest.param(
        ACCOUNT,
        {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": "New-Passw0rd1"},
        "ap-guangzhou",
        ("App-Passw0rd", "New-Passw0rd1"),
        ("ModifyInstanceAccount", "2018-04-12", "redis.tencentcloudapi.com"),
        id="account-domestic",
    ),
    pytest.param(
        ACCOUNT,
        {"InstanceId": "crs-demo0002", "AccountName": "app", "AccountPassword": "New-Passw0rd1", "Site": "intl"},
        "ap-singapore",
        ("App-Passw0rd", "New-Passw0rd1"),
        ("ModifyInstanceAccount", "2018-04-12", "redis.intl.tencentcloudapi.com"),
        id="account-intl",
    ),
    pytest.param(
        PASSWORD,
        {"InstanceId": "crs-demo0002", "OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd1", "Site": "intl"},
        "ap-singapore",
        ("Old-Passw0rd", "New-Passw0rd1"),
        ("ModifyInstancePassword", "2018-04-12", "redis.intl.tencentcloudapi.com"),
        id="password-intl",
    ),
    pytest.param(
        PASSWORD,
        {"InstanceId": "crs-demo0001", "OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd1"},
        "ap-guangzhou",
        ("Old-Passw0rd", "New-Passw0rd1"),
        ("ModifyInstancePassword", "2018-04-12", "redis.tencentcloudapi.com"),
        id="password-domestic",
    ),
    pytest.param(
        PASSWORD,
        {"InstanceId": "crs-demo0003", "OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd1"},
        "ap-shanghai-fsi",
        ("Old-Passw0rd", "New-Passw0rd1"),
        ("ModifyInstancePassword", "2018-04-12", "redis.ap-shanghai-fsi.tencentcloudapi.com"),
        id="password-financial-zone",
    ),
    pytest.param(
        TAIR,
        {
            "InstanceId": "r-demo0001",
            "AccountName": "app",
            "OldAccountPassword": "Tair-Passw0rd",
            "NewAccountPassword": "New-Passw0rd1",
        },
        "cn-hangzhou",
        ("Tair-Passw0rd", "New-Passw0rd1"),
        ("ModifyAccountPassword", "2015-01-01", "r-kvstore.aliyuncs.com"),
        id="tair",
    ),
    pytest.param(
        REGISTRY,
        {"RegistryId": "tcr-demo0001", "Name": "tcr$robot", "Random": False, "Password": "NewPass123"},
        "ap-guangzhou",
        ("Robot-Passw0rd1", "NewPass123"),
        ("ModifyServiceAccountPassword", "2019-09-24", "tcr.tencentcloudapi.com"),
        id="registry",
    ),
]


def credential(command: dict[str, Any]) -> tuple[str, str]:
    resource = command.get("InstanceId") or command["RegistryId"]
    return resource, command.get("AccountName") or command.get("Name", "root").removeprefix("tcr$")


@pytest.mark.parametrize("platform", ["scf", "fc"])
@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
@pytest.mark.parametrize(("function", "command", "region", "passwords", "call"), ROWS)
def test_each_row_changes_the_real_server_by_its_own_host_action_and_version(
    house: House,
    function: str,
    command: dict[str, Any],
    region: str,
    passwords: tuple[str, str],
    call: tuple[str, str, str],
    trigger: str,
    platform: str,
) -> None:
    returned = house.send(function, {**command, "Region": region}, platform, trigger)
    assert outcome(returned) == "changed"
    resource, account = credential(command)
    assert not house.accepts(resource, account, passwords[0])
    assert house.accepts(resource, account, passwords[1])
    changes = [c for c in house.cloud.calls() if not c["Action"].startswith("Describe")]
    assert [(c["Action"], c["Version"], c["Host"], c["Region"], c["Code"]) for c in changes] == [(*call, region, "")]
    assert [event["data"]["Outcome"] for event in house.results()] == ["changed"]


LONG = "New-Passw0rd" * 4  # 48 characters: more than the corrected action takes


def turn(password: str) -> dict[str, Any]:
    command = {"InstanceId": "crs-demo0001", "OldPassword": "Old-Passw0rd", "Password": password}
    return {**command, "Region": "ap-guangzhou"}


def asked_for(house: House) -> list[str]:
    return [call["Action"] for call in house.cloud.calls() if not call["Action"].startswith("Describe")]


@pytest.mark.parametrize(
    ("unknown", "asked"),
    [
        ("ModfiyInstancePassword", ["ModifyInstancePassword"]),
        ("ModifyInstancePassword", ["ModifyInstancePassword", "ModfiyInstancePassword"]),
    ],
)
def test_each_spelling_works_where_the_other_is_unknown(house: House, unknown: str, asked: list[str]) -> None:
    house.cloud.reset(unknown_actions=[unknown])
    assert outcome(house.send(PASSWORD, turn("New-Passw0rd1"))) == "changed"
    assert asked_for(house) == asked
    assert house.accepts("crs-demo0001", "root", "New-Passw0rd1")


@pytest.mark.parametrize("password", ["New-Passw0rd1", LONG])
def test_a_site_that_knows_neither_spelling_changes_nothing(house: House, password: str) -> None:
    house.cloud.reset(unknown_actions=["ModfiyInstancePassword", "ModifyInstancePassword"])
    data = result(house.send(PASSWORD, turn(password)))
    assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "InvalidAction")
    assert house.accepts("crs-demo0001", "root", "Old-Passw0rd")


@pytest.mark.parametrize("new", [LONG, "Passw0rd" * 8, "a-" * 15 + "b"])
def test_a_password_above_30_characters_goes_by_the_older_name_alone(house: House, new: str) -> None:
    data = result(house.send(PASSWORD, turn(new)))
    assert data["Outcome"] == "changed", data
    assert asked_for(house) == ["ModfiyInstancePassword"]
    assert house.accepts("crs-demo0001", "root", new)
    assert "Modfiy" not in str(house.results())  # which would tell how long it is


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "html_500", "not_json", "throttle", "lock"])
def test_no_text_tells_by_which_name_a_password_above_30_characters_was_set(house: House, fault: str) -> None:
    house.cloud.faults([{"Action": "ModfiyInstancePassword", "Fault": fault, "Times": 9}])
    answer = house.send(PASSWORD, turn(LONG))
    assert len(asked_for(house)) >= 1
    assert "ModifyInstancePassword" in str(house.results())
    assert "Modfiy" not in str(answer) + str(house.results())


@pytest.mark.parametrize("new", [LONG, "New-Passw0rd1"])
def test_no_text_tells_it_where_the_old_password_is_wrong(house: House, new: str) -> None:
    answer = house.send(PASSWORD, {**turn(new), "OldPassword": "Wrong-Passw0rd"})
    assert result(answer)["Error"]["Class"] == "wrong_old_secret"
    assert "Modfiy" not in str(answer) + str(house.results())


def test_a_password_above_30_characters_never_falls_back_to_the_action_that_does_not_take_it(house: House) -> None:
    house.cloud.reset(unknown_actions=["ModfiyInstancePassword"])
    assert result(house.send(PASSWORD, turn(LONG)))["Error"]["Code"] == "InvalidAction"
    assert asked_for(house) == ["ModfiyInstancePassword"]
    assert outcome(house.send(PASSWORD, turn("a-" * 33))) == "not_changed"
    assert asked_for(house) == ["ModfiyInstancePassword"]


@pytest.mark.parametrize("account", ["app", "root"])
def test_a_password_change_leaves_rights_and_routing_as_they_are(house: House, account: str) -> None:
    rights: dict[str, Any] = {"ReadonlyPolicy": ["replication"]} | ({"Privilege": "r"} if account == "app" else {})
    ids = {"InstanceId": "crs-demo0001", "AccountName": account, "Region": "ap-guangzhou"}
    assert outcome(house.send(ACCOUNT, {**ids, **rights})) == "changed"
    assert outcome(house.send(ACCOUNT, {**ids, "AccountPassword": "New-Passw0rd1"})) == "changed"
    # Asked again as attributes alone, nothing is called: the account shows all of it already.
    before = len(house.cloud.calls())
    assert outcome(house.send(ACCOUNT, {**ids, **rights})) == "already_changed"
    assert all(call["Action"].startswith("Describe") for call in house.cloud.calls()[before:])
    assert house.accepts("crs-demo0001", account, "New-Passw0rd1")


def test_root_without_a_password_needs_a_switch_of_its_own(house: House) -> None:
    command = {"InstanceId": "crs-demo0001", "AccountName": "root", "NoAuth": True, "Region": "ap-guangzhou"}
    refused = house.send(ACCOUNT, command)
    assert (result(refused)["Error"]["Class"], refused.value["statusCode"]) == ("forbidden", 403)
    assert house.cloud.calls() == []
    house.settings["KEYTURN_ALLOW_NOAUTH"] = "1"
    assert outcome(house.send(ACCOUNT, command)) == "changed"
    assert outcome(house.send(ACCOUNT, command)) == "already_changed"


def test_encrypt_password_is_passed_through_as_given(house: House) -> None:
    command = {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": "New-Passw0rd1"}
    assert outcome(house.send(ACCOUNT, {**command, "Region": "ap-guangzhou", "EncryptPassword": False})) == "changed"


def test_a_random_registry_password_is_in_the_http_reply_and_nowhere_else(house: House) -> None:
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Region": "ap-guangzhou"}
    returned = house.send(REGISTRY, command, "fc")
    password = returned.body["Password"]
    assert returned.value["headers"]["Cache-Control"] == "no-store"
    assert house.accepts("tcr-demo0001", "robot", password)
    assert not house.accepts("tcr-demo0001", "robot", "Robot-Passw0rd1")
    assert password not in str(house.results())
    assert outcome(returned) == "changed"


@pytest.mark.parametrize("trigger", ["timer", "queue"])
def test_random_over_a_trigger_without_a_caller_is_refused_before_the_call(house: House, trigger: str) -> None:
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Region": "ap-guangzhou"}
    data = result(house.send(REGISTRY, command, trigger=trigger))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert house.cloud.calls() == []


@pytest.mark.parametrize(
    ("platform", "setting", "replies"),
    [("scf", None, False), ("scf", "", False), ("scf", "on", True), ("fc", None, True), ("fc", "off", False)],
)
@pytest.mark.parametrize("deliver", [None, {"Reply": True}])
def test_scf_logs_what_a_function_returns_so_that_no_secret_is_replied_there_if_not_said(
    house: House, platform: str, setting: str | None, replies: bool, deliver: dict[str, Any] | None
) -> None:
    command: dict[str, Any] = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Region": "ap-guangzhou"}
    house.settings |= {} if setting is None else {"KEYTURN_REPLY": setting}
    returned = house.send(REGISTRY, command | ({"Deliver": deliver} if deliver else {}), platform)
    if replies:
        assert house.accepts("tcr-demo0001", "robot", returned.body["Password"])
        return
    error = result(returned)["Error"]
    assert (returned.value["statusCode"], error["Class"], error["Code"]) == (403, "forbidden", "ReplyOff")
    assert all(way in error["Message"] for way in ("Deliver.Seal", "Deliver.Store", "KEYTURN_REPLY=on"))
    assert house.cloud.calls() == []
    assert house.accepts("tcr-demo0001", "robot", "Robot-Passw0rd1")


def test_where_replies_are_off_a_sealed_and_a_stored_secret_are_made_all_the_same(house: House) -> None:
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Region": "ap-guangzhou"}
    for deliver in ({"Seal": rsa_jwk()}, {"Store": "ssm://tcr-demo0001-robot"}):
        returned = house.send(REGISTRY, {**command, "Deliver": deliver})
        assert outcome(returned) == "changed", result(returned)
        assert "Password" not in returned.body


def test_random_is_refused_for_a_caller_who_does_not_wait_and_where_replies_are_off(house: House) -> None:
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Region": "ap-guangzhou"}
    asynchronous = house.send(REGISTRY, command, "fc", headers={"x-fc-invocation-type": "Async"})
    assert result(asynchronous)["Error"]["Class"] == "invalid_command"
    house.settings["KEYTURN_REPLY"] = "off"
    assert result(house.send(REGISTRY, command))["Error"]["Class"] == "forbidden"
    assert house.cloud.calls() == []


@pytest.mark.parametrize("unit", ["milliseconds", "seconds"])
@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"expires_at": 1_700_000_000_000}, "AccountExpired"),
        ({"disabled": True}, "AccountDisabled"),
        ({"expires_at": 4_000_000_000_000}, None),
        ({"expires_at": -1}, None),
    ],
)
def test_a_dry_run_and_a_real_one_agree_on_an_account_that_no_password_opens(
    house: House, account: dict[str, Any], code: str | None, unit: str
) -> None:
    house.cloud.reset(tcr={"tcr-demo0001": {"accounts": {"robot": account}}}, expires_in=unit)
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": False, "Password": "NewPass123"}
    for dry_run in (True, False):
        data = result(house.send(REGISTRY, {**command, "Region": "ap-guangzhou", "DryRun": dry_run}))
        if code:
            assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", code)
            assert asked_for(house) == []
        else:
            assert data["Outcome"] == ("would_change" if dry_run else "changed")


def test_a_gateway_that_misses_form_parameters_is_believed_and_the_url_stays_clean(house: House) -> None:
    house.cloud.reset(form_body=False)
    command = {"InstanceId": "r-demo0001", "AccountName": "app", "Region": "cn-hangzhou"}
    secrets = {"OldAccountPassword": "Tair-Passw0rd", "NewAccountPassword": "New-Passw0rd1"}
    data = result(house.send(TAIR, {**command, **secrets}, "fc"))
    assert data["Outcome"] == "not_changed"
    assert data["Error"]["Code"].startswith("Missing")
    assert len([c for c in house.cloud.calls() if c["Action"] == "ModifyAccountPassword"]) == 1
