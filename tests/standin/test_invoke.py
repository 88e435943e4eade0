"""`invoke` and `run`: what a person reads on standard error, what a program reads on the other, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.environment.terminal import WIDEST
from tests.cloud.client.standin import Standin
from tests.cloud.functions.platform_names import FC, SCF, Platform
from tests.cloud.invocation.endpoints import would_leave
from tests.cloud.invocation.shown import log_lines
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT, TAIR

HANDOFF_KEY = "c2lnbnMtd2hhdC1rZXl0dXJuLXNlbmRzLWl0c2VsZi4"


def standin_command(cloud: Standin | None, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command of the stand-in, with its endpoints if there is one."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KEYTURN_")}
    endpoint = {"KEYTURN_TENCENT_ENDPOINT": cloud.endpoint, "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint} if cloud else {}
    return subprocess.run(
        [sys.executable, "-m", "tests.cloud", *words],
        cwd=ROOT,
        env=environ | endpoint | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )


def invoke(cloud: Standin | None, function: str, event: Path, *options: str, **settings: str) -> Any:
    done = standin_command(cloud, "invoke", function, str(event), *options, **settings)
    assert max(map(len, done.stderr.splitlines())) <= WIDEST, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    return done


def example(function: str, name: str) -> Path:
    return ROOT / "events" / function / f"{name}.json"


def with_old_password(tmp_path: Path, value: str) -> Path:
    """Tair's queue event with another old password in it."""
    event = tmp_path / "event.json"
    text = example(TAIR, "fc-queue").read_text()
    assert "Tair-Passw0rd" in text
    event.write_text(text.replace("Tair-Passw0rd", value, 1))
    return event


def test_a_change_is_a_line_and_its_return_value_is_the_last_line_of_stdout(cloud: Standin, tmp_path: Path) -> None:
    cloud.reset()
    results = f"sqlite://{tmp_path}/results.db"
    done = invoke(cloud, ACCOUNT, example(ACCOUNT, "scf-http"), "--as", "scf", KEYTURN_RESULTS=results)
    assert done.returncode == 0, done.stderr
    task = json.loads(json.loads(done.stdout.splitlines()[-1])["body"])["Result"]["data"]["TaskId"]
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"changed   redis/crs-demo0001/app   task {task}   ") and last.endswith(" s")
    assert f"INFO invocation function={ACCOUNT} trigger=http messages=1" in done.stderr


def test_a_refusal_says_why_on_the_next_line_and_exits_3(cloud: Standin, tmp_path: Path) -> None:
    cloud.reset()
    event = with_old_password(tmp_path, "Another-Passw0rd")
    done = invoke(cloud, TAIR, event, KEYTURN_RESULTS=f"sqlite://{tmp_path}/results.db")
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("not_changed   tair/r-demo0001/app"))
    assert lines[first + 1].startswith("    wrong_old_secret (")
    said = " ".join(done.stderr.split())
    assert "set a new one with `alibaba_tair_reset_account_password`" in said and "tencent" not in said
    assert json.loads(done.stdout)["Results"][0]["data"]["Outcome"] == "not_changed"


def test_the_log_is_there_as_a_platform_keeps_it_if_asked_for(cloud: Standin, tmp_path: Path) -> None:
    cloud.reset()
    words = ["invoke", TAIR, str(example(TAIR, "fc-queue")), "--raw-log"]
    done = standin_command(cloud, *words, KEYTURN_RESULTS=f"sqlite://{tmp_path}/results.db")
    events = [json.loads(line[line.index("{") :])["event"] for line in done.stderr.splitlines() if "keyturn {" in line]
    assert {"result", "invocation"} <= set(events)


@pytest.mark.parametrize(("function", "name"), [(ACCOUNT, "scf-queue"), (TAIR, "fc-timer")])
def test_an_unset_results_queue_raises_and_says_what_to_set(cloud: Standin, function: str, name: str) -> None:
    cloud.reset()
    done = invoke(cloud, function, example(function, name))
    assert (done.returncode, cloud.calls()) == (1, [])
    assert "raised   NothingDone: KEYTURN_RESULTS is not set" in done.stderr
    assert "export KEYTURN_RESULTS=sqlite://" in done.stderr
    assert "KEYTURN_RESULTS is not set" in json.loads(done.stdout)["stackTrace"]


def test_run_shows_the_same_lines(cloud: Standin, tmp_path: Path) -> None:
    cloud.reset(task_s=600)
    queues = {f"KEYTURN_{name}": f"sqlite://{tmp_path}/{name}.db" for name in ("RESULTS", "COMMANDS")}
    settings = queues | {"KEYTURN_HANDOFF_KEY": HANDOFF_KEY}
    begun = invoke(cloud, ACCOUNT, example(ACCOUNT, "scf-http"), **settings)
    assert begun.returncode == 0 and "\npending   redis/crs-demo0001/app   task " in begun.stderr
    assert "Its CommandId is rotate-app-2026-05-04." in " ".join(begun.stderr.split())
    ended = standin_command(cloud, "run", "--once", "--skip-delays", **settings)
    assert ended.returncode == 0 and "INFO invocation function=follow_change trigger=queue" in ended.stderr
    assert max(map(len, ended.stderr.splitlines())) <= WIDEST
    assert standin_command(None, "run", "--once", **settings).returncode == 2


# --- no call of a real cloud ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "name", "wanted"),
    [(ACCOUNT, "scf-http", "TENCENT"), (TAIR, "fc-http", "ALIBABA"), ("plan_rotation", "scf-timer", "TENCENT")],
)
def test_without_an_endpoint_nothing_runs_and_it_says_what_to_set(function: str, name: str, wanted: str) -> None:
    done = invoke(None, function, example(function, name))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"KEYTURN_{wanted}_ENDPOINT is not set, so this would call the real" in done.stderr
    assert "`make shell`" in done.stderr and len(done.stderr.splitlines()) == 2


TENCENT = {"KEYTURN_TENCENT_ENDPOINT": "http://127.0.0.1:1"}
ALIBABA = {"KEYTURN_ALIBABA_ENDPOINT": "http://127.0.0.1:1"}
ALIBABA_KEYS = {"KEYTURN_ALIBABA_ACCESS_KEY_ID": "a", "KEYTURN_ALIBABA_ACCESS_KEY_SECRET": "b"}
TENCENT_KEYS = {"KEYTURN_TENCENT_SECRET_ID": "a", "KEYTURN_TENCENT_SECRET_KEY": "b"}
PLAN, FOLLOW = "plan_rotation", "follow_change"


@pytest.mark.parametrize(
    ("function", "platform", "event", "settings", "wanted"),
    [
        (ACCOUNT, SCF, b"{}", TENCENT, ""),
        (ACCOUNT, SCF, b"{}", ALIBABA, "TENCENT"),
        (ACCOUNT, FC, b"{}", ALIBABA | TENCENT_KEYS, ""),  # meant: such keys are given for nothing else
        (ACCOUNT, SCF, b"{}", TENCENT_KEYS, "TENCENT"),  # on its own platform it has the stand-in's keys
        (ACCOUNT, SCF, b'{"Deliver": {"Store": "kms://a"}}', TENCENT, "ALIBABA"),
        (ACCOUNT, SCF, b'{"Deliver": {"Store": "kms://a"}}', TENCENT | ALIBABA_KEYS, ""),
        (PLAN, SCF, rb'{"Message": "{\"Function\": \"alibaba_tair_modify_account_password\"}"}', TENCENT, "ALIBABA"),
        (PLAN, SCF, b"{}", ALIBABA, "TENCENT"),
        (PLAN, FC, b"{}", ALIBABA, ""),
        (FOLLOW, FC, b'{"Cloud": "tencent"}', ALIBABA, "TENCENT"),
        (FOLLOW, SCF, b'{"Cloud": "tencent"}', TENCENT, ""),
    ],
)
def test_each_cloud_that_an_event_leads_to_has_an_endpoint_or_keys(
    function: str, platform: Platform, event: bytes, settings: dict[str, str], wanted: str
) -> None:
    text = would_leave(function, platform, event, settings)
    assert text.partition("_ENDPOINT")[0].removeprefix("KEYTURN_") == wanted


# --- log lines --------------------------------------------------------------------------------------------------------


def test_a_log_line_is_names_and_values_and_none_is_too_wide() -> None:
    line: dict[str, Any] = {
        "event": "result",
        "outcome": "changed",
        "code": None,
        "calls": 1,
        "message": "two words",
        "outcomes": {},
    }
    assert list(log_lines(f"INFO keyturn {json.dumps(line)}")) == [
        'INFO result outcome=changed calls=1 message="two words"'
    ]
    long = {"event": "x", "result": "r" * 500, **{f"name{number}": "v" * 30 for number in range(9)}}
    shown = list(log_lines(f"ERROR keyturn.undelivered {json.dumps(long)}\n{'word ' * 60}\n{'w' * 300}"))
    assert max(map(len, shown)) <= WIDEST
    assert "result=(500 characters: --raw-log)" in shown[0]
