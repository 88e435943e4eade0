"""Each right that bootstrap needs, taken away at the call that needs it: which one it is, and who must grant it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from shared.workbench.bootstrap.deployer import bootstrap_rights
from shared.workbench.bootstrap.resources import as_text
from shared.workbench.bundle.description import Cloud
from tests.cloud.client.standin import Standin
from tests.cloud.identity.documents import FUNCTION_SERVICE, service_trust
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import SERVICES, Person
from tests.workbench.bootstrap.rights import all_but, rights_asked_for
from tests.workbench.bootstrap.test_bootstrap import change_policy
from tests.workbench.bootstrap.test_first_secrets import STORES

MAKES: dict[Cloud, str] = {
    "tencent": """sts:GetCallerIdentity cam:GetRole cam:ListPolicies cam:CreateRole cam:CreatePolicy
        cam:AttachRolePolicy cam:ListAttachedRolePolicies ssm:ListSecrets ckafka:DescribeTopic ckafka:CreateTopic
        ckafka:DescribeDatahubTasks ckafka:CreateDatahubTask cls:DescribeLogsets cls:DescribeTopics cls:CreateLogset
        cls:CreateTopic cls:CreateIndex""",
    "alibaba": """sts:GetCallerIdentity ram:GetRole ram:GetPolicy ram:CreateRole ram:CreatePolicy
        ram:AttachPolicyToRole ram:ListPoliciesForRole ram:CreateServiceLinkedRole fc:ListFunctions kms:ListSecrets
        eventbridge:ListEventBuses mns:ListQueue mns:GetQueueAttributes mns:CreateQueue log:GetProject log:CreateProject
        log:CreateLogStore log:GetLogStore log:GetIndex log:CreateIndex""",
}
TAKES_AWAY: dict[Cloud, str] = {
    "tencent": """cls:DeleteTopic cls:DeleteLogset ckafka:DeleteDatahubTask ckafka:DeleteTopic cam:DetachRolePolicy
        cam:DeleteRole cam:DeletePolicy""",
    "alibaba": "log:DeleteLogStore log:DeleteProject mns:DeleteQueue ram:DetachPolicyFromRole ram:DeleteRole"
    " ram:DeletePolicy",
}
"""In the order in which they are wanted: what was made last goes first."""
CALLED_OTHERWISE = {"ram:CreateServiceLinkedRole": "eventbridge:CreateServiceLinkedRoleForProduct"}


def table(rights: dict[Cloud, str]) -> list[object]:
    return [pytest.param(cloud, one, id=one) for cloud, words in rights.items() for one in words.split()]


def told(right: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The right and who grants it stand in one line of what was said, and no traceback."""
    said = unwrapped(capsys.readouterr().err)
    line = next((one for one in said.splitlines() if CALLED_OTHERWISE.get(right, right) in one), "")
    assert "whoever administers the account must grant it" in line and "bootstrap.json" in line, said
    assert "Traceback" not in said


@pytest.mark.parametrize(("name", "right"), table(MAKES))
def test_what_may_not_be_asked_or_made_is_named_with_who_must_grant_it(
    empty_cloud: Standin, name: Cloud, right: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty_cloud.activate(**dict.fromkeys(SERVICES, True))
    person = Person(empty_cloud, name, tmp_path)
    empty_cloud.grant(name, all_but(name, right))
    assert person.types() == 1
    told(right, capsys)


@pytest.mark.parametrize("name", ["tencent", "alibaba"])
def test_what_may_not_be_taken_away_is_named_and_the_next_run_goes_on(
    empty_cloud: Standin, name: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty_cloud.activate(**dict.fromkeys(SERVICES, True))
    person = Person(empty_cloud, name, tmp_path)
    assert person.types() == 0
    for right in TAKES_AWAY[name].split():
        time.sleep(1)  # DataHub tasks have a published rate, which each run counts anew
        empty_cloud.grant(name, all_but(name, right))
        assert person.types("--remove") == 1, right
        told(right, capsys)
    empty_cloud.grant(name, all_but(name, "nothing:Else"))
    assert person.types("--remove") == 0
    assert not any(ours for _, ours in person.standing().values())


@pytest.mark.parametrize("name", ["tencent", "alibaba"])
def test_its_policy_grants_what_it_asks_for_and_nothing_else(
    empty_cloud: Standin, name: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_cloud.activate(**dict.fromkeys(SERVICES, True))
    person = Person(empty_cloud, name, tmp_path)
    person.environ["ALIBABA_ACCOUNT"] = ALIBABA_ACCOUNT
    assert person.types("--print") == 0
    policy = json.loads((tmp_path / "bootstrap" / name / "bootstrap.json").read_text())
    empty_cloud.grant(name, policy)
    store = STORES[name]
    typed = tmp_path / "typed"
    typed.write_text("Typed-Passw0rd-77\n")
    assert person.types() == 0
    change_role(person)
    assert person.types() == 0
    with typed.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert person.types("--secret", store) == 0
    assert person.types("--remove") == 0
    assert rights_asked_for(empty_cloud) == bootstrap_rights(person.account().needs)


def change_role(person: Person) -> None:
    """Somebody makes a role and its policy say something else."""
    role = person.account().needs.roles[0]
    other = as_text(service_trust(person.name, "other." + FUNCTION_SERVICE[person.name]))
    change_policy(person, role.policy_name)
    if person.name == "tencent":
        person.api.call("cam", "UpdateAssumeRolePolicy", {"RoleName": role.name, "PolicyDocument": other})
    else:
        person.api.call("ram", "UpdateRole", {"RoleName": role.name, "NewAssumeRolePolicyDocument": other})
