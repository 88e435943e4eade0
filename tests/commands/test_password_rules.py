"""Every published rule at its boundary: refused with the field and the rule, no call made, nothing echoed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support.commands import VALID_COMMANDS

NEW = {ACCOUNT: "AccountPassword", PASSWORD: "Password", REGISTRY: "Password", TAIR: "NewAccountPassword"}
ABSENT = object()

BAD_PASSWORDS = [
    (PASSWORD, "aB3-567", "8 to 64"),
    (PASSWORD, "aB3-" + "x" * 61, "8 to 64"),
    (PASSWORD, "/aB3-5678", "not start with /"),
    (PASSWORD, "abcdefgh", "at least 2 of"),
    (PASSWORD, "12345678", "at least 2 of"),
    (PASSWORD, "aB3-5678\u00e9", "only ASCII letters"),
    (PASSWORD, "aB3 45678", "only ASCII letters"),
    (PASSWORD, "aB3'45678", "only ASCII letters"),
    (PASSWORD, "aB345678\n", "only ASCII letters"),
    (ACCOUNT, "aB3-567", "8 to 30"),
    (ACCOUNT, "aB3-" + "x" * 27, "8 to 30"),
    (ACCOUNT, "/aB3-5678", "not start with /"),
    (ACCOUNT, "ABCDEFGH", "at least 2 of"),
    (TAIR, "aB3-567", "8 to 32"),
    (TAIR, "aB3-" + "x" * 29, "8 to 32"),
    (TAIR, "abcdEFGH", "at least 3 of"),
    (TAIR, "abcd-----", "at least 3 of"),
    (TAIR, "aB345678~", "only ASCII letters"),
    (TAIR, "aB345678/", "only ASCII letters"),
    (TAIR, "aB345678[", "only ASCII letters"),
    (REGISTRY, "aB34567", "8 to 20"),
    (REGISTRY, "aB3" + "x" * 18, "8 to 20"),
    (REGISTRY, "ab345678", "an upper-case letter"),
    (REGISTRY, "AB345678", "a lower-case letter"),
    (REGISTRY, "abCDefgh", "a digit"),
    (REGISTRY, "aB34567\t8", "only ASCII letters"),
]
GOOD_PASSWORDS = [
    (PASSWORD, "aB3-5678"),
    (PASSWORD, "aB3-" + "x" * 26),
    (PASSWORD, "aB3-" + "x" * 60),
    (PASSWORD, "abcdefg1"),
    (PASSWORD, "a1()~!@#$%^&*-+=_|{}[]:;<>,.?/"),
    (ACCOUNT, "abcdefg/"),
    (TAIR, "aB345678"),
    (TAIR, "aB3-" + "x" * 28),
    (TAIR, "a1!@#$%^&*()_+-="),
    (REGISTRY, "aB345678"),
    (REGISTRY, "aB3" + "x" * 17),
]


@pytest.mark.parametrize(("function", "password", "rule"), BAD_PASSWORDS)
def test_a_password_that_breaks_the_pages_rule_is_refused_by_name_and_not_echoed(
    house: House, function: str, password: str, rule: str
) -> None:
    returned = house.send(function, {**VALID_COMMANDS[function], NEW[function]: password})
    data = result(returned)
    assert (returned.value["statusCode"], data["Error"]["Class"]) == (400, "invalid_command")
    assert NEW[function] in data["Error"]["Message"]
    assert rule in data["Error"]["Message"]
    assert password not in json.dumps(returned.value)
    assert json.dumps(password)[1:-1] not in json.dumps(returned.value)
    assert house.cloud.calls() == []


@pytest.mark.parametrize(("function", "password"), GOOD_PASSWORDS)
def test_a_password_at_the_rules_boundary_is_taken_by_us_and_by_the_server(
    house: House, function: str, password: str
) -> None:
    assert outcome(house.send(function, {**VALID_COMMANDS[function], NEW[function]: password})) == "changed"
    command = VALID_COMMANDS[function]
    account = command.get("AccountName") or command.get("Name", "root")
    assert house.accepts(command.get("InstanceId") or command["RegistryId"], account, password)


@pytest.mark.parametrize(
    ("function", "change", "words"),
    [
        (ACCOUNT, {"AccountName": "root", "Privilege": "r"}, "Privilege"),
        (ACCOUNT, {"NoAuth": True, "AccountPassword": ABSENT}, "NoAuth"),
        (ACCOUNT, {"NoAuth": False}, "NoAuth"),
        (ACCOUNT, {"AccountName": "root", "NoAuth": True}, "NoAuth"),
        (ACCOUNT, {"AccountPassword": ABSENT}, "nothing to change"),
        (ACCOUNT, {"AccountPassword": ABSENT, "EncryptPassword": True}, "nothing to change"),
        (ACCOUNT, {"ReadonlyPolicy": ["slave"]}, "ReadonlyPolicy.0"),
        (ACCOUNT, {"ReadonlyPolicy": []}, "ReadonlyPolicy"),
        (ACCOUNT, {"ReadonlyPolicy": "master"}, "ReadonlyPolicy"),
        (ACCOUNT, {"Privilege": "RW"}, "Privilege"),
        (ACCOUNT, {"Privilege": "x"}, "Privilege"),
        (ACCOUNT, {"InstanceId": ABSENT}, "InstanceId: is required"),
        (ACCOUNT, {"InstanceId": "r-demo0001"}, "InstanceId"),
        (ACCOUNT, {"InstanceId": 7}, "InstanceId"),
        (ACCOUNT, {"AccountName": "a/b"}, "AccountName"),
        (ACCOUNT, {"AccountName": "a" * 33}, "AccountName"),
        (ACCOUNT, {"DryRun": "true"}, "DryRun"),
        (ACCOUNT, {"Acount": "app"}, "Acount: is not a field"),
        (ACCOUNT, {"Region": "evil.example"}, "Region"),
        (ACCOUNT, {"Region": "ap-guangzhou/x"}, "Region"),
        (ACCOUNT, {"Site": "moon"}, "Site"),
        (ACCOUNT, {"CommandId": "-x"}, "CommandId"),
        (ACCOUNT, {"CommandId": "x" * 65}, "CommandId"),
        (ACCOUNT, {"Actor": "x" * 65}, "Actor"),
        (ACCOUNT, {"Actor": "a\nb"}, "Actor"),
        (ACCOUNT, {"AccountPassword": {"SecretRef": "vault://x"}}, "SecretRef: must read ssm://"),
        (ACCOUNT, {"AccountPassword": {"SecretRef": 7}}, "SecretRef: must read ssm://"),
        (ACCOUNT, {"AccountPassword": {"SecretRef": "ssm://x", "Generate": {}}}, "AccountPassword: must be"),
        (ACCOUNT, {"AccountPassword": {"Generate": {"Length": 24}}}, "Deliver: is required with Generate"),
        (ACCOUNT, {"AccountPassword": {"Generate": {"Length": 7}}}, "Length must be 8 to 30"),
        (ACCOUNT, {"AccountPassword": {"Generate": {"Length": True}}}, "Length must be a whole number"),
        (ACCOUNT, {"AccountPassword": {"Generate": {"Size": 20}}}, "Generate: must be an object"),
        (ACCOUNT, {"AccountPassword": {"Generate": {}}, "EncryptPassword": True}, "EncryptPassword"),
        (ACCOUNT, {"AccountPassword": {"Generate": {}}, "Deliver": {}}, "must name Store, Seal or Reply"),
        (ACCOUNT, {"AccountPassword": {"Generate": {}}, "Deliver": {"Store": "ssm://x#v"}}, "Deliver.Store"),
        (ACCOUNT, {"Alternate": ["app", "app_b"]}, "AccountName"),
        (ACCOUNT, {"AccountName": ABSENT, "Alternate": ["app", "app_b"]}, "Alternate: requires Generate"),
        (ACCOUNT, {"AccountName": ABSENT}, "AccountName: give it"),
        (ACCOUNT, {"AccountPassword": 12345678}, "AccountPassword"),
        (ACCOUNT, {"AccountPassword": ""}, "AccountPassword"),
        (ACCOUNT, {"Deliver": {"Reply": True}}, "Deliver"),
        (ACCOUNT, {"Deliver": {"Store": "ssm://x"}}, "Deliver: leave it out"),
        (ACCOUNT, {"Deliver": {"Seal": {}}}, "Seal"),
        (PASSWORD, {"OldPassword": {"Generate": {}}}, "OldPassword: must be"),
        (PASSWORD, {"Password": {"Generate": {}}, "Deliver": {"Reply": True}}, "use Deliver.Store"),
        (TAIR, {"OldAccountPassword": ABSENT}, "OldAccountPassword: give it"),
        (PASSWORD, {"OldPassword": ABSENT}, "OldPassword: is required"),
        (PASSWORD, {"Password": "Old-Passw0rd"}, "Password: must differ"),
        (PASSWORD, {"AccountName": "root"}, "AccountName: is not a field"),
        (REGISTRY, {"Random": True}, "Password"),
        (REGISTRY, {"Password": ABSENT}, "Password"),
        (REGISTRY, {"Random": ABSENT}, "Random: is required"),
        (REGISTRY, {"Random": "false"}, "Random"),
        (REGISTRY, {"RegistryId": "crs-demo0001"}, "RegistryId"),
        (TAIR, {"AccountName": "App"}, "AccountName"),
        (TAIR, {"NewAccountPassword": "Tair-Passw0rd"}, "NewAccountPassword: must differ"),
        (TAIR, {"Site": "intl"}, "Site: is not a field"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named_and_nothing_is_called(
    house: House, function: str, change: dict[str, Any], words: str
) -> None:
    command = {name: value for name, value in {**VALID_COMMANDS[function], **change}.items() if value is not ABSENT}
    returned = house.send(function, command)
    data = result(returned)
    assert (data["Error"]["Class"], returned.value["statusCode"]) == ("invalid_command", 400)
    assert words in data["Error"]["Message"]
    for secret in ("New-Passw0rd1", "Old-Passw0rd", "NewPass123", "Tair-Passw0rd"):
        assert secret not in json.dumps(returned.value)
    assert house.cloud.calls() == []


@pytest.mark.parametrize("note", ["Actor", "Reason", "CommandId"])
def test_a_secret_pasted_into_a_note_is_refused_and_goes_no_further(house: House, note: str) -> None:
    returned = house.send(ACCOUNT, {**VALID_COMMANDS[ACCOUNT], note: "to-New-Passw0rd1"})
    assert result(returned)["Error"]["Class"] == "invalid_command"
    assert "New-Passw0rd1" not in json.dumps(returned.value) + json.dumps(house.results())


def test_a_field_that_failed_is_not_in_the_subject_and_the_others_are(house: House) -> None:
    returned = house.send(ACCOUNT, {**VALID_COMMANDS[ACCOUNT], "InstanceId": "not-an-id", "AccountPassword": "short"})
    event = returned.body["Result"]
    assert (event["subject"], event["source"]) == ("redis/-/app", "keyturn/tencent/ap-guangzhou")
    assert "not-an-id" not in json.dumps(returned.value)


def test_a_missing_region_is_named_unless_the_settings_or_the_platform_know_one(house: House) -> None:
    command = {name: value for name, value in VALID_COMMANDS[TAIR].items() if name != "Region"}
    assert "Region: is required" in result(house.send(TAIR, command, "scf"))["Error"]["Message"]
    house.settings["KEYTURN_REGION"] = "cn-hangzhou"
    assert outcome(house.send(TAIR, command, "scf")) == "changed"
    del house.settings["KEYTURN_REGION"]
    again = {**command, "OldAccountPassword": "New-Passw0rd1", "NewAccountPassword": "New-Passw0rd2"}
    assert outcome(house.send(TAIR, again, "fc")) == "changed"
