"""The secrets in force: asked for one by one, sent by the API, seen nowhere else."""

from __future__ import annotations

import io
import os
import pty
import sys
import time
from dataclasses import replace

import pytest

from shared.commands.store_reference import parse_ref
from shared.runtime.secret import Secret
from shared.workbench.bootstrap.first_secrets import Credential, create, is_there
from shared.workbench.bundle.checkout import ROOT
from tests.workbench.bootstrap.empty_account import SERVICES, Person
from tests.workbench.bootstrap.rights import all_but

STORES = {"tencent": "ssm://redis-crs-demo0001-app", "alibaba": "kms://tair-r-demo0001-app"}
RIGHTS = {"tencent": "redis:DescribeInstances", "alibaba": "kvstore:DescribeInstances"}
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


def test_bytes_that_are_no_text_are_not_stored(
    person: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Pass\xffword-77\n"), encoding="utf-8"))
    assert person.types("--secret", STORES[person.name]) == 2
    assert "a character that cannot be seen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{TYPED} ", "begins or ends with a blank"),
        (f"\t{TYPED}", "begins or ends with a blank"),
        *((f"Pass{one}word-77", "a character that cannot be seen") for one in ("\x1b[D", "\0", "\ufeff", "\udcff")),
    ],
)
def test_what_was_typed_by_a_slip_is_not_stored(
    person: Person, text: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
    assert person.types("--secret", STORES[person.name]) == 2
    assert says in capsys.readouterr().err


def test_a_policy_that_is_for_nothing_is_told(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    person.file = person.dist / "other.yml"
    person.file.write_text((ROOT / "serverless.yml").read_text().replace("env: prod", "env: nowhere"))
    person.types()
    assert "is for nothing that is in " in capsys.readouterr().out


def test_a_throttled_store_keeps_what_was_typed(
    person: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = {"tencent": "RequestLimitExceeded", "alibaba": "Throttling.User"}[person.name]
    refused = {"Fault": "code", "Code": code, "Status": 200 if person.name == "tencent" else 400, "When": "before"}
    actions = ("CreateSecret", "DescribeSecret", "DescribeInstances")
    person.cloud.faults([{"Action": action, **refused} for action in actions])
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TYPED}\n"))
    assert person.types("--secret", STORES[person.name]) == 0
    assert value_of(person, STORES[person.name].partition("://")[2]) == TYPED


def test_first_secrets_that_cannot_be_listed_leave_bootstrap_unfinished(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.types()
    person.cloud.grant(person.name, all_but(person.name, RIGHTS[person.name]))
    capsys.readouterr()
    assert person.types() == 1
    said = capsys.readouterr()
    assert "cannot be listed" in said.err and "bootstrap.json" in said.err
    assert said.out.endswith(f"next: make bootstrap CLOUD={person.name}\n")


def test_a_secret_that_no_policy_names_is_refused(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert person.types("--secret", "ssm://somebody-elses") == 2
    said = capsys.readouterr().err
    assert f"theirs are: {STORES[person.name]}" in said and "somebody-elses" not in said


ELSEWHERE = {"tencent": "ap-shanghai", "alibaba": "cn-shanghai"}


def test_a_first_secret_is_kept_in_the_region_of_its_credential(person: Person) -> None:
    store = parse_ref(STORES[person.name])
    there = Credential(store, ELSEWHERE[person.name], "crs-demo0001", "app")
    here = replace(there, region=person.api.region)
    create(person.api, there, Secret(TYPED), "keyturn:keyturn")
    assert is_there(person.api, there) and not is_there(person.api, here)


@pytest.mark.parametrize(("typed", "denied"), [(b"\x04", []), (TYPED.encode() + b"\n", ["CreateSecret"])])
def test_a_secret_that_is_not_kept_is_asked_for_later_and_the_settings_are_there(
    person: Person, typed: bytes, denied: list[str]
) -> None:
    person.cloud.reset(activated=dict.fromkeys(SERVICES, True), deny=denied)
    ended, said = on_a_terminal(person, b"the password of ", typed)
    assert ended == 0, said
    assert f"SECRET={STORES[person.name]}" in said and TYPED not in said
    assert ("CreateSecret: " in said) is bool(denied)
    assert person.settings()


@pytest.mark.parametrize("person", ["tencent"], indirect=True)
def test_settings_that_cannot_be_written_are_told(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    (person.dist / "bootstrap").write_text("a file in the place of a folder")
    assert person.types() == 1
    assert "bootstrap/tencent: a part of its path is no folder; put that right" in capsys.readouterr().err


def on_a_terminal(person: Person, question: bytes, answer: bytes) -> tuple[int, str]:
    """One run in a child with a terminal of its own: how it ended, and all that it showed."""
    child, master = pty.fork()
    if child == 0:
        ended = 70  # by an exception
        try:
            sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
            person.environ["TERM"] = "xterm"
            ended = person.types()
            sys.stdout.flush()
        finally:
            os._exit(ended)
    shown, until = b"", time.monotonic() + 60
    try:
        while question not in shown:
            assert time.monotonic() < until, shown
            shown += os.read(master, 4096)
        os.write(master, answer)
        while (part := os.read(master, 4096)) and time.monotonic() < until:
            shown += part
    except OSError:  # the child is gone
        pass
    _, status = os.waitpid(child, 0)
    os.close(master)
    return os.waitstatus_to_exitcode(status), shown.decode()


def value_of(person: Person, name: str) -> str:
    if person.name == "tencent":
        asked = {"SecretName": name, "VersionId": "current"}
        return str(person.api.call("ssm", "GetSecretValue", asked)["SecretString"])
    return str(person.api.call("kms", "GetSecretValue", {"SecretName": name})["SecretData"])
