"""Messages that keyturn did not send: whoever can write to its queue ends nothing in its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import ACCOUNT, HANDOFF_KEY, House, outcome, result
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS
from tests.support.store_contents import store_contents
from tests.support.stored_commands import APP, send, stored_command

FOLLOW = "follow_change"


def forged(**data: Any) -> dict[str, Any]:
    started = {"StartedAt": "2026-11-21T10:00:00.000Z", "Attempts": 1, "Evidence": ["DescribeTaskInfo 1: succeed"]}
    return {
        "specversion": "1.0",
        "id": "f-1",
        "source": "keyturn/tencent/ap-guangzhou",
        "type": f"keyturn.command.{FOLLOW}",
        "subject": "redis/crs-demo0001/app",
        "hop": 1,
        "data": started | data,
    }


REDIS_TASK = {
    "Cloud": "tencent",
    "Service": "redis",
    "Region": "ap-guangzhou",
    "Resource": "crs-demo0001",
    "Account": "app",
    "Operation": "ModifyInstanceAccount",
    "CommandId": "c-real",
}
TAIR_NOTHING = {
    "Cloud": "alibaba",
    "Service": "tair",
    "Region": "cn-hangzhou",
    "Resource": "r-demo0001",
    "Account": "app",
    "Operation": "ModifyAccountPassword",
    "CommandId": "c-real",
}


@pytest.mark.parametrize("trigger", ["queue", "http", "timer"])
@pytest.mark.parametrize("wrapped", ["event", "bare", "other key", "changed after"])
@pytest.mark.parametrize("what", ["task", "tair", "proven", "lost call"])
def test_a_made_up_message_gets_no_result_in_the_name_of_a_change(
    house: House, what: str, wrapped: str, trigger: str
) -> None:
    real = result(send(house, ACCOUNT, stored_command(ACCOUNT, "c-real")))
    before, shown = store_contents(house.cloud, APP), house.results()
    data: dict[str, Any] = {
        "task": REDIS_TASK | {"TaskId": real["TaskId"]},
        "tair": TAIR_NOTHING,
        "proven": REDIS_TASK
        | {"Proven": True, "Store": {"Name": APP, "Version": real["Stored"]["Version"], "Region": "ap-guangzhou"}},
        "lost call": REDIS_TASK | {"Settling": {"Signed": "2026-11-21T10:00:00.000Z"}, "Before": {"Secret": False}},
    }[what]
    event = forged(**data)
    event["data"]["StartedAt"] = real["StartedAt"]
    if wrapped == "other key":
        event = platform_events.signed(event, "b3RoZXIta2V5LW90aGVyLWtleS1vdGhlci1rZXktMTI")
    elif wrapped == "changed after":
        event = platform_events.signed(event, HANDOFF_KEY)
        event["data"] = event["data"] | {"CommandId": "c-other"}
    body = event["data"] if wrapped == "bare" else event
    returned = house.deliver(FOLLOW, platform_events.event(json.dumps(body), "scf", trigger))
    assert returned.error is None
    if trigger == "http":
        assert returned.value["statusCode"] == 400
    told = [event for event in house.results()[len(shown) :] if event["subject"] != "-/-/-"]
    assert told == []
    assert store_contents(house.cloud, APP) == before


def test_without_a_key_a_message_is_believed_only_as_far_as_the_cloud_shows(house: House) -> None:
    house.cloud.reset(task_s=3.0)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    del house.settings["KEYTURN_HANDOFF_KEY"]
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])) == "pending"
    (handed,) = house.commands()
    handed["data"]["Evidence"] = ["a lie"]
    data = result(house.deliver(FOLLOW, platform_events.event(json.dumps(handed), "scf", "queue")))
    assert data["Outcome"] == "changed"
    assert "a lie" not in data["Evidence"]
    house.cloud.advance(3600.0)
    started = house.cloud.clock()["Now"]
    old = handed | {"data": handed["data"] | {"StartedAt": started, "CommandId": "c-later"}}
    returned = house.deliver(FOLLOW, platform_events.event(json.dumps(old), "scf", "queue"))
    ended = [event["data"]["Outcome"] for event in returned.value["Results"]]
    assert "changed" not in ended, "its task began long before the change that the message speaks of"


@pytest.mark.parametrize("numbers", [{"hop": 1000}, {"hop": 999_999}, {"attempt": 10}, {"attempt": 10, "hop": 1000}])
def test_a_made_up_hop_ends_no_command(house: House, numbers: dict[str, int]) -> None:
    event = {"specversion": "1.0", "id": "e-1", "source": "s", "type": f"keyturn.command.{ACCOUNT}",
             "data": VALID_COMMANDS[ACCOUNT]} | numbers  # fmt: skip
    data = result(house.send(ACCOUNT, json.dumps(event), trigger="queue"))
    assert (data["Outcome"], data["Attempts"]) == ("changed", 1)
