"""What a store hands over is looked at before it is used; a store that takes no writes says so before a change."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from shared.commands.store_reference import parse_ref
from shared.runtime.errors import Refused
from shared.runtime.secret import Secret
from shared.stores.alternating import AlternatingSecret
from shared.stores.store_checks import check_password
from tests.conftest import PASSWORD, TAIR, House, result
from tests.support.store_contents import kms, ssm, store_contents
from tests.support.stored_commands import KEPT, KMS, ROOT

CHANGES = {PASSWORD: "ModifyInstancePassword", TAIR: "ModifyAccountPassword"}
RIGHT = {PASSWORD: "Old-Passw0rd", TAIR: "Tair-Passw0rd"}
MANAGED = json.dumps({"AccountName": "app", "AccountPassword": "Tair-Passw0rd"})


def called(house: House) -> list[str]:
    """What was called that is no read of a store."""
    reads = {"GetSecretValue", "ListSecretVersionIds"}
    return [one["Action"] for one in house.cloud.calls() if one["Action"] not in reads]


def hold(house: House, function: str, value: str, **more: Any) -> None:
    place = KEPT[function][1]
    house.cloud.reset(**{place[:3]: {place[6:]: {"versions": {"v1": value}, **more}}})


@pytest.mark.parametrize("into_store", [True, False])
@pytest.mark.parametrize("function", CHANGES)
@pytest.mark.parametrize(
    ("form", "word"),
    [("{}\n", "white space"), (" {}", "white space"), ("\ufeff{}", "white space"), ("{}\u00a0", "white space"),
     ('{{"Password": "{}"}}', "JSON"), (' {{"a": "{}"}}\n', "JSON"), ('{{"AccountPassword":"{}"}}', "managed")],
)  # fmt: skip
def test_what_is_no_password_is_refused_with_a_word_that_helps(
    house: House, function: str, form: str, word: str, into_store: bool
) -> None:
    command, place, platform, _, _ = KEPT[function]
    value = form.format(RIGHT[function])
    hold(house, function, value)
    new: dict[str, Any] = (
        {} if into_store else {"Password" if function == PASSWORD else "NewAccountPassword": "New-Passw0rd1"}
    )
    if into_store:
        new = {"Deliver": {"Store": place}}
    for dry in ({"DryRun": True}, {}):
        returned = house.send(function, command | new | dry, platform, "http")
        data = result(returned)
        assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Code"]) == (
            "not_changed",
            "failed",
            "NoPassword",
        )
        assert word in data["Error"]["Message"] and place in data["Error"]["Message"]
        assert RIGHT[function] not in json.dumps(returned.value)
    assert called(house) == []
    assert store_contents(house.cloud, place).current == value


@pytest.mark.parametrize("function", CHANGES)
def test_binary_is_refused_as_what_it_is(house: House, function: str) -> None:
    command, place, platform, _, _ = KEPT[function]
    data = base64.b64encode(RIGHT[function].encode()).decode()
    if function == PASSWORD:
        ssm(house.cloud, "UpdateSecret", SecretName=place[6:], VersionId="v1", SecretBinary=data)
    else:
        kms(
            house.cloud,
            "PutSecretValue",
            SecretName=place[6:],
            VersionId="v2",
            SecretData=data,
            SecretDataType="binary",
        )
    before = len(called(house))
    told = result(house.send(function, command | {"Deliver": {"Store": place}}, platform, "http"))
    assert (told["Outcome"], told["Error"]["Code"]) == ("not_changed", "NoText")
    assert "binary data" in told["Error"]["Message"]
    assert len(called(house)) == before


@pytest.mark.parametrize("function", CHANGES)
def test_an_older_version_that_is_no_password_is_passed_over(house: House, function: str) -> None:
    """The user's versions are tried behind a fence; one that is none must not end the command."""
    command, place, platform, _, _ = KEPT[function]
    versions = {"v1": {"value": "Wrong-Passw0rd", "age_days": 9}, "v2": {"value": '{"a": 1}', "age_days": 3}}
    versions |= {"v3": {"value": "Old \n", "age_days": 2}, "v4": {"value": RIGHT[function], "age_days": 5}}
    current: dict[str, Any] = {"current": "v1"} if function == TAIR else {}
    house.cloud.reset(**{place[:3]: {place[6:]: {"versions": versions, **current}}})
    told = result(house.send(function, command | {"Deliver": {"Store": place}}, platform, "http"))
    assert told["Outcome"] == "changed", told


@pytest.mark.parametrize("kind", ["Rds", "PolarDB", "Redis", "RAMCredentials", "ECS"])
@pytest.mark.parametrize("old", [{"SecretRef": KMS}, "Tair-Passw0rd"])
@pytest.mark.parametrize("dry", [{"DryRun": True}, {}])
def test_a_managed_kms_secret_takes_no_writes_and_that_is_said_before_anything_is_changed(
    house: House, kind: str, old: Any, dry: dict[str, bool]
) -> None:
    command, place, platform, _, _ = KEPT[TAIR]
    hold(house, TAIR, MANAGED, type=kind)
    sent = command | {"OldAccountPassword": old, "Deliver": {"Store": place}} | dry
    returned = house.send(TAIR, sent, platform, "http")
    data = result(returned)
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Code"]) == (
        "not_changed",
        "forbidden",
        "ManagedSecret",
    )
    assert "a managed secret" in data["Error"]["Message"]
    assert returned.value["statusCode"] == 403
    assert called(house) == []


@pytest.mark.parametrize(
    "text", ["Passw0rd", "{Passw0rd}", '{"Passw0rd', "[1234567]", '"Passw0rd"', "12345678", "a b", "{" * 20_000, "null"]
)
def test_a_text_that_may_be_a_password_is_taken(text: str) -> None:
    assert check_password(Secret(text), "ssm://s").reveal() == text


def test_json_that_is_nested_beyond_reason_ends_in_no_traceback() -> None:
    assert check_password(Secret('{"a":' * 30_000), "ssm://s").reveal()
    assert AlternatingSecret.from_stored(Secret("[" * 30_000)) is None


def test_the_reason_never_shows_the_value() -> None:
    for text in ("Passw0rd-Canary\n", '{"a": "Passw0rd-Canary"}'):
        with pytest.raises(Refused) as caught:
            check_password(Secret(text), parse_ref(ROOT).place)
        assert "Canary" not in repr(caught.value) + str(caught.value.__context__)
