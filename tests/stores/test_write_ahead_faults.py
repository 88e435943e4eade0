"""What the campaign of stored changes has found: broken steps around the store, each of which must mend itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.campaign.operations import KEPT_TARGETS, Target
from tests.conftest import HANDOFF_KEY, House, outcome, result
from tests.support import platform_events
from tests.support.store_contents import store_contents

_PROMOTES = {"kept account": "UpdateSecret", "kept password": "UpdateSecret", "kept tair": "UpdateSecretVersionStage"}


def send(house: House, target: Target, command_id: str = "c-1", *, name: str = "first", timeout_s: float = 20.0) -> Any:
    command = target.command(target.old, "-") | {"CommandId": command_id}
    return house.send(target.function, command, target.platform, "queue", name=name, timeout_s=timeout_s)


def follow(house: House, target: Target, **changes: Any) -> Any:
    """Give the newest handed-on command to follow_change, with these of its data changed, as keyturn would sign it."""
    handed = house.commands()[-1]
    handed = platform_events.signed(handed | {"data": handed["data"] | changes}, HANDOFF_KEY)
    event = platform_events.event(json.dumps(handed), target.platform, "queue")
    return house.deliver("follow_change", event, target.platform, timeout_s=20.0)


@pytest.mark.parametrize("old_equals_new", ["accept", "refuse"])
@pytest.mark.parametrize("name", ["kept account", "kept password"])
def test_a_promotion_that_died_half_way_is_ended_by_the_next_delivery(
    house: House, name: str, old_equals_new: str
) -> None:
    """SSM has no stages: the current value is overwritten first, and is then no old secret to send."""
    house.cloud.reset(old_equals_new=old_equals_new)
    target = KEPT_TARGETS[name]
    house.cloud.faults([{"Action": "UpdateSecret", "Fault": "drop_after", "Times": 99}])
    assert outcome(send(house, target, timeout_s=9.0)) == "unknown"
    house.cloud.clear_faults()
    left = store_contents(house.cloud, target.place)
    assert left.pending == {}, "it was overwritten, and no answer said so"
    data = result(send(house, target, name="again"))
    # Where nothing tells whether the secret is in force still, it says so.
    refuses = old_equals_new == "refuse" and name == "kept password"
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("unknown" if refuses else "already_changed", "current"), data
    assert store_contents(house.cloud, target.place) == left
    house.cloud.advance(2.0)
    assert outcome(send(house, target, "c-2", name="next")) == "changed"
    assert target.holds(house.cloud, store_contents(house.cloud, target.place).current)


@pytest.mark.parametrize("name", ["kept account", "kept password", "kept tair"])
def test_a_write_whose_answers_were_lost_is_no_change_and_is_found_again(house: House, name: str) -> None:
    target = KEPT_TARGETS[name]
    before = store_contents(house.cloud, target.place)
    house.cloud.faults([{"Action": "PutSecretValue", "Fault": "drop_after", "Times": 99}])
    data = result(send(house, target))
    assert (data["Outcome"], data["Stored"]) == ("not_changed", None), data
    left = store_contents(house.cloud, target.place)
    assert (left.current, left.users) == (before.current, before.users)
    assert target.action not in [call["Action"] for call in house.cloud.calls()]
    house.cloud.clear_faults()
    assert outcome(send(house, target, name="again")) == "changed"
    after = store_contents(house.cloud, target.place)
    assert (after.ours, after.current) == (left.ours, *left.ours.values())


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
    house.cloud.clear_faults()
    house.cloud.faults([{"Action": _PROMOTES[name], "Fault": "expire_token"}])
    data = result(follow(house, target))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("changed", "current"), data


@pytest.mark.long
def test_a_promotion_that_was_never_taken_is_not_called_a_task(house: House) -> None:
    target = KEPT_TARGETS["kept account"]
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": "UpdateSecret", "Fault": "throttle", "Times": 999}])
    assert result(send(house, target))["Outcome"] == "pending"
    house.cloud.advance(31 * 60.0)
    data = result(follow(house, target))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("unknown", "pending"), data
    assert data["Error"]["Code"] != "TaskNotEnded"
    assert "the change is in force" in data["Error"]["Message"]


@pytest.mark.parametrize("name", ["kept account", "kept password"])
def test_a_failed_task_leaves_its_version_for_the_next_delivery(house: House, name: str) -> None:
    target = KEPT_TARGETS[name]
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.reset(task_s=2.0)
    house.cloud.faults([{"Action": target.action, "Fault": "fail_task"}])
    assert result(send(house, target))["Outcome"] == "pending"
    data = result(follow(house, target))
    assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "TaskFailed"), data
    left = store_contents(house.cloud, target.place)
    assert list(left.pending) == [data["Stored"]["Version"]]
    assert result(send(house, target, name="again"))["Outcome"] in ("changed", "pending")
    assert set(store_contents(house.cloud, target.place).ours) == set(left.ours)


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
    ended = []
    for one in handed:
        event = platform_events.event(json.dumps(one), target.platform, "queue")
        ended.append(outcome(house.deliver("follow_change", event, target.platform, timeout_s=20.0)))
    assert ended == ["not_changed", "changed"]
    kept = store_contents(house.cloud, target.place)
    assert target.holds(house.cloud, kept.current)


@pytest.mark.parametrize("name", ["kept account", "kept password"])
def test_a_redelivery_s_failed_task_says_nothing_of_the_first_delivery_s_lost_call(house: House, name: str) -> None:
    """DESIGN 4: `not_changed` also speaks for what this delivery can see of its change's earlier ones."""
    target = KEPT_TARGETS[name]
    house.cloud.reset(task_s=2.0)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": target.action, "Fault": "drop_before", "Times": 3}])
    assert outcome(send(house, target, timeout_s=12.0)) == "pending"
    house.cloud.clear_faults()
    house.cloud.faults([{"Action": target.action, "Fault": "fail_task"}])
    assert outcome(send(house, target, name="again")) == "pending"
    data = result(follow(house, target))
    assert data["Outcome"] == "unknown", data


@pytest.mark.parametrize("name", ["kept account", "kept password"])
def test_a_failed_task_of_a_repeat_says_nothing_of_the_call_before_it(house: House, name: str) -> None:
    """The first call's answer is lost, the repeat's task outlives the invocation and fails: the first may come yet."""
    target = KEPT_TARGETS[name]
    house.cloud.reset(task_s=2.5)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": target.action, "Fault": "drop_before"}])
    house.cloud.faults([{"Action": target.action, "Fault": "fail_task"}])
    assert outcome(send(house, target)) == "pending"
    returned = follow(house, target)
    assert [event["data"]["Outcome"] for event in returned.value["Results"]] in ([], ["unknown"]), returned.value
