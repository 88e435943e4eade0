"""Whose change it is: versions, command ids and stores that look like those of another change prove nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support.commands import ACTION, change_calls
from tests.support.public_keys import rsa_jwk
from tests.support.store_contents import store_contents
from tests.support.stored_commands import (
    APP,
    FENCED,
    KEPT,
    KMS,
    MADE,
    ROBOT,
    ROOT,
    send,
    stored_command,
)

LIVE = {ROBOT: "Robot-Passw0rd1", KMS: "Tair-Passw0rd", APP: "App-Passw0rd", ROOT: "Old-Passw0rd"}


@pytest.mark.parametrize("way", ["reply", "seal", "dry run"])
@pytest.mark.parametrize(("function", "place"), [(ACCOUNT, ROBOT), (ACCOUNT, APP), (TAIR, KMS)])
def test_a_users_version_named_as_the_command_is_no_earlier_delivery(
    house: House, function: str, place: str, way: str
) -> None:
    house.settings["KEYTURN_REPLY"] = "on"
    before = store_contents(house.cloud, place)
    command = KEPT[function][0] | {"CommandId": "v1"}
    command |= {"InstanceId": "crs-none"} if function == ACCOUNT else {"InstanceId": "r-none"}
    extra: dict[str, dict[str, Any]] = {"reply": {"Reply": True}, "seal": {"Seal": rsa_jwk()}}
    command["Deliver"] = {"Store": place} | extra.get(way, {})
    command |= {"DryRun": True} if way == "dry run" else {}
    returned = send(house, function, command, "queue" if way == "seal" else "http")
    data = result(returned)
    assert data["Outcome"] in ("not_changed", "unknown"), data
    assert not data["Sealed"]
    assert LIVE[place] not in json.dumps(returned.value)
    assert LIVE[place] not in json.dumps(house.results())
    after = store_contents(house.cloud, place)
    assert (after.current, after.users) == (before.current, before.users)


@pytest.mark.parametrize("in_one_list", [True, False])
def test_one_command_id_for_two_credentials_is_two_changes(house: House, in_one_list: bool) -> None:
    house.settings["KEYTURN_REPLY"] = "on"
    first = stored_command(ACCOUNT, Deliver={"Reply": True})
    second = first | {"AccountName": "root"}
    if in_one_list:
        body = house.send(ACCOUNT, [first, second]).body
        ended = [event["data"] for event in body["Results"]]
        passwords = body.get("Passwords", [None, None])
    else:
        replies = [send(house, ACCOUNT, one, "http") for one in (first, second)]
        ended = [result(one) for one in replies]
        passwords = [one.body.get("Password") for one in replies]
    assert [one["Outcome"] for one in ended] == ["changed", "not_changed"], ended
    assert (ended[1]["Error"]["Class"], ended[1]["Error"]["Code"]) == ("forbidden", "StoreOfAnother")
    assert passwords[1] is None
    assert house.accepts("crs-demo0001", "app", store_contents(house.cloud, APP).current)
    assert house.accepts("crs-demo0001", "root", "Old-Passw0rd")


def test_one_command_id_for_two_operations_on_one_account_is_two_changes(house: House) -> None:
    by_account = stored_command(ACCOUNT) | {"AccountName": "root", "Deliver": {"Store": ROOT}}
    assert outcome(send(house, ACCOUNT, by_account)) == "changed"
    house.cloud.advance(2.0)
    data = result(send(house, PASSWORD, stored_command(PASSWORD)))
    assert data["Outcome"] == "changed", data
    after = store_contents(house.cloud, ROOT)
    assert len(after.ours) == 2
    assert house.accepts("crs-demo0001", "root", after.current)


@pytest.mark.parametrize(
    ("function", "other"),
    [(ACCOUNT, {"Remark": "more"}), (ACCOUNT, {"Privilege": "r"}), (ACCOUNT, {"ReadonlyPolicy": ["master"]})],
)
def test_one_command_id_with_other_parameters_is_refused(house: House, function: str, other: dict[str, Any]) -> None:
    assert outcome(send(house, function, stored_command(function))) == "changed"
    before, made = store_contents(house.cloud, KEPT[function][1]), len(change_calls(house))
    data = result(send(house, function, stored_command(function) | other))
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Code"]) == (
        "not_changed",
        "invalid_command",
        "CommandIdUsed",
    )
    assert store_contents(house.cloud, KEPT[function][1]) == before
    assert len([one for one in change_calls(house)[made:] if one.startswith("Mod")]) == 0


@pytest.mark.parametrize("first_random", [True, False])
def test_a_secret_that_was_never_set_is_not_made_current_by_a_random_command_of_its_id(
    house: House, first_random: bool
) -> None:
    base = {"RegistryId": "tcr-demo0001", "Name": "robot", "CommandId": "c-1", "Deliver": {"Store": ROBOT}}
    made = base | {"Random": False, "Password": MADE}
    random = base | {"Random": True}
    house.cloud.faults([{"Action": ACTION[REGISTRY], "Fault": "drop_before", "Times": 3}])
    assert outcome(send(house, REGISTRY, random if first_random else made)) == "unknown"
    data = result(send(house, REGISTRY, made if first_random else random))
    current = store_contents(house.cloud, ROBOT).current
    assert house.accepts("tcr-demo0001", "robot", current), data
    assert (data["Outcome"] in ("changed", "already_changed")) == (current != "Robot-Passw0rd1")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (stored_command(REGISTRY), (ACCOUNT, stored_command(ACCOUNT) | {"Deliver": {"Store": ROBOT}})),
        (stored_command(REGISTRY), (PASSWORD, stored_command(PASSWORD) | {"Deliver": {"Store": ROBOT}})),
    ],
    ids=["account", "password"],
)
def test_a_store_of_another_credential_is_refused_before_any_call_and_may_change_hands(
    house: House, first: dict[str, Any], second: tuple[str, dict[str, Any]]
) -> None:
    assert outcome(send(house, REGISTRY, first)) == "changed"
    before, made = store_contents(house.cloud, ROBOT), len(change_calls(house))
    function, command = second
    data = result(send(house, function, command))
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Code"]) == (
        "not_changed",
        "forbidden",
        "StoreOfAnother",
    )
    assert store_contents(house.cloud, ROBOT) == before
    assert not [one for one in change_calls(house)[made:] if one.startswith(("Mod", "Put", "Update", "Delete"))]
    if function == ACCOUNT:
        house.cloud.advance(2.0)
        adopted = command | {"CommandId": "c-2", "Deliver": {"Store": ROBOT, "Adopt": True}}
        data = result(send(house, ACCOUNT, adopted))
        assert data["Outcome"] == "changed", data
        after = store_contents(house.cloud, ROBOT)
        assert house.accepts("crs-demo0001", "app", after.current)
        assert before.current in after.versions.values()


def test_a_store_with_a_pending_secret_does_not_change_hands(house: House) -> None:
    house.cloud.faults([{"Action": ACTION[REGISTRY], "Fault": "drop_before", "Times": 3}])
    assert outcome(send(house, REGISTRY, stored_command(REGISTRY))) == "unknown"
    command = stored_command(ACCOUNT, "c-2") | {"Deliver": {"Store": ROBOT, "Adopt": True}}
    data = result(send(house, ACCOUNT, command))
    assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "StoreOfAnother")


@pytest.mark.parametrize("place", [APP, ROOT])
def test_a_users_value_is_kept_before_it_is_overwritten(house: House, place: str) -> None:
    function = ACCOUNT if place == APP else PASSWORD
    assert outcome(send(house, function, stored_command(function))) == "changed"
    after = store_contents(house.cloud, place)
    beside = {id_: value for id_, value in after.versions.items() if id_.startswith("kt-before-")}
    assert list(beside.values()) == [LIVE[place]]


@pytest.mark.parametrize("login", [True, False])
@pytest.mark.parametrize("function", KEPT)
def test_a_redelivery_after_a_change_by_hand_does_not_say_that_its_secret_is_in_force(
    house: House, function: str, login: bool
) -> None:
    assert outcome(send(house, function, stored_command(function))) == "changed"
    house.cloud.advance(3600.0)
    _, _, _, resource, account = KEPT[function]
    service = {ACCOUNT: "redis", PASSWORD: "redis", REGISTRY: "tcr", TAIR: "tair"}[function]
    house.cloud.change_by_hand(service, resource, account, "By-Hand-Passw0rd1")
    house.settings["KEYTURN_REPLY"] = "on"
    again = stored_command(function, Login=login, Deliver={"Reply": True})
    returned = send(house, function, again, "http", name="again")
    data = result(returned)
    logins = [line for line in data["Evidence"] if line.startswith("login with the new secret")]
    assert bool(logins) == login
    if login:
        # Proven otherwise: the earlier delivery's calls are long over.
        assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "Superseded"), data
        assert returned.body.get("Password") is None
    elif function in FENCED:
        assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "Superseded"), data
    else:
        assert data["Outcome"] == "already_changed"
        assert returned.body.get("Password") is None
        assert "earlier delivery; not looked at since" in data["Evidence"]
    assert house.accepts(resource, account, "By-Hand-Passw0rd1")


@pytest.mark.parametrize("function", KEPT)
def test_nothing_that_is_read_back_leaves_in_a_dry_run(house: House, function: str) -> None:
    assert outcome(send(house, function, stored_command(function))) == "changed"
    secret = store_contents(house.cloud, KEPT[function][1]).current
    house.settings["KEYTURN_REPLY"] = "on"
    for command_id in ("c-1", "c-2"):
        dry = stored_command(function, command_id, DryRun=True, Deliver={"Reply": True})
        returned = send(house, function, dry, "http")
        assert outcome(returned) in ("would_change", "not_changed")
        assert secret not in json.dumps(returned.value)
        assert "Password" not in returned.body
