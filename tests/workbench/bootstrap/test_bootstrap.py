"""`make bootstrap` and `make remove ALL=1`: nothing, everything, and what lies between."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shared.workbench.bootstrap.resources import as_text, title
from tests.cloud.client.standin import Standin
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import SERVICES, Person

ALL = dict.fromkeys(SERVICES, True)


def changes(cloud: Standin) -> list[str]:
    """The actions of calls that may change something."""
    reads = ("Describe", "List", "Get", "Check")
    return [one["Action"] for one in cloud.calls() if one["Action"] and not one["Action"].startswith(reads)]


def test_an_empty_account_becomes_ready_and_a_second_run_changes_nothing(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(person.standing().values()) == {("missing", False)}
    assert person.types() == 0, unwrapped(capsys.readouterr().err)
    shared = "EventBridge role"
    standing = person.standing()
    assert {how for name, how in standing.items() if not name.startswith(shared)} == {("there", True)}
    assert {how for name, how in standing.items() if name.startswith(shared)} <= {("there", False)}
    said = capsys.readouterr().out
    assert said.endswith(f"make plan CLOUD={person.name}\n")
    before = len(changes(person.cloud))
    person.environ |= person.settings()
    assert person.types() == 0
    assert len(changes(person.cloud)) == before
    assert set(person.settings()) and "is missing" not in capsys.readouterr().out


def test_each_thing_is_a_line_and_things_of_one_name_are_told_apart_by_their_kinds(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [title(one) for one in person.account().resources()]
    assert len(set(wanted)) == len(wanted)
    assert person.types() == 0
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    shown = [line for line in said if line.startswith("+ ")]
    assert shown == [f"+ {one} is missing" for one in wanted]
    made = [line.partition("] ")[2].rpartition(": ")[0] for line in said if line.startswith("[")]
    assert made == wanted


def test_what_waits_for_a_consent_is_shown_and_costs_come_with_page_and_date(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.cloud.reset()
    assert person.types() == 1
    said = capsys.readouterr().out
    waiting = {"tencent": ("log topic", "cls"), "alibaba": ("queue", "smq")}[person.name]
    assert f". {waiting[0]}" in said and f"waits for your consent to {waiting[1]}, see below" in said
    for one in person.account().needs.billed:
        line = next(line for line in said.splitlines() if one.page in line)
        assert one.page.startswith("https://") and one.dated in line


def test_costs_stand_before_the_question_and_only_where_something_is_to_be_made(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert person.types() == 0
    said = capsys.readouterr().out
    assert said.index("What costs money") < said.index("[1/")
    assert person.types() == 0
    assert "What costs money" not in capsys.readouterr().out


def test_what_only_a_person_can_agree_to_is_numbered_and_checked(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.cloud.reset()
    assert person.types() == 1
    said = capsys.readouterr().out
    assert "  1. in the console: " in said and said.endswith(f"then make bootstrap CLOUD={person.name}\n")
    person.cloud.activate(**ALL)
    assert person.types() == 0
    assert "in the console" not in capsys.readouterr().out


def test_remove_takes_away_what_bootstrap_made_and_nothing_else(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.cloud.reset(activated=ALL)  # in which a topic cannot be deleted in its first minute
    before = person.standing()
    by_hand = person.account().needs.roles[0]
    make_role_by_hand(person, by_hand.name)
    assert person.types() == 0, unwrapped(capsys.readouterr().err)
    assert person.types("--remove") == 0, unwrapped(capsys.readouterr().err)
    left = {name: how for name, how in person.standing().items() if how != before[name]}
    shared = [name for name in before if name.startswith("EventBridge role")]
    assert left == {f"role {by_hand.name}": ("there", False)} | dict.fromkeys(shared, ("there", False))
    assert person.types("--remove") == 0
    assert "nothing that bootstrap made is left" in capsys.readouterr().out


def test_a_policy_that_was_changed_is_mended_only_if_it_carries_the_mark(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert person.types() == 0
    first = person.account().needs.roles[0]
    name, policy = first.name, first.policy_name
    change_policy(person, policy)
    assert person.standing()[f"role {name}"] == ("differs", True)
    assert person.types() == 0
    assert person.standing()[f"role {name}"] == ("there", True)
    assert person.types("--remove") == 0
    make_role_by_hand(person, name, policy=policy)
    capsys.readouterr()
    time.sleep(1)  # DataHub tasks have a published rate, which each run counts anew
    assert person.types() == 1
    assert f"in the way: role {name}: the policy {policy} differs" in unwrapped(capsys.readouterr().err)


def test_a_list_of_policies_that_takes_no_part_of_a_name_is_looked_through(
    empty_cloud: Standin, tmp_path: Path
) -> None:
    empty_cloud.reset(activated=ALL, not_so=["I6"])
    person = Person(empty_cloud, "tencent", tmp_path)
    assert person.types() == 0
    assert set(person.standing().values()) == {("there", True)}


def test_without_a_terminal_and_without_yes_nothing_is_made(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    del person.environ["YES"]
    assert person.types() == 2
    assert "YES=1" in unwrapped(capsys.readouterr().err) and changes(person.cloud) == []


def test_a_right_that_is_missing_is_named_with_who_can_grant_it(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    denied = {"tencent": "cam:CreateRole", "alibaba": "ram:CreateRole"}[person.name]
    person.cloud.reset(deny=[denied.partition(":")[2]], activated=ALL)
    assert person.types() == 1
    said = unwrapped(capsys.readouterr().err)
    assert denied in said and "PRINT=1" in said


def make_role_by_hand(person: Person, name: str, *, policy: str = "") -> None:
    """The right trust and no mark; `policy`: the name of one that says something else."""
    trust = as_text(next(one.trust for one in person.account().needs.roles if one.name == name))
    other: dict[str, object] = {"version": "2.0", "statement": []}
    if person.name == "tencent":
        person.api.call("cam", "CreateRole", {"RoleName": name, "PolicyDocument": trust})
        if policy:
            other = {"version": "2.0", "statement": [{"effect": "allow", "action": ["cvm:*"], "resource": ["*"]}]}
            person.api.call("cam", "CreatePolicy", {"PolicyName": policy, "PolicyDocument": as_text(other)})
        return
    person.api.call("ram", "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": trust})
    if policy:
        other = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["ecs:*"], "Resource": ["*"]}]}
        person.api.call("ram", "CreatePolicy", {"PolicyName": policy, "PolicyDocument": as_text(other)})


def change_policy(person: Person, name: str) -> None:
    """Somebody makes our policy say something else."""
    if person.name == "tencent":
        document = '{"version":"2.0","statement":[{"effect":"allow","action":["cvm:*"],"resource":["*"]}]}'
        person.api.call("cam", "UpdatePolicy", {"PolicyName": name, "PolicyDocument": document})
    else:
        document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":["ecs:*"],"Resource":["*"]}]}'
        version = {"PolicyName": name, "PolicyDocument": document, "SetAsDefault": "true"}
        person.api.call("ram", "CreatePolicyVersion", version)
