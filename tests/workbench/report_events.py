"""Events for the report: a story that functions tell, results by hand, and the pages of either."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.results.result_event import event_id
from shared.runtime.times import parse_time
from shared.workbench.report.__main__ import main
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

FLEET = """
[[fleet]]
kind = "redis"
count = 6
prefix = "crs-fleet"
region = "ap-guangzhou"
tags = { env = "prod" }
aged_days = [10, 200]
due = 2
store = "redis-{instance}-{account}"
accounts = { app = { password = "Fleet-Passw0rd1" } }
"""


POLICY: dict[str, Any] = {
    "Policy": "quarterly",
    "Function": ACCOUNT,
    "Region": "ap-guangzhou",
    "Resources": {"Tags": {"env": "prod"}},
    "Accounts": ["app"],
    "MaxAgeDays": 90,
    "JitterS": 0,
    "Store": "ssm://redis-{resource}-{account}",
}


LONG = "x" * 64


EVIL = "<script>document.title='taken'</script><img src=http://203.0.113.1/x>"[:64]


@dataclass
class Story:
    """What the stand-in cloud and the functions brought about: the queue, its events, and a reply of no queue."""

    url: str
    events: list[dict[str, Any]]
    reply: dict[str, Any]


def tell_story(house: House, folder: Path) -> Story:
    password = {**VALID_COMMANDS[PASSWORD], "CommandId": "c-root", "Actor": EVIL, "Reason": LONG}
    assert outcome(house.send(PASSWORD, password, trigger="queue")) == "changed"
    assert outcome(house.send(PASSWORD, password, trigger="queue")) == "already_changed"
    again = {**VALID_COMMANDS[PASSWORD], "InstanceId": "crs-demo0002", "Region": "ap-singapore", "Site": "intl"}
    assert outcome(house.send(PASSWORD, {**again, "CommandId": "c-dry", "DryRun": True})) == "would_change"
    wrong = {**VALID_COMMANDS[PASSWORD], "OldPassword": "Wrong-Passw0rd", "Password": "Else-Passw0rd1"}
    refused = house.send(PASSWORD, {**wrong, "CommandId": "c-wrong", "Actor": LONG, "Reason": EVIL})
    assert outcome(refused) == "not_changed"
    house.cloud.faults([{"Action": "ModifyServiceAccountPassword", "Fault": "drop_after", "Times": 3}])
    lost = {**VALID_COMMANDS[REGISTRY], "CommandId": "c-lost", "Actor": LONG, "Reason": EVIL}
    assert outcome(house.send(REGISTRY, lost)) == "unknown"
    house.cloud.clear_faults()
    house.settings["KEYTURN_RESULTS"] = f"sqlite://{folder}/world.toml/no.db"
    undelivered = house.send(TAIR, {**VALID_COMMANDS[TAIR], "CommandId": "c-unheard"}, "fc")
    assert (outcome(undelivered), undelivered.body["Delivered"]) == ("changed", False)
    house.settings["KEYTURN_RESULTS"] = house.results_url

    assert house.deliver("plan_rotation", platform_events.event(POLICY, "scf", "timer", name="nightly")).error is None
    due = [event for event in house.commands() if event["type"] == f"keyturn.command.{ACCOUNT}"]
    assert len(due) == 2
    rotated = house.deliver(ACCOUNT, platform_events.event(json.dumps(due[0]), "scf", "queue"))
    assert outcome(rotated) == "changed"  # the other one is still on its way
    listed = {**POLICY, "Mode": "report"}
    assert house.deliver("plan_rotation", platform_events.event(listed, "scf", "timer", name="listing")).error is None

    for task_s, name in ((3.0, "c-followed"), (600.0, "c-pending")):
        house.cloud.reset(task_s=task_s, settle_s=task_s)
        command = {
            **VALID_COMMANDS[ACCOUNT],
            "InstanceId": "crs-demo0003",
            "Region": "ap-shanghai-fsi",
            "CommandId": name,
        }
        assert outcome(house.send(ACCOUNT, command)) == "pending"
        handed = [event for event in house.commands() if event["data"].get("CommandId") == name]
        if name == "c-followed":
            followed = house.deliver("follow_change", platform_events.event(json.dumps(handed[-1]), "scf", "queue"))
            assert outcome(followed) == "changed"
    return Story(house.results_url, house.results(), undelivered.body)


def page_of(
    folder: Path,
    events: list[Any],
    *options: str,
    name: str = "events.jsonl",
    today: str | None = None,
    environ: dict[str, str] | None = None,
) -> Path:
    """The page of these events, read at the newest one's time, or at `today`."""
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    (folder / name).write_text("\n".join(lines), encoding="utf-8")
    page = folder / f"{name}.html"
    newest = parse_time(today or max(re.findall(r'"time": "(20\d\d-[^"]+)"', "\n".join(lines)), default=None))
    clock = newest.timestamp if newest else time.time
    assert main([str(folder / name), "-o", str(page), *options], environ or {}, clock) == 0
    return page


def result_event(
    outcome: str, command_id: str, at: str, *, subject: str = "redis/crs-1/app", **data: Any
) -> dict[str, Any]:
    """A result as the contract has it, of a command whose new password is in a store."""
    fact = "in_force" if outcome in ("changed", "already_changed") else outcome
    source, operation = "keyturn/tencent/ap-guangzhou", "ModifyInstanceAccount"
    return {
        "specversion": "1.0",
        "id": event_id(source, subject, operation, command_id, fact),
        "source": source,
        "type": f"keyturn.credential.{outcome}",
        "subject": subject,
        "time": at,
        "data": {"CommandId": command_id, "Operation": operation, "Outcome": outcome, "StartedAt": at, "FinishedAt": at}
        | {"Evidence": [], "Error": None, "DryRun": False}
        | {"Stored": {"Name": "ssm://redis-crs-1-app", "Version": "kt-1", "Stage": "current"}}
        | data,
    }


def rotation_event(rows: list[dict[str, Any]], at: str, mode: str = "report", **data: Any) -> dict[str, Any]:
    """The only page of a firing's report."""
    event = result_event("changed", "r", at)
    policy = {"Policy": "quarterly", "Function": ACCOUNT, "Mode": mode, "MaxAgeDays": 90}
    firing = {"Firing": f"quarterly-{at}", "Fired": at, "Page": 0, "Last": True, "Listed": len(rows), "Rows": rows}
    return {**event, "id": f"r-{at}", "type": "keyturn.rotation.report", "data": policy | firing | data}
