"""`make bootstrap` and `make remove ALL=1`: nothing, everything, and what lies between."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.workbench.bootstrap.resources import as_text
from tests.cloud.client.standin import Standin
from tests.workbench.bootstrap.empty_account import CLOUDS, NOTHING, SERVICES, Person

ALL = dict.fromkeys(SERVICES, True)


@pytest.fixture(params=CLOUDS)
def person(request: pytest.FixtureRequest, cloud: Standin, tmp_path: Path) -> Person:
    """In an account that is empty, but for the consents that a person gave."""
    cloud.reset(**{**NOTHING, "activated": ALL})
    return Person(cloud, request.param, tmp_path)


def changes(cloud: Standin) -> list[str]:
    """The actions of calls that may change something."""
    reads = ("Describe", "List", "Get", "Check")
    return [one["Action"] for one in cloud.calls() if one["Action"] and not one["Action"].startswith(reads)]


def test_an_empty_account_becomes_ready_and_a_second_run_changes_nothing(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(person.standing().values()) == {("missing", False)}
    assert person.types() == 0, capsys.readouterr().err
    shared = "roles of EventBridge"
    standing = person.standing()
    assert {how for name, how in standing.items() if not name.startswith(shared)} == {("there", True)}
    assert {how for name, how in standing.items() if name.startswith(shared)} <= {("there", False)}
    said = capsys.readouterr().out
    assert f"next: make plan CLOUD={person.name}" in said
    before = len(changes(person.cloud))
    person.environ |= person.settings()
    assert person.types() == 0
    assert len(changes(person.cloud)) == before
    assert set(person.settings()) and "to make" not in capsys.readouterr().out


def test_what_only_a_person_can_agree_to_is_numbered_and_checked(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.cloud.reset(**NOTHING)
    assert person.types() == 1
    said = capsys.readouterr().out
    assert "  1. in the console: " in said and f"next: make bootstrap CLOUD={person.name}" in said
    person.cloud.activate(ALL)
    assert person.types() == 0
    assert "in the console" not in capsys.readouterr().out


@pytest.mark.parametrize("number", [*range(1, 41, 3), 45, 50])
@pytest.mark.parametrize("verb", ["make", "take_away"])
def test_it_goes_on_after_a_kill_behind_any_call(person: Person, verb: str, number: int) -> None:
    more = ["--remove"] if verb == "take_away" else []
    if more:
        assert person.types() == 0
    api = f"shared.workbench.apis.{person.name}:{person.name.title()}Api.call"
    person.types_until_killed(f"{verb}>{api}:return#{number}", *more)
    assert person.types(*more) == 0
    left = {ours for _, ours in person.standing().values()}
    assert left == ({False} if more else {True} if person.name == "tencent" else {True, False})
    assert more or {condition for condition, _ in person.standing().values()} == {"there"}


@pytest.mark.parametrize("number", range(1, 7))
def test_it_goes_on_after_a_kill_while_the_log_place_is_made(cloud: Standin, tmp_path: Path, number: int) -> None:
    cloud.reset(**{**NOTHING, "activated": ALL})
    person = Person(cloud, "alibaba", tmp_path)
    person.types_until_killed(f"make>shared.workbench.apis.sls:ask:return#{number}")
    assert person.types() == 0
    assert {condition for condition, _ in person.standing().values()} == {"there"}


def test_remove_takes_away_what_bootstrap_made_and_nothing_else(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    before = person.standing()
    by_hand = person.account().needs.roles[0]
    make_role_by_hand(person, by_hand.name)
    assert person.types() == 0, capsys.readouterr().err
    assert person.types("--remove") == 0, capsys.readouterr().err
    left = {name: how for name, how in person.standing().items() if how != before[name]}
    shared = [name for name in before if name.startswith("roles of EventBridge")]
    assert left == {f"roles: {by_hand.name}": ("there", False)} | dict.fromkeys(shared, ("there", False))
    assert person.types("--remove") == 0
    assert "nothing that bootstrap made is left" in capsys.readouterr().out


def test_a_policy_that_was_changed_is_mended_only_if_it_carries_the_mark(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert person.types() == 0
    name = person.account().needs.roles[0].name
    change_policy(person, name)
    assert person.standing()[f"roles: {name}"] == ("differs", True)
    assert person.types() == 0
    assert person.standing()[f"roles: {name}"] == ("there", True)
    assert person.types("--remove") == 0
    make_role_by_hand(person, name, with_policy=True)
    capsys.readouterr()
    assert person.types() == 1
    assert f"in the way: roles: {name}: the policy of its name differs" in capsys.readouterr().err


def test_without_a_terminal_and_without_yes_nothing_is_made(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    del person.environ["YES"]
    assert person.types() == 2
    assert "YES=1" in capsys.readouterr().err and changes(person.cloud) == []


def test_a_right_that_is_missing_is_named_with_who_can_grant_it(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    denied = {"tencent": "cam:CreateRole", "alibaba": "ram:CreateRole"}[person.name]
    person.cloud.reset(**{**NOTHING, "activated": ALL, "deny": [denied.partition(":")[2]]})
    assert person.types() == 1
    said = capsys.readouterr().err
    assert denied in said and "PRINT=1" in said


def make_role_by_hand(person: Person, name: str, *, with_policy: bool = False) -> None:
    """The right trust and no mark; `with_policy`: one of its name that says something else."""
    trust = as_text(next(one.trust for one in person.account().needs.roles if one.name == name))
    other: dict[str, object] = {"version": "2.0", "statement": []}
    if person.name == "tencent":
        person.api.call("cam", "CreateRole", {"RoleName": name, "PolicyDocument": trust})
        if with_policy:
            other = {"version": "2.0", "statement": [{"effect": "allow", "action": ["cvm:*"], "resource": ["*"]}]}
            person.api.call("cam", "CreatePolicy", {"PolicyName": name, "PolicyDocument": as_text(other)})
        return
    person.api.call("ram", "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": trust})
    if with_policy:
        other = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["ecs:*"], "Resource": ["*"]}]}
        person.api.call("ram", "CreatePolicy", {"PolicyName": name, "PolicyDocument": as_text(other)})


def change_policy(person: Person, name: str) -> None:
    """Somebody makes our policy say something else."""
    if person.name == "tencent":
        document = '{"version":"2.0","statement":[{"effect":"allow","action":["cvm:*"],"resource":["*"]}]}'
        person.api.call("cam", "UpdatePolicy", {"PolicyName": name, "PolicyDocument": document})
    else:
        document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":["ecs:*"],"Resource":["*"]}]}'
        version = {"PolicyName": name, "PolicyDocument": document, "SetAsDefault": "true"}
        person.api.call("ram", "CreatePolicyVersion", version)
