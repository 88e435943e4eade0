"""Messages to follow_change, as an attacker with access to the commands queue could write them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

MARK = "said by nobody of ours"
"""In the evidence of every made-up message: it must be in no result."""

CHANGES = {
    "outcome proven": ("Proven", True),
    "evidence": ("Evidence", [MARK]),
    "task": ("TaskId", 1),
    "account": ("Account", "root"),
    "command": ("CommandId", "somebody-elses"),
    "started": ("StartedAt", "2026-01-01T00:00:00.000Z"),
    "store": ("Store", {"Name": "ssm://tcr-demo0001-robot", "Version": "kt-0-0-0-1", "Region": "ap-guangzhou"}),
    "sealed": ("Sealed", MARK),
    "settled": ("Settling", {"Signed": "2026-01-01T00:00:00.000Z", "Quiet": "2026-01-01T00:10:00.000Z"}),
    "attempts": ("Attempts", 9),
}
"""What is changed in a real message's data."""
ATTRIBUTES = {"hop": 999, "attempt": 10, "subject": "redis/crs-demo0001/root", "id": "f" * 32, "mac": "A" * 43}


class _Named(Protocol):
    @property
    def target(self) -> str: ...


def forged(
    how: str, waiting: Sequence[dict[str, Any]], rng: random.Random, orders: Sequence[_Named], tasks: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """The messages: `made up`, `made up proven`, `unsigned` (real ones without `mac`), or real ones with a change."""
    real = [one for one in waiting if one["type"].endswith("follow_change")]
    if how.startswith("made up"):
        for task in tasks or [123456]:
            yield made_up(rng, task, proven="proven" in how)
        return
    for one in real:
        body = deepcopy(one)
        body["traceparent"] = _trace(rng)
        if how in CHANGES:
            name, value = CHANGES[how]
            body["data"][name] = value
        elif how in ATTRIBUTES:
            body[how] = ATTRIBUTES[how]
        body["data"]["Evidence"] = [*body["data"].get("Evidence", []), MARK]
        if how == "unsigned":
            body.pop("mac", None)
        yield body


def made_up(rng: random.Random, task: int, *, proven: bool = False) -> dict[str, Any]:
    """A message in keyturn's form, about a change that keyturn never made."""
    started = datetime.now(timezone.utc) - timedelta(seconds=30)
    data: dict[str, Any] = {
        "Cloud": "tencent",
        "Service": "redis",
        "Region": "ap-guangzhou",
        "Resource": "crs-demo0001",
        "Account": "app",
        "Operation": "ModifyInstanceAccount",
        "CommandId": "c-1",
        "TaskId": task,
        "StartedAt": started.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "Evidence": [MARK],
    }
    if proven:
        place: Mapping[str, str] = {
            "Name": "ssm://redis-crs-demo0001-app",
            "Version": "kt-0-0-0-1",
            "Region": "ap-guangzhou",
        }
        data |= {"Proven": True, "Store": dict(place)}
    return {
        "specversion": "1.0",
        "id": f"{rng.getrandbits(128):032x}",
        "source": "keyturn/tencent/ap-guangzhou",
        "type": "keyturn.command.follow_change",
        "subject": "redis/crs-demo0001/app",
        "time": data["StartedAt"],
        "datacontenttype": "application/json",
        "traceparent": _trace(rng),
        "attempt": 1,
        "hop": 1,
        "data": json.loads(json.dumps(data)),
    }


def _trace(rng: random.Random) -> str:
    return f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-01"
