"""Events on a results queue, and the environment of the person who reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.handlers.adapters import open_queue
from shared.queues.port import QueueMessage
from shared.rotation.policy import FUNCTION as PLAN
from tests.cloud.client.deployed_bundle import QUEUES
from tests.cloud.client.inboxes import queue_access
from tests.cloud.client.standin import Standin


def event(number: int, outcome: str = "changed", *, at: str = "2099-01-01T00:00:00Z", **data: Any) -> dict[str, Any]:
    """A result of command `due-<number>`."""
    told: dict[str, Any] = {
        "CommandId": f"due-{number}",
        "Operation": "ModifyInstanceAccount",
        "Outcome": outcome,
        "RequestId": None,
        "Evidence": [],
        "Error": None,
        "Attempts": 1,
        "StartedAt": at,
        "FinishedAt": at,
        "DryRun": False,
    }
    return {
        "specversion": "1.0",
        "id": f"{number:032x}",
        "source": "keyturn/tencent/ap-guangzhou",
        "type": f"keyturn.credential.{outcome}",
        "subject": f"redis/crs-{number}/app",
        "time": at,
        "datacontenttype": "application/json",
        "data": {**told, **data},
    }


def page(firing: str, due: list[int], *, number: int = 0, last: bool = True, sent: int | None = None) -> dict[str, Any]:
    """A page of a rotation's report."""
    counts = {"Listed": len(due) + 1, "Due": len(due), "Sent": len(due) if sent is None else sent}
    rows = [
        {"Resource": f"crs-{one}", "Account": "app", "AgeDays": 100.0, "ChangedAt": None, "Due": True, "Why": "old"}
        | {"CommandId": f"due-{one}"}
        for one in due
    ]
    return {
        "specversion": "1.0",
        "id": f"{number:030x}{len(firing):02x}",
        "source": "keyturn/tencent/ap-guangzhou",
        "type": "keyturn.rotation.report",
        "subject": "redis/-/-",
        "time": "2099-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "data": {"Policy": "yearly", "Mode": "rotate", "Function": PLAN, "MaxAgeDays": 90, "Firing": firing}
        | {"Fired": "2099-01-01T00:00:00Z", "Page": number, "Last": last, **counts, "NotDue": 1, "Unknown": 0}
        | {"NotAllowed": 0, "Rows": rows, "Evidence": [], "Error": None},
    }


def reader(cloud: Standin, name: str, folder: Path) -> dict[str, str]:
    """The environment of a person with the default world's keys; `name`: a platform, or sqlite."""
    tencent, alibaba = cloud.credentials["tencent"], cloud.credentials["alibaba"]
    url = f"sqlite://{folder}/results.db" if name == "sqlite" else QUEUES[name][0]
    return {
        "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint,
        "KEYTURN_RESULTS": url,
        "TENCENTCLOUD_SECRET_ID": tencent["id"],
        "TENCENTCLOUD_SECRET_KEY": tencent["key"],
        "TENCENTCLOUD_TOKEN": tencent["token"],
        "ALIBABA_CLOUD_ACCESS_KEY_ID": alibaba["id"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": alibaba["key"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": alibaba["token"],
    }


def publish(environ: dict[str, str], *events: dict[str, Any]) -> None:
    """Put events on the results queue, as a function does."""
    queue = open_queue(environ["KEYTURN_RESULTS"], access=queue_access(environ))
    try:
        for one in events:
            body = json.dumps(one)
            queue.send(QueueMessage(f"{one['id']}", one["type"], one["subject"], body), timeout_s=5.0)
    finally:
        queue.close()
