"""The same service in several regions: the roles are one, each region has its policy, and none touches another's."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
    assert "in the way" not in capsys.readouterr().err
    assert person.types("--remove") == 0
    assert roles(person) == {("missing", False)}
