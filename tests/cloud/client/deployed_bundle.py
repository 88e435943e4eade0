"""A platform's bundle on the stand-in, deployed by the real deploy tool, and how tests use it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.handlers.adapters import open_queue
from shared.queues.port import QueueMessage
from tests.cloud.client.function_urls import HttpAnswer, call_signed
from tests.cloud.client.inboxes import open_any_inbox, queue_access
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_UIN
from tests.cloud.state.checkout import ROOT

SMQ = f"smq://{ALIBABA_ACCOUNT}.mns.cn-hangzhou.aliyuncs.com/keyturn-"
QUEUES = {
    "tencent": ("ckafka://ap-guangzhou/datahub-demo01", "ckafka://ap-guangzhou/datahub-demo02"),
    "alibaba": (f"{SMQ}results", f"{SMQ}{{function}}"),
}
PATIENCE_S = 40.0
DENIED = re.compile("(AuthFailure\\.)?Unauthorized|Forbidden|NoPermission|AccessDenied")
"""The beginning of the code of a call for which a role has no right."""


@dataclass
class DeployedBundle:
    """A stand-in on which one platform's bundle runs."""

    cloud: Standin
    name: str
    environ: dict[str, str]
    dist: Path  # its own folder: `deploy` keeps its plan there

    def workbench(self, verb: str) -> subprocess.CompletedProcess[str]:
        """Run `make <verb>` without building the packages again."""
        command = [
            sys.executable,
            "-m",
            "shared.workbench.deploy",
            verb,
            self.name,
            "--dist",
            str(self.dist),
            "--as-built",
        ]
        return subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=120)

    def bootstrap(self) -> subprocess.CompletedProcess[str]:
        """Run `make bootstrap`. Afterwards the environment has what it found and made, as settings.sh would set it."""
        command = [sys.executable, "-m", "shared.workbench.bootstrap", self.name, "--dist", str(self.dist)]
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            lines = (self.dist / "bootstrap" / self.name / "settings.sh").read_text().splitlines()
            pairs = (shlex.split(line)[1].partition("=") for line in lines if line.startswith("export "))
            self.environ |= {name: value for name, _, value in pairs}
        return done

    def make_call(self, function: str, command: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `make call` with a command in a file."""
        whole = [sys.executable, "-m", "shared.workbench.deploy", "call", self.name, function, str(command), *options]
        environ = self.environ | {"TENCENTCLOUD_UIN": TENCENT_UIN}
        return subprocess.run(whole, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)

    def url(self, function: str) -> str:
        """Where a function is called."""
        (url,) = next(one["Urls"] for one in self.cloud.functions() if one["Function"] == function)
        return str(url)

    def limit(self, function: str, seconds: int) -> None:
        """Limit a function's time to so many seconds instead of serverless.yml's minute.

        `deploy` would restore the minute.
        """
        if self.name == "tencent":
            call_scf(self.cloud, "UpdateFunctionConfiguration", FunctionName=function, Timeout=seconds)
            time.sleep(0.2)  # the function is being updated
            return
        from alibabacloud_fc20230330 import models

        body = models.UpdateFunctionInput(timeout=seconds)
        fc_client(self.cloud).update_function(function, models.UpdateFunctionRequest(body=body))

    def call(self, function: str, command: dict[str, Any], **headers: str) -> HttpAnswer:
        """A signed call."""
        return call_signed(self.cloud, self.url(function), command, headers=headers)

    def results(self) -> list[dict[str, Any]]:
        """Every event on the results queue."""
        box = open_any_inbox(self.environ["KEYTURN_RESULTS"], environ=self.environ)
        try:
            return [json.loads(stored.message.body) for stored in box.peek()]
        finally:
            box.close()

    def command(self, function: str, data: dict[str, Any]) -> None:
        """Put a command event on the commands queue, as any producer would."""
        event = {"specversion": "1.0", "id": "order-1", "source": "desk", "type": f"keyturn.command.{function}"}
        body = json.dumps({**event, "datacontenttype": "application/json", "data": data})
        queue = open_queue(self.environ["KEYTURN_COMMANDS"], function=function, access=queue_access(self.environ))
        try:
            queue.send(QueueMessage("order-1", event["type"], "k", body), timeout_s=5.0)
        finally:
            queue.close()

    def wait(self, found: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        until = time.monotonic() + PATIENCE_S
        while not found():
            assert time.monotonic() < until, "\n".join(line for one in self.cloud.functions() for line in one["Log"])
            time.sleep(0.1)

    def outcomes(self) -> list[str]:
        """The outcomes of the results, in their order."""
        return [event["data"]["Outcome"] for event in self.results()]


def deploy_bundle(cloud: Standin, name: str, zips: Path, dist: Path, **world: Any) -> DeployedBundle:
    """Deploy a platform's bundle with the zips in `zips/<platform>` to a fresh world; `dist` is its own folder."""
    one = prepare_bundle(cloud, name, zips, dist, **world)
    done = one.workbench("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    return one


def prepare_bundle(cloud: Standin, name: str, zips: Path, dist: Path, **world: Any) -> DeployedBundle:
    """The same bundle before it is deployed."""
    cloud.reset(active_s=0.02, **world)
    environ = prepared_environment(cloud, name)
    (dist / name).mkdir()
    for path in (zips / name).glob("*.zip"):
        (dist / name / path.name).symlink_to(path.resolve())
    return DeployedBundle(cloud, name, environ, dist)


def prepared_environment(cloud: Standin, name: str) -> dict[str, str]:
    """The variables that a person exports to deploy this platform's bundle to the stand-in."""
    tencent, alibaba = cloud.credentials["tencent"], cloud.credentials["alibaba"]
    results, commands = QUEUES[name]
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint,
        "ALIBABA_ACCOUNT": ALIBABA_ACCOUNT,
        "KEYTURN_RESULTS": results,
        "KEYTURN_COMMANDS": commands,
        "CKAFKA_INSTANCE": "ckafka-demo01",
        "YES": "1",
        "TENCENTCLOUD_SECRET_ID": tencent["id"],
        "TENCENTCLOUD_SECRET_KEY": tencent["key"],
        "TENCENTCLOUD_TOKEN": tencent["token"],
        "ALIBABA_CLOUD_ACCESS_KEY_ID": alibaba["id"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": alibaba["key"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": alibaba["token"],
    }
