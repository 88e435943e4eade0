"""Strange events that the search of test_fuzz_events found, each as its shortest form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud.functions.platform_names import FC, SCF
from tests.conftest import ACCOUNT, REGISTRY
from tests.handlers.event_check import EventCheck
from tests.handlers.event_trees import FOLLOW, FUNCTIONS, PLAN
from tests.support import platform_events

_SECRET = "Aa1bcdE?/&+x=<>%fgh"


@pytest.mark.parametrize(
    "resources",
    [
        {"Tags": {_SECRET: 1}},
        {"Tags": {_SECRET * 9: "x"}},
        {"Tags": {_SECRET: {_SECRET: _SECRET}}},
        {"Tags": {"a": "b"}, _SECRET: {_SECRET: 1}},
    ],
)
def test_a_key_inside_a_field_is_not_named(checked: EventCheck, resources: dict[str, Any]) -> None:
    policy = {"Policy": "p", "Function": ACCOUNT, "Resources": resources, "Accounts": ["app"], "MaxAgeDays": 9}
    checked.deliver_event(PLAN, platform_events.event(policy, SCF, "http"), SCF, [_SECRET])


@pytest.mark.parametrize(("wrappings", "is_call"), [(0, True), (2, True), (3, False)])
def test_a_call_that_is_wrapped_too_often_is_a_message_that_is_refused(
    checked: EventCheck, wrappings: int, is_call: bool
) -> None:
    event: Any = {"httpMethod": "POST", "path": "/", "headers": {}, "queryString": {}, "body": "{}"}
    for _ in range(wrappings + 1):
        event = json.dumps(event)
    value = checked.deliver_event(ACCOUNT, event.encode(), FC, [])
    assert value is not None and ("statusCode" in value) == is_call


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "name", ["CorrectHorse2", "correct-horse", "correct horse", "CorrectHorseBatteryStapleOnceMore"]
)
def test_an_unknown_field_that_does_not_read_as_a_name_is_not_named(
    checked: EventCheck, function: str, name: str
) -> None:
    for command in ({"InstanceId": "crs-demo0001", "Policy": "p", "TaskId": 1, name: "x"}, {"Deliver": {name: 1}}):
        value = checked.deliver_event(function, platform_events.event(command, SCF, "http"), SCF, [name])
        assert value is not None and value["statusCode"] == 400


def test_an_unknown_field_that_reads_as_a_name_is_named(checked: EventCheck) -> None:
    for name in ("AcountName", "Acount", "OldPassword", "Instanceid", "Foo"):
        command = {"InstanceId": "crs-demo0001", "AccountName": "app", name: "x"}
        value = checked.deliver_event(ACCOUNT, platform_events.event(command, SCF, "http"), SCF, [])
        assert value is not None and f"{name}: is not a field" in value["body"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_type_that_is_left_alone_is_logged_only_where_it_is_ours(checked: EventCheck, function: str) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": f"keyturn.{_SECRET}", "data": {}}
    checked.deliver_event(function, platform_events.event(event, SCF, "queue"), SCF, [_SECRET])


def test_each_command_in_an_events_data_has_its_result_in_the_reply(checked: EventCheck) -> None:
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Region": "ap-guangzhou"}
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "desk.order", "data": [command, command]}
    value = checked.deliver_event(REGISTRY, platform_events.event(event, FC, "http"), FC, [])
    assert value is not None
    reply = json.loads(value["body"])
    assert [one["data"]["Outcome"] for one in reply["Results"]] == ["changed", "changed"]
    assert checked.house.accepts("tcr-demo0001", "robot", reply["Passwords"][1])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_caller_who_waits_is_told_that_an_event_is_for_another_function(checked: EventCheck, function: str) -> None:
    other = FOLLOW if function == PLAN else PLAN
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": f"keyturn.command.{other}", "data": {}}
    value = checked.deliver_event(function, platform_events.event(event, SCF, "http"), SCF, [])
    assert value is not None and value["statusCode"] == 400


def test_what_the_runtime_could_just_parse_is_answered(checked: EventCheck) -> None:
    for event in _nested_as_deeply_as_can_be():
        checked.deliver_event(ACCOUNT, event, SCF, [])


def _nested_as_deeply_as_can_be() -> Iterator[dict[str, Any]]:
    def nested(depth: int) -> Any:
        return json.loads("[" * depth + "]" * depth)

    deepest = 100
    while True:
        try:
            nested(deepest + 1)
        except RecursionError:
            break
        deepest += 1
    for depth in range(deepest - 12, deepest + 1, 4):
        deep = nested(depth)
        yield {"Type": "Timer", "TriggerName": deep, "Time": deep, "Message": "{}"}
        yield {"triggerName": "t", "triggerTime": "t", "payload": deep}
        yield {"requestContext": {"condition": deep}, "requestPayload": "{}"}
        yield {"httpMethod": deep, "headers": deep, "body": deep, "isBase64Encoded": deep}
        yield {"specversion": "1.0", "id": deep, "source": "s", "type": "t", "attempt": deep, "data": deep}
        yield {"Records": [{"Ckafka": {"topic": deep, "partition": deep, "offset": deep, "msgBody": deep}}]}
