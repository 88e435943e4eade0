"""What comes in and what leaves fits the schemas: committed events, replies, results and commands."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.triggers import read
from shared.workbench.bundle.operations import functions
from shared.workbench.schemas import commands
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, result
from tests.workbench.schema_checks import EVENTS, FOLLOW, PLAN, VALID, Validator, faults, files, of_response


def committed() -> list[tuple[str, Path]]:
    found = [(file.parent.name, file) for file in sorted(EVENTS.glob("*/*-*.json")) if file.parent.name != "schemas"]
    missing = set(functions()) - {function for function, _ in found}
    assert not missing, f"no event events/{min(missing)}/scf-queue.json"
    return found


@pytest.mark.parametrize(("function", "file"), committed(), ids=lambda one: getattr(one, "stem", one))
def test_the_command_in_each_committed_event_is_valid(function: str, file: Path) -> None:
    raw = file.read_bytes()
    model = commands.model(function)
    fields = {field.alias or name for name, field in model.model_fields.items()}
    event = json.loads(raw) if file.name.startswith("scf-") else raw
    messages = read(event, fields=fields, request_id="r-1").messages
    assert messages
    for message in messages:
        assert faults(f"{function}.command.json", message.data) == []
        assert isinstance(message.data, dict)
        assert faults(f"{function}.command.json", {**message.data, "Unheard": 1})
        assert faults(f"{function}.command.json", {**message.data, "CommandId": "no spaces"})
    for text in re.findall(r'"(?:msgBody|messageBody|Message)": ("(?:[^"\\]|\\.)*")', raw.decode()):
        inner = json.loads(json.loads(text))
        if "specversion" in inner:
            assert faults(f"{function}.event.json", inner) == []


REGION = {
    ACCOUNT: "ap-guangzhou",
    PASSWORD: "ap-guangzhou",
    REGISTRY: "ap-guangzhou",
    TAIR: "cn-hangzhou",
    PLAN: "ap-guangzhou",
}


def check_reply(function: str, returned: Any) -> int:
    """A reply fits the schema of replies, and what OpenAPI says of its status; the status is given back."""
    status: int = returned.value["statusCode"]
    assert faults("reply.json", returned.body) == []
    check, response = of_response(function, status)
    assert [one.message[:300] for one in check.iter_errors(returned.body)] == []
    document = json.loads(files()["openapi.json"])
    headers = returned.value["headers"]
    for name, shown in response["headers"].items():
        schema = document["components"]["headers"][shown["$ref"].rpartition("/")[2]]["schema"]
        assert name not in headers or Validator(schema).is_valid(headers[name])
    assert headers.keys() - {"Content-Type"} <= response["headers"].keys()
    return status


@pytest.mark.parametrize(
    ("function", "platform"), [(ACCOUNT, "scf"), (PASSWORD, "fc"), (REGISTRY, "scf"), (TAIR, "fc")]
)
def test_what_an_operation_answers_and_publishes_fits(house: House, function: str, platform: str) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_REPLY": "on"}
    good = {**VALID[function], "Region": REGION[function], "Actor": "desk", "Reason": "quarterly"}
    statuses = [check_reply(function, house.send(function, {**good, "DryRun": True}, platform))]
    statuses += [check_reply(function, house.send(function, good, platform))]
    statuses += [check_reply(function, house.send(function, {**good, "Site": "mars"}, platform))]
    statuses += [check_reply(function, house.send(function, [{**good, "DryRun": True}, {}], platform))]
    statuses += [check_reply(function, house.send(function, [{**good, "DryRun": True}], platform))]
    statuses += [
        check_reply(function, house.send(function, text, platform)) for text in ("", "[]", "3", "{", "[{},{}]")
    ]
    wrong = {"content-type": "text/plain"}
    statuses += [check_reply(function, house.send(function, good, platform, headers=wrong))]
    house.cloud.faults([{"Action": "*", "Fault": "throttle", "Times": 50}])
    statuses += [check_reply(function, house.send(function, good, platform, timeout_s=4.0))]
    house.cloud.clear_faults()
    house.settings["KEYTURN_ALLOW"] = "tencent/ssm/*/*/*"
    statuses += [check_reply(function, house.send(function, good, platform))]
    house.settings["KEYTURN_RATE"] = "many"
    statuses += [check_reply(function, house.send(function, good, platform))]
    assert {200, 207, 400, 403, 415, 500} <= set(statuses)
    assert {429, 503} & set(statuses)
    published = house.results()
    assert len(published) > 5
    for event in published:
        assert faults("result.json", event) == []
    for event in house.commands():
        assert faults(f"{event['type'].rpartition('.')[2]}.event.json", event) == []


def test_another_method_is_answered_as_openapi_says(house: House) -> None:
    event = json.loads((EVENTS / ACCOUNT / "scf-http.json").read_text())
    assert check_reply(ACCOUNT, house.deliver(ACCOUNT, {**event, "httpMethod": "PUT"})) == 405


def test_a_stored_secret_and_a_pending_task_fit(house: House) -> None:
    """The store, follow_change's message and what it publishes."""
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "hang_task", "Times": 1}])
    command = {**VALID[ACCOUNT], "Region": "ap-guangzhou"}
    returned = house.send(ACCOUNT, command, timeout_s=5.0)
    assert check_reply(ACCOUNT, returned) == 202
    (handed,) = house.commands()
    assert handed["type"] == "keyturn.command.follow_change"
    assert faults("follow_change.event.json", handed) == []
    assert faults("follow_change.command.json", handed["data"]) == []
    house.cloud.advance(31 * 60.0)
    assert house.send(FOLLOW, handed["data"], trigger="queue").value["Results"] == []  # not keyturn's own
    ended = house.send(FOLLOW, handed, trigger="queue")
    assert result(ended)["Outcome"] == "unknown"
    for event in house.results():
        assert faults("result.json", event) == []


def test_a_rotation_and_what_it_tells_fit(house: House) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    policy = {
        **VALID[PLAN],
        "Region": "ap-guangzhou",
        "MaxAgeDays": 0.00001,
        "Resources": {"Patterns": ["crs-demo0001"]},
    }
    for sent in (policy, {**policy, "Mode": "report"}):
        assert check_reply(PLAN, house.send(PLAN, sent)) == 202
    assert check_reply(PLAN, house.send(PLAN, [policy])) == 207
    assert check_reply(PLAN, house.send(PLAN, {**policy, "Store": None})) == 400
    reports = [event for event in house.results() if event["type"] == "keyturn.rotation.report"]
    assert len(reports) == 3
    for event in reports:
        assert faults("rotation-report.json", event) == []
        assert faults("result.json", event)
    for event in house.commands():
        assert faults(f"{event['type'].rpartition('.')[2]}.event.json", event) == []


def test_a_result_that_is_none_is_refused() -> None:
    document = json.loads(files()["openapi.json"])
    shown = document["paths"][f"/{ACCOUNT}"]["post"]["responses"]["200"]["content"]["application/json"]["examples"]
    event = shown["changed"]["value"]["Result"]
    assert faults("result.json", event) == []
    broken: list[Callable[[Any], Any]] = [
        lambda one: one.update(type="keyturn.credential.pending"),
        lambda one: one.update(id="A" * 32),
        lambda one: one.update(subject="redis/crs-demo0001"),
        lambda one: one.update(source="keyturn/aws/eu-1"),
        lambda one: one.update(time="yesterday"),
        lambda one: one.update(specversion="0.3"),
        lambda one: one.pop("subject"),
        lambda one: one["data"].pop("Evidence"),
        lambda one: one["data"].update(Evidence=["x"] * 41),
        lambda one: one["data"].update(Evidence=["x" * 201]),
        lambda one: one["data"].update(Outcome="maybe"),
        lambda one: one["data"].update(Attempts=0),
        lambda one: one["data"].update(TaskId="7"),
        lambda one: one["data"].update(Error={"Class": "bad", "Code": None, "Message": "", "Retryable": False}),
        lambda one: one["data"].update(Stored={"Name": "ssm://x", "Version": "v", "Stage": "resolved?"}),
    ]
    for breaks in broken:
        made = copy.deepcopy(event)
        breaks(made)
        assert faults("result.json", made), made
