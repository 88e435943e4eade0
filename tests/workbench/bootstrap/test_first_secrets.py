"""The secrets in force: asked for one by one, sent by the API, seen nowhere else."""

from __future__ import annotations

import os
import pty
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.commands.store_reference import parse_ref
from shared.runtime.secret import Secret
from shared.workbench.bootstrap.first_secrets import Credential, create, is_there
from shared.workbench.bundle.checkout import ROOT
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import SERVICES, Person
from tests.workbench.bootstrap.rights import all_but

STORES = {"tencent": "ssm://redis-crs-demo0001-app", "alibaba": "kms://tair-r-demo0001-app"}
RIGHTS = {"tencent": "redis:DescribeInstances", "alibaba": "kvstore:DescribeInstances"}
TYPED = "Typed-Passw0rd-77"


class Pipe:
    """Standard input of a command that is no terminal."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self._writing = reading, writing

    def types(self, text: str) -> None:
        os.write(self._writing, text.encode(errors="surrogateescape"))


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb"):
        monkeypatch.setattr("sys.stdin", stdin)
        yield Pipe(reading, writing)


def test_each_account_of_a_policy_gets_the_command_that_asks_for_its_secret(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert person.types() == 0
    said = capsys.readouterr().out
    assert f"  make bootstrap CLOUD={person.name} SECRET={STORES[person.name]}\n" in said
    assert said.count(" SECRET=") == 1
    load = f". dist/bootstrap/{person.name}/settings.sh"
    assert said.endswith(f"next: {load}, then the first secrets, then make plan CLOUD={person.name}\n")


def test_what_is_typed_is_kept_once_and_shown_nowhere(
    person: Person, capsys: pytest.CaptureFixture[str], pipe: Pipe
) -> None:
    store = STORES[person.name]
    pipe.types(f"{TYPED}\n")
    assert person.types("--secret", store) == 0
    assert value_of(person, store.partition("://")[2]) == TYPED
    pipe.types("Another-Passw0rd1\n")
    assert person.types("--secret", store) == 0
    assert value_of(person, store.partition("://")[2]) == TYPED
    said = capsys.readouterr()
    assert f"{store}: stored" in said.out and "a wrong one is corrected in the console" in said.out
    assert "is there already" in said.out and TYPED not in said.out + said.err
    assert all(TYPED not in one.read_text() for one in person.dist.rglob("*") if one.is_file())


def test_blanks_are_no_secret(person: Person, capsys: pytest.CaptureFixture[str], pipe: Pipe) -> None:
    pipe.types("   \n")
    assert person.types("--secret", STORES[person.name]) == 2
    assert "no secret was typed; nothing was made" in unwrapped(capsys.readouterr().err)


def test_bytes_that_are_no_text_are_not_stored(person: Person, capsys: pytest.CaptureFixture[str], pipe: Pipe) -> None:
    pipe.types("Pass\udcffword-77\n")
    assert person.types("--secret", STORES[person.name]) == 2
    assert "a character that cannot be seen" in unwrapped(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{TYPED} ", "begins or ends with a blank"),
        (f"\t{TYPED}", "begins or ends with a blank"),
        *((f"Pass{one}word-77", "a character that cannot be seen") for one in ("\x1b[D", "\0", "\ufeff", "\udcff")),
    ],
)
def test_what_was_typed_by_a_slip_is_not_stored(
    person: Person, text: str, says: str, capsys: pytest.CaptureFixture[str], pipe: Pipe
) -> None:
    pipe.types(f"{text}\n")
    assert person.types("--secret", STORES[person.name]) == 2
    assert says in unwrapped(capsys.readouterr().err)


def test_a_policy_that_is_for_nothing_is_told(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    person.file = person.dist / "other.yml"
    person.file.write_text((ROOT / "serverless.yml").read_text().replace("env: prod", "env: nowhere"))
    person.types()
    assert "is for nothing that is in " in capsys.readouterr().out


def test_a_throttled_store_keeps_what_was_typed(person: Person, capsys: pytest.CaptureFixture[str], pipe: Pipe) -> None:
    code = {"tencent": "RequestLimitExceeded", "alibaba": "Throttling.User"}[person.name]
    refused = {"Fault": "code", "Code": code, "Status": 200 if person.name == "tencent" else 400, "When": "before"}
    actions = ("CreateSecret", "DescribeSecret", "DescribeInstances")
    person.cloud.faults([{"Action": action, **refused} for action in actions])
    pipe.types(f"{TYPED}\n")
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
    assert said.out.endswith(f", then make bootstrap CLOUD={person.name}\n")


def test_a_secret_that_no_policy_names_is_refused(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert person.types("--secret", "ssm://somebody-elses") == 2
    said = unwrapped(capsys.readouterr().err)
    assert f"theirs are: {STORES[person.name]}" in said and "somebody-elses" not in said


ELSEWHERE = {"tencent": "ap-shanghai", "alibaba": "cn-shanghai"}


def test_a_first_secret_is_kept_in_the_region_of_its_credential(person: Person) -> None:
    store = parse_ref(STORES[person.name])
    there = Credential(store, ELSEWHERE[person.name], "crs-demo0001", "app")
    here = replace(there, region=person.api.region)
    create(person.api, there, Secret(TYPED), "keyturn:keyturn")
    assert is_there(person.api, there) and not is_there(person.api, here)


FIRST, AGAIN = b"password in force now: ", b"the same again: "


@pytest.mark.parametrize(
    ("typed", "denied"),
    [([(FIRST, b"\x04")], []), ([(FIRST, f"{TYPED}\n".encode()), (AGAIN, f"{TYPED}\n".encode())], ["CreateSecret"])],
)
def test_a_secret_that_is_not_kept_is_asked_for_later_and_the_settings_are_there(
    person: Person, typed: list[tuple[bytes, bytes]], denied: list[str]
) -> None:
    person.cloud.reset(activated=dict.fromkeys(SERVICES, True), deny=denied)
    ended, said = on_a_terminal(person, *typed)
    assert ended == 0, said
    assert f"SECRET={STORES[person.name]}" in said and TYPED not in said
    assert ("CreateSecret: " in said) is bool(denied)
    assert person.settings()


def test_the_questions_are_announced_and_each_stands_on_a_line_of_its_own(person: Person) -> None:
    ended, said = on_a_terminal(person, (FIRST, f"{TYPED}\n".encode()), (AGAIN, f"{TYPED}\n".encode()))
    assert ended == 0, said
    lines = [line.rpartition("\x1b[2K")[2] for line in said.splitlines()]
    at = lines.index("1 first secret wanted: the passwords in force now, of accounts on 1 instance.")
    assert "twice" in lines[at + 1] and "Enter" in lines[at + 2]
    resource = STORES[person.name].partition("-")[2].removesuffix("-app")
    assert lines[at + 3] == f"1 of 1: account app of {resource}, for {STORES[person.name]}"
    assert [line.strip() for line in lines[at + 4 : at + 6]] == ["password in force now:", "the same again:"]
    assert value_of(person, STORES[person.name].partition("://")[2]) == TYPED and TYPED not in said


def test_two_that_differ_are_told_and_asked_for_again(person: Person) -> None:
    slip, right = b"Tpyed-Passw0rd-77\n", f"{TYPED}\n".encode()
    ended, said = on_a_terminal(person, (FIRST, slip), (AGAIN, right), (FIRST, right), (AGAIN, right))
    assert ended == 0 and "the two differ: nothing was stored" in said
    assert value_of(person, STORES[person.name].partition("://")[2]) == TYPED


def test_the_command_for_one_secret_asks_twice_at_a_terminal_and_stores_nothing_of_three_slips(person: Person) -> None:
    assert person.types() == 0
    slips = [pair for n in range(3) for pair in ((FIRST, b"One-Passw0rd-%d\n" % n), (AGAIN, b"Two-Passw0rd\n"))]
    ended, said = on_a_terminal(person, *slips, more=("--secret", STORES[person.name]))
    assert ended == 2 and "differed 3 times; nothing was made" in said
    assert not is_there(person.api, wanted(person))


def test_lines_that_were_pasted_before_the_question_are_no_password_and_are_left_to_the_shell(person: Person) -> None:
    pasted = b"make plan\necho the next line\n"
    ended, said = on_a_terminal(person, (b"service keyturn", pasted), leaves=pasted)
    assert ended == 0, said
    assert "typed or pasted before the question" in said and f"SECRET={STORES[person.name]}" in said
    assert not is_there(person.api, wanted(person))


def test_of_a_pipe_one_line_is_read_and_the_rest_is_left(person: Person, pipe: Pipe) -> None:
    pipe.types(f"{TYPED}\nthe next command\n")
    assert person.types("--secret", STORES[person.name]) == 0
    assert os.read(pipe.reading, 100) == b"the next command\n"


@pytest.mark.parametrize("person", ["tencent"], indirect=True)
def test_settings_that_cannot_be_written_are_told(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    (person.dist / "bootstrap").write_text("a file in the place of a folder")
    assert person.types() == 1
    assert "bootstrap/tencent: a part of its path is no folder; put that right" in unwrapped(capsys.readouterr().err)


def on_a_terminal(
    person: Person, *dialogue: tuple[bytes, bytes], more: tuple[str, ...] = (), leaves: bytes = b""
) -> tuple[int, str]:
    """One run in a child with a terminal of its own: how it ended, and all that it showed.

    `dialogue`: what is typed, each after the text that it waits for. `leaves`: what nobody has read at the end.
    """
    child, master = pty.fork()
    if child == 0:
        ended = 70  # by an exception
        try:
            sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
            person.environ["TERM"] = "xterm"
            ended = person.types(*more)
            sys.stdout.flush()
            for line in leaves.splitlines(keepends=True):
                if os.read(0, 4096) != line:
                    ended = 71
        finally:
            os._exit(ended)
    shown, until = b"", time.monotonic() + 60
    try:
        for question, answer in dialogue:
            at = len(shown)
            while question not in shown[at:]:
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


def wanted(person: Person) -> Credential:
    return Credential(parse_ref(STORES[person.name]), person.api.region, "", "app")


def value_of(person: Person, name: str) -> str:
    if person.name == "tencent":
        asked = {"SecretName": name, "VersionId": "current"}
        return str(person.api.call("ssm", "GetSecretValue", asked)["SecretString"])
    return str(person.api.call("kms", "GetSecretValue", {"SecretName": name})["SecretData"])
