"""Ctrl-C, however early: one line, exit 130, no stack; and what is known of what it interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.workbench.environment.interrupts import INTERRUPTED
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT

# Ctrl-C arrives while a module is being imported.
_EARLY = """
import runpy, sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {at!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
sys.argv = [{command!r}, *{words!r}]
runpy.run_module({command!r}, run_name="__main__")
"""


@pytest.mark.parametrize(
    ("command", "at", "words"),
    [
        ("shared.workbench.rotate", "shared.workbench.rotate.command", ["tencent", "quarterly-redis"]),
        ("shared.workbench.rotate", "shared.workbench.results.source", ["tencent", "quarterly-redis"]),
        ("shared.workbench.bootstrap", "shared.workbench.bootstrap.commands", ["tencent"]),
        ("shared.workbench.deploy", "shared.workbench.deploy.commands", ["plan", "tencent"]),
        ("shared.workbench.deploy", "shared.workbench.deploy.call", ["call", "tencent", "x", "y"]),
        ("shared.workbench.environment", "shared.workbench.environment.install", ["demo"]),
        ("tests.cloud", "tests.cloud.invocation.invoke", ["invoke", "x", "y"]),
        ("tests.cloud", "tests.cloud.demo.main", ["demo"]),
    ],
)
def test_a_command_that_is_interrupted_before_it_began_says_so_in_a_line(
    command: str, at: str, words: list[str]
) -> None:
    program = _EARLY.format(command=command, at=at, words=words)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (INTERRUPTED, "")
    said = done.stderr.strip().splitlines()
    assert len(said) == 1 and ("interrupted" in said[0] or "stopped" in said[0]), done.stderr


def test_the_installation_that_is_interrupted_ends_pip_and_says_what_comes_next(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shared.workbench.environment", "--venv", str(tmp_path / "venv"), "amqp"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first.startswith("Setting up venv"), first
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1].strip().splitlines()
    assert process.returncode == INTERRUPTED
    assert rest[-1] == "Interrupted: venv is not complete. The next command installs the rest."
    assert not [line for line in rest if "Traceback" in line]


@pytest.mark.parametrize("begun", [True, False])
def test_an_invocation_that_is_interrupted_says_in_a_line_what_is_known(
    cloud: Standin, tmp_path: Path, begun: bool
) -> None:
    """`begun`: the change was asked for, and its task runs on."""
    cloud.reset(task_s=30.0)
    event = json.loads((ROOT / "events" / ACCOUNT / "scf-http.json").read_text())
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    keyturn = {"KEYTURN_RESULTS": f"sqlite://{tmp_path}/results.db", "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint}
    environ = {"PATH": os.environ["PATH"], **keyturn}
    command = [sys.executable, "-m", "tests.cloud", "invoke", ACCOUNT, str(file), "--as", "scf"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while begun and not any(call["Action"] == "ModifyInstanceAccount" for call in cloud.calls()):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    if not begun:
        time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    # Where Ctrl-C came into code that Python was compiling, it ends by that signal: a shell says 130 to both.
    assert process.returncode in (INTERRUPTED, -signal.SIGINT) and out == "", said
    assert len(said.strip().splitlines()) == 1, said
    if begun:
        assert "the change may have been made. The same event again" in said


def test_a_demo_whose_terminal_is_closed_leaves_nothing_behind(tmp_path: Path) -> None:
    """All of its processes get SIGHUP. Its stand-ins, and the folders of their registries and queues, end with it."""
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cloud", "demo"],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    while "and a registry at" not in (line := process.stdout.readline()):
        assert line, "the demo ended before its stand-ins ran"
    assert list(tmp_path.iterdir())
    os.killpg(process.pid, signal.SIGHUP)
    process.communicate(timeout=60)
    until = time.monotonic() + 20
    while list(tmp_path.iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
