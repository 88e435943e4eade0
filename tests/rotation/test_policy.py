"""Which policies are refused, and that what is sent for one is a command of its operation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions import load_operation
from shared.commands.parsing import parse_command, parse_model
from shared.handlers.rotation import policy_for, spelling_of
from shared.results.event_types import RotationCounts
from shared.rotation.policy import PlanRotation
from shared.workbench.bundle.operations import operations
from tests.conftest import PASSWORD, REGISTRY, TAIR, House
from tests.rotation.fleet_world import PLAN, REDIS, fire, reports


@pytest.fixture
def house(fleet_house: House) -> House:
    return fleet_house


def test_a_policy_may_be_asked_for_over_http(house: House) -> None:
    returned = house.send(PLAN, REDIS | {"Mode": "report", "CommandId": "by-hand"})
    assert (returned.value["statusCode"], returned.body["Delivered"]) == (202, True)
    (page,) = reports(house)
    assert page["Firing"] == "by-hand"
    assert returned.body["Rotation"] == {name: page[name] for name in RotationCounts.__annotations__}
    assert returned.body["Rotation"]["Listed"] > returned.body["Rotation"]["Sent"] == 0
    assert returned.body["Continues"] is False


def test_a_policy_that_is_refused_has_no_counts(house: House) -> None:
    returned = house.send(PLAN, REDIS | {"MaxAgeDays": 0})
    assert returned.value["statusCode"] == 400
    assert returned.body.keys() == {"Result", "Delivered"}


WRONG = [
    ({"Policy": "a b"}, "Policy: "),
    ({"Function": "follow_change"}, "Function: "),
    ({"Resources": {}}, "Resources: must name Tags, Patterns or both"),
    ({"Resources": {"Patterns": ["crs-[a]"]}}, "Resources.Patterns.0: "),
    ({"Accounts": None}, "Accounts: give patterns, or Alternate"),
    ({"Alternate": ["a", "b"]}, "Accounts: give patterns, or Alternate"),
    ({"MaxAgeDays": 0}, "MaxAgeDays: "),
    ({"Store": None}, "Store: is required"),
    ({"Store": "s3://redis-{resource}-{account}"}, "Store: must read ssm://name or kms://name"),
    ({"Store": "ssm://redis-{resource}-{account}#v1"}, "Store: must read ssm://name or kms://name"),
    ({"Store": "ssm://redis-{instance}-{account}"}, "Store: must read ssm://name or kms://name"),
    ({"Store": "ssm://redis-{account}"}, "Store: must hold {resource}"),
    ({"Store": "ssm://redis-{resource}", "Accounts": ["*"]}, "Store: must hold {account}"),
    ({"Length": 31}, "Length: must be 8 to 30 for this operation"),
    ({"Function": PASSWORD}, "Accounts: this operation changes only root"),
    (
        {"Function": REGISTRY, "Accounts": None, "Alternate": ["a", "b"], "Store": "ssm://{resource}"},
        "Alternate: this operation cannot change two",
    ),
    ({"Function": TAIR, "Region": "cn-hangzhou", "Site": "intl"}, "Site: only Tencent Cloud has sites"),
    ({"Function": TAIR, "Region": "ap-guangzhou"}, "Region: must be a region of alibaba"),
    ({"Region": "oss-cn-hangzhou"}, "Region: must be a region of tencent"),
    ({"JitterS": -1}, "JitterS: "),
    ({"Password": "hunter2"}, "Password: is not a field of this command"),
]


@pytest.mark.parametrize(("change", "says"), WRONG, ids=[says for _, says in WRONG])
def test_a_policy_that_cannot_hold_is_refused_before_any_call(house: House, change: dict[str, Any], says: str) -> None:
    before = len(house.cloud.calls())
    policy = {key: value for key, value in (REDIS | change).items() if value is not None}
    assert fire(house, policy).error is None
    (event,) = house.results()
    assert event["data"]["Operation"] == PLAN
    assert event["data"]["Error"]["Message"].startswith(says)
    assert "hunter2" not in json.dumps(event)
    assert len(house.cloud.calls()) == before


@pytest.mark.parametrize("function", [name for name, one in operations().items() if one.rotation is not None])
def test_what_is_sent_is_a_command_of_the_operation(function: str) -> None:
    operation = operations()[function]
    target = spelling_of(operation)
    resource = {"redis": "crs-a1", "tcr": "tcr-a1", "tair": "r-a1"}[target.service]
    accounts: list[tuple[dict[str, Any], str | None]] = [({"Accounts": ["app"]}, "app")]
    if target.only:
        accounts = [({}, target.only)]
    if target.alternates:
        accounts.append(({"Alternate": ["a", "b"]}, None))
    for given, account in accounts:
        policy = {key: value for key, value in REDIS.items() if key != "Accounts"} | given
        region = {"tencent": "ap-guangzhou", "alibaba": "cn-hangzhou"}[target.cloud]
        policy |= {"Function": function, "Store": "ssm://{resource}", "Resources": {"Patterns": [resource]}}
        plan = parse_model(PlanRotation, policy | {"Region": region}, PlanRotation.names)
        _, made = policy_for(plan, load_operation)
        parse_command(operation.command, made.command(resource, account, region, "c-1"))
