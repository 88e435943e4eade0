"""The bundle on its platforms: package it, deploy it, check that nothing is left to plan, use it, remove it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.workbench.environment.terminal import Terminal
from shared.workbench.package.dependencies import PackageError, find_interpreter
from shared.workbench.results.reply import read_reply
from tests.cloud.client.deployed_bundle import DENIED, DeployedBundle, prepare_bundle
from tests.cloud.client.function_urls import send_request
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.cloud.demo.scenes import Scene
from tests.cloud.state.checkout import ROOT


@dataclass(frozen=True)
class Story:
    """The part of the demo for one platform's bundle: one function and one account get a new password by each kind of
    trigger.
    """

    cloud: str
    function: str
    instance: str
    old: str
    command: dict[str, Any]  # without the passwords
    fields: tuple[str | None, str]  # the fields for the old and the new password

    def asked(self, old: str, new: str) -> dict[str, Any]:
        given = {self.fields[0]: old} if self.fields[0] else {}
        return {**self.command, **given, self.fields[1]: new}


CLOUDS = ("tencent", "alibaba")
# The default world has every role. Here no role exists until bootstrap creates it.
NO_ROLES: dict[str, Any] = {cloud: {"roles": {"*": {"exists": False}}} for cloud in ("cam", "ram")}
STORIES = (
    Story(
        "tencent",
        "tencent_redis_modify_instance_account",
        "crs-demo0001",
        "App-Passw0rd",
        {"InstanceId": "crs-demo0001", "AccountName": "app"},
        (None, "AccountPassword"),
    ),
    Story(
        "alibaba",
        "alibaba_tair_modify_account_password",
        "r-demo0001",
        "Tair-Passw0rd",
        {"InstanceId": "r-demo0001", "AccountName": "app"},
        ("OldAccountPassword", "NewAccountPassword"),
    ),
)


class Packaging:
    """Builds one cloud's zips in a separate process, from the start of the context on."""

    def __init__(self, cloud: str, folder: Path) -> None:
        self.cloud, self.folder = cloud, folder
        self._started = time.monotonic()
        self._process: subprocess.Popen[str] | None = None
        self.missing = ""
        """Why this machine cannot build zips: it has no Python 3.10, which the platforms run."""

    def __enter__(self) -> Packaging:
        try:
            find_interpreter("3.10")
        except PackageError as error:
            self.missing = str(error)
            return self
        command = [sys.executable, "-m", "shared.workbench.package", self.cloud, "--dist", str(self.folder)]
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, **quiet)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            self._process.communicate()

    def wait(self) -> tuple[list[Path], float]:
        """The zips, and the seconds that they took. Raises: PackageError with the output of the process."""
        assert self._process is not None
        _, complained = self._process.communicate()
        if self._process.returncode:
            raise PackageError(complained.strip())
        return sorted((self.folder / self.cloud).glob("*.zip")), time.monotonic() - self._started


class _Told:
    """Prints one line for each step, with its seconds."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._since = time.monotonic()

    def step(self, step: str, what: str, well: bool, seconds: float | None = None, why: str = "") -> None:
        now = time.monotonic()
        took = now - self._since if seconds is None else seconds
        self._scene.tell(f"  {step:<14} {took:>5.1f} s  {what}", well, why)
        self._since = now


def deploy_and_use(scene: Scene, cloud: Standin, story: Story, packaging: Packaging) -> None:
    """Show one line for each step, from building the zips to removing the last function."""
    if packaging.missing:
        scene.left_out = "packaging needs Python 3.10"
        scene.tell(f"  Not shown: {packaging.missing}")
        return
    scene.doing = f"{story.cloud}: package"
    zips, seconds = packaging.wait()
    told = _Told(scene)
    largest = max(zipped.stat().st_size for zipped in zips) / 1e6
    told.step("package", f"{len(zips)} zips, the largest {largest:.1f} MB", True, seconds)
    scene.doing = f"{story.cloud}: deploy"
    dist = packaging.folder / f"{story.cloud}-deployed"
    dist.mkdir()
    # The functions run with the roles that bootstrap creates. If a role lacked a right, a call would be denied.
    running = prepare_bundle(cloud, story.cloud, packaging.folder, dist, **NO_ROLES)
    made = running.bootstrap()
    roles = re.findall(r"^\[\d+/\d+\] role \S+: [\d.]+ s$", made.stdout, re.MULTILINE)
    well = made.returncode == 0 and bool(roles)
    told.step("bootstrap", f"{len(roles)} roles are made, each with its function's policy", well, why=_last_line(made))
    deployed = running.workbench("deploy")
    told.step("deploy", f"{len(cloud.functions())} functions run", deployed.returncode == 0, why=_last_line(deployed))
    planned = running.workbench("plan")
    told.step("plan again", "nothing to change", "nothing to change" in planned.stdout, why=_last_line(planned))
    _use(cloud, story, running, told)
    denied = [call["Action"] for call in cloud.calls() if call["Version"] and DENIED.match(call["Code"])]
    told.step("rights", f"denied calls: {', '.join(denied) or 'none'}", not denied)
    removed = running.workbench("remove")
    well = removed.returncode == 0 and cloud.functions() == []
    told.step("remove", "nothing is left", well, why=_last_line(removed))


def _said(reply: object) -> str:
    """What a function said of its results, without a secret."""
    with suppress(ValueError):
        if found := read_reply(json.loads(reply) if isinstance(reply, bytes) else reply):
            return " ".join(line.strip() for line in found.lines(Terminal(io.StringIO()), with_passwords=False))
    return "no reply of keyturn's came"


def _last_line(command: subprocess.CompletedProcess[str]) -> str:
    """How a command ended, in its own words."""
    said = [line for line in f"{command.stdout}\n{command.stderr}".splitlines() if line.strip()]
    return f"it ended with {command.returncode} and said last: {said[-1].strip() if said else 'nothing'}"


def _use(cloud: Standin, story: Story, running: DeployedBundle, told: _Told) -> None:
    passwords = [story.old, "Called-Passw0rd1", "Queued-Passw0rd1", "Timed-Passw0rd1"]

    def turned(n: int) -> bool:
        server = cloud.redis[story.instance]
        return redis_accepts(server, passwords[n], "app") and not redis_accepts(server, passwords[n - 1], "app")

    body = json.dumps(story.asked(passwords[0], passwords[1])).encode()
    refused = send_request(cloud, running.url(story.function), body, {"Content-Type": "application/json"})
    still = redis_accepts(cloud.redis[story.instance], story.old, "app")
    well = refused.status in (401, 403) and still
    told.step("unsigned call", f"HTTP {refused.status}, and the old password still works", well)
    answered = running.call(story.function, story.asked(passwords[0], passwords[1]))
    told.step(
        "signed call",
        f"HTTP {answered.status}: old password refused, new one accepted",
        turned(1),
        why=_said(answered.body),
    )
    running.command(story.function, story.asked(passwords[1], passwords[2]))
    running.wait(lambda: len(running.outcomes()) == 2)
    outcomes = " and ".join(running.outcomes())
    told.step("queue", f"{outcomes} on the results queue: old password refused, new one accepted", turned(2))
    _set_timer(cloud, story.function, json.dumps(story.asked(passwords[2], passwords[3])))
    fired = cloud.tick(story.function, "quarterly")
    told.step(
        "timer",
        f"{fired['Kind']}: old password refused, new one accepted",
        turned(3),
        why=_said(fired["Returned"]),
    )


def _set_timer(cloud: Standin, function: str, text: str) -> None:
    """Put a command into the timer on the platform itself, because the deploy tool refuses secrets in serverless.yml's
    timers.
    """
    if function.startswith("tencent_"):
        named = {"FunctionName": function, "TriggerName": "quarterly", "Type": "timer"}
        call_scf(cloud, "UpdateTrigger", **named, TriggerDesc="0 0 2 1 * * *", Enable="OPEN", CustomArgument=text)
        return
    from alibabacloud_fc20230330 import models

    config = json.dumps({"cronExpression": "0 0 2 1 * *", "enable": True, "payload": text})
    body = models.UpdateTriggerInput(trigger_config=config)
    fc_client(cloud).update_trigger(function, "quarterly", models.UpdateTriggerRequest(body=body))
