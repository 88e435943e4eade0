"""A deployed function works with exactly the rights that are generated for its role, and not with one right less."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from shared.workbench.deploy.policies import Policy, policies
from tests.cloud.client.deployed_bundle import DENIED, QUEUES, DeployedBundle, deploy_bundle
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, Packages

pytestmark = pytest.mark.zips("zips are for Python 3.10")

SSM, KMS = "ssm://redis-crs-demo0001-app", "kms://tair-r-demo0001-app"
NUMBERS = itertools.count(1)


def generated_policies(cloud: str) -> dict[str, Policy]:
    """The policy of each function's role, by function."""
    results, commands = QUEUES[cloud]
    environ = {"KEYTURN_RESULTS": results, "KEYTURN_COMMANDS": commands, "ALIBABA_ACCOUNT": ALIBABA_ACCOUNT}
    description = load(ROOT / "serverless.yml", cloud, environ)
    return {spec.module: policies(description, spec)[0] for spec in description.functions}


def without(policy: Policy, action: str = "") -> dict[str, Any]:
    """The policy's document, less one action."""
    left = tuple(grant for grant in policy.grants if grant.action != action)
    return Policy(policy.function, policy.cloud, policy.holder, left, policy.trust).document


def commands() -> dict[str, dict[str, Any]]:
    """Commands that make each function use most of its rights, and that can be sent again and again."""
    made = {"Generate": {"Length": 20}}
    redis, tair = {"InstanceId": "crs-demo0001", "Login": True}, {"InstanceId": "r-demo0001", "Login": True}
    app = {"AccountName": "app", "AccountPassword": made, "Deliver": {"Store": SSM}}
    old = {"OldAccountPassword": {"SecretRef": KMS}, "NewAccountPassword": made, "Deliver": {"Store": KMS}}
    due = {"Policy": "all", "Accounts": ["app"], "MaxAgeDays": 1, "Resources": {"Patterns": ["*"]}}
    return {
        ACCOUNT: redis | app,
        PASSWORD: redis | {"OldPassword": "Old-Passw0rd", "Password": f"Fresh-Passw0rd{next(NUMBERS)}"},
        REGISTRY: {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": False}
        | {"Password": f"Fresh-Passw0rd{next(NUMBERS)}"},
        TAIR: tair | {"AccountName": "app"} | old,
        "plan_rotation/tencent": due | {"Function": ACCOUNT, "Store": "ssm://redis-{resource}-{account}"},
        "plan_rotation/alibaba": due | {"Function": TAIR, "Store": "kms://tair-{resource}-{account}"},
    }


def _redis(instance: str) -> dict[str, Any]:
    kept = {"AccountName": "app", "AccountPassword": {"Generate": {}}}
    return {"InstanceId": instance, **kept, "Deliver": {"Store": f"ssm://redis-{instance}-app"}}


def _tair(instance: str) -> dict[str, Any]:
    place = f"kms://tair-{instance}-app"
    passwords = {"OldAccountPassword": {"SecretRef": place}, "NewAccountPassword": {"Generate": {}}}
    return {"InstanceId": instance, "AccountName": "app", **passwords, "Deliver": {"Store": place}}


# Whose changes follow_change ends.
FOLLOWED: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "tencent": (ACCOUNT, _redis),
    "alibaba": (TAIR, _tair),
}

# What follow_change may do and does not do for a change that went well, and when it does.
OTHERWISE = {
    "tencent": {
        "redis:DescribeInstanceAccount": "where the answer to the call was lost, and no task is known",
        "ssm:DeleteSecretVersion": "where another change has taken the version's place",
    },
    "alibaba": {"kms:PutSecretValue": "where a version's value has to be put again"},
}


class BundleWithRoles:
    """A bundle whose roles carry the generated documents, each of which can be exchanged while it runs."""

    def __init__(self, cloud: Standin, name: str, packages: Packages, folder: Path, **world: Any) -> None:
        self.cloud, self.name, self.policies = cloud, name, generated_policies(name)
        roles = {role_of(one): {"policies": [one.document], "trust": one.trust} for one in self.policies.values()}
        table = {"cam" if name == "tencent" else "ram": {"roles": roles}}
        self.bundle: DeployedBundle = deploy_bundle(cloud, name, packages.dist, folder, **table, **world)

    def grant(self, function: str, less: str = "") -> None:
        """Let a function have its generated rights from now on, less one."""
        policy = self.policies[function]
        document = json.dumps(without(policy, less))
        if self.name == "tencent":
            given = {"PolicyName": role_of(policy), "PolicyDocument": document}
            call_tencent(self.cloud, "UpdatePolicy", given, service="cam", version="2019-01-16")
        else:
            given = {"PolicyName": role_of(policy), "PolicyDocument": document, "SetAsDefault": "true"}
            given["RotateStrategy"] = "DeleteOldestNonDefaultVersionWhenLimitExceeded"
            call_alibaba(self.cloud, "CreatePolicyVersion", given, host="ram.aliyuncs.com", version="2015-05-01")

    def rights_used(self, since: int) -> tuple[set[str], set[str]]:
        """What was called behind the first so many calls, and what of that was refused."""
        calls = [call for call in self.cloud.calls()[since:] if call["Version"]]
        denied = [call for call in calls if DENIED.match(call["Code"])]
        return {right(call) for call in calls}, {right(call) for call in denied}

    def call(self, function: str, less: str = "") -> tuple[int, set[str], set[str]]:
        """Run a function with one right less: the status, what it called, and what of that was refused."""
        self.grant(function, less)
        self.cloud.change_by_hand("redis", "crs-demo0001", "root", "Old-Passw0rd")
        before = len(self.cloud.calls())
        command = commands().get(function) or commands()[f"{function}/{self.name}"]
        status = self.bundle.call(function, command).status
        return status, *self.rights_used(before)

    def follow(self, instance: str, less: str = "") -> tuple[set[str], set[str], dict[str, Any]]:
        """Let follow_change end a change with one right less: what it called, what was refused, and its result."""
        self.grant("follow_change", less)
        function, command = FOLLOWED[self.name]
        id_ = f"follow-{next(NUMBERS)}"
        answered = self.bundle.call(function, command(instance) | {"CommandId": id_, "Login": True})
        assert answered.status == 202, answered.body
        before = len(self.cloud.calls())

        def ended() -> dict[str, Any]:
            told = [one["data"] for one in self.bundle.results() if one["data"].get("CommandId") == id_]
            return next((data for data in told if data["Outcome"] != "pending"), {})

        def refused() -> bool:
            return less.endswith(":SendMessage") and less in self.rights_used(before)[1]

        self.bundle.wait(lambda: bool(ended()) or refused())
        return *self.rights_used(before), ended()


def right(call: dict[str, str]) -> str:
    """A call as policies name it."""
    service = "mns" if ".mns." in call["Host"] else call["Host"].partition(".")[0].removeprefix("r-")
    return f"{service}:{call['Action']}"


def role_of(policy: Policy) -> str:
    return policy.holder.rpartition("/")[2]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "function", "least"),
    [
        ("tencent", ACCOUNT, 8),
        ("tencent", PASSWORD, 4),
        ("tencent", REGISTRY, 3),
        ("tencent", "plan_rotation", 3),
        ("alibaba", TAIR, 7),
        ("alibaba", "plan_rotation", 3),
    ],
)
def test_a_function_works_with_what_is_granted_and_is_refused_each_call_that_is_not(
    name: str, function: str, least: int, cloud: Standin, packages: Packages, tmp_path: Path
) -> None:
    roles = BundleWithRoles(cloud, name, packages, tmp_path)
    status, called, refused = roles.call(function)
    assert status in (200, 202) and not refused
    granted = {grant.action for grant in roles.policies[function].grants}
    assert called <= granted and len(called) >= least
    for action in sorted(called):
        _, _, refused = roles.call(function, less=action)
        assert action in refused, action
    status, _, refused = roles.call(function)
    assert status in (200, 202) and not refused


_FLEETS = """
[[fleet]]
kind = "redis"
prefix = "crs-fleet"
region = "ap-guangzhou"
store = "redis-{instance}-{account}"
count = 12
accounts = { app = { password = "Fleet-Passw0rd1" } }
[[fleet]]
kind = "tair"
prefix = "r-fleet"
region = "cn-hangzhou"
store = "tair-{instance}-{account}"
count = 12
accounts = { app = { password = "Fleet-Passw0rd1" } }
"""


@pytest.fixture(scope="module")
def fleets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """An instance for each right: what one change leaves behind is not in the way of the next."""
    world = tmp_path_factory.mktemp("fleets") / "world.toml"
    world.write_text((ROOT / "tests/cloud/world.toml").read_text() + _FLEETS)
    with Standin(world) as running:
        yield running


@pytest.mark.long
@pytest.mark.parametrize(("name", "prefix"), [("tencent", "crs-fleet"), ("alibaba", "r-fleet")])
def test_follow_change_works_with_what_is_granted(
    name: str, prefix: str, fleets: Standin, packages: Packages, tmp_path: Path
) -> None:
    roles = BundleWithRoles(fleets, name, packages, tmp_path, task_s=8.0, settle_s=8.0)
    roles.bundle.limit(FOLLOWED[name][0], 6)
    instances = (f"{prefix}{number:04}" for number in itertools.count(1))
    called, refused, ended = roles.follow(next(instances))
    assert (ended["Outcome"], refused) == ("changed", set())
    granted = {grant.action for grant in roles.policies["follow_change"].grants}
    assert (called - granted, granted - called) == (set(), set(OTHERWISE[name]))
    for action in sorted(called):
        _, refused, ended = roles.follow(next(instances), less=action)
        if action.endswith(":SendMessage"):  # the result itself cannot leave
            assert action in refused
        else:
            assert ended["Outcome"] == "unknown" and DENIED.match(ended["Error"]["Code"]), action
