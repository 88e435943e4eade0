"""A secret for the caller of `make call`: sealed on its way, shown as a reply would have shown it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.runtime.secret import Secret
from shared.stores.sealing import seal
from shared.workbench.deploy.sealed_call import SealedCall
from tests.conftest import REGISTRY, House
from tests.support.public_keys import rsa_jwk

ROBOT = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True}
MADE = {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": {"Generate": {}}}
SUBJECT = "tcr/tcr-demo0001/robot"


def sent(command: Any) -> Any:
    return json.loads(SealedCall(json.dumps(command).encode(), seals=True).body)


def event(sealed: str | None, command_id: str = "c-1") -> dict[str, Any]:
    return {"subject": SUBJECT, "data": {"CommandId": command_id, "Sealed": sealed}}


def sealed_for(call: SealedCall, value: str, subject: str = SUBJECT) -> str:
    command = json.loads(call.body)
    first = command[0] if isinstance(command, list) else command
    return seal(first["Deliver"]["Seal"], command_id="c-1", subject=subject, secret=Secret(value))


@pytest.mark.parametrize(
    "command", [ROBOT, MADE, {**ROBOT, "Deliver": {"Reply": True}}, {**MADE, "Deliver": {"Reply": True}}]
)
def test_a_command_that_would_be_replied_asks_for_a_seal(command: dict[str, Any]) -> None:
    asked = sent(command)
    assert asked["Deliver"].keys() == {"Seal"}
    assert "d" not in asked["Deliver"]["Seal"]
    assert asked | {"Deliver": None} == command | {"Deliver": None}


def test_what_else_is_asked_for_stays() -> None:
    kept = sent({**MADE, "Deliver": {"Store": "ssm://a", "Adopt": True, "Reply": True}})["Deliver"]
    assert kept.keys() == {"Store", "Adopt", "Seal"}


@pytest.mark.parametrize(
    "command",
    [
        {**ROBOT, "Random": False, "Password": "NewPass123"},
        {**ROBOT, "Deliver": {"Store": "ssm://a"}},
        {**ROBOT, "Deliver": {"Seal": rsa_jwk(), "Reply": True}},
        {**ROBOT, "Deliver": "Reply"},
        {"specversion": "1.0", "type": "keyturn.command.x"},
        ["x", 1],
    ],
)
def test_a_command_with_another_way_to_its_caller_or_none_goes_as_it_is(command: Any) -> None:
    body = json.dumps(command, indent=3).encode()
    assert SealedCall(body, seals=True).body == body
    assert SealedCall(b"{no json", seals=True).body == b"{no json"


def test_each_command_of_a_list_and_of_an_event_is_sealed() -> None:
    envelope = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": [ROBOT, MADE]}
    assert all(one["Deliver"].keys() == {"Seal"} for one in sent(envelope)["data"])
    mixed = sent([ROBOT, {**MADE, "AccountPassword": "New-Passw0rd1"}])
    assert ["Deliver" in one for one in mixed] == [True, False]


def test_the_sealed_secret_is_shown_as_a_reply_would_show_it() -> None:
    call = SealedCall(json.dumps(ROBOT).encode(), seals=True)
    shown = json.loads(call.shown(json.dumps({"Result": event(sealed_for(call, "Made-Passw0rd")), "Delivered": True})))
    assert shown["Password"] == "Made-Passw0rd"
    many = SealedCall(json.dumps([ROBOT, ROBOT]).encode(), seals=True)
    results = {"Results": [event(None), event(sealed_for(many, "Made-Passw0rd"))], "Delivered": True}
    assert json.loads(many.shown(json.dumps(results)))["Passwords"] == [None, "Made-Passw0rd"]


@pytest.mark.parametrize("subject", ["tcr/tcr-demo0001/other", "-"])
def test_a_secret_of_another_change_is_not_shown(subject: str) -> None:
    call = SealedCall(json.dumps(ROBOT).encode(), seals=True)
    answer = {"Result": event(sealed_for(call, "Made-Passw0rd", subject)), "Delivered": True}
    assert "Password" not in json.loads(call.shown(json.dumps(answer)))


def test_what_is_sealed_to_another_key_and_what_is_no_reply_is_shown_as_it_came() -> None:
    call = SealedCall(json.dumps(ROBOT).encode(), seals=True)
    other = seal(rsa_jwk(), command_id="c-1", subject=SUBJECT, secret=Secret("Made-Passw0rd"))
    assert "Password" not in call.shown(json.dumps({"Result": event(other)}))
    for text in ("<html>", "[]", '"x"', "{}", '{"Result": 1}', '{"Results": [1, {}]}'):
        assert "Password" not in call.shown(text)


@pytest.mark.parametrize(("code", "names"), [("SealKeyForbidden", "KEYTURN_SEAL_KEYS"), ("ReplyOff", "seals: true")])
def test_where_the_secret_has_no_way_to_the_caller_it_is_said_what_to_do(code: str, names: str) -> None:
    refused = json.dumps({"Result": {"data": {"Error": {"Class": "forbidden", "Code": code}}}})
    call = SealedCall(json.dumps(ROBOT).encode(), seals=code == "SealKeyForbidden")
    assert names in call.advice(refused) and "Deliver.Store" in call.advice(refused)
    assert call.advice("{}") == ""


def test_a_function_that_cannot_seal_is_asked_for_a_reply() -> None:
    body = json.dumps(ROBOT).encode()
    assert SealedCall(body, seals=False).body == body


@pytest.mark.parametrize("many", [False, True])
def test_on_scf_a_call_shows_the_password_in_force_and_no_one_else_sees_it(house: House, many: bool) -> None:
    command = ROBOT | {"Region": "ap-guangzhou"}
    call = SealedCall(json.dumps([command, command] if many else command).encode(), seals=True)
    returned = house.send(REGISTRY, json.loads(call.body))
    shown = json.loads(call.shown(returned.value["body"]))
    password = shown["Passwords"][1] if many else shown["Password"]
    assert house.accepts("tcr-demo0001", "robot", password)
    assert password not in json.dumps(returned.value) + json.dumps(house.results())


def test_a_function_with_keys_of_its_own_refuses_the_call_s_key_before_any_call(house: House) -> None:
    house.settings["KEYTURN_SEAL_KEYS"] = "A" * 43
    call = SealedCall(json.dumps(ROBOT | {"Region": "ap-guangzhou"}).encode(), seals=True)
    returned = house.send(REGISTRY, json.loads(call.body))
    assert returned.value["statusCode"] == 403
    assert "KEYTURN_SEAL_KEYS" in call.advice(returned.value["body"])
    assert house.cloud.calls() == []
