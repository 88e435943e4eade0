"""What `plan` says an account lacks: all of an empty one, nothing of a ready one, and only what it can know."""

from __future__ import annotations

import os

import pytest

from shared.workbench.bootstrap.missing import missing_things
from shared.workbench.deploy.commands import main as plan
from tests.support.hello_function import write_zip
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import Person
from tests.workbench.deploy_site import OWN


def test_an_empty_account_lacks_roles_and_queues_and_a_ready_one_nothing(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {"tencent": {"role", "topic", "DataHub task"}, "alibaba": {"role", "queue"}}[person.name]
    lacking = missing_things(person.account().description, person.api)
    assert {one.what.partition(" keyturn")[0] for one in lacking} >= kinds
    assert {one.remedy.partition(",")[0] for one in lacking} == {f"make bootstrap CLOUD={person.name}"}
    assert person.types() == 0, unwrapped(capsys.readouterr().err)
    person.environ |= person.settings()
    assert missing_things(person.account().description, person.api) == ()


def test_consents_come_first_with_their_pages(person: Person) -> None:
    person.cloud.reset()
    first = missing_things(person.account().description, person.api)[0]
    assert first.what.startswith("consent to ") and first.remedy.startswith("in the console: ")


def test_what_the_keys_may_not_look_at_is_left_out(person: Person) -> None:
    person.cloud.reset(deny=["GetRole"], activated={"scf": True})
    assert not [one for one in missing_things(person.account().description, person.api) if one.what.startswith("role ")]


@pytest.mark.parametrize("person", ["tencent"], indirect=True)
def test_a_queue_of_the_settings_that_is_not_there_or_leads_astray_is_missed(person: Person) -> None:
    assert person.types() == 0
    good = person.settings()
    results, commands = good["KEYTURN_RESULTS"], good["KEYTURN_COMMANDS"]

    def told(**named: str) -> dict[str, str]:
        person.environ |= good | {f"KEYTURN_{name}": url for name, url in named.items()}
        lacking = missing_things(person.description_as_deployed(), person.api)
        assert all(one.remedy.startswith("unset KEYTURN_") for one in lacking)
        return {one.what.split()[1]: one.what for one in lacking}

    assert told() == {}
    gone = told(RESULTS="ckafka://ap-guangzhou/datahub-nosuch1")
    assert gone["KEYTURN_RESULTS"].endswith("and no DataHub task in ap-guangzhou has that id")
    elsewhere = told(COMMANDS=commands + "x")
    assert set(elsewhere) == {"KEYTURN_COMMANDS"}
    swapped = told(RESULTS=commands, COMMANDS=results)
    assert swapped["KEYTURN_RESULTS"].endswith("where functions look for commands")
    assert swapped["KEYTURN_COMMANDS"].endswith("and no trigger reads that")


@pytest.mark.parametrize("person", ["tencent"], indirect=True)
def test_an_instance_that_is_not_there_is_named_with_its_region_and_all_else_is_shown(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.environ["CKAFKA_INSTANCE"] = "ckafka-nosuch01"
    text = "there is no CKafka instance ckafka-nosuch01 in ap-guangzhou: CKAFKA_INSTANCE or KEYTURN_REGION is wrong"
    assert text in {one.remedy for one in missing_things(person.account().description, person.api)}
    assert person.types() == 1
    said = capsys.readouterr()
    assert text in unwrapped(said.err) and "role " in said.out and "What costs money" in said.out
    assert "CreateDatahubTask" not in {one["Action"] for one in person.cloud.calls()}
    assert person.types("--remove") == 0


@pytest.mark.parametrize("ready", [False, True])
def test_plan_is_short_on_an_empty_account_and_on_a_ready_one(
    person: Person, ready: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that `make plan` prints but the lines of the build, which are two."""
    given = OWN[person.name].items()
    person.environ |= {name: value for name, value in given if not (ready and name.startswith("KEYTURN_"))}
    if ready:
        assert person.types() == 0
        person.environ |= person.settings()
    else:
        person.cloud.reset()  # no consent was given either
    for name in [one for one in os.environ if one.startswith(("KEYTURN_", "ALIBABA_", "TENCENTCLOUD_", "CKAFKA_"))]:
        monkeypatch.delenv(name)
    for name, value in person.environ.items():
        monkeypatch.setenv(name, value)
    for spec in person.account().description.functions:
        write_zip(person.dist / person.name / f"{spec.module}.zip")
    capsys.readouterr()
    assert plan("plan", [person.name, "--dist", str(person.dist), "--as-built"]) == (0 if ready else 1)
    said = capsys.readouterr().out.splitlines()
    assert len(said) < 58, said
    assert bool([line for line in said if line.startswith("missing: role ")]) is not ready
    counted = [line for line in said if line.startswith("+ ") and " functions, ~ 0, - 0; " in line]
    assert counted or not ready  # where nobody agreed to FC's first use, its functions cannot be listed
