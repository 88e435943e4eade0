"""The same service in two regions: the roles are one, and neither region takes the other's rights."""

from __future__ import annotations

import json
from typing import Any

from shared.workbench.bootstrap.resources import same_document
from tests.workbench.bootstrap.empty_account import SERVICES, Person

SECOND = {"tencent": "ap-shanghai", "alibaba": "cn-shanghai"}
FIRST = {"tencent": "ap-guangzhou", "alibaba": "cn-hangzhou"}


def rights(person: Person) -> str:
    """The policy of one role, as it stands."""
    name = person.account().needs.roles[0].name
    if person.name == "tencent":
        asked: dict[str, Any] = {"Scope": "Local", "Keyword": name, "Rp": 20, "Page": 1}
        rows = person.api.call("cam", "ListPolicies", asked)["List"]
        return str(person.api.call("cam", "GetPolicy", {"PolicyId": rows[0]["PolicyId"]})["PolicyDocument"])
    found: dict[str, Any] = person.api.call("ram", "GetPolicy", {"PolicyType": "Custom", "PolicyName": name})
    return str(found["DefaultPolicyVersion"]["PolicyDocument"])


def test_a_second_region_adds_its_rights_and_takes_away_its_own_alone(person: Person) -> None:
    person.cloud.reset(activated=dict.fromkeys(SERVICES, True), not_so=["Q9"])
    del person.environ["CKAFKA_INSTANCE"]  # no instance in two regions: this is about roles
    first, second = FIRST[person.name], SECOND[person.name]
    person.types()
    alone = json.loads(rights(person))
    person.environ["KEYTURN_REGION"] = second
    person.types()
    both = rights(person)
    assert first in both and second in both
    assert {how for name, how in person.standing().items() if name.startswith("role ")} == {("there", True)}
    assert person.types("--remove") == 0
    assert same_document(rights(person), alone)
    del person.environ["KEYTURN_REGION"]
    assert {how for name, how in person.standing().items() if name.startswith("role ")} == {("there", True)}
    assert person.types("--remove") == 0
    assert {how for name, how in person.standing().items() if name.startswith("role ")} == {("missing", False)}
