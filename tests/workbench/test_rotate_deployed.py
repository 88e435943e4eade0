"""make rotate from the question to the last result, with the zips that are shipped on either platform."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.client.deployed_bundle import DeployedBundle, deploy_bundle
from tests.cloud.client.inboxes import open_any_inbox
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba
from tests.cloud.state.checkout import ROOT
from tests.conftest import Packages
from tests.support.lost_output import run_without_output

pytestmark = pytest.mark.zips("zips are for Python 3.10")

POLICY = {"tencent": "quarterly-redis", "alibaba": "quarterly-tair"}
COUNT = 12  # of each fleet
_FLEETS = """
[[fleet]]
kind = "redis"
prefix = "crs-fleet"
region = "ap-guangzhou"
store = "redis-{instance}-{account}"
count = 12
tags = { env = "prod" }
aged_days = [10, 200]
due = 2
accounts = { app = { password = "Fleet-Passw0rd1" } }
[[fleet]]
kind = "tair"
prefix = "r-fleet"
region = "cn-hangzhou"
store = "tair-{instance}-{account}"
count = 12
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
    assert f"{COUNT} listed, 2 due, {COUNT - 2} not due" in dry.stdout
    assert len([line for line in dry.stdout.splitlines() if " days  " in line]) == COUNT
    unchecked = "not checked by a dry run: whether each store holds the first secret; `make bootstrap CLOUD=tencent`"
    assert (unchecked in " ".join(dry.stdout.split())) is (bundle.name == "tencent")
    unasked = rotate(bundle)
    assert (unasked.returncode, "YES=1" in unasked.stderr) == (2, True)
    assert outcomes(bundle) == []
    done = rotate(bundle, YES="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 due passwords are changed and in force" in done.stdout
    assert outcomes(bundle) == ["changed", "changed"]
    again = rotate(bundle, YES="1")
    assert (again.returncode, "nothing is due: no command is sent; NOW=1" in again.stdout) == (0, True)
    anew = rotate(bundle, "--now", "--borrow", YES="1")  # SMQ shows 16 without
    assert f"{COUNT} of {COUNT} due passwords are changed and in force" in anew.stdout, anew.stdout + anew.stderr
    unknown = rotate(bundle, policy="nightly")
    assert (unknown.returncode, f"known are: {POLICY[bundle.name]}" in unknown.stderr) == (2, True)


@pytest.mark.parametrize("way", ["both closed", "full"])
def test_a_rotation_whose_output_is_lost_goes_on_to_its_end(bundle: DeployedBundle, way: str) -> None:
    words = ["shared.workbench.rotate", bundle.name, POLICY[bundle.name]]
    code, said = run_without_output(way, words, environ(bundle, YES="1"))
    assert code == 0 and "Traceback" not in said, said
    assert outcomes(bundle) == ["changed", "changed"]


def test_a_change_that_fails_is_shown_and_the_exit_says_so(bundle: DeployedBundle) -> None:
    action = "ModifyInstanceAccount" if bundle.name == "tencent" else "ModifyAccountPassword"
    code, status = ("UnauthorizedOperation", 200) if bundle.name == "tencent" else ("Forbidden.RAM", 403)
    denied = {"Action": action, "Fault": "code", "Code": code, "Status": status, "When": "before"}
    bundle.cloud.faults([denied | {"Times": 50}])
    done = rotate(bundle, YES="1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 of 2 due passwords are changed and in force" in done.stdout
    assert code in done.stdout


@pytest.mark.parametrize("name", ["tencent", "alibaba"])
def test_a_store_without_a_first_secret_is_named_with_what_makes_it(
    name: str, packages: Packages, tmp_path: Path
) -> None:
    world = tmp_path / "world.toml"
    without = "".join(line for line in _FLEETS.splitlines(keepends=True) if not line.startswith("store"))
    world.write_text((ROOT / "tests/cloud/world.toml").read_text() + without)
    with Standin(world) as cloud:
        done = rotate(deploy_bundle(cloud, name, packages.dist, tmp_path), "--now", YES="1")
    assert done.returncode == 1, done.stdout + done.stderr
    place = "ssm://redis-crs-fleet" if name == "tencent" else "kms://tair-r-fleet"
    assert f"holds no first secret: make bootstrap CLOUD={name} SECRET={place}" in done.stdout
    assert f"and {COUNT - 5} more stores" in done.stdout


def test_a_store_that_holds_another_secret_is_named_with_what_corrects_it(packages: Packages, tmp_path: Path) -> None:
    """Alibaba asks for the old password; Tencent's operation does not, and never sees what the store held."""
    world = tmp_path / "world.toml"
    wrong = _FLEETS.replace('store = "tair-{instance}-{account}"\n', "")
    world.write_text((ROOT / "tests/cloud/world.toml").read_text() + wrong)
    with Standin(world) as cloud:
        bundle = deploy_bundle(cloud, "alibaba", packages.dist, tmp_path)
        named = {"SecretName": "tair-r-fleet0001-app", "VersionId": "v1", "SecretDataType": "text"}
        given, host = named | {"SecretData": "Not-That-One1"}, "kms.cn-hangzhou.aliyuncs.com"
        call_alibaba(cloud, "CreateSecret", given, host=host, version="2016-01-20")
        done = rotate(bundle, "--now", "--borrow", YES="1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "kms://tair-r-fleet0001-app does not hold the password in force; a wrong one is corrected in" in done.stdout


def test_a_consumer_that_takes_the_report_is_told_of(fleets: Standin, packages: Packages, tmp_path: Path) -> None:
    """On SMQ, which shows nobody what another has taken. With no page in sight the rotation is not waited for."""
    bundle = deploy_bundle(fleets, "alibaba", packages.dist, tmp_path)
    box = open_any_inbox(bundle.environ["KEYTURN_RESULTS"], environ=bundle.environ)
    ended = threading.Event()

    def consume() -> None:
        while not ended.is_set():
            for one in box.receive(16, 30.0):
                box.ack(one)

    consumer = threading.Thread(target=consume)
    consumer.start()
    try:
        done = rotate(bundle, YES="1")
    finally:
        ended.set()
        consumer.join()
        box.close()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "another consumer of the results queue took it" in done.stdout and "the logs show" in done.stdout
    assert "the rotation continues without this command" in done.stdout


def test_ctrl_c_leaves_the_rotation_alone_and_says_how_to_look(bundle: DeployedBundle) -> None:
    action = "ModifyInstanceAccount" if bundle.name == "tencent" else "ModifyAccountPassword"
    bundle.cloud.faults([{"Action": action, "Fault": "slow", "Seconds": 3, "Times": 2}])
    interrupted(bundle, b"] 0 of 2 ended")
    bundle.wait(lambda: outcomes(bundle) == ["changed", "changed"])


@pytest.fixture
def cut_short(fleets: Standin, packages: Packages, tmp_path: Path) -> DeployedBundle:
    """A bundle of which one invocation of plan_rotation does for a part of the fleet: 8 accounts are read at a time."""
    bundle = deploy_bundle(fleets, "alibaba", packages.dist, tmp_path)
    bundle.limit("plan_rotation", 6)
    bundle.cloud.faults([{"Action": "DescribeAccounts", "Fault": "slow", "Seconds": 1.0, "Times": 1000}])
    return bundle


@pytest.mark.long
def test_a_fleet_that_takes_several_invocations_is_watched_to_its_end(cut_short: DeployedBundle) -> None:
    bundle = cut_short
    done = rotate(bundle, "--now", "--borrow", YES="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "; more follow" in done.stdout
    assert f"{COUNT} of {COUNT} due passwords are changed and in force" in done.stdout
    pages = [one["data"] for one in bundle.results() if "Rows" in one["data"]]
    counted = ("Listed", "Due", "Sent", "NotDue", "Unknown", "NotAllowed")
    (last,) = [one for one in pages if one["Mode"] == "rotate" and one["Last"]]
    assert [last[name] for name in counted] == [COUNT, COUNT, COUNT, 0, 0, 0]
    firing = [one for one in pages if one["Firing"] == last["Firing"]]
    assert sorted(one["Page"] for one in firing) == list(range(last["Page"] + 1)) and last["Page"] > 0
    assert outcomes(bundle) == ["changed"] * COUNT


@pytest.mark.long
def test_ctrl_c_while_the_fleet_is_still_listed(cut_short: DeployedBundle) -> None:
    interrupted(cut_short, b"listing; ", "--now", "--borrow")
    cut_short.wait(lambda: outcomes(cut_short) == ["changed"] * COUNT)


def interrupted(bundle: DeployedBundle, at: bytes, *words: str) -> None:
    """A person says yes, and presses ctrl-C once the terminal shows `at`."""
    master, slave = pty.openpty()
    on_it: dict[str, Any] = {"stdin": slave, "stdout": slave, "stderr": slave}
    process = subprocess.Popen(command(bundle, *words), cwd=ROOT, env=environ(bundle, TERM="xterm"), **on_it)
    os.close(slave)
    try:
        _until(master, b"[y/N]")
        os.write(master, b"y\n")
        _until(master, at)
        process.send_signal(signal.SIGINT)
        shown = _until(master, b"FOLLOW=1 shows its results")
        assert process.wait(20) == 130
    finally:
        process.kill()
        os.close(master)
    assert b"the rotation continues without this command" in shown


def _until(master: int, word: bytes) -> bytes:
    shown, until = b"", time.monotonic() + 60
    while word not in shown:
        assert time.monotonic() < until, shown
        shown += os.read(master, 4096)
    return shown


@pytest.mark.parametrize("bundle", ["alibaba"], indirect=True)
def test_commands_that_were_not_sent_are_told_and_nothing_is_said_to_go_on(bundle: DeployedBundle) -> None:
    gone = {"QueueName": "keyturn-alibaba-tair-modify-account-password"}
    call_alibaba(bundle.cloud, "DeleteQueue", gone, host="mns-open.cn-hangzhou.aliyuncs.com", version="2022-01-19")
    done = rotate(bundle, YES="1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "none of the 2 commands was sent" in done.stdout
    assert "goes on" not in done.stdout + done.stderr


def test_two_people_who_rotate_at_once_change_each_password_once(bundle: DeployedBundle) -> None:
    how: dict[str, Any] = {"cwd": ROOT, "env": environ(bundle, YES="1"), "stdin": subprocess.DEVNULL}
    both = [
        subprocess.Popen(command(bundle), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=120)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    told = outcomes(bundle)
    assert (told.count("changed"), set(told)) in [(2, {"changed"}), (2, {"changed", "already_changed"})]
    changed = [one["subject"] for one in bundle.results() if one["data"].get("Outcome") == "changed"]
    assert len(set(changed)) == 2
