"""A world with two fleets, and what tests of plan_rotation ask of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from shared.runtime.times import parse_time
from tests.conftest import ACCOUNT, TAIR, House
from tests.support import platform_events

PLAN = "plan_rotation"
WORLD = """
task_s = 0.2
rate = 2000
[credentials.tencent]
id = "AKIDSTANDIN"
key = "standin-secret-key"
token = "standin-session-token"
[credentials.alibaba]
id = "LTAISTANDIN"
key = "standin-secret-key"
token = "standin-session-token"

[[fleet]]
kind = "redis"
count = 150
prefix = "crs-fleet"
region = "ap-guangzhou"
tags = { env = "prod", team = "orders" }
aged_days = [1, 200]
due = 5
store = "redis-{instance}-{account}"
[fleet.accounts]
root = { password = "Old-Passw0rd" }
app = { password = "App-Passw0rd" }

[redis.crs-other0001]
region = "ap-guangzhou"
lazy = true
tags = { env = "test" }
accounts = { app = { password = "App-Passw0rd", password_age_days = 400 } }
[redis.crs-isolated1]
region = "ap-guangzhou"
lazy = true
status = -2
accounts = { app = { password = "App-Passw0rd", password_age_days = 400 } }
[redis.crs-pair0001]
region = "ap-guangzhou"
lazy = true
[redis.crs-pair0001.accounts]
app_a = { password = "App-Passw0rd", password_age_days = 400 }
app_b = { password = "App-Passw0rd", password_age_days = 100 }

[tcr.tcr-old00001]
region = "ap-guangzhou"
[tcr.tcr-old00001.accounts]
robot = { password = "Robot-Passw0rd1", password_age_days = 100 }
builder = { password = "Robot-Passw0rd1", password_age_days = 10 }

[ssm.promoted]
region = "ap-guangzhou"
[ssm.promoted.versions]
v1 = { value = "Tair-Passw0rd", age_days = 400 }
kt-0123456789abcdef-0123456789abcdef-0123456789ab-1 = { value = "Tair-Passw0rd", age_days = 40 }

[[fleet]]
kind = "tair"
count = 60
prefix = "r-fleet"
region = "cn-hangzhou"
tags = { env = "prod" }
aged_days = [1, 200]
due = 4
store = "tair-{instance}-{account}"
accounts = { app = { password = "Tair-Passw0rd" } }
[tair.r-nostore01]
region = "cn-hangzhou"
lazy = true
tags = { env = "prod" }
accounts = { app = { password = "Tair-Passw0rd" } }
"""
REDIS: dict[str, Any] = {
    "Policy": "quarterly",
    "Function": ACCOUNT,
    "Region": "ap-guangzhou",
    "Resources": {"Patterns": ["crs-fleet*"]},
    "Accounts": ["app"],
    "MaxAgeDays": 90,
    "Store": "ssm://redis-{resource}-{account}",
}
TAIRS: dict[str, Any] = {
    "Policy": "tair",
    "Function": TAIR,
    "Region": "cn-hangzhou",
    "Resources": {"Tags": {"env": "prod"}},
    "Accounts": ["app"],
    "MaxAgeDays": 90,
    "Store": "kms://tair-{resource}-{account}",
}


def fire(house: House, policy: dict[str, Any], *, name: str = "nightly", platform: str = "scf", **how: Any) -> Any:
    """One firing of a timer whose text is the policy."""
    return house.deliver(PLAN, platform_events.event(policy, platform, "timer", name=name), platform, **how)


def reports(house: House) -> list[dict[str, Any]]:
    return [event["data"] for event in house.results() if event["type"] == "keyturn.rotation.report"]


def sent(house: House, function: str = ACCOUNT) -> list[dict[str, Any]]:
    return [event for event in house.commands() if event["type"] == f"keyturn.command.{function}"]


def unusable(folder: Path) -> str:
    """The URL of a queue that cannot be opened."""
    (folder / "file").write_text("no folder")
    return f"sqlite://{folder}/file/q.db"


def rows(house: House) -> list[dict[str, Any]]:
    return [row for page in reports(house) for row in page["Rows"]]


def at(event: dict[str, Any]) -> datetime:
    due = parse_time(event["notbefore"])
    assert due is not None
    return due
