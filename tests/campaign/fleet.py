"""A whole fleet: the timer fires twice, functions are killed, each due account is changed once; and the throughput."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.handlers.adapters import open_inbox
from shared.queues.port import LeasedMessage
from tests.campaign.invocations import invoke, invoke_and_kill
from tests.campaign.observed_store import read_store
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.functions.platform_names import SCF
from tests.cloud.functions.trigger_events import queue_event
from tests.cloud.invocation.runtime import run_function
from tests.cloud.state.world import Fleet
from tests.support import platform_events

PLAN, CHANGE = "plan_rotation", "tencent_redis_modify_instance_account"
PREFIX, REGION, ACCOUNT, OLD = "crs-fleet", "ap-guangzhou", "app", "App-Passw0rd"
MAX_AGE_DAYS = 90.0
PUBLISHED_RATE = 20  # calls a second, API and region
_BATCH = 40
_MOST_ROUNDS = 60
_LIMIT_S = 300.0


@dataclass
class Rotated:
    """The results of a fleet's rotation."""

    due: int
    kills: int = 0
    commands: int = 0  # delivered, repeats included
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Throughput:
    """How long `commands` changes took, their stores included, from the first one's start to the last one's end."""

    commands: int
    seconds: float
    outcomes: Counter[str]
    calls: Counter[str]  # by action
    throttled: Counter[str]

    @property
    def ratio(self) -> float:
        """The time taken, divided by the time that the API's published rate alone needs."""
        return self.seconds / (self.commands / PUBLISHED_RATE)


def _fleet(count: int, due: int) -> Fleet:
    password = {"password": OLD}
    return Fleet.model_validate(
        {
            "kind": "redis",
            "count": count,
            "prefix": PREFIX,
            "region": REGION,
            "accounts": {"root": {"password": "Old-Passw0rd"}, ACCOUNT: password},
            "tags": {"env": "prod"},
            "aged_days": [1, 200],
            "due": due,
            "due_days": MAX_AGE_DAYS,
            "store": "redis-{instance}-{account}",
        }
    )


def world_file(folder: Path, fleet: Fleet, **keys: Any) -> Path:
    """Write a world that holds only this fleet. `keys`: as in the first lines of a world."""
    words = {"id": "AKIDSTANDIN", "key": "standin-secret-key", "token": "standin-session-token"}
    credentials = {"tencent": words, "alibaba": words | {"id": "LTAISTANDIN"}}
    lines = [f"{name} = {json.dumps(value)}" for name, value in keys.items()]
    for cloud, table in credentials.items():
        lines += [f"[credentials.{cloud}]", *(f"{name} = {json.dumps(value)}" for name, value in table.items())]
    lines.append("[[fleet]]")
    flat = fleet.model_dump()
    accounts = flat.pop("accounts")
    tags = flat.pop("tags")
    lines += [f"{name} = {json.dumps(value)}" for name, value in flat.items()]
    lines += ["[fleet.tags]", *(f"{name} = {json.dumps(value)}" for name, value in tags.items())]
    for name, account in accounts.items():
        lines += [f"[fleet.accounts.{name}]", f"password = {json.dumps(account['password'])}"]
    path = folder / "world.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _policy(mode: str) -> dict[str, Any]:
    return {
        "Policy": "quarterly",
        "Function": CHANGE,
        "Region": REGION,
        "Resources": {"Tags": {"env": "prod"}, "Patterns": [f"{PREFIX}*"]},
        "Accounts": [ACCOUNT],
        "MaxAgeDays": MAX_AGE_DAYS,
        "Store": "ssm://redis-{resource}-{account}",
        "Mode": mode,
    }


def rotate(count: int, due: int, *, rate: int = PUBLISHED_RATE) -> Rotated:
    """Fire the timer twice, kill the planner and two changes midway, work off the queue, check everything."""
    rotated, started = Rotated(due), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        folder, fleet = Path(name), _fleet(count, due)
        with Standin(world_file(folder, fleet, rate=rate, task_s=0.1)) as standin:
            settings = {
                "KEYTURN_RESULTS": f"sqlite://{folder / 'results.db'}",
                "KEYTURN_COMMANDS": f"sqlite://{folder / 'commands.db'}",
                "KEYTURN_TENCENT_ENDPOINT": standin.endpoint,
                "KEYTURN_RATE": str(rate),
            }
            _Fleet(standin, settings, rotated).play(fleet)
    rotated.seconds = time.monotonic() - started
    return rotated


@dataclass
class _Fleet:
    standin: Standin
    settings: dict[str, str]
    rotated: Rotated
    kills: list[str] = field(
        default_factory=lambda: [
            "shared.stores.write_ahead:WriteAhead.conclude:call",
            "promote>shared.clouds.tencent.session:TencentSession._send:return#3",
        ]
    )

    def play(self, fleet: Fleet) -> None:
        first = self._timer("nightly", "rotate")
        # The planner dies while it sends: the platform repeats the event; then the timer fires a second time, when
        # some are changed and some are not.
        died, _ = invoke_and_kill(
            PLAN,
            first,
            SCF,
            self.settings,
            point="shared.results.publisher:Publisher.send_command:return#2",
            standin=self.standin,
            action="",
            limit_s=_LIMIT_S,
        )
        self._killed(died, "the planner")
        self._invoke(PLAN, first)
        self._work_off(most=1)
        self._invoke(PLAN, self._timer("nightly-2", "rotate"))
        self._work_off()
        self._look(fleet)
        self._report()

    def _timer(self, name: str, mode: str) -> bytes:
        return json.dumps(platform_events.event(_policy(mode), SCF, "timer", name=name)).encode()

    def _killed(self, died: bool, which: str) -> None:
        self.rotated.kills += died
        if not died:
            self.rotated.violations.append(f"{which} was not killed")

    def _invoke(self, function: str, event: bytes) -> None:
        returned = invoke(function, event, SCF, self.settings, timeout_s=_LIMIT_S)
        if returned.error is not None:
            self.rotated.violations.append(f"{function} raised {returned.error}")
            return
        self.rotated.outcomes.update(
            one["data"]["Outcome"] for one in returned.value["Results"] if "Outcome" in one["data"]
        )

    def _work_off(self, *, most: int = _MOST_ROUNDS) -> None:
        """Give waiting messages to their functions at once, changes in batches. Those of a killed one come again."""
        inbox = open_inbox(self.settings["KEYTURN_COMMANDS"])
        try:
            for _ in range(most):
                waiting = inbox.receive(_BATCH, _LIMIT_S, ignore_delay=True)
                changes = []
                for leased in waiting:
                    body = json.loads(leased.message.body)
                    body.pop("notbefore", None)
                    if body["type"] == f"keyturn.command.{CHANGE}":
                        changes.append(json.dumps(body))
                    else:
                        function = body["type"].removeprefix("keyturn.command.")
                        self._invoke(function, queue_event(json.dumps(body), SCF, leased.message.id))
                if changes:
                    self._batch(changes)
                self._done(inbox, waiting)
                if not waiting:
                    return
            if most == _MOST_ROUNDS:
                self.rotated.violations.append("commands still wait after many rounds")
        finally:
            inbox.close()

    def _batch(self, changes: list[str]) -> None:
        event = json.dumps(platform_events.batch(changes)).encode()
        self.rotated.commands += len(changes)
        if self.kills and len(changes) > 10:
            died, _ = invoke_and_kill(
                CHANGE,
                event,
                SCF,
                self.settings,
                point=self.kills.pop(0),
                standin=self.standin,
                action="",
                limit_s=_LIMIT_S,
            )
            self._killed(died, "a change")
        self._invoke(CHANGE, event)

    @staticmethod
    def _done(inbox: Any, waiting: list[LeasedMessage]) -> None:
        for leased in waiting:
            inbox.ack(leased)

    def _look(self, fleet: Fleet) -> None:
        broke = self.rotated.violations.append
        instances = self.standin.state()["redis"]["instances"]
        for place, age in enumerate(fleet.ages(), 1):
            name = f"{PREFIX}{place:04}"
            due = age > MAX_AGE_DAYS
            times = {account: instances[name][account]["Changed"] for account in (ACCOUNT, "root")}
            if times != {ACCOUNT: int(due), "root": 0}:
                broke(f"{name}, {age:.0f} days old: changed {times}")
            if not due:
                continue
            kept = read_store(self.standin, f"ssm://redis-{name}-{ACCOUNT}")
            if kept.pending:
                broke(f"{name}: versions {sorted(kept.pending)} are still pending")
            if not redis_accepts(self.standin.redis[name], kept.current, ACCOUNT):
                broke(f"{name}: the store's current secret does not open the server")
        bad = self.rotated.outcomes.keys() - {"changed", "already_changed", "not_changed", "pending"}
        if bad:
            broke(f"outcomes {sorted(bad)}")

    def _report(self) -> None:
        """Check the ages in the rotation report afterwards."""
        broke = self.rotated.violations.append
        inbox = open_inbox(self.settings["KEYTURN_RESULTS"])
        try:
            before = len(inbox.peek())
            self._invoke(PLAN, self._timer("look", "report"))
            self._work_off()
            pages = [json.loads(one.message.body) for one in inbox.peek()[before:]]
        finally:
            inbox.close()
        data = [page["data"] for page in pages if page["type"] == "keyturn.rotation.report"]
        if not data or not data[-1]["Last"]:
            broke("the report has no last page")
            return
        rows = [row for page in data for row in page["Rows"]]
        fresh = [row for row in rows if row["AgeDays"] is not None and row["AgeDays"] < 1]
        if (data[-1]["Due"], data[-1]["Unknown"]) != (0, 0) or any(row["Due"] for row in rows):
            broke(f"after the rotation {data[-1]['Due']} credentials are due, {data[-1]['Unknown']} are unknown")
        if len(fresh) != self.rotated.due:
            broke(f"after the rotation {len(fresh)} passwords are new, not {self.rotated.due}")


def throughput(commands: int, *, latency_s: float = 0.02, task_s: float = 0.3) -> Throughput:
    """Make `commands` changes in one event of one new process. The stand-in enforces the published rate."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        folder, fleet = Path(name), _fleet(commands, 0)
        with Standin(
            world_file(folder, fleet, latency_s=latency_s, task_s=task_s, rate=PUBLISHED_RATE, wake_on_change=False)
        ) as standin:
            settings = {
                "KEYTURN_RESULTS": f"sqlite://{folder / 'results.db'}",
                "KEYTURN_TENCENT_ENDPOINT": standin.endpoint,
            }
            bodies = [json.dumps(_change(place)) for place in range(1, commands + 1)]
            event = json.dumps(platform_events.batch(bodies)).encode()
            returned = run_function(CHANGE, event, SCF, settings=settings, timeout_s=_LIMIT_S)
            if returned.error is not None:
                raise RuntimeError(f"the function raised {returned.error}")
            results = _results(settings["KEYTURN_RESULTS"])
            calls = standin.calls()
    began = min(_moment(data["StartedAt"]) for data in results)
    ended = max(_moment(data["FinishedAt"]) for data in results)
    return Throughput(
        commands,
        (ended - began).total_seconds(),
        Counter(data["Outcome"] for data in results),
        Counter(call["Action"] for call in calls),
        Counter(call["Action"] for call in calls if call["Code"].startswith("RequestLimitExceeded")),
    )


def _change(place: int) -> dict[str, Any]:
    instance = f"{PREFIX}{place:04}"
    return {
        "Region": REGION,
        "InstanceId": instance,
        "AccountName": ACCOUNT,
        "AccountPassword": {"Generate": {"Length": 24}},
        "Deliver": {"Store": f"ssm://redis-{instance}-{ACCOUNT}"},
        "CommandId": f"fleet-{place}",
    }


def _results(url: str) -> list[dict[str, Any]]:
    inbox = open_inbox(url)
    try:
        return [json.loads(stored.message.body)["data"] for stored in inbox.peek()]
    finally:
        inbox.close()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def main(count: int = 1000, due: int = 300, most_ratio: float = 1.15) -> int:
    """Run both in full, and print the results. Returns the exit code."""
    rotated = rotate(count, due)
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(rotated.outcomes.items()))
    print(
        f"fleet: {count} accounts, {due} due, timer fired twice, {rotated.kills} processes killed, "
        f"{rotated.commands} commands delivered: {told}; {rotated.seconds:.0f} s"
    )
    for line in rotated.violations[:20]:
        print(f"    {line}")
    late = False
    for latency_s in (0.02, 0.1):
        flow = throughput(due, latency_s=latency_s)
        print(
            f"throughput: {flow.commands} changes with their stores in {flow.seconds:.1f} s, {PUBLISHED_RATE} a second "
            f"at {latency_s * 1000:.0f} ms latency: {flow.ratio:.2f} of the ideal time, "
            f"{sum(flow.throttled.values())} calls throttled"
        )
        # With the longer latency the first and the last change alone take two seconds more.
        late |= flow.outcomes != Counter(changed=due) or (latency_s < 0.1 and flow.ratio > most_ratio)
    return 1 if rotated.violations or late else 0
