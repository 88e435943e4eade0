"""Two fleets, one on each cloud.

A timer fires twice, each due password changes once, and each new secret is in its store.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.handlers.adapters import open_inbox
from shared.workbench.deploy.handoff_key import new_key
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import stored_value
from tests.cloud.demo.scenes import Scene
from tests.cloud.demo.six_ways import endpoints
from tests.cloud.functions.platform_names import FC, SCF
from tests.cloud.invocation.runtime import run_function
from tests.cloud.state.checkout import ROOT

WORLD = ROOT / "tests" / "cloud" / "fleet.toml"
_OLD = "Fleet-Passw0rd1"


@dataclass(frozen=True)
class Fleet:
    """One fleet of the demo: its timer, and its policy."""

    platform: str
    prefix: str
    due: int
    policy: dict[str, Any]

    def timer(self, **more: str) -> bytes:
        text = json.dumps({**self.policy, **more})
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self.platform == SCF:
            return json.dumps({"Type": "Timer", "TriggerName": "nightly", "Time": now, "Message": text}).encode()
        return json.dumps({"triggerTime": now, "triggerName": "nightly", "payload": text}).encode()


_SHARED = {"Resources": {"Tags": {"env": "prod"}}, "Accounts": ["app"], "MaxAgeDays": 90, "JitterS": 0}
FLEETS = (
    Fleet(
        SCF,
        "crs-fleet",
        3,
        {
            "Policy": "quarterly-redis",
            "Function": "tencent_redis_modify_instance_account",
            "Region": "ap-guangzhou",
            "Store": "ssm://redis-{resource}-{account}",
            **_SHARED,
        },
    ),
    Fleet(
        FC,
        "r-fleet",
        2,
        {
            "Policy": "quarterly-tair",
            "Function": "alibaba_tair_modify_account_password",
            "Region": "cn-hangzhou",
            "Store": "kms://tair-{resource}-{account}",
            **_SHARED,
        },
    ),
)


def results(folder: Path) -> list[str]:
    """The queues with the fleets' results."""
    return [_queue(folder, fleet, "results") for fleet in FLEETS]


def _queue(folder: Path, fleet: Fleet, use: str) -> str:
    return f"sqlite://{folder}/fleet-{fleet.platform}-{use}.db"


def rotate(scene: Scene, cloud: Standin, fleet: Fleet, folder: Path) -> None:
    """One line: the timer fires twice, each due password changes once, and each new password is in its store."""
    started = time.monotonic()
    queues = {f"KEYTURN_{use.upper()}": _queue(folder, fleet, use) for use in ("results", "commands")}
    settings = {**queues, **endpoints(cloud), "KEYTURN_HANDOFF_KEY": new_key()}
    for _ in range(2):
        scene.doing = f"{fleet.policy['Policy']} fires"
        run_function("plan_rotation", fleet.timer(), fleet.platform, settings=settings)
    scene.doing = f"{fleet.policy['Policy']} rotates"
    worker = [sys.executable, "-m", "tests.cloud", "run", "--once"]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        turned = subprocess.run(worker, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, check=False)
        if turned.returncode == 3:  # nothing is waiting
            break
    told = _outcomes(settings["KEYTURN_RESULTS"])
    old = new = 0
    instances = [name for name in cloud.redis if name.startswith(fleet.prefix)]
    for instance in instances:
        place = fleet.policy["Store"].format(resource=instance, account="app")
        old += redis_accepts(cloud.redis[instance], _OLD, "app")
        current = stored_value(cloud, place, "v1") if place.startswith("ssm") else stored_value(cloud, place)
        new += redis_accepts(cloud.redis[instance], current, "app")
    count = len(instances)
    run_function("plan_rotation", fleet.timer(Mode="report"), fleet.platform, settings=settings)
    reports = [one for one in _events(settings["KEYTURN_RESULTS"]) if one["type"] == "keyturn.rotation.report"]
    due = reports[-1]["data"]["Due"]
    well = (told.count("changed"), len(told), old, new, due) == (fleet.due, fleet.due, count - fleet.due, count, 0)
    scene.tell(
        f"  {fleet.policy['Policy']:<16} {time.monotonic() - started:>5.1f} s  {len(told)} of {count} were due, "
        f"{told.count('changed')} changed, {due} are due now; the store's password opens {new}, the old one {old}",
        well,
    )


def _outcomes(url: str) -> list[str]:
    return [event["data"]["Outcome"] for event in _events(url) if event["type"].startswith("keyturn.credential.")]


def _events(url: str) -> list[dict[str, Any]]:
    opened = open_inbox(url)
    try:
        return [json.loads(one.message.body) for one in opened.peek()]
    finally:
        opened.close()
