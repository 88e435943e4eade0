"""A cloud with a large fleet, in its own process: `python -m shared.workbench.bench.scale.cloud INSTANCES LATENCY_S`.

It answers the few actions of TencentDB for Redis that a rotation or a change of an account calls, in their wire form.
It can do so by a script, because it checks no signature and keeps no secret. The stand-in does both, and would cost
more than the measured process. The account of every tenth instance is older than a quarter. A task has ended by its
first query.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.request import ProxyHandler, build_opener

from shared.workbench.bench.errors import BenchError
from shared.workbench.bundle.checkout import ROOT

REGION, ACCOUNT = "ap-guangzhou", "app"
OLD_ONE_IN = 10
COUNTS = "/counts"  # how often each action was called; reading the counts resets them
_CHINA = timezone(timedelta(hours=8))


def instance(number: int) -> str:
    return f"crs-{number:08x}"


@dataclass
class Fleet:
    """The answers of the fleet."""

    instances: int
    calls: Counter[str] = field(default_factory=Counter)
    listed: Counter[str] = field(default_factory=Counter)  # calls that list accounts, by instance
    _tasks: list[str] = field(default_factory=list)  # the instance of each task

    def answer(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.calls[action] += 1
        reply: dict[str, Any] = getattr(self, f"_{action}")(asked)
        return {"Response": {**reply, "RequestId": f"request-{self.calls.total()}"}}

    def counted(self) -> dict[str, Any]:
        """The calls by action, the number of instances whose accounts were listed, and the most listings of one
        instance.
        """
        told = {"calls": dict(self.calls), "instances": len(self.listed), "most": max(self.listed.values(), default=0)}
        self.calls.clear()
        self.listed.clear()
        return told

    def _DescribeInstances(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - as the API spells it
        first = asked["Offset"]
        numbers = range(self.instances)[first : first + asked["Limit"]]
        found = [{"InstanceId": instance(number), "Status": 2, "InstanceTags": []} for number in numbers]
        return {"TotalCount": self.instances, "InstanceSet": found}

    def _DescribeInstanceAccount(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = asked["InstanceId"]
        self.listed[name] += 1
        age = timedelta(days=200 if int(name[4:], 16) % OLD_ONE_IN == 0 else 10)
        changed = f"{datetime.now(_CHINA) - age:%Y-%m-%d %H:%M:%S}"
        account = {"InstanceId": name, "AccountName": ACCOUNT, "Status": 2, "Privilege": "rw"}
        account |= {"ReadonlyPolicy": ["master"], "PasswordLastModifiedTime": changed}
        return {"TotalCount": 1, "Accounts": [account]}

    def _DescribeTaskList(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"TotalCount": 0, "Tasks": []}

    def _ModifyInstanceAccount(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._tasks.append(asked["InstanceId"])
        return {"TaskId": len(self._tasks)}

    def _DescribeTaskInfo(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"Status": "succeed", "InstanceId": self._tasks[asked["TaskId"] - 1]}


async def _serve(fleet: Fleet, latency_s: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if first.split()[1] == COUNTS:
                    told = fleet.counted()
                else:
                    if latency_s:
                        await asyncio.sleep(latency_s)
                    told = fleet.answer(headers["x-tc-action"], json.loads(body))
                text = json.dumps(told).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
                writer.write(head.encode() + text)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


@dataclass(frozen=True)
class Cloud:
    """A running cloud."""

    endpoint: str

    def counts(self) -> dict[str, Any]:
        """The calls since the last time."""
        with build_opener(ProxyHandler({})).open(self.endpoint + COUNTS, timeout=30) as reply:
            counts: dict[str, Any] = json.load(reply)
        return counts


@contextlib.contextmanager
def running(instances: int, latency_s: float = 0.0) -> Iterator[Cloud]:
    """Raises: BenchError: the cloud did not start."""
    command = [sys.executable, "-m", "shared.workbench.bench.scale.cloud", str(instances), str(latency_s)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise BenchError("the scripted cloud did not start")
        yield Cloud(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    asyncio.run(_serve(Fleet(int(sys.argv[1])), float(sys.argv[2])))
