"""The secrets in force: asked for one by one, sent by the API, seen nowhere else."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from shared.commands.store_reference import parse_ref
from shared.runtime.secret import Secret
from shared.workbench.bootstrap.first_secrets import Credential, create, is_there
from tests.workbench.bootstrap.empty_account import Person

STORES = {"tencent": "ssm://redis-crs-demo0001-app", "alibaba": "kms://tair-r-demo0001-app"}
TYPED = "Typed-Passw0rd-77"


def test_each_account_of_a_policy_gets_the_command_that_asks_for_its_secret(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert person.types() == 0
    said = capsys.readouterr().out
    assert f"  make bootstrap CLOUD={person.name} SECRET={STORES[person.name]}\n" in said
    assert said.count(" SECRET=") == 1
    assert said.endswith(f"next: the first secrets, then make plan CLOUD={person.name}\n")


def test_what_is_typed_is_kept_once_and_shown_nowhere(
    person: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = STORES[person.name]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TYPED}\n"))
    assert person.types("--secret", store) == 0
    assert value_of(person, store.partition("://")[2]) == TYPED
    monkeypatch.setattr("sys.stdin", io.StringIO("Another-Passw0rd1\n"))
    assert person.types("--secret", store) == 0
    assert value_of(person, store.partition("://")[2]) == TYPED
    said = capsys.readouterr()
    assert f"{store}: stored" in said.out and "a wrong one is corrected in the console" in said.out
    assert "is there already" in said.out and TYPED not in said.out + said.err
    assert all(TYPED not in one.read_text() for one in person.dist.rglob("*") if one.is_file())


def test_blanks_are_no_secret(
    person: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("   \n"))
    assert person.types("--secret", STORES[person.name]) == 2
    assert "no secret was typed; nothing was made" in capsys.readouterr().err


def test_a_secret_that_no_policy_names_is_refused(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert person.types("--secret", "ssm://somebody-elses") == 2
    assert "no policy of serverless.yml keeps a secret at ssm://somebody-elses" in capsys.readouterr().err


ELSEWHERE = {"tencent": "ap-shanghai", "alibaba": "cn-shanghai"}


def test_a_first_secret_is_kept_in_the_region_of_its_credential(person: Person) -> None:
    store = parse_ref(STORES[person.name])
    there = Credential(store, ELSEWHERE[person.name], "crs-demo0001", "app")
    here = replace(there, region=person.api.region)
    create(person.api, there, Secret(TYPED), "keyturn:keyturn")
    assert is_there(person.api, there) and not is_there(person.api, here)


def value_of(person: Person, name: str) -> str:
    if person.name == "tencent":
        asked = {"SecretName": name, "VersionId": "current"}
        return str(person.api.call("ssm", "GetSecretValue", asked)["SecretString"])
    return str(person.api.call("kms", "GetSecretValue", {"SecretName": name})["SecretData"])
