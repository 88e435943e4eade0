"""What the commands that work on an account have in common: which cloud, and Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cloud.client.deployed_bundle import prepared_environment
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT

COMMANDS = {
    "plan": ["shared.workbench.deploy", "plan", ""],
    "deploy": ["shared.workbench.deploy", "deploy", ""],
    "remove": ["shared.workbench.deploy", "remove", ""],
    "call": ["shared.workbench.deploy", "call", "", "plan_rotation", "events/plan_rotation/scf-http.json"],
    "rotate": ["shared.workbench.rotate", "", "quarterly-redis"],
    "results": ["shared.workbench.results", ""],
    "bootstrap": ["shared.workbench.bootstrap", ""],
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("cloud", ["", "azure"])
def test_each_asks_which_cloud(name: str, cloud: str) -> None:
    words = [cloud if word == "" else word for word in COMMANDS[name]]
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    wrong = f"CLOUD={cloud} is none: " if cloud else ""
    assert f"which cloud? {wrong}CLOUD=tencent or CLOUD=alibaba" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["tencent", "alibaba"])
def test_an_interrupt_says_that_the_same_command_goes_on(name: str, cloud: Standin, tmp_path: Path) -> None:
    """In the middle: it has said where it is, and reads what is there."""
    cloud.reset()
    cloud.faults([{"Action": "ListFunctions", "Fault": "slow", "Seconds": 5}])
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.workbench.deploy", "deploy", name, "--dist", str(tmp_path), "--as-built"],
        cwd=ROOT,
        env={**prepared_environment(cloud, name), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    assert process.stdout is not None
    assert " in " in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert said.strip() == "deploy: interrupted; run it again: it looks first, and goes on from there"
