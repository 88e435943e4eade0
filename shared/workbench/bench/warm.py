"""What keyturn adds to the vendor's client, in CPU time a command, once a function is warm.

One process runs the same changes in turn: through `main_handler`, ten commands an invocation, as `serverless.yml` sets
the queue trigger, each result published to `memory://`; and by the bare client, kept like ours, with the very same
calls and nothing around them. The difference is our own work. Only CPU time of that process counts (user and system),
so waiting costs nothing; what the stand-in and its Redis use is not in it.

`python -m shared.workbench.bench.warm` prints the figures as one line of JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any, SupportsIndex
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parents[3]
_INSTANCE, _ACCOUNT, _REGION = "crs-warm0001", "app", "ap-guangzhou"
_KEYS = {"id": "AKIDSTANDIN", "key": "standin-secret-key", "token": "standin-session-token"}
# A task takes no time in this world, so that nobody has to wait for one, and the pace is out of the way.
_WORLD = f"""
task_s = 0
latency_s = 0
rate = 100000
[credentials.tencent]
id = "{_KEYS["id"]}"
key = "{_KEYS["key"]}"
token = "{_KEYS["token"]}"
[credentials.alibaba]
id = "LTAISTANDIN"
key = "{_KEYS["key"]}"
token = "{_KEYS["token"]}"
[redis.{_INSTANCE}]
region = "{_REGION}"
[redis.{_INSTANCE}.accounts]
root = {{ password = "Old-Passw0rd" }}
{_ACCOUNT} = {{ password = "App-Passw0rd" }}
"""
_TASK_WAIT_S = 0.04  # from the change to the question about its task, on both sides
_MOST_ASKED = 50  # about one task; once is enough unless the machine is very busy
_BATCH = 10  # commands of one event, as serverless.yml deploys the queue trigger
_BETWEEN_RESETS = 2  # pairs of batches: a reset empties the instance's list of tasks, which both sides read
_WARM_UP = 30  # commands of each side that are not counted


@dataclass(frozen=True)
class Warm:
    """CPU milliseconds a command: medians over the rounds; `spread_ms` is the least and the largest difference."""

    ours_ms: float
    bare_ms: float
    difference_ms: float
    spread_ms: tuple[float, float]
    rounds: int
    commands: int  # of each side in one round
    batch: int  # commands of one event
    calls: dict[str, float]  # by action, of one command of ours, as the stand-in counted them
    same_calls: bool  # both sides made the same calls equally often


def measure(commands: int = 200, rounds: int = 5, *, batch: int = _BATCH, profile: Path | None = None) -> Warm:
    """Measure in a fresh process, against a stand-in of its own.

    `batch`: commands of one event; `profile`: where cProfile's figures of ours go.

    Raises: RuntimeError: the stand-in did not start, or a command did not end as `changed`.
    """
    with _standin() as endpoint:
        order = {
            "endpoint": endpoint,
            "commands": commands,
            "rounds": rounds,
            "batch": batch,
            "profile": str(profile or ""),
        }
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        settings = {
            "KEYTURN_RESULTS": "memory://bench",
            "KEYTURN_TENCENT_ENDPOINT": endpoint,
            "KEYTURN_RATE": "10000",
            "TENCENTCLOUD_SECRETID": _KEYS["id"],
            "TENCENTCLOUD_SECRETKEY": _KEYS["key"],
            "TENCENTCLOUD_SESSIONTOKEN": _KEYS["token"],
        }
        run = subprocess.run(
            [sys.executable, "-m", "shared.workbench.bench.warm", "--order", json.dumps(order)],
            cwd=ROOT,
            env=inherited | settings,
            stdout=subprocess.PIPE,
            check=False,
        )
    if run.returncode != 0:
        raise RuntimeError("the measured process failed; its reason is on stderr")
    told = json.loads(run.stdout)
    return Warm(**{**told, "spread_ms": tuple(told["spread_ms"])})


@contextlib.contextmanager
def _standin() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder) / "world.toml"
        world.write_text(_WORLD, encoding="utf-8")
        command = [sys.executable, "-m", "tests.cloud", "serve", "--world", str(world)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the stand-in did not start")
            yield json.loads(line)["endpoint"]
        finally:
            process.terminate()
            process.communicate()


def _measured(endpoint: str, commands: int, rounds: int, batch: int, profile: str) -> Warm:
    """The measurement itself, in the process that is measured."""
    rest = time.sleep

    # Before the product is imported: it waits 0.35 s and more for a task, which here has ended long since. Waiting uses
    # no CPU, so cutting it short changes the hours that this takes, and nothing else.
    def short(seconds: SupportsIndex | float, /) -> None:
        rest(min(float(seconds), _TASK_WAIT_S))

    time.sleep = short
    # As on a platform: records are formatted and written, here to nowhere.
    logging.basicConfig(level=logging.INFO, stream=Path(os.devnull).open("w"))  # noqa: SIM115  for as long as we live
    sides: dict[str, Callable[[list[str]], None]] = {"ours": _ours(), "bare": _bare(endpoint)}

    def spent_ms(side: str) -> float:
        passwords = [f"A{b64encode(os.urandom(18)).decode()}-1" for _ in range(batch)]
        started = time.process_time()
        sides[side](passwords)
        return (time.process_time() - started) * 1000 / batch

    calls = {}
    for side in sides:
        _ask(endpoint, "reset")
        for _ in range(-(-_WARM_UP // batch)):
            spent_ms(side)
        calls[side] = Counter(call["Action"] for call in _ask(endpoint, "calls"))
    ours, bare, differences = [], [], []
    for _ in range(rounds):
        pairs = []
        for number in range(
            -(-commands // batch)
        ):  # batch by batch, since a shared machine's speed changes by the second
            if number % _BETWEEN_RESETS == 0:
                _ask(endpoint, "reset")
            order = ("ours", "bare") if number % 2 == 0 else ("bare", "ours")
            spent = {side: spent_ms(side) for side in order}
            pairs.append((spent["ours"], spent["bare"]))
        ours.append(fmean(pair[0] for pair in pairs))
        bare.append(fmean(pair[1] for pair in pairs))
        differences.append(median(pair[0] - pair[1] for pair in pairs))
    if profile:
        _ask(endpoint, "reset")
        _profile(lambda: [spent_ms("ours") for _ in range(-(-commands // batch))], profile)
    return Warm(
        median(ours),
        median(bare),
        median(differences),
        (min(differences), max(differences)),
        rounds,
        commands,
        batch,
        {action: many / (batch * -(-_WARM_UP // batch)) for action, many in sorted(calls["ours"].items())},
        calls["ours"] == calls["bare"],
    )


def _ours() -> Callable[[list[str]], None]:
    from functions.tencent_redis_modify_instance_account import main_handler

    numbers = iter(range(1, sys.maxsize))

    def record(password: str) -> dict[str, Any]:
        command = {"InstanceId": _INSTANCE, "AccountName": _ACCOUNT, "AccountPassword": password, "Region": _REGION}
        place = {"topic": "commands", "partition": 0, "offset": next(numbers), "msgKey": "None"}
        return {"Ckafka": {**place, "msgBody": json.dumps(command)}}

    def change(passwords: list[str]) -> None:
        records = [record(password) for password in passwords]
        context = {
            "request_id": str(uuid.uuid4()),
            "time_limit_in_ms": 30_000,
            "tencentcloud_region": _REGION,
            "tencentcloud_uin": "1",
        }
        returned = main_handler({"Records": records}, context)
        outcomes = [result["data"]["Outcome"] for result in returned["Results"]]
        if outcomes != ["changed"] * len(passwords) or not returned["Delivered"]:
            raise RuntimeError("a command did not end as changed, or its result was not delivered")

    return change


def _bare(endpoint: str) -> Callable[[list[str]], None]:
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.redis.v20180412.redis_client import RedisClient

    http = HttpProfile(protocol="http", endpoint="redis.tencentcloudapi.com", proxy=endpoint)
    profile = ClientProfile(httpProfile=http, signMethod="TC3-HMAC-SHA256", language="en-US")
    credential = Credential(_KEYS["id"], _KEYS["key"], _KEYS["token"])
    client = RedisClient(credential, _REGION, profile)
    named = {"InstanceId": _INSTANCE, "AccountName": _ACCOUNT}
    types = ["007", "037"]

    def one(password: str) -> None:
        client.call_json("DescribeInstanceAccount", {"InstanceId": _INSTANCE, "Limit": 100, "Offset": 0})
        client.call_json("DescribeTaskList", {"InstanceId": _INSTANCE, "TaskTypes": types, "Limit": 100, "Offset": 0})
        rights = {"Privilege": "rw", "ReadonlyPolicy": ["master"]}
        accepted = client.call_json("ModifyInstanceAccount", {**named, **rights, "AccountPassword": password})
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


def _ask(endpoint: str, what: str) -> Any:
    request = Request(f"{endpoint}/_standin/{what}", method="POST" if what == "reset" else "GET")
    with build_opener(ProxyHandler({})).open(request, timeout=30) as reply:
        return json.load(reply)


def _profile(run: Callable[[], object], path: str) -> None:
    import cProfile

    profiler = cProfile.Profile()
    profiler.runcall(run)
    profiler.dump_stats(path)


def main(argv: list[str]) -> int:
    """Measure and print; with `--order`, be the measured process."""
    parser = argparse.ArgumentParser(prog="python -m shared.workbench.bench.warm", description=__doc__)
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=_BATCH, help="commands of one event")
    parser.add_argument("--profile", type=Path, help="write cProfile's figures of our side there")
    parser.add_argument("--order", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.order:
        found = _measured(**json.loads(options.order))
    else:
        found = measure(options.commands, options.rounds, batch=options.batch, profile=options.profile)
    print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
