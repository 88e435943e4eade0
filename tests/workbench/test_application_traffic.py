"""The manual's clients keep on logging in, with new connections, while real servers' passwords rotate twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.deploy.handoff_key import new_key
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.demo.fleets import Fleet
from tests.cloud.demo.six_ways import endpoints
from tests.cloud.functions.platform_names import FC, SCF
from tests.cloud.invocation.runtime import run_function
from tests.cloud.state.checkout import ROOT
from tests.workbench.applications import CHAPTER, FIRST, REDIS, TAIR, secret_of, targets, world

ONE_ONCE, ONE_STORED = "one account, read once", "one account, `StoredLogin`"
TWO_ONCE, TWO_STORED = "two accounts, read once", "two accounts, `StoredLogin`"
PROCESSES, RATE = 2, 30.0  # for each kind of client, and requests a second for each process
ROUNDS = 2
RECORD = "KEYTURN_RECORD=1 python -m pytest tests/workbench/test_application_traffic.py"

pytestmark = pytest.mark.long


def policy(name: str, function: str, region: str, store: str, accounts: dict[str, list[str]]) -> dict[str, Any]:
    """One that finds everything due whenever it fires."""
    return {
        "Policy": name,
        "Function": function,
        "Region": region,
        "Store": store,
        "Resources": {"Patterns": ["*"]},
        "MaxAgeDays": 1e-6,
        "JitterS": 0,
        **accounts,
    }


ONE, TWO = {"Accounts": ["app"]}, {"Alternate": ["app_a", "app_b"]}
_OF_REDIS = "tencent_redis_modify_instance_account", "ap-guangzhou"
_OF_TAIR = "alibaba_tair_modify_account_password", "cn-hangzhou"
_OF_TCR = "tencent_tcr_modify_service_account_password", "ap-guangzhou"
FLEETS = (
    Fleet(SCF, "crs-", 3, policy("redis-one", *_OF_REDIS, "ssm://redis-{resource}-{account}", ONE)),
    Fleet(SCF, "crs-", 3, policy("redis-two", *_OF_REDIS, "ssm://redis-{resource}-pair", TWO)),
    Fleet(FC, "r-", 3, policy("tair-one", *_OF_TAIR, "kms://tair-{resource}-{account}", ONE)),
    Fleet(FC, "r-", 3, policy("tair-two", *_OF_TAIR, "kms://tair-{resource}-pair", TWO)),
    Fleet(SCF, "tcr-", 1, policy("registry", *_OF_TCR, "ssm://{resource}-{account}", {"Accounts": ["robot"]})),
)


@dataclass(frozen=True)
class Traffic:
    """What one kind of client saw."""

    requests: list[dict[str, Any]]

    @property
    def failures(self) -> list[float]:
        """When requests failed, in seconds of the clock."""
        return [one["began"] for one in self.requests if one["failure"]]

    @property
    def slowest_s(self) -> float:
        return float(max(one["seconds"] for one in self.requests))


class Clients:
    """The processes of one kind of client, from their start to what they have seen."""

    def __init__(self, ready: Path, found: list[dict[str, str]], *, once: bool) -> None:
        told = json.dumps({"ready": str(ready), "once": once, "rate": RATE, "targets": found}) + "\n"
        command = [sys.executable, "-m", "tests.support.traffic_client"]
        self._all = [
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        self._lines: list[str] = []
        self._readers = [threading.Thread(target=self._read, args=(one,)) for one in self._all]
        for one, reader in zip(self._all, self._readers, strict=True):
            assert one.stdin is not None
            one.stdin.write(told)
            one.stdin.flush()
            reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            self._lines.extend(lines)

    def has_begun(self) -> bool:
        return len(self._lines) > 20 * PROCESSES

    def end(self) -> Traffic:
        for one in self._all:
            assert one.stdin is not None
            one.stdin.close()
        for one, reader in zip(self._all, self._readers, strict=True):
            reader.join(60)
            assert one.wait(60) == 0
        return Traffic([json.loads(line) for line in self._lines])


@contextmanager
def working(settings: dict[str, str]) -> Iterator[None]:
    """The platform's queue trigger, while the block runs."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.cloud", "run"],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(30)


def rotate(cloud: Standin, settings: dict[str, str], every: list[dict[str, str]]) -> None:
    """Every policy fires once; wait until each store holds another secret than before."""
    before = [secret_of(cloud, target) for target in every]
    for fleet in FLEETS:
        run_function("plan_rotation", fleet.timer(), fleet.platform, settings=settings)
    until = time.monotonic() + 150
    while any(secret_of(cloud, target) == held for target, held in zip(every, before, strict=True)):
        assert time.monotonic() < until, "a rotation did not end"
        time.sleep(0.5)


@dataclass(frozen=True)
class Seen:
    """What each kind of client saw, and when the rotations began."""

    clients: dict[str, Traffic]
    rotations: list[float]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Four kinds of clients at work while the fleets rotate twice."""
    folder = tmp_path_factory.mktemp("applications")
    with Standin(world(folder / "world.toml")) as cloud:
        ready = folder / "ready.json"
        told = {name: getattr(cloud, name) for name in ("endpoint", "redis", "registry", "credentials")}
        ready.write_text(json.dumps(told), encoding="utf-8")
        settings = {
            "KEYTURN_RESULTS": f"sqlite://{folder}/results.db",
            "KEYTURN_COMMANDS": f"sqlite://{folder}/commands.db",
            "KEYTURN_HANDOFF_KEY": new_key(),
            **endpoints(cloud),
        }
        one, two = targets(cloud, "app"), targets(cloud, "pair")
        clients = {
            ONE_ONCE: Clients(ready, one, once=True),
            ONE_STORED: Clients(ready, one, once=False),
            TWO_ONCE: Clients(ready, two, once=True),
            TWO_STORED: Clients(ready, two, once=False),
        }
        until = time.monotonic() + 60
        while not all(group.has_begun() for group in clients.values()):
            assert time.monotonic() < until, "the clients did not begin"
            time.sleep(0.2)
        turned = []
        with working(settings):
            for _ in range(ROUNDS):
                turned.append(time.time())
                rotate(cloud, settings, one + two)
                time.sleep(2)
        found = Seen({name: group.end() for name, group in clients.items()}, turned)
        for target in one[: len(REDIS) + len(TAIR)]:
            assert not redis_accepts(target["address"], FIRST, "app")
            assert redis_accepts(target["address"], secret_of(cloud, target), "app")
    return found


def test_with_two_accounts_in_turn_no_request_fails(seen: Seen) -> None:
    traffic = seen.clients[TWO_STORED]
    assert len(traffic.requests) > 500
    assert not traffic.failures


def test_a_login_that_follows_its_store_waits_where_one_that_is_read_once_ends(seen: Seen) -> None:
    assert len(seen.clients[ONE_STORED].failures) < len(seen.clients[ONE_ONCE].failures) / 100


def test_a_login_that_is_read_once_never_comes_back(seen: Seen) -> None:
    """With two accounts it survives the first rotation, and no second one."""
    first, second = seen.rotations
    for name, since in ((ONE_ONCE, first), (TWO_ONCE, second)):
        traffic = seen.clients[name]
        assert traffic.failures and min(traffic.failures) > since
        last = max(one["began"] for one in traffic.requests)
        assert all(one["failure"] for one in traffic.requests if one["began"] > last - 1)


def table(seen: Seen) -> str:
    """What the chapter prints of a run."""
    lines = ["| clients | requests | failed | the slowest took |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {len(one.requests):,} | {len(one.failures):,} | {one.slowest_s:.1f} s |"
        for name, one in seen.clients.items()
    ]
    return "\n".join(lines)


def test_the_chapter_prints_what_was_counted(seen: Seen) -> None:
    """Counts differ from run to run; what they say does not."""
    text = CHAPTER.read_text(encoding="utf-8")
    head, rest = text.split("<!-- traffic -->\n")
    printed, tail = rest.split("<!-- /traffic -->")
    if os.environ.get("KEYTURN_RECORD"):
        printed = f"{table(seen)}\n"
        CHAPTER.write_text(f"{head}<!-- traffic -->\n{printed}<!-- /traffic -->{tail}", encoding="utf-8")
    rows = dict(re.findall(r"^\| ((?:one|two) .*?) \| [\d,]+ \| ([\d,]+) \|", printed, re.MULTILINE))
    assert list(rows) == list(seen.clients)
    for name, traffic in seen.clients.items():
        assert (rows[name] == "0") == (not traffic.failures), RECORD
