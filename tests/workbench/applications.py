"""A small cloud for the manual's chapter for applications: instances with one account and a pair, and their stores."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import stored_value
from tests.cloud.state.world import DEFAULT_WORLD
from tests.workbench.pages import MANUAL_FOLDER

CHAPTER = MANUAL_FOLDER / "applications.md"
FIRST = "First-Passw0rd1"
PAIR = json.dumps({"AccountName": "app_a", "Password": FIRST, "Previous": {"AccountName": "app_b", "Password": FIRST}})
REDIS = [f"crs-demo000{n}" for n in (1, 2, 3)]
TAIR = [f"r-demo000{n}" for n in (1, 2, 3)]
REGISTRY = "tcr-demo0001"


def world(path: Path) -> Path:
    """Three instances on each cloud with an account for itself and a pair, a registry, and the stores of all."""
    head = DEFAULT_WORLD.read_text(encoding="utf-8").partition("\n[redis.")[0]
    lines = [head]
    for kind, store, names, region in (
        ("redis", "ssm", REDIS, "ap-guangzhou"),
        ("tair", "kms", TAIR, "cn-hangzhou"),
    ):
        for name in names:
            lines += [f"[{kind}.{name}]", f'region = "{region}"', f"[{kind}.{name}.accounts]"]
            lines += [f'{account} = {{ password = "{FIRST}" }}' for account in ("app", "app_a", "app_b")]
            for end, value in (("app", FIRST), ("pair", PAIR)):
                lines += [f'[{store}."{kind}-{name}-{end}"]', f'region = "{region}"']
                lines += [f"versions = {{ current = '{value}' }}"]
    lines += [f"[tcr.{REGISTRY}]", 'region = "ap-guangzhou"', f"[tcr.{REGISTRY}.accounts]"]
    lines += [f'robot = {{ password = "{FIRST}" }}', f'[ssm."{REGISTRY}-robot"]', 'region = "ap-guangzhou"']
    lines += [f'versions = {{ current = "{FIRST}" }}']
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def targets(cloud: Standin, end: str) -> list[dict[str, str]]:
    """What clients of one account, or of a pair, log in to. A registry's account has no other beside it."""
    found = [
        {"address": cloud.redis[name], "store": f"{store}-{name}-{end}", "account": end}
        for store, names in (("ssm://redis", REDIS), ("kms://tair", TAIR))
        for name in names
    ]
    if end == "app":
        registry = {"address": cloud.registry[REGISTRY], "store": f"ssm://{REGISTRY}-robot", "account": "tcr$robot"}
        found.append(registry)
    return found


def secret_of(cloud: Standin, target: dict[str, str]) -> str:
    store = target["store"]
    return stored_value(cloud, store, "current" if store.startswith("ssm") else "")
