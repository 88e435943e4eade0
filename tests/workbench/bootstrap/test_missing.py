"""What `plan` says an account lacks: all of an empty one, nothing of a ready one, and only what it can know."""

from __future__ import annotations

import pytest

from shared.workbench.bootstrap.missing import missing_things
from tests.workbench.bootstrap.empty_account import Person


def test_an_empty_account_lacks_roles_and_queues_and_a_ready_one_nothing(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = missing_things(person.account().description, person.api)
    assert {one.what.partition(":")[0] for one in lacking} >= {"roles", "queues"}
    assert {one.remedy for one in lacking} == {f"make bootstrap CLOUD={person.name}"}
    assert person.types() == 0, capsys.readouterr().err
    person.environ |= person.settings()
    assert missing_things(person.account().description, person.api) == ()


def test_consents_come_first_with_their_pages(person: Person) -> None:
    person.cloud.reset()
    first = missing_things(person.account().description, person.api)[0]
    assert first.what.startswith("consent to ") and first.remedy.startswith("in the console: ")


def test_what_the_keys_may_not_look_at_is_left_out(person: Person) -> None:
    person.cloud.reset(deny=["GetRole"], activated={"scf": True})
    assert not [
        one for one in missing_things(person.account().description, person.api) if one.what.startswith("roles: ")
    ]
