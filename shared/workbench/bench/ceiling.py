"""How close one, two or eight instances come to the API's limit: `python -m shared.workbench.bench.ceiling [1 2 8]`.

It starts its own stand-in, with 100 ms before each answer, tasks of 0.3 s, and a limit of 20 calls a second for each
API. Each of N fresh processes gets a part of the commands as one event, as N instances of the function would.
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
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parents[3]
FUNCTION = "tencent_redis_modify_instance_account"
CHANGE = "ModifyInstanceAccount"
RATE = 20  # calls a second for each API and region
LATENCY_S = 0.1
TASK_S = 0.3
_TIMEOUT_S = 120.0
_KEYS = {"ID": "AKIDSTANDIN", "KEY": "standin-secret-key", "TOKEN": "standin-session-token"}


@dataclass(frozen=True)
class Ceiling:
    """The result of one run. Times are in seconds; shares are of the stand-in's limit of 20 changes a second."""

    processes: int
    commands: int
    instances: int
    seconds_of_calls: float  # from the first accepted change to the last one
    seconds_of_event: float  # from the start of the first handler to the return of the last one
    share_of_calls: float  # so many commands less one lie between the first and the last
    share_of_event: float
    outcomes: dict[str, int]
    error_classes: dict[str, int]
    calls: dict[str, int]  # by action, as the stand-in counted them
    throttled: dict[str, int]  # the throttled ones among these, by action
    peak_mib: float  # of the largest process
    threads: int  # the most at once in a process
    cpu_s: float  # of all processes together

    @property
    def lost(self) -> int:
        """The number of commands without a result."""
        return self.commands - sum(self.outcomes.values())


@dataclass
class _Child:
    process: subprocess.Popen[str]
    told: dict[str, Any] = field(default_factory=dict)


def measure_often(processes: int, runs: int = 5) -> Ceiling:
    """The run with the median share of the limit, out of `runs`. `lost` counts over all runs. Raises: as `measure`."""
    all_runs = sorted((measure(processes) for _ in range(runs)), key=lambda one: one.share_of_calls)
    worst = max(all_runs, key=lambda one: one.lost + one.error_classes.get("throttled", 0))
    middle = all_runs[len(all_runs) // 2]
    return replace(middle, outcomes=worst.outcomes, error_classes=worst.error_classes)


def measure(processes: int, commands: int = 500, instances: int = 100) -> Ceiling:
    """One run in `processes` fresh processes. They share no memory and do not talk to each other.

    Raises: RuntimeError: a stand-in or a process did not start, or ended before it reported its result.
    """
    with tempfile.TemporaryDirectory(prefix="ceiling-") as name, _standin(Path(name), instances) as endpoint:
        folder = Path(name)
        _warm(endpoint, instances)
        before = len(_ask(endpoint, "calls"))
        children = [_start(endpoint, folder, number) for number in range(processes)]
        try:
            for number in range(processes):
                mine = range(number, instances, processes)
                told = event([command(i, n) for n in range(commands // instances) for i in mine])
                (folder / f"event-{number}.json").write_text(json.dumps(told), encoding="utf-8")
            for child in children:
                _read(child)  # the child has imported everything
            for child in children:
                _tell(child, "go")
            for child in children:
                child.told = _read(child)
        finally:
            for child in children:
                child.process.kill()
                child.process.communicate()  # this also closes its pipes
        calls = _ask(endpoint, "calls")[before:]
        results = [data for number in range(processes) for data in results_in(folder / f"results-{number}.db")]
    return _summed_up(processes, commands, instances, [child.told for child in children], calls, results)


def _summed_up(
    processes: int,
    commands: int,
    instances: int,
    told: list[dict[str, Any]],
    calls: list[dict[str, str]],
    results: list[dict[str, Any]],
) -> Ceiling:
    # The stand-in keeps no times, so each process notes when it sends. The first change is never throttled, and a
    # throttled change is sent again. So the first and last changes that were sent were accepted.
    sent = [at for one in told for at in one["sent"]]
    of_calls = max(sent) - min(sent)
    of_event = max(one["ended"] for one in told) - min(one["began"] for one in told)
    made = [call for call in calls if not call["Code"].startswith("RequestLimitExceeded")]
    accepted = sum(1 for call in made if call["Action"] == CHANGE and not call["Code"])
    return Ceiling(
        processes,
        commands,
        instances,
        round(of_calls, 3),
        round(of_event, 3),
        round((accepted - 1) / of_calls / RATE, 4),
        round(accepted / of_event / RATE, 4),
        dict(Counter(data["Outcome"] for data in results)),
        dict(Counter(data["Error"]["Class"] for data in results if data.get("Error"))),
        dict(Counter(call["Action"] for call in calls)),
        dict(Counter(c["Action"] for c in calls if c["Code"].startswith("RequestLimitExceeded"))),
        max(one["peak_mib"] for one in told),
        max(one["threads"] for one in told),
        round(sum(one["cpu_s"] for one in told), 2),
    )


# --- the world and the event


def command(instance: int, number: int) -> dict[str, Any]:
    return {
        "Region": "ap-guangzhou",
        "InstanceId": f"crs-bench{instance:04d}",
        "AccountName": "app",
        "AccountPassword": f"Fresh-Passw0rd-{number}",
        "CommandId": f"c-{instance}-{number}",
    }


def event(commands: list[dict[str, Any]]) -> dict[str, Any]:
    """One CKafka event for SCF."""
    place = {"topic": "commands", "partition": 0, "msgKey": "None"}
    return {
        "Records": [{"Ckafka": {**place, "offset": n, "msgBody": json.dumps(one)}} for n, one in enumerate(commands)]
    }


def world(instances: int) -> str:
    keys = "\n".join(f'{name.lower()} = "{value}"' for name, value in _KEYS.items())
    head = f"task_s = {TASK_S}\nlatency_s = {LATENCY_S}\nrate = {RATE}\n"
    head += "".join(f"\n[credentials.{cloud}]\n{keys}\n" for cloud in ("tencent", "alibaba"))
    return head + "".join(
        f'\n[redis.crs-bench{number:04d}]\nregion = "ap-guangzhou"\nlazy = true\n'
        f'accounts = {{ app = {{ password = "App-Passw0rd" }} }}\n'
        for number in range(instances)
    )


@contextlib.contextmanager
def _standin(folder: Path, instances: int) -> Iterator[str]:
    path = folder / "world.toml"
    path.write_text(world(instances), encoding="utf-8")
    command = [sys.executable, "-m", "tests.cloud", "serve", "--world", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the stand-in did not start")
        yield str(json.loads(line)["endpoint"])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _warm(endpoint: str, instances: int) -> None:
    """Start the Redis servers before the measurement begins, because a real instance runs already."""
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.redis.v20180412.redis_client import RedisClient

    http = HttpProfile(protocol="http", endpoint="redis.tencentcloudapi.com", proxy=endpoint, reqTimeout=120)
    credential = Credential(_KEYS["ID"], _KEYS["KEY"], _KEYS["TOKEN"])
    client = RedisClient(credential, "ap-guangzhou", ClientProfile(httpProfile=http))
    answer = client.call_json("DescribeInstances", {"Limit": 1000, "Offset": 0})
    if answer["Response"].get("TotalCount") != instances:
        raise RuntimeError("the stand-in does not show its instances")
    time.sleep(1.1)


def _ask(endpoint: str, what: str) -> Any:
    with build_opener(ProxyHandler({})).open(Request(f"{endpoint}/_standin/{what}"), timeout=30) as reply:
        return json.load(reply)


# --- one process


def _start(endpoint: str, folder: Path, number: int) -> _Child:
    env = {
        "PATH": os.environ.get("PATH", ""),
        "TENCENTCLOUD_RUNENV": "SCF",
        "TENCENTCLOUD_REGION": "ap-guangzhou",
        **{f"TENCENTCLOUD_SECRET{name}": _KEYS[name] for name in ("ID", "KEY")},
        "TENCENTCLOUD_SESSIONTOKEN": _KEYS["TOKEN"],
        "KEYTURN_TENCENT_ENDPOINT": endpoint,
        "KEYTURN_RESULTS": f"sqlite://{folder / f'results-{number}.db'}",
    }
    command = [sys.executable, "-m", __spec__.name, "--process", str(folder / f"event-{number}.json")]
    return _Child(
        subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    )


def _tell(child: _Child, line: str) -> None:
    assert child.process.stdin is not None
    child.process.stdin.write(line + "\n")
    child.process.stdin.flush()


def _peak_mib() -> float:
    """The peak of this program alone: getrusage's figure begins at the peak of the parent process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _read(child: _Child) -> dict[str, Any]:
    assert child.process.stdout is not None
    line = child.process.stdout.readline()
    if not line:
        raise RuntimeError("a process ended before it had told what it did")
    told: dict[str, Any] = json.loads(line)
    return told


def results_in(path: Path) -> list[dict[str, Any]]:
    """The data of each result in a file of results."""
    from shared.handlers.adapters import open_inbox

    inbox = open_inbox(f"sqlite://{path}")
    try:
        return [json.loads(stored.message.body)["data"] for stored in inbox.peek()]
    finally:
        inbox.close()


def _process(event_file: Path) -> None:
    """The child's part: import, report, wait for the order, handle the event, report."""
    from importlib import import_module

    handler = import_module(f"functions.{FUNCTION}").main_handler
    sent: list[float] = []
    threads = [1]

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "http.client.send" and CHANGE.encode() in bytes(args[1]):
            sent.append(time.time())
            threads[0] = max(threads[0], threading.active_count())

    sys.addaudithook(watch)
    logging.getLogger().addHandler(logging.NullHandler())  # a platform takes the log lines; stdout is for the report
    context = {"time_limit_in_ms": int(_TIMEOUT_S * 1000), "request_id": "bench", "tencentcloud_uin": "100000000001"}
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    event = json.loads(event_file.read_text(encoding="utf-8"))
    began, cpu = time.time(), time.process_time()
    handler(event, context)
    told = {
        "began": began,
        "ended": time.time(),
        "cpu_s": time.process_time() - cpu,
        "sent": sent,
        "threads": threads[0],
        "peak_mib": round(_peak_mib(), 1),
    }
    print(json.dumps(told), flush=True)


def table(runs: list[Ceiling]) -> str:
    """The runs as a Markdown table."""
    lines = [
        "| processes | commands | changes a second, of 20 | whole event, of 20 | throttled of all calls"
        " | polls a command | lost or failed | peak MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        bad = run.lost + sum(number for outcome, number in run.outcomes.items() if outcome != "changed")
        polls = (run.calls.get("DescribeTaskInfo", 0) - run.throttled.get("DescribeTaskInfo", 0)) / run.commands
        throttled = f"{sum(run.throttled.values())} of {sum(run.calls.values())}"
        lines.append(
            f"| {run.processes} | {run.commands} | {run.share_of_calls:.3f} | {run.share_of_event:.3f} | {throttled}"
            f" | {polls:.2f} | {bad} | {run.peak_mib:.0f} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("processes", type=int, nargs="*")
    parser.add_argument("--commands", type=int, default=500)
    parser.add_argument("--instances", type=int, default=100)
    parser.add_argument("--process", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.process:
        _process(options.process)
        return 0
    runs = [measure(number, options.commands, options.instances) for number in options.processes or [1, 2, 8]]
    print(table(runs))
    print(json.dumps([asdict(run) for run in runs]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
