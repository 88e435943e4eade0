"""A refusal of the moment, and an answer that is lost: waited out, then told as what could not be looked at."""

from __future__ import annotations

import pytest

from shared.workbench.bootstrap.missing import missing_things
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import Person

FIRST = {"tencent": "GetRole", "alibaba": "ListFunctions"}  # what is asked about the first consent
PASSING = {"tencent": ("RequestLimitExceeded", 200), "alibaba": ("Throttling.User", 429)}


def disturb(person: Person, action: str, times: int, code: str = "") -> None:
    known, status = PASSING[person.name]
    fault = {"Action": action, "Fault": "code", "Code": code or known, "Status": status, "Times": times}
    person.cloud.faults([fault])


@pytest.mark.parametrize("code", ["", "InternalError"])
def test_a_consent_is_never_missing_for_what_passes(
    person: Person, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    disturb(person, FIRST[person.name], 2, code)
    assert person.types() == 0
    assert "in the console" not in capsys.readouterr().out


def test_a_step_is_refused_in_passing_and_done(person: Person) -> None:
    disturb(person, "CreateRole", 2)
    assert person.types() == 0


LISTS = {"tencent": "DescribeRoleList", "alibaba": "ListRoles"}


def test_the_lists_of_what_is_left_are_refused_in_passing_and_read(person: Person) -> None:
    assert person.types() == 0
    disturb(person, LISTS[person.name], 2)
    assert person.types("--remove") == 0
    assert {how for name, how in person.standing().items() if name.startswith("role ")} == {("missing", False)}


def test_what_does_not_pass_is_told_as_not_looked_at(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    disturb(person, FIRST[person.name], 60)
    assert person.types() == 1
    said = capsys.readouterr()
    assert "in the console" not in said.out
    assert f"{FIRST[person.name]}: {PASSING[person.name][0]}: the cloud has no time now; run it again" in said.err
    unknown = [one for one in missing_things(person.account().description, person.api) if not one.is_known]
    assert unknown[0].what.startswith("consent to ") and unknown[0].what.endswith("could not be looked at")


def test_a_lost_answer_of_a_read_says_where_it_was_asked_and_nothing_of_an_effect(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.environ[f"KEYTURN_{person.name.upper()}_ENDPOINT"] = "http://127.0.0.1:9"
    assert person.types() == 1
    said = unwrapped(capsys.readouterr().err)
    assert f"called http://127.0.0.1:9 (KEYTURN_{person.name.upper()}_ENDPOINT)" in said
    assert "effect" not in said
