"""For each operation: commands that generate a new secret and keep it in a store, and how to send and follow them."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House
from tests.support import platform_events
from tests.support.store_contents import store_contents

APP, ROOT, ROBOT, KMS = (
    "ssm://redis-crs-demo0001-app",
    "ssm://redis-crs-demo0001-root",
    "ssm://tcr-demo0001-robot",
    "kms://tair-r-demo0001-app",
)

MADE = {"Generate": {"Length": 20}}

KEPT: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    ACCOUNT: (
        {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": MADE},
        APP,
        "scf",
        "crs-demo0001",
        "app",
    ),
    PASSWORD: (
        {"InstanceId": "crs-demo0001", "OldPassword": {"SecretRef": ROOT}, "Password": MADE},
        ROOT,
        "scf",
        "crs-demo0001",
        "root",
    ),
    REGISTRY: (
        {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": False, "Password": MADE},
        ROBOT,
        "scf",
        "tcr-demo0001",
        "robot",
    ),
    TAIR: (
        {
            "InstanceId": "r-demo0001",
            "AccountName": "app",
            "OldAccountPassword": {"SecretRef": KMS},
            "NewAccountPassword": MADE,
        },
        KMS,
        "fc",
        "r-demo0001",
        "app",
    ),
}

FENCED = [PASSWORD, TAIR]


def opens(house: House, function: str, secret: str) -> bool:
    _, _, _, resource, account = KEPT[function]
    return house.accepts(resource, account, secret)


def stored_command(function: str, command_id: str = "c-1", **more: Any) -> dict[str, Any]:
    command, place, *_ = KEPT[function]
    return command | {"CommandId": command_id, "Deliver": {"Store": place} | more.pop("Deliver", {})} | more


def send(house: House, function: str, command: dict[str, Any], trigger: str = "queue", **how: Any) -> Any:
    return house.send(function, command, KEPT[function][2], trigger, **how)


def some_version_opens(house: House, function: str) -> bool:
    _, place, _, resource, account = KEPT[function]
    found = store_contents(house.cloud, place)
    return any(house.accepts(resource, account, one) for one in {found.current, *found.versions.values()})


def follow_to_the_end(house: House, platform: str = "scf") -> list[dict[str, Any]]:
    """Deliver the messages for follow_change, each when it is due by the world's clock, until none is left."""
    ended: list[dict[str, Any]] = []
    done: set[str] = set()
    for _ in range(40):
        waiting = [one for one in house.commands() if one["id"] not in done and one["type"].endswith("follow_change")]
        if not waiting:
            return ended
        done.add(waiting[0]["id"])
        house.cloud.advance_to(waiting[0]["notbefore"])
        event = platform_events.event(json.dumps(waiting[0]), platform, "queue")
        returned = house.deliver("follow_change", event, platform, timeout_s=20.0)
        assert returned.error is None
        ended += returned.value["Results"]
    raise AssertionError("it is handed on without end")
