"""`make demo`: the events of `events/` change real passwords on both stand-in clouds, and a real client proves it.

Every function, both runtimes, all three kinds of trigger, each handler in a fresh process; then tasks that outlive
their invocation are followed over each kind of queue; the bundle is deployed, used and removed; a fleet is rotated by a
timer, and all that was told is a page for a browser. Exit 0 only if every proof held.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.queues import open_inbox
from shared.triggers import Trigger, read
from shared.workbench.report.__main__ import main as report

from . import demo_deployed, demo_fleet
from .client import Standin
from .inboxes import inbox
from .proof import opens, registry_opens
from .runtime import FC, ROOT, SCF, Returned, run
from .world import load_world

OPERATIONS = (
    "tencent_redis_modify_instance_account",
    "tencent_redis_modify_instance_password",
    "tencent_tcr_modify_service_account_password",
    "alibaba_tair_modify_account_password",
)
TRIGGERS = (Trigger.HTTP, Trigger.TIMER, Trigger.QUEUE)
_TOLD = ("chained", "fleet-scf-results", "fleet-fc-results")
_NEW = ("AccountPassword", "Password", "NewAccountPassword")


@dataclass
class Step:
    """One event of the demo, what its command names, and what became of it."""

    function: str
    platform: str
    trigger: Trigger
    event: bytes
    command: dict[str, Any]

    @property
    def credential(self) -> tuple[str, str]:
        """The resource and the account."""
        resource = self.command.get("InstanceId") or self.command["RegistryId"]
        account = self.command.get("AccountName") or self.command.get("Name", "root")
        return resource, account.removeprefix("tcr$")


def steps() -> Iterator[Step]:
    """Every event of the four operations, each written for the default world as it starts."""
    for function in OPERATIONS:
        fields = import_module(f"functions.{function}").main_handler.fields
        for platform in (SCF, FC):
            for trigger in TRIGGERS:
                raw = (ROOT / "events" / function / f"{platform}-{trigger.value}.json").read_bytes()
                event = json.loads(raw) if platform == SCF else raw
                message = read(event, fields=fields, request_id="demo").messages[0]
                assert isinstance(message.data, dict)
                yield Step(function, platform, trigger, raw, message.data)


def first_passwords() -> dict[tuple[str, str], str]:
    """The passwords that the default world starts with."""
    world = load_world()
    return {
        (resource, account): held.password
        for kind in (world.redis, world.tcr, world.tair)
        for resource, owner in kind.items()
        for account, held in owner.accounts.items()
    }


def accepts(cloud: Standin, credential: tuple[str, str], password: str) -> bool:
    """Whether the real server behind the resource takes the password now."""
    resource, account = credential
    if resource in cloud.registry:
        return registry_opens(cloud.registry[resource], f"tcr${account}", password)
    return opens(cloud.redis[resource], password, None if account == "root" else account)


def result_of(step: Step, returned: Returned) -> dict[str, Any]:
    """The result event in what the handler returned."""
    if returned.error is not None:
        raise RuntimeError(f"{step.function} raised; its log:\n{returned.log}")
    result: dict[str, Any] = returned.body["Result"] if step.trigger is Trigger.HTTP else returned.value["Results"][0]
    return result


def chains(cloud: Standin, settings: dict[str, str], folder: Path) -> int:
    """A task that outlives its invocation, handed on and followed over each kind of queue; how many went wrong."""
    smq = "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-"
    kinds = {
        "sqlite": (f"sqlite://{folder}/chained.db", f"sqlite://{folder}/commands.db"),
        "ckafka": ("ckafka://ap-guangzhou/datahub-demo01", "ckafka://ap-guangzhou/datahub-demo02"),
        "smq": (f"{smq}results", f"{smq}to-{{function}}"),
    }
    row = "{:<44} {:<8} {:<24} {:>7}  {}".format
    print(f"\n{row('handed on and followed', 'over', 'results', 'seconds', 'proof by a real client')}")
    bad = 0
    for kind, (results, commands) in kinds.items():
        step = next(one for one in steps() if one.platform == (FC if kind == "smq" else SCF) and _chained(one, kind))
        cloud.reset(task_s=3.0, settle_s=3.0)
        started = time.monotonic()
        queues = settings | {"KEYTURN_RESULTS": results, "KEYTURN_COMMANDS": commands}
        run(step.function, step.event, step.platform, settings=queues)
        told = follow_to_the_end(queues, results)
        works = accepts(cloud, step.credential, next(step.command[name] for name in _NEW if name in step.command))
        bad += told != ["pending", "changed"] or not works
        proof = f"new {'accepted' if works else 'REFUSED'}"
        print(row(step.function, kind, ", ".join(told), f"{time.monotonic() - started:.2f}", proof), flush=True)
    return bad


def _chained(step: Step, kind: str) -> bool:
    return step.trigger is Trigger.HTTP and step.function == (OPERATIONS[3] if kind == "smq" else OPERATIONS[1])


def follow_to_the_end(settings: dict[str, str], results: str) -> list[str]:
    """Play the platform's queue trigger until a terminal result is out; the outcomes, oldest first."""
    environ = {**os.environ, **settings}
    until, told = time.monotonic() + 30, [""]
    while told[-1] in ("", "pending") and time.monotonic() < until:
        command = [sys.executable, "-m", "tests.cloud", "run", "--once"]
        subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False)
        opened = inbox(results, environ=environ)
        told = [json.loads(stored.message.body)["data"]["Outcome"] for stored in opened.peek()] or [""]
        opened.close()
    return told


def reported(results: list[str]) -> int:
    """A page of all that was told, for a browser; 1 if none was made."""
    print()
    return int(report([*results, "-o", str(ROOT / "dist" / "report.html")], {}) != 0)


def main(argv: list[str]) -> int:
    """Print a row an event; exit 1 if a proof failed."""
    started = time.monotonic()
    row = "{:<44} {:<4} {:<6} {:<16} {:>7}  {}".format
    with tempfile.TemporaryDirectory(prefix="keyturn-") as folder, Standin() as cloud:
        results = f"sqlite://{Path(folder) / 'results.db'}"
        settings = {
            "KEYTURN_RESULTS": results,
            "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint,
            "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint,
        }
        servers = ", ".join([*cloud.redis.values(), *cloud.registry.values()])
        print(f"Both clouds stand in at {cloud.endpoint}; behind them real servers: {servers}\n")
        print(row("function", "as", "by", "outcome", "seconds", "proof by a real client"))
        held = first_passwords()
        bad = 0
        hosts: set[str] = set()
        for step in steps():
            cloud.reset()  # every event is written for the world as it starts
            returned = run(step.function, step.event, step.platform, settings=settings)
            result = result_of(step, returned)
            new = next((step.command[name] for name in _NEW if name in step.command), None)
            if new is None:  # the registry made one, and showed it once, in this reply
                new = returned.body["Password"]
            old_works = accepts(cloud, step.credential, held[step.credential])
            new_works = accepts(cloud, step.credential, new)
            hosts |= {call["Host"] for call in cloud.calls()}
            proof = f"old {'ACCEPTED' if old_works else 'refused'}, new {'accepted' if new_works else 'REFUSED'}"
            outcome = result["data"]["Outcome"]
            bad += old_works or not new_works or outcome != "changed"
            seconds = f"{returned.seconds:.2f}"
            print(row(step.function, step.platform, step.trigger.value, outcome, seconds, proof), flush=True)
        opened = open_inbox(results)
        count = len(opened.peek())
        opened.close()
        bad += chains(cloud, settings, Path(folder))
        bad += demo_deployed.play(cloud, Path(folder))
        bad += demo_fleet.play(Path(folder))
        bad += reported([results, *(f"sqlite://{folder}/{name}.db" for name in _TOLD)])
    print(f"\n{count} results on the queue. Hosts that were signed for: {', '.join(sorted(hosts))}")
    print(f"{'All proofs held' if not bad else f'{bad} proofs FAILED'}, in {time.monotonic() - started:.0f} s.")
    sys.stdout.flush()
    return 1 if bad else 0
