"""The process that `warm.py` measures: `warm_process.py FOLDER ORDER`, by the packaged function in FOLDER.

It makes the same changes in turn through `main_handler` and through the bare client. For each it prints what it used,
as a line of JSON. ORDER comes from `warm.py`, as JSON. `count` there: run so many batches of one side only, for
valgrind.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import sys
import time
import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

_TASK_WAIT_S = 0.04  # from the change to the query of its task, on both sides
_MOST_ASKED = 50  # queries of one task; once is enough, unless the machine is very busy
_BETWEEN_RESETS = 2  # pairs of batches; a reset empties the instance's list of tasks, which both sides read
_WARM_UP = 30  # commands of each side that run before counting begins

Order = dict[str, Any]


def main(folder: str, told: str) -> None:
    """Raises: RuntimeError: a command did not end as `changed`."""
    order: Order = json.loads(told)
    sys.path.insert(0, folder)
    rest = time.sleep

    # Set this before the product is imported. It waits 0.35 s and more for a task, but here every task has ended by
    # then. Waiting uses no CPU, so shorter waits only save hours.
    def short(seconds: float, /) -> None:
        rest(min(float(seconds), _TASK_WAIT_S))

    time.sleep = short  # type: ignore[assignment]  # it takes any number
    # As on a platform, log records are formatted and written; here they are discarded.
    logging.basicConfig(level=logging.INFO, stream=Path(os.devnull).open("w"))  # noqa: SIM115  for as long as we live
    makers = {"ours": _ours, "bare": _bare}
    if count := order.get("count"):
        change = makers[count["side"]](order)
        for _ in range(count["batches"]):
            change(_passwords(order["batch"]))
        sys.stdout.flush()
        os._exit(0)
    print(json.dumps(_measured(order, {side: make(order) for side, make in makers.items()})))


def _passwords(number: int) -> list[str]:
    return [f"A{b64encode(os.urandom(18)).decode()}-1" for _ in range(number)]


def _measured(order: Order, sides: dict[str, Callable[[list[str]], None]]) -> dict[str, Any]:
    commands, batch = int(order["commands"]), int(order["batch"])

    def spent_ms(side: str) -> float:
        passwords = _passwords(batch)
        started = time.process_time()
        sides[side](passwords)
        return (time.process_time() - started) * 1000 / batch

    calls = {}
    for side in sides:
        _ask(order, "reset")
        for _ in range(-(-_WARM_UP // batch)):
            spent_ms(side)
        calls[side] = Counter(call["Action"] for call in _ask(order, "calls"))
    ours, bare, differences = [], [], []
    for _ in range(order["rounds"]):
        pairs = []
        # In small batches, because the speed of a shared machine changes by the second.
        for number in range(-(-commands // batch)):
            if number % _BETWEEN_RESETS == 0:
                _ask(order, "reset")
            turns = ("ours", "bare") if number % 2 == 0 else ("bare", "ours")
            spent = {side: spent_ms(side) for side in turns}
            pairs.append((spent["ours"], spent["bare"]))
        ours.append(fmean(pair[0] for pair in pairs))
        bare.append(fmean(pair[1] for pair in pairs))
        differences.append(median(pair[0] - pair[1] for pair in pairs))
    if order["profile"]:
        _ask(order, "reset")
        _profile(lambda: [spent_ms("ours") for _ in range(-(-commands // batch))], order["profile"])
    return {
        "ours_ms": median(ours),
        "bare_ms": median(bare),
        "difference_ms": median(differences),
        "spread_ms": (min(differences), max(differences)),
        "ratio": median(differences) / median(bare),
        "rounds": order["rounds"],
        "commands": commands,
        "batch": batch,
        "calls": {action: many / (batch * -(-_WARM_UP // batch)) for action, many in sorted(calls["ours"].items())},
        "same_calls": calls["ours"] == calls["bare"],
    }


def _ours(order: Order) -> Callable[[list[str]], None]:
    main_handler = __import__(order["function"]).main_handler
    numbers = iter(range(1, sys.maxsize))
    asked = {"InstanceId": order["instance"], "AccountName": order["account"], "Region": order["region"]}

    def record(password: str) -> dict[str, Any]:
        place = {"topic": "commands", "partition": 0, "offset": next(numbers), "msgKey": "None"}
        return {"Ckafka": {**place, "msgBody": json.dumps({**asked, "AccountPassword": password})}}

    def change(passwords: list[str]) -> None:
        records = [record(password) for password in passwords]
        context = {
            "request_id": str(uuid.uuid4()),
            "time_limit_in_ms": 30_000,
            "tencentcloud_region": order["region"],
            "tencentcloud_uin": "1",
        }
        returned = main_handler({"Records": records}, context)
        outcomes = [result["data"]["Outcome"] for result in returned["Results"]]
        if outcomes != ["changed"] * len(passwords) or not returned["Delivered"]:
            raise RuntimeError("a command did not end as changed, or its result was not delivered")

    return change


def _bare(order: Order) -> Callable[[list[str]], None]:
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.redis.v20180412.redis_client import RedisClient

    scheme, _, address = order["endpoint"].partition("://")
    if scheme == "http":  # as keyturn does: the real host is signed and sent
        http = HttpProfile(protocol="http", endpoint="redis.tencentcloudapi.com", proxy=order["endpoint"])
    else:
        http = HttpProfile(endpoint=address, certification=order["ca"])
    profile = ClientProfile(httpProfile=http, signMethod="TC3-HMAC-SHA256", language="en-US")
    keys = order["keys"]
    client = RedisClient(Credential(keys["id"], keys["key"], keys["token"]), order["region"], profile)
    instance = {"InstanceId": order["instance"]}
    listed = {**instance, "Limit": 100, "Offset": 0}
    asked = {**instance, "AccountName": order["account"], "Privilege": "rw", "ReadonlyPolicy": ["master"]}

    def one(password: str) -> None:
        client.call_json("DescribeInstanceAccount", listed)
        client.call_json("DescribeTaskList", listed)
        accepted = client.call_json("ModifyInstanceAccount", {**asked, "AccountPassword": password})
        for _ in range(_MOST_ASKED):
            time.sleep(_TASK_WAIT_S)
            task = client.call_json("DescribeTaskInfo", {"TaskId": accepted["Response"]["TaskId"]})
            if task["Response"]["Status"] == "succeed":
                return
        raise RuntimeError("a bare change did not end in time")

    def change(passwords: list[str]) -> None:
        for password in passwords:
            one(password)

    return change


def _ask(order: Order, what: str) -> Any:
    trusted = [HTTPSHandler(context=ssl.create_default_context(cafile=order["ca"]))] if order["ca"] else []
    request = Request(f"{order['endpoint']}/_standin/{what}", method="POST" if what == "reset" else "GET")
    with build_opener(ProxyHandler({}), *trusted).open(request, timeout=30) as reply:
        return json.load(reply)


def _profile(run: Callable[[], object], path: str) -> None:
    import cProfile

    profiler = cProfile.Profile(time.thread_time)  # waiting is not counted
    profiler.runcall(run)
    profiler.dump_stats(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
