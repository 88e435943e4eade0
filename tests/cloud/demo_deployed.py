"""The demo's last part: package, deploy, prove that nothing is left to plan, use what runs there, remove."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.workbench.dependencies import PackageError, find_interpreter
from tests.functions_zip import fc, scf

from .client import Standin
from .deployed import Deployed, deployed
from .proof import opens
from .runtime import ROOT
from .url_callers import send


@dataclass(frozen=True)
class Story:
    """What one platform's bundle is asked to do: one function, one account, a new password by each kind of trigger."""

    cloud: str
    function: str
    instance: str
    old: str
    command: dict[str, Any]  # less the passwords
    fields: tuple[str | None, str]  # where the old and the new password go

    def asked(self, old: str, new: str) -> dict[str, Any]:
        given = {self.fields[0]: old} if self.fields[0] else {}
        return {**self.command, **given, self.fields[1]: new}


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


def play(cloud: Standin, folder: Path) -> int:
    """Print a line a step; how many went wrong."""
    try:
        find_interpreter("3.10")
    except PackageError as error:
        print(f"\nNot deployed: {error}")
        return 0
    return sum(_play(cloud, story, folder) for story in STORIES)


def _play(cloud: Standin, story: Story, folder: Path) -> int:
    print(f"\ndeployed to {story.cloud}'s platform, as zips of Python 3.10")
    started = time.monotonic()
    command = [sys.executable, "-m", "shared.workbench", "package", story.cloud, "--dist", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    zips = sorted((folder / story.cloud).glob("*.zip"))
    sizes = ", ".join(f"{zipped.stat().st_size / 1e6:.1f}" for zipped in zips)
    bad = _say("package", f"{len(zips)} zips of {sizes} MB", True, started)
    started = time.monotonic()
    running = deployed(cloud, story.cloud, folder)
    bad += _say("deploy", f"{len(cloud.functions())} functions run at {running.url(story.function)}", True, started)
    planned = running.workbench("plan")
    bad += _say("plan again", "nothing to change", "nothing to change" in planned.stdout, started)
    bad += _use(cloud, story, running)
    started = time.monotonic()
    removed = running.workbench("remove")
    bad += _say("remove", "nothing is left", removed.returncode == 0 and cloud.functions() == [], started)
    return bad


def _use(cloud: Standin, story: Story, running: Deployed) -> int:
    passwords = [story.old, "Called-Passw0rd1", "Queued-Passw0rd1", "Timed-Passw0rd1"]

    def turned(n: int) -> bool:
        return opens(cloud.redis[story.instance], passwords[n], "app") and not opens(
            cloud.redis[story.instance], passwords[n - 1], "app"
        )

    body = json.dumps(story.asked(passwords[0], passwords[1])).encode()
    started = time.monotonic()
    refused = send(cloud, running.url(story.function), body, {"Content-Type": "application/json"})
    bad = _say("unsigned call", f"HTTP {refused.status}, old still accepted", refused.status in (401, 403), started)
    started = time.monotonic()
    answered = running.call(story.function, story.asked(passwords[0], passwords[1]))
    bad += _say("signed call", f"HTTP {answered.status}: old refused, new accepted", turned(1), started)
    started = time.monotonic()
    running.command(story.function, story.asked(passwords[1], passwords[2]))
    running.wait(lambda: len(running.outcomes()) == 2)
    bad += _say("queue", f"{' and '.join(running.outcomes())} on the results queue: old refused", turned(2), started)
    started = time.monotonic()
    _set_timer(cloud, story.function, json.dumps(story.asked(passwords[2], passwords[3])))
    fired = cloud.tick(story.function, "quarterly")
    return bad + _say("timer", f"{fired['Kind']}: old refused, new accepted", turned(3), started)


def _set_timer(cloud: Standin, function: str, text: str) -> None:
    """Put a command into the timer on the platform itself: the deployer takes no secret into serverless.yml's."""
    if function.startswith("tencent_"):
        desc = json.dumps({"cron": "0 0 2 1 * * *"})
        named = {"FunctionName": function, "TriggerName": "quarterly", "Type": "timer"}
        scf(cloud, "UpdateTrigger", **named, TriggerDesc=desc, Enable="OPEN", CustomArgument=text)
        return
    from alibabacloud_fc20230330 import models

    config = json.dumps({"cronExpression": "0 0 2 1 * *", "enable": True, "payload": text})
    body = models.UpdateTriggerInput(trigger_config=config)
    fc(cloud).update_trigger(function, "quarterly", models.UpdateTriggerRequest(body=body))


def _say(step: str, what: str, well: bool, started: float) -> int:
    print(f"  {step:<14} {time.monotonic() - started:>6.2f} s  {what}{'' if well else '  FAILED'}", flush=True)
    return 0 if well else 1
