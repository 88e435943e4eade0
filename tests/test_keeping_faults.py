"""What the campaign of stored changes has found: broken steps around the store, each of which must mend itself."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests import shapes
from tests.campaign.operations import KEPT_TARGETS, Target
from tests.conftest import House, outcome, result
from tests.stores import held, ssm

_PROMOTES = {"kept account": "UpdateSecret", "kept password": "UpdateSecret", "kept tair": "UpdateSecretVersionStage"}


def send(house: House, target: Target, command_id: str = "c-1", *, name: str = "first", timeout_s: float = 20.0) -> Any:
    command = target.command(target.old, "-") | {"CommandId": command_id}
    return house.send(target.function, command, target.platform, "queue", name=name, timeout_s=timeout_s)


def follow(house: House, target: Target, *, age: timedelta = timedelta()) -> Any:
    """Give the newest handed-on command to follow_change, as if its change had begun so long ago."""
    handed = house.commands()[-1]
    started = datetime.now(timezone.utc) - age
    handed["data"]["StartedAt"] = started.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    event = shapes.event(json.dumps(handed), target.platform, "queue")
    return house.deliver("follow_change", event, target.platform, timeout_s=20.0)


@pytest.mark.parametrize("old_equals_new", ["accept", "refuse"])
def test_a_promotion_that_died_half_way_is_ended_by_the_next_delivery(house: House, old_equals_new: str) -> None:
    """SSM has no stages: the current value is overwritten first, and is then no old secret to send."""
    house.cloud.reset(old_equals_new=old_equals_new)
    target = KEPT_TARGETS["kept password"]
    name, new = target.place[6:], "Made-Passw0rd-1"
    ssm(house.cloud, "PutSecretValue", SecretName=name, VersionId="c-1", SecretString=new)
    plain = {"InstanceId": target.resource, "OldPassword": target.old, "Password": new}
    assert outcome(house.send(target.function, plain)) == "changed"
    ssm(house.cloud, "UpdateSecret", SecretName=name, VersionId="v1", SecretString=new)
    data = result(send(house, target))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("already_changed", "current"), data
    after = held(house.cloud, target.place)
    assert (after.current, after.pending) == (new, {})
    assert outcome(send(house, target, "c-2", name="next")) == "changed"


@pytest.mark.parametrize("name", ["kept account", "kept password", "kept tair"])
def test_a_write_whose_answers_were_lost_leaves_nothing_pending(house: House, name: str) -> None:
    target = KEPT_TARGETS[name]
    before = held(house.cloud, target.place)
    house.cloud.faults([{"Action": "PutSecretValue", "Fault": "drop_after", "Times": 99}])
    data = result(send(house, target))
    assert (data["Outcome"], data["Stored"]) == ("not_changed", None), data
    assert held(house.cloud, target.place) == before


@pytest.mark.parametrize("name", list(_PROMOTES))
def test_a_promotion_by_keys_that_ran_out_is_followed(house: House, name: str) -> None:
    target = KEPT_TARGETS[name]
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": _PROMOTES[name], "Fault": "expire_token"}])
    assert result(send(house, target))["Outcome"] == "pending"
    data = result(follow(house, target))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("changed", "current"), data


@pytest.mark.long
@pytest.mark.parametrize("name", list(_PROMOTES))
def test_a_follower_whose_keys_ran_out_hands_the_promotion_on(house: House, name: str) -> None:
    target = KEPT_TARGETS[name]
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": _PROMOTES[name], "Fault": "throttle", "Times": 99}])
    assert result(send(house, target))["Outcome"] == "pending"
    house.cloud.clear()
    house.cloud.faults([{"Action": _PROMOTES[name], "Fault": "expire_token"}])
    data = result(follow(house, target))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("changed", "current"), data


@pytest.mark.long
def test_a_promotion_that_was_never_taken_is_not_called_a_task(house: House) -> None:
    target = KEPT_TARGETS["kept account"]
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": "UpdateSecret", "Fault": "throttle", "Times": 999}])
    assert result(send(house, target))["Outcome"] == "pending"
    data = result(follow(house, target, age=timedelta(minutes=31)))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("unknown", "pending"), data
    assert data["Error"]["Code"] != "TaskNotEnded"
    assert "the change is in force" in data["Error"]["Message"]


@pytest.mark.long
def test_a_failed_task_whose_version_could_not_be_discarded_is_not_called_running(house: House) -> None:
    target = KEPT_TARGETS["kept account"]
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.reset(task_s=2.0)
    house.cloud.faults([{"Action": target.action, "Fault": "fail_task"}])
    house.cloud.faults([{"Action": "DeleteSecretVersion", "Fault": "throttle", "Times": 999}])
    assert result(send(house, target))["Outcome"] == "pending"
    assert follow(house, target).value["Results"] == []
    data = result(follow(house, target, age=timedelta(minutes=31)))
    assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "TaskFailed"), data


@pytest.mark.parametrize("name", ["kept account", "kept password"])
def test_a_failed_delivery_does_not_take_away_the_secret_that_another_is_putting_in_force(
    house: House, name: str
) -> None:
    """One task fails while another, with the same version, is at work: nobody would know the secret then."""
    target = KEPT_TARGETS[name]
    house.cloud.reset(task_s=2.0)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": target.action, "Fault": "fail_task"}])
    assert result(send(house, target))["Outcome"] == "pending"
    assert result(send(house, target, name="again"))["Outcome"] == "pending"
    handed = house.commands()
    assert len(handed) == 2
    for one in handed:
        event = shapes.event(json.dumps(one), target.platform, "queue")
        house.deliver("follow_change", event, target.platform, timeout_s=20.0)
    kept = held(house.cloud, target.place)
    assert any(target.holds(house.cloud, value) for value in (kept.current, *kept.pending.values()))
