"""The demo's fleet: a timer fires twice, what is due is rotated once, and each new secret is in its store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.queues import open_inbox

from .callers import stored
from .client import Standin
from .proof import opens
from .runtime import FC, ROOT, SCF, run
from .world import DEFAULT_WORLD

_FLEETS = """
[[fleet]]
kind = "redis"
count = 8
prefix = "crs-fleet"
region = "ap-guangzhou"
tags = { env = "prod" }
aged_days = [10, 200]
due = 3
store = "redis-{instance}-{account}"
accounts = { app = { password = "Fleet-Passw0rd1" } }

[[fleet]]
kind = "tair"
count = 4
prefix = "r-fleet"
region = "cn-hangzhou"
tags = { env = "prod" }
aged_days = [10, 200]
due = 2
store = "tair-{instance}-{account}"
accounts = { app = { password = "Fleet-Passw0rd1" } }
"""
_OLD = "Fleet-Passw0rd1"


@dataclass(frozen=True)
class _Fleet:
    """One fleet of the demo: whose timer it is, and what its policy says."""

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
_STORIES = (
    _Fleet(
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
    _Fleet(
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


def play(folder: Path) -> int:
    """Print a line a fleet; how many went wrong."""
    world = folder / "fleet.toml"
    world.write_text(DEFAULT_WORLD.read_text(encoding="utf-8") + _FLEETS, encoding="utf-8")
    print("\na fleet on a timer, that fires twice; no event and no message holds a secret")
    with Standin(world=world) as cloud:
        return sum(_rotated(cloud, fleet, folder) for fleet in _STORIES)


def _rotated(cloud: Standin, fleet: _Fleet, folder: Path) -> int:
    started = time.monotonic()
    results, commands = (f"sqlite://{folder}/fleet-{fleet.platform}-{use}.db" for use in ("results", "commands"))
    settings = {
        "KEYTURN_RESULTS": results,
        "KEYTURN_COMMANDS": commands,
        "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint,
    }
    for _ in range(2):
        run("plan_rotation", fleet.timer(), fleet.platform, settings=settings)
    worker = [sys.executable, "-m", "tests.cloud", "run", "--once"]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        turned = subprocess.run(worker, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, check=False)
        if turned.returncode == 3:  # nothing waits any more
            break
    told = [event["data"]["Outcome"] for event in _events(results) if event["type"].startswith("keyturn.credential.")]
    old = new = 0
    for instance in (name for name in cloud.redis if name.startswith(fleet.prefix)):
        place = fleet.policy["Store"].format(resource=instance, account="app")
        old += opens(cloud.redis[instance], _OLD, "app")
        current = stored(cloud, place, "v1") if place.startswith("ssm") else stored(cloud, place)
        new += opens(cloud.redis[instance], current, "app")
    count = sum(name.startswith(fleet.prefix) for name in cloud.redis)
    run("plan_rotation", fleet.timer(Mode="report"), fleet.platform, settings=settings)
    due = [event["data"]["Due"] for event in _events(results) if event["type"] == "keyturn.rotation.report"][-1]
    well = (told.count("changed"), len(told), old, new, due) == (fleet.due, fleet.due, count - fleet.due, count, 0)
    print(
        f"  {fleet.policy['Policy']:<16} {time.monotonic() - started:>6.2f} s  {len(told)} of {count} were due: "
        f"{told.count('changed')} changed; the old secret opens {old}, the store's current one opens {new}; "
        f"due now: {due}{'' if well else '  FAILED'}",
        flush=True,
    )
    return 0 if well else 1


def _events(url: str) -> list[dict[str, Any]]:
    opened = open_inbox(url)
    try:
        return [json.loads(one.message.body) for one in opened.peek()]
    finally:
        opened.close()
