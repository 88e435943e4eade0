"""The same service in several regions: the roles are one, each region has its policy, and none touches another's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.cam import Cam
from shared.workbench.bootstrap.needs import Role
from shared.workbench.bootstrap.ram import Ram
from shared.workbench.bootstrap.resources import ApiCall, as_text
from shared.workbench.bootstrap.roles import SHARED, FunctionRole
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import SERVICES, Person

FIRST = {"tencent": "ap-guangzhou", "alibaba": "cn-hangzhou"}
SECOND = {"tencent": "ap-shanghai", "alibaba": "cn-shanghai"}
NETWORK = {
    "tencent": {"KEYTURN_VPC": "vpc-1abc", "KEYTURN_SUBNET": "subnet-1abc"},
    "alibaba": {"KEYTURN_VPC": "vpc-1abc", "KEYTURN_SUBNET": "vsw-1abc", "KEYTURN_SECURITY_GROUP": "sg-1abc"},
}
"""FC's rights to use it name no region."""


@pytest.fixture(autouse=True)
def _about_roles_alone(person: Person) -> None:
    person.cloud.reset(activated=dict.fromkeys(SERVICES, True), not_so=["Q9"])
    del person.environ["CKAFKA_INSTANCE"]  # no instance is in two regions


def rights(person: Person, region: str) -> Any:
    """What the first role may in a region."""
    name = f"{person.account().needs.roles[0].name}-{region}"
    if person.name == "tencent":
        asked: dict[str, Any] = {"Scope": "Local", "Keyword": name, "Rp": 20, "Page": 1}
        rows = [one for one in person.api.call("cam", "ListPolicies", asked)["List"] if one["PolicyName"] == name]
        return json.loads(person.api.call("cam", "GetPolicy", {"PolicyId": rows[0]["PolicyId"]})["PolicyDocument"])
    found: dict[str, Any] = person.api.call("ram", "GetPolicy", {"PolicyType": "Custom", "PolicyName": name})
    return json.loads(found["DefaultPolicyVersion"]["PolicyDocument"])


def roles(person: Person) -> set[tuple[str, bool]]:
    return {how for name, how in person.standing().items() if name.startswith("role ")}


def test_a_second_region_neither_gives_nor_takes_rights_of_the_first(person: Person) -> None:
    first, second, network = FIRST[person.name], SECOND[person.name], NETWORK[person.name]
    person.environ |= network
    person.types()
    before = rights(person, first)
    for name in network:
        del person.environ[name]
    person.environ["KEYTURN_REGION"] = second
    assert roles(person) == {("differs", False)}
    person.types()
    assert roles(person) == {("there", True)}
    assert rights(person, first) == before != rights(person, second)
    assert person.types("--remove") == 0
    assert roles(person) == {("differs", False)}
    person.environ |= network
    del person.environ["KEYTURN_REGION"]
    assert (roles(person), rights(person, first)) == ({("there", True)}, before)
    assert person.types("--remove") == 0
    assert roles(person) == {("missing", False)}


def test_a_policy_of_a_fleet_in_another_region_is_made_once_and_taken_away(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = FIRST[person.name], SECOND[person.name]
    text, here = person.file.read_text(), "Region: ${self:custom.clouds." + person.name + ".region}"
    assert here in text
    person.file = person.dist / "elsewhere.yml"
    person.file.write_text(text.replace(here, f"Region: {second}"))
    person.types()
    made = rights(person, first)
    assert second in json.dumps(made)
    capsys.readouterr()
    person.types()
    assert roles(person) == {("there", True)} and rights(person, first) == made
    assert "in the way" not in unwrapped(capsys.readouterr().err)
    assert person.types("--remove") == 0
    assert roles(person) == {("missing", False)}


def test_what_a_person_made_anew_by_hand_leaves_bootstraps_policy_to_be_taken_away(person: Person) -> None:
    person.types()
    role = person.account().needs.roles[0]
    if isinstance(person.api, TencentApi):
        remake_cam_role(person.api, role)
    else:
        remake_ram_role(person.api, role)
    assert person.standing()[f"role {role.name}"] == ("foreign", True)
    assert person.types() == 1
    assert person.types("--remove") == 0
    assert person.standing()[f"role {role.name}"] == ("there", False)  # a person's, without a policy


def test_a_policy_made_by_hand_is_not_taken_off_a_role_that_another_region_shares(person: Person) -> None:
    person.environ["KEYTURN_REGION"] = SECOND[person.name]
    person.types()
    del person.environ["KEYTURN_REGION"]
    role = person.account().needs.roles[0]
    own = Cam(person.api, "x", "x") if isinstance(person.api, TencentApi) else Ram(person.api, "x")
    _, policy, attach = own.creation(role)
    unmarked = {name: value for name, value in policy.parameters.items() if name != "Description"}
    own.do(ApiCall(policy.service, policy.action, unmarked))
    own.do(attach)
    assert person.types("--remove") == 0
    assert role.policy_name in own.attached(role.name)


def test_a_role_to_which_a_person_attached_a_policy_stays_and_is_named(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.types()
    role, api, mark = person.account().needs.roles[0], person.api, "keyturn:keyturn"
    calls = Cam(api, "keyturn", mark) if isinstance(api, TencentApi) else Ram(api, mark)
    _, policy, attach = calls.creation(replace(role, policy_name="of-a-person"))
    calls.do(ApiCall(policy.service, policy.action, {**policy.parameters, "Description": ""}))
    calls.do(attach)
    capsys.readouterr()
    assert person.types("--remove") == 0
    assert f"stays: roles: {SHARED}: {role.name}" in capsys.readouterr().out
    assert list(calls.attached(role.name)) == ["of-a-person"]
    assert calls.policy(role.policy_name) is None


def test_rights_of_a_function_that_needs_none_any_more_are_taken_off(person: Person) -> None:
    person.types()
    role = person.account().needs.roles[0]
    api, mark = person.api, "keyturn:keyturn"
    calls = Cam(api, "keyturn", mark) if isinstance(api, TencentApi) else Ram(api, mark)
    needless = FunctionRole(calls, replace(role, policy=None), mark)
    assert needless.look().condition == "differs"
    needless.make()
    assert needless.look().condition == "there"
    assert calls.policy(role.policy_name) is None and role.policy_name not in calls.attached(role.name)


def remake_cam_role(api: TencentApi, role: Role) -> None:
    cam = Cam(api, "x", "x")
    for name, known in cam.attached(role.name).items():
        cam.detach(role.name, name, known)
    cam.delete_role(role.name)
    api.call("cam", "CreateRole", {"RoleName": role.name, "PolicyDocument": as_text(role.trust)})


def remake_ram_role(api: AlibabaApi, role: Role) -> None:
    ram = Ram(api, "x")
    for name, known in ram.attached(role.name).items():
        ram.detach(role.name, name, known)
    ram.delete_role(role.name)
    api.call("ram", "CreateRole", {"RoleName": role.name, "AssumeRolePolicyDocument": as_text(role.trust)})
