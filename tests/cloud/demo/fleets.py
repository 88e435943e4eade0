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
from shared.workbench.results.shown import IN_FORCE
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import stored_value
from tests.cloud.demo.scenes import Scene
from tests.cloud.demo.six_ways import endpoints, why_of
from tests.cloud.functions.platform_names import FC, SCF
from tests.cloud.invocation.runtime import run_function
from tests.cloud.state.checkout import ROOT

WORLD = ROOT / "tests" / "cloud" / "fleet.toml"
_OLD = "Fleet-Passw0rd1"
_PATIENCE_S = 300.0  # a machine that does much else takes minutes


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
    _work_off(settings)
    old = new = 0
    instances = [name for name in cloud.redis if name.startswith(fleet.prefix)]
    for instance in instances:
        place = fleet.policy["Store"].format(resource=instance, account="app")
        old += redis_accepts(cloud.redis[instance], _OLD, "app")
        current = stored_value(cloud, place, "v1") if place.startswith("ssm") else stored_value(cloud, place)
        new += redis_accepts(cloud.redis[instance], current, "app")
    count = len(instances)
    run_function("plan_rotation", fleet.timer(Mode="report"), fleet.platform, settings=settings)
    events = _events(settings["KEYTURN_RESULTS"])
    told = FleetTally.of(events)
    proven = told == FleetTally(fleet.due, fleet.due, fleet.due, 0)
    scene.tell(
        f"  {fleet.policy['Policy']:<16} {time.monotonic() - started:>5.1f} s  {told.due} of {count} were due, "
        f"{told.changed} changed, {told.due_now} are due now; the store's password opens {new}, the old one {old}",
        proven and (old, new) == (count - fleet.due, count),
        _why_not(events),
    )


def _why_not(events: list[dict[str, Any]]) -> str:
    """The reasons of the first three results that have one."""
    failed = [one for one in events if one["type"].startswith("keyturn.credential.") and one["data"]["Error"]]
    whys = [f"{one['subject']}: {one['data']['Outcome']}: {why_of(one)}" for one in failed]
    return "; ".join(whys[:3]) or "every command that has a result is changed"


def _work_off(settings: dict[str, str]) -> None:
    """Play the platform's queue trigger until no command waits, not even one that is due later."""
    worker = [sys.executable, "-m", "tests.cloud", "run", "--once"]
    until = time.monotonic() + _PATIENCE_S
    while _events(settings["KEYTURN_COMMANDS"]) and time.monotonic() < until:
        subprocess.run(worker, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, check=False)


@dataclass(frozen=True)
class FleetTally:
    """What the events of two rotations and a report tell: of each command that was sent the strongest result counts."""

    due: int
    commands: int
    """How many commands have a result."""
    changed: int
    due_now: int

    @classmethod
    def of(cls, events: list[dict[str, Any]]) -> FleetTally:
        """A delivery that comes again tells `pending` or `unknown` beside the `changed` of the other one."""
        pages = [one["data"] for one in events if one["type"] == "keyturn.rotation.report"]
        rotated = [page["Due"] for page in pages if page["Mode"] == "rotate"]
        told = [one["data"] for one in events if one["type"].startswith("keyturn.credential.")]
        in_force = {one["CommandId"] for one in told if one["Outcome"] in IN_FORCE}
        return cls(max(rotated, default=0), len({one["CommandId"] for one in told}), len(in_force), pages[-1]["Due"])


def _events(url: str) -> list[dict[str, Any]]:
    opened = open_inbox(url)
    try:
        return [json.loads(one.message.body) for one in opened.peek()]
    finally:
        opened.close()
