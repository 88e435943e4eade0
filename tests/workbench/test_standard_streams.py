"""A command whose output is lost: a listing ends without a word, a change goes on to its end and tells how it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.handlers.adapters import open_queue
from shared.queues.port import QueueMessage
from shared.workbench.environment.terminal import WIDEST
from tests.cloud.client.deployed_bundle import prepare_bundle, prepared_environment
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT, TAIR, Packages
from tests.support.commands import VALID_COMMANDS
from tests.support.lost_output import FULL, WAYS, run_without_output
from tests.workbench.bootstrap.empty_account import SERVICES, WORLD, Person
from tests.workbench.results_queue import event, reader
from tests.workbench.verify.test_wrong_keys_and_passwords import account_of

FEW = ["both closed", *(["full"] if FULL.exists() else [])]
full_disk = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def told_once(said: str, name: str, *, full: bool, after: str = "") -> None:
    """Nothing of Python's, and one line that tells of the loss."""
    assert "Traceback" not in said and "Exception ignored" not in said, said
    why = "the disk is full" if full else "nobody reads it any more"
    lines = [line for line in said.splitlines() if "standard output cannot be written" in line]
    assert len(lines) == 1 and lines[0].startswith(f"{name}: ") and why in lines[0] and after in lines[0], said
    assert len(lines[0]) <= WIDEST


@pytest.fixture
def many(cloud: Standin, tmp_path: Path) -> dict[str, str]:
    """The environment of a person whose results queue holds more than a pipe does."""
    environ = reader(cloud, "sqlite", tmp_path)
    queue = open_queue(environ["KEYTURN_RESULTS"], function=ACCOUNT)
    for number in range(300):
        body = json.dumps(event(number))
        queue.send(QueueMessage(f"{number}", "keyturn.credential.changed", "k", body), timeout_s=5.0)
    queue.close()
    return {"PATH": os.environ["PATH"], **environ}


def listings(many: Mapping[str, str], folder: Path) -> dict[str, list[str]]:
    url = many["KEYTURN_RESULTS"]
    return {
        "queue": ["tests.cloud", "queue", "show", url],
        "results": ["shared.workbench.results", "tencent", "--json"],
        "report": ["shared.workbench.report", url, "-o", str(folder / "page.html")],
        "page": ["shared.workbench.report", url, "-o", "-"],
        "operations": ["shared.workbench.operations", "tencent", "--logset=l", "--topic=t", "--notice=n"],
        "help": ["shared.workbench.deploy", "deploy", "--help"],
        "cloud": ["tests.cloud", "--help"],
    }


@pytest.mark.parametrize("name", listings({"KEYTURN_RESULTS": ""}, Path()))
def test_a_listing_ends_where_its_reader_does(name: str, many: dict[str, str], tmp_path: Path) -> None:
    words = listings(many, tmp_path)[name]
    for way in ("closed", "not open"):
        code, said = run_without_output(
            way, words, many, read=1 if way == "closed" and name in ("queue", "results") else 0
        )
        assert (code, said if name != "page" else "") == (0, ""), way
    assert run_without_output("both closed", words, many) == (0, "")


@full_disk
@pytest.mark.parametrize("name", listings({"KEYTURN_RESULTS": ""}, Path()))
def test_a_listing_on_a_full_disk_says_so_in_a_line(name: str, many: dict[str, str], tmp_path: Path) -> None:
    code, said = run_without_output("full", listings(many, tmp_path)[name], many)
    command = {"help": "deploy", "page": "report"}.get(name, name)
    assert (code, said) == (1, f"{command}: standard output cannot be written: the disk is full\n")


@pytest.mark.parametrize("way", WAYS)
def test_an_invocation_tells_by_its_exit_what_came_of_the_change(way: str, cloud: Standin, tmp_path: Path) -> None:
    environ = prepared_environment(cloud, "tencent") | {"KEYTURN_RESULTS": f"sqlite://{tmp_path}/results.db"}
    del environ["KEYTURN_COMMANDS"]
    words = ["tests.cloud", "invoke", ACCOUNT, f"events/{ACCOUNT}/scf-http.json", "--as=scf"]
    for fault, expected in ((None, 0), ("not_changed", 3)):
        cloud.reset(task_s=0.1)
        if fault:
            refused = {"Fault": "code", "Code": "InvalidParameter", "Status": 200, "When": "before"}
            cloud.faults([{"Action": "ModifyInstanceAccount", "Times": 50, **refused}])
        code, said = run_without_output(way, words, environ)
        assert code == expected, said
        if way in ("closed", "full"):
            told_once(said, "invoke", full=way == "full", after="the command goes on to its end without it")
        assert "Traceback" not in said
    assert any(call["Action"] == "ModifyInstanceAccount" for call in cloud.calls())


@full_disk
def test_bootstrap_makes_everything_and_takes_it_away(tmp_path: Path) -> None:
    with Standin(WORLD) as empty:
        empty.reset(not_so=["Q9"])
        empty.activate(**dict.fromkeys(SERVICES, True))
        person = Person(empty, "alibaba", tmp_path)
        environ = {"PATH": os.environ["PATH"], **person.environ}
        words = ["shared.workbench.bootstrap", "alibaba", "--dist", str(tmp_path)]
        code, said = run_without_output("full", words, environ)
        assert code == 0 and "Traceback" not in said, said
        assert all(condition == "there" for condition, _ in person.standing().values())
        code, said = run_without_output("full", [*words, "--remove"], environ)
        assert code == 0 and "Traceback" not in said, said
        assert not any(ours for _, ours in person.standing().values())


@pytest.mark.zips("zips are for Python 3.10")
def test_a_deployment_a_call_and_a_removal_go_on(cloud: Standin, packages: Packages, tmp_path: Path) -> None:
    bundle = prepare_bundle(cloud, "alibaba", packages.dist, tmp_path)
    built = ["--dist", str(tmp_path), "--as-built"]
    words = ["shared.workbench.deploy", "deploy", "alibaba", *built]
    code, said = run_without_output("both closed", words, bundle.environ)
    assert code == 0 and "Traceback" not in said, said
    assert "nothing to change" in bundle.workbench("plan").stdout
    command = tmp_path / "command.json"
    command.write_text(json.dumps(VALID_COMMANDS[TAIR]))
    code, said = run_without_output(
        "both closed", ["shared.workbench.deploy", "call", "alibaba", TAIR, str(command)], bundle.environ
    )
    assert code == 0 and "Traceback" not in said, said
    assert bundle.outcomes() == ["changed"]
    code, said = run_without_output(
        "both closed", ["shared.workbench.deploy", "remove", "alibaba", *built], bundle.environ
    )
    assert code == 0 and "Traceback" not in said, said
    assert not cloud.functions()


@pytest.mark.parametrize("way", FEW)
def test_verify_puts_back_what_it_changes(way: str, cloud: Standin, tmp_path: Path) -> None:
    account = account_of(cloud, tmp_path, "tencent")
    code, said = run_without_output(way, ["shared.workbench.verify", *account.arguments("S1")], account.environment())
    assert code == 0 and "Traceback" not in said, said
    assert account.findings()["S1"]["Finding"] == "holds"
    assert not (tmp_path / "verify-tencent-open.json").exists()


# --- a stream that lacks characters -----------------------------------------------------------------------------------

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
WHO = "J\u00fcrgen \u65e5\u672c \U0001f511"


def test_json_and_lines_for_people_are_whole_where_the_stream_takes_ascii_alone(cloud: Standin, tmp_path: Path) -> None:
    environ = prepared_environment(cloud, "tencent") | {"KEYTURN_RESULTS": f"sqlite://{tmp_path}/results.db"} | ASCII
    del environ["KEYTURN_COMMANDS"]
    (tmp_path / "event.json").write_text(json.dumps(asked_by(WHO)))
    words = ["tests.cloud", "invoke", ACCOUNT, str(tmp_path / "event.json"), "--as=scf"]
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=environ, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    reply = json.loads(json.loads(done.stdout)["body"])
    assert reply["Result"]["data"]["Actor"] == WHO
    shown = [sys.executable, "-m", "tests.cloud", "queue", "show", environ["KEYTURN_RESULTS"]]
    listed = subprocess.run(shown, cwd=ROOT, env=environ, capture_output=True, timeout=60)
    assert json.loads(listed.stdout)["data"]["Actor"] == WHO, listed.stderr
    wrong = [sys.executable, "-m", "shared.workbench.deploy", "plan", "tencent", "--file", f"{tmp_path}/\u65e5"]
    told = subprocess.run(wrong, cwd=ROOT, env=environ, capture_output=True, timeout=60)
    assert (told.returncode, b"Traceback" in told.stderr) == (2, False)


def asked_by(who: str) -> dict[str, object]:
    event: dict[str, object] = json.loads((ROOT / "events" / ACCOUNT / "scf-http.json").read_text())
    command = json.loads(str(event["body"]))
    return event | {"body": json.dumps(command | {"Actor": who})}
