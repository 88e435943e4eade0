"""make rotate from the question to the last result, with the zips that are shipped on either platform."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.client.deployed_bundle import DeployedBundle, deploy_bundle
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT
from tests.conftest import Packages

pytestmark = pytest.mark.zips("zips are for Python 3.10")

POLICY = {"tencent": "quarterly-redis", "alibaba": "quarterly-tair"}
_FLEETS = """
[[fleet]]
kind = "redis"
prefix = "crs-fleet"
region = "ap-guangzhou"
store = "redis-{instance}-{account}"
count = 4
tags = { env = "prod" }
aged_days = [10, 200]
due = 2
accounts = { app = { password = "Fleet-Passw0rd1" } }
[[fleet]]
kind = "tair"
prefix = "r-fleet"
region = "cn-hangzhou"
store = "tair-{instance}-{account}"
count = 4
tags = { env = "prod" }
aged_days = [10, 200]
due = 2
accounts = { app = { password = "Fleet-Passw0rd1" } }
"""


@pytest.fixture(scope="module")
def fleets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    world = tmp_path_factory.mktemp("fleets") / "world.toml"
    world.write_text((ROOT / "tests/cloud/world.toml").read_text() + _FLEETS)
    with Standin(world) as running:
        yield running


@pytest.fixture(params=["tencent", "alibaba"])
def bundle(request: pytest.FixtureRequest, fleets: Standin, packages: Packages, tmp_path: Path) -> DeployedBundle:
    return deploy_bundle(fleets, request.param, packages.dist, tmp_path)


def command(one: DeployedBundle, *words: str, policy: str | None = None) -> list[str]:
    return [sys.executable, "-m", "shared.workbench.rotate", one.name, policy or POLICY[one.name], *words]


def environ(one: DeployedBundle, **more: str) -> dict[str, str]:
    return {name: value for name, value in one.environ.items() if name != "YES"} | more


def rotate(
    one: DeployedBundle, *words: str, policy: str | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    how: dict[str, Any] = {"cwd": ROOT, "env": environ(one, **more), "stdin": subprocess.DEVNULL, "timeout": 120}
    return subprocess.run(command(one, *words, policy=policy), capture_output=True, text=True, check=False, **how)


def outcomes(one: DeployedBundle) -> list[str]:
    """The results of commands, reports of rotations apart."""
    return [event["data"]["Outcome"] for event in one.results() if "Outcome" in event["data"]]


def test_a_fleet_is_rotated_and_watched_to_its_end(bundle: DeployedBundle) -> None:
    dry = rotate(bundle, "--dry")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert "4 listed, 2 due, 0 sent, 2 not due" in dry.stdout
    assert len([line for line in dry.stdout.splitlines() if " days  " in line]) == 4
    unasked = rotate(bundle)
    assert (unasked.returncode, "YES=1" in unasked.stderr) == (2, True)
    assert outcomes(bundle) == []
    done = rotate(bundle, YES="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 due passwords are changed and in force" in done.stdout
    assert outcomes(bundle) == ["changed", "changed"]
    again = rotate(bundle, YES="1")
    assert (again.returncode, "nothing is due" in again.stdout) == (0, True)
    anew = rotate(bundle, "--now", YES="1")
    assert "4 of 4 due passwords are changed and in force" in anew.stdout, anew.stdout + anew.stderr
    unknown = rotate(bundle, policy="nightly")
    assert (unknown.returncode, f"known are: {POLICY[bundle.name]}" in unknown.stderr) == (2, True)


def test_a_change_that_fails_is_shown_and_the_exit_says_so(bundle: DeployedBundle) -> None:
    action = "ModifyInstanceAccount" if bundle.name == "tencent" else "ModifyAccountPassword"
    code, status = ("UnauthorizedOperation", 200) if bundle.name == "tencent" else ("Forbidden.RAM", 403)
    denied = {"Action": action, "Fault": "code", "Code": code, "Status": status, "When": "before"}
    bundle.cloud.faults([denied | {"Times": 50}])
    done = rotate(bundle, YES="1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 of 2 due passwords are changed and in force" in done.stdout
    assert code in done.stdout


def test_ctrl_c_leaves_the_rotation_alone_and_says_how_to_look(bundle: DeployedBundle) -> None:
    action = "ModifyInstanceAccount" if bundle.name == "tencent" else "ModifyAccountPassword"
    bundle.cloud.faults([{"Action": action, "Fault": "slow", "Seconds": 3, "Times": 2}])
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command(bundle), cwd=ROOT, env=environ(bundle, TERM="xterm"), stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    try:
        shown = _until(master, b"[y/N]")
        os.write(master, b"y\n")
        shown += _until(master, b"] 0 of 2 ended")
        process.send_signal(signal.SIGINT)
        shown += _until(master, b"FOLLOW=1 shows its results")
        assert process.wait(20) == 130
    finally:
        process.kill()
        os.close(master)
    assert b"the rotation goes on without this command" in shown
    bundle.wait(lambda: outcomes(bundle) == ["changed", "changed"])


def _until(master: int, word: bytes) -> bytes:
    shown, until = b"", time.monotonic() + 60
    while word not in shown:
        assert time.monotonic() < until, shown
        shown += os.read(master, 4096)
    return shown
