"""The measured process: `... .process firing|event ITEMS LIMIT_S` prints what it used, as JSON.

`firing`: plan_rotation by its timer over a fleet of so many instances, and on through the commands queue until no
invocation is left. `event`: one event of so many commands, five for each instance. Both send to queues in this process.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections import Counter
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

from shared.queues.memory import MemoryQueue
from shared.rotation.policy import FUNCTION as PLANNING
from shared.runtime.message_signing import COMMAND_TYPE
from shared.workbench.bench.scale.cloud import ACCOUNT, REGION, instance

RESULTS, COMMANDS = "results", "commands"
PER_INSTANCE = 5  # commands for each instance
_CHANGING = "tencent_redis_modify_instance_account"
_POLICY = {
    "Policy": "quarterly",
    "Function": _CHANGING,
    "Region": REGION,
    "Resources": {"Patterns": ["crs-*"]},
    "Accounts": [ACCOUNT],
    "MaxAgeDays": 90,
    "JitterS": 0,
    "Store": "ssm://redis-{resource}-{account}",
}


def firing(limit_s: float) -> dict[str, Any]:
    """Raises: RuntimeError: an invocation did not report everything."""
    from functions.plan_rotation import main_handler

    commands, results = MemoryQueue(COMMANDS), MemoryQueue(RESULTS)
    event: dict[str, Any] = {
        "Type": "Timer",
        "TriggerName": "nightly",
        "Time": "2026-11-27T02:00:00Z",
        "Message": json.dumps(_POLICY),
    }
    pages: list[dict[str, Any]] = []
    sent = invocations = 0
    rest: list[dict[str, Any]] = []
    while rest or not invocations:
        invocations += 1
        if not main_handler(event, _context(limit_s))["Delivered"]:
            raise RuntimeError("a page of the report was not delivered")
        for body in _taken(results):
            page = body["data"]
            if "Rows" not in page:
                raise RuntimeError(f"the firing was refused: {page['Error']}")
            pages.append({"rows": len(page.pop("Rows")), **page})
        waiting = _taken(commands)
        rest = [one for one in waiting if one["type"] == COMMAND_TYPE + PLANNING]
        sent += len(waiting) - len(rest)
        event = _queue_event(rest)
    last = pages[-1]
    whole = last["Last"] and last["Error"] is None and [page["Page"] for page in pages] == list(range(len(pages)))
    told = {name: last[name] for name in ("Listed", "Due", "Sent")}
    return {**told, "whole": whole, "commands": sent, "invocations": invocations}


def event(commands: int, limit_s: float) -> dict[str, Any]:
    """Raises: RuntimeError: a command did not end as changed."""
    from importlib import import_module

    main_handler = import_module(f"functions.{_CHANGING}").main_handler
    asked = [
        {
            "Region": REGION,
            "InstanceId": instance(number % max(1, commands // PER_INSTANCE)),
            "AccountName": ACCOUNT,
            "AccountPassword": f"A1-{token_urlsafe(16)}",
            "CommandId": token_hex(16),
        }
        for number in range(commands)
    ]
    returned = main_handler(_queue_event(asked), _context(limit_s))
    told = [body["data"] for body in _taken(MemoryQueue(RESULTS))]
    outcomes = Counter(data["Outcome"] for data in told)
    if outcomes != {"changed": commands} or not returned["Delivered"]:
        why = next((data["Error"] for data in told if data["Error"]), None)
        raise RuntimeError(f"of {commands} commands not all ended as changed: {dict(outcomes)}, {why}")
    return {"changed": outcomes["changed"]}


def _context(limit_s: float) -> dict[str, Any]:
    context = {"request_id": "scale", "tencentcloud_region": REGION, "tencentcloud_uin": "1"}
    return {**context, "time_limit_in_ms": round(limit_s * 1000)}


def _queue_event(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """The bodies as CKafka's trigger delivers them to SCF."""
    place = {"topic": "commands", "partition": 0, "msgKey": "None"}
    return {"Records": [{"Ckafka": {**place, "offset": n, "msgBody": json.dumps(one)}} for n, one in enumerate(bodies)]}


def _taken(queue: MemoryQueue) -> list[dict[str, Any]]:
    """All waiting messages, taken out of the queue."""
    bodies = []
    for leased in queue.receive(sys.maxsize, 60.0, ignore_delay=True):
        bodies.append(json.loads(leased.message.body))
        queue.ack(leased)
    return bodies


def main(what: str, items: int, limit_s: float) -> dict[str, Any]:
    """Run the work; returns what it used. CPU seconds are without the start of the process."""
    # As on a platform, log lines are formatted and written; here they are discarded.
    logging.basicConfig(level=logging.INFO, stream=Path(os.devnull).open("w"))  # noqa: SIM115 - for as long as we live
    if what == "event":
        event(PER_INSTANCE, limit_s)  # so that every import is done already
    began = time.process_time()
    told = firing(limit_s) if what == "firing" else event(items, limit_s)
    return {**told, "cpu_s": time.process_time() - began}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
