"""Observes one world: its stores and servers, what functions returned, and which delivery each result belongs to."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shared.handlers.adapters import open_inbox
from tests.campaign import leaks
from tests.campaign.case_command import CaseCommand
from tests.campaign.fault_kinds import kinds_in_world, kinds_met
from tests.campaign.forged_messages import MARK
from tests.campaign.invocations import invoke, invoke_and_kill, last_call, result_events
from tests.campaign.judge import Verdict
from tests.campaign.observed_store import ObservedStore, secrets_in
from tests.campaign.operations import ALL_TARGETS, KEPT, OWNERS, REDIS
from tests.campaign.record import Delivery, Record, read_history
from tests.cloud.client.standin import Standin
from tests.cloud.functions.platform_names import FC, SCF
from tests.cloud.invocation.runtime import InvocationResult
from tests.cloud.state.world import merge_tables
from tests.support import platform_events
from tests.support.other_accounts import ROLES

KEY = "c2lnbnMtd2hhdC1rZXl0dXJuLXNlbmRzLWl0c2VsZi4"
_KEYS = ("standin-secret-key", "standin-session-token", KEY)
_STALL_S = 1.5
_FOLLOW_LIMIT_S = 8.0


@dataclass(eq=False)
class WorldObserver:
    """Observes one world. `folder` is an empty folder for it alone."""

    standin: Standin
    folder: Path
    rng: Any
    world: Mapping[str, Any]
    orders: Mapping[str, CaseCommand]
    commands: bool = True
    key: bool = True
    record: Record = field(default_factory=Record)
    verdict: Verdict = field(default_factory=Verdict)
    story: list[str] = field(default_factory=list)
    written: dict[str, bytes] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    _events: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _news: dict[str, str] = field(default_factory=dict)
    _posted: list[dict[str, Any]] = field(default_factory=list)
    _shelves: dict[str, ObservedStore] = field(default_factory=dict)
    forgeries: set[str] = field(default_factory=set)
    _copies: list[dict[str, Any]] = field(default_factory=list)
    _seen_calls: int = 0
    _kill_follower: str = ""
    killed_follower: bool = False

    def __post_init__(self) -> None:
        world: dict[str, Any] = {"redis": {REDIS: {"accounts": {"app": KEPT}}}, "stall_s": _STALL_S}
        for order in self.orders.values():
            world = merge_tables(world, dict(ALL_TARGETS[order.target].world))
        self.world = merge_tables(world, dict(self.world))
        self.standin.reset(**self.world)
        self.record.salt = self.standin.history()["Salt"]
        self.settings = {
            "KEYTURN_RESULTS": f"sqlite://{self.folder / 'results.db'}",
            "KEYTURN_TENCENT_ENDPOINT": self.standin.endpoint,
            "KEYTURN_ALIBABA_ENDPOINT": self.standin.endpoint,
            "KEYTURN_LOG": "DEBUG",
            "KEYTURN_ASSUME": ",".join(ROLES.values()),
            # A rate of its own gives the case a pace of its own: one case's throttling must not slow the next.
            "KEYTURN_RATE": f"{20 + self.rng.random():.9f}",
        }
        if self.commands:
            self.settings["KEYTURN_COMMANDS"] = f"sqlite://{self.folder / 'commands.db'}"
        if self.key:
            self.settings["KEYTURN_HANDOFF_KEY"] = KEY
        if any(ALL_TARGETS[order.target].shown or _asks_back(order) for order in self.orders.values()):
            self.settings["KEYTURN_REPLY"] = "on"
        self._stem = f"case-{self.rng.randrange(10**9)}"
        for order in self.orders.values():
            place, own = order.credential.place, ALL_TARGETS[order.target]
            if place and place not in self._shelves:
                owner = own if own.place == place else OWNERS[place]
                self._shelves[place] = ObservedStore(owner, self.standin, "Role" in order.more)
        self.look()

    def look(self) -> None:
        """Read the stores and the real servers, not with keyturn's clients. They must agree with the history."""
        for shelf in self._shelves.values():
            found = shelf.look()
            self.secrets |= shelf.seen
            if self._posted:
                self.standin.faults(self._posted)
            self.record.values |= {self.record.digest(one): one for one in found.values()}
            self._agree(shelf, found)

    def waiting(self) -> list[dict[str, Any]]:
        """The messages on the commands queue."""
        return waiting_events(self.settings["KEYTURN_COMMANDS"]) if self.commands else []

    def _event(self, letter: str, trigger: str) -> bytes:
        order = self.orders[letter]
        target = ALL_TARGETS[order.target]
        if (letter, trigger) not in self._events:
            new = self._news.setdefault(letter, target.make_new(self.rng))
            command = order.command(new)
            name = order.id or f"{self._stem}-{letter}"
            body: Any = command
            if order.enveloped and trigger == platform_events.QUEUE:
                body = {
                    "specversion": "1.0",
                    "id": name,
                    "source": "rotation",
                    "type": f"keyturn.command.{target.function}",
                    "data": command,
                    **order.claims,
                }
            event = platform_events.event(body, target.platform, trigger, name=name, headers={"idempotency-key": name})
            self._events[letter, trigger] = json.dumps(event).encode() if target.platform == SCF else event
        return self._events[letter, trigger]

    def _begun(self, letter: str) -> Delivery:
        order = self.orders[letter]
        target = ALL_TARGETS[order.target]
        in_clear = target.secret and not order.credential.place and not target.shown and not _made(order)
        delivery = Delivery(
            len(self.record.deliveries) + 1,
            letter,
            order.credential,
            self._now(),
            digest=self.record.digest(self._news[letter]) if in_clear else "",
            fenced=target.fenced,
            tells=target.secret,
            carries=self.commands and self.key,
            login=bool(order.more.get("Login")),
        )
        if in_clear:
            self.secrets |= {self._news[letter], target.old}
        delivery.met |= kinds_met(self._posted, target) | kinds_in_world(self.world, target)
        delivery.codes_after = any(
            one["Action"] in (target.action, "*") and (one.get("When") == "after" or one["Fault"] == "twice")
            for one in self._posted
        )
        self.record.deliveries.append(delivery)
        return delivery

    def _ended(self, deliveries: list[Delivery], returned: list[InvocationResult | None]) -> None:
        now = self._now()
        calls = self.standin.calls()
        fresh, self._seen_calls = calls[self._seen_calls :], len(calls)
        for delivery, one in zip(deliveries, returned, strict=True):
            target = ALL_TARGETS[self.orders[delivery.order].target]
            delivery.ended = now
            delivery.calls += [call["Code"] for call in fresh if call["Action"] == target.action]
            if one is not None:
                self._returned(one, str(delivery.number))
                delivery.last_call = last_call(one.log)
                if one.error is not None:
                    self.verdict.broke("b", f"{delivery} raised {str(one.error)[:300]}")
                told = result_events(one)
                self._own(delivery, told)
                self.story.append(f"{delivery}: " + ("; ".join(map(_line, told)) or "handed back"))
        self._wrote(deliveries)
        self.look()

    def _own(self, delivery: Delivery, told: list[dict[str, Any]], command_id: str = "") -> None:
        """Assign results to a delivery, with the traces of its messages. In an event of several: by the command id."""
        traces = {one["traceparent"][3:35] for one in told}
        if not traces:
            known = {trace for one in self.record.deliveries for trace in one.traces}
            waiting = [one for one in self.waiting() if command_id in ("", one["data"].get("CommandId"))]
            traces = {str(one.get("traceparent"))[3:35] for one in waiting} - known
        delivery.traces |= traces
        delivery.results += told

    def _ended_together(self, deliveries: list[Delivery], returned: InvocationResult) -> None:
        """The same for commands of one event, whose results are in the commands' order."""
        now, calls = self._now(), self.standin.calls()
        fresh, self._seen_calls = calls[self._seen_calls :], len(calls)
        self._returned(returned, f"batch {deliveries[0].number}")
        if returned.error is not None:
            self.verdict.broke("b", f"a batch raised {str(returned.error)[:300]}")
        told = result_events(returned)
        for delivery in deliveries:
            order = self.orders[delivery.order]
            delivery.ended, delivery.last_call = now, last_call(returned.log)
            delivery.calls += [call["Code"] for call in fresh if call["Action"] == ALL_TARGETS[order.target].action]
            command_id = f"{order.id or f'{self._stem}-{delivery.order}'}-3-7"  # as `platform_events` numbers it
            mine = [told.pop(0)] if told and told[0]["data"]["CommandId"] == command_id else []
            self._own(delivery, mine, command_id)
            self.story.append(f"{delivery}: " + ("; ".join(map(_line, mine)) or "handed back"))
        self._wrote(deliveries)
        self.look()

    def _wrote(self, deliveries: list[Delivery]) -> None:
        """Note which versions of its store a delivery wrote. Deliveries of one event share a change's versions."""
        applied = read_history(self.standin.history())
        for delivery in deliveries:
            kind, name = delivery.credential.kept
            delivery.versions |= {
                one.account
                for one in applied
                if (one.service, one.resource) == (kind, name)
                and one.at >= delivery.began
                and one.account.startswith("kt-")
                and not one.account.startswith(("kt-before-", "kt-copy-"))
            }
            if len(deliveries) > 1:  # whose they are, results must tell
                delivery.versions.clear()

    def _follow(self, function: str, event: bytes, platform: str) -> InvocationResult:
        if self._kill_follower and function == "follow_change":
            point, self._kill_follower = self._kill_follower, ""
            died, wrote = invoke_and_kill(
                function, event, platform, self.settings, point=point, standin=self.standin, action="", limit_s=20.0
            )
            self.killed_follower = self.killed_follower or died
            self.written["killed follower"] = wrote
            self.story.append(f"follow_change {'killed' if died else 'not killed'} at {point}")
            if died:
                return InvocationResult(None, {"errorMessage": "killed"}, "", 0.0)
        limit_s = max((ALL_TARGETS[one.target].limit_s for one in self.orders.values()), default=_FOLLOW_LIMIT_S)
        returned = invoke(function, event, platform, self.settings, timeout_s=max(limit_s, _FOLLOW_LIMIT_S))
        self._returned(returned, f"{function} {len(self.written)}")
        if returned.error is not None:
            self.verdict.broke("b", f"{function} raised {str(returned.error)[:300]}")
        if told := result_events(returned):
            for result in told:
                self._given(result)
            self.story.append(f"{function}: " + "; ".join(map(_line, told)))
        return replace(returned, log="")

    def _returned(self, returned: InvocationResult, name: str) -> None:
        """Record what an invocation wrote. SCF logs the return value: it holds a secret only if the case allows it."""
        self.written[f"log {name}"] = returned.log.encode()
        value = returned.value
        if value and "statusCode" in value and "KEYTURN_REPLY" in self.settings:
            reply = json.loads(value["body"])
            shown = [one for one in [reply.pop("Password", None), *(reply.pop("Passwords", None) or ())] if one]
            for password in shown:
                self.secrets.add(password)
                self.record.deliveries[-1].shown.append(self.record.digest(password))
            value = {**value, "body": json.dumps(reply, ensure_ascii=False)}
        self.written[f"value {name}"] = json.dumps(value, ensure_ascii=False).encode()

    def _agree(self, shelf: ObservedStore, found: Mapping[str, str]) -> None:
        """The history comes from the stand-in: check that the real server agrees about every version."""
        record, target = self.record, shelf.target
        record.applied = read_history(self.standin.history())
        credential = CaseCommand(target.name).credential
        for version, value in found.items():
            try:
                really = shelf.opens(value)
            except (ValueError, KeyError, TypeError):
                continue
            again = read_history(self.standin.history())
            if self._any_password():
                continue
            if (
                len(again) == len(record.applied)
                and record.opens(credential, record.digest(value), self._now()) is not really
            ):
                self.verdict.broke("-", f"the real server and history differ about {version}: {really}")

    def _any_password(self) -> bool:
        """Whether a server of this world accepts any password, so that a login proves nothing."""
        return '"nopass": true' in json.dumps(self.world, default=str)

    def _collect(self) -> None:
        """Read the results queue, and assign the results to their deliveries."""
        record = self.record
        record.applied, record.ended = read_history(self.standin.history()), self._now()
        seen = {result["id"] for one in record.deliveries for result in one.results} | {
            one["id"] for one in record.strays
        }
        queued = waiting_events(self.settings["KEYTURN_RESULTS"])
        for result in queued:
            if result["id"] not in seen:  # of a process that was killed once it had sent it
                self._given(result)
        ids = {one["id"] for one in queued}
        for delivery in record.deliveries:
            if missing := [one["data"]["Outcome"] for one in delivery.results if one["id"] not in ids]:
                self.verdict.broke("a", f"{delivery}: not on the results queue: {missing}")
        for delivery in record.deliveries:
            for result in delivery.results:
                if delivery.apart and result["data"]["Stored"]:
                    delivery.versions.add(result["data"]["Stored"]["Version"])
            for other in record.deliveries:
                if other.order == delivery.order:
                    delivery.versions |= other.versions

    def _given(self, result: dict[str, Any]) -> None:
        """Assign a result to its delivery by its trace; nobody saw the trace of a killed delivery."""
        trace, data = str(result.get("traceparent"))[3:35], result["data"]
        mine = [one for one in self.record.deliveries if trace in one.traces]
        unseen = [one for one in self.record.deliveries if one.killed and not one.traces]
        if not mine and unseen:
            mine = unseen[:1]
            mine[0].traces.add(trace)
        free = [one for one in mine if not one.last] or mine
        if data["Operation"] == "follow_change" and data["Outcome"] == "not_changed":
            return  # in the name of a message, not of a change
        if not free and trace in self.forgeries and not self.key:
            # Without a key the queue may take a copy's next hop for the real one's: they say the same.
            free = [
                one
                for one in self.record.deliveries
                if not one.last and any(_same(told["data"], data) for told in one.results)
            ]
        if not free and trace in self.forgeries and not self.key and _verifiable(result):
            self.verdict.notes["without a key a made-up message about a real task of the cloud was followed"] += 1
            return
        (free[0].results if free else self.record.strays).append(result)

    def _rights(self) -> None:
        if REDIS in self.standin.state()["redis"]["instances"]:
            account = self.standin.state()["redis"]["instances"][REDIS]["app"]
            if account["Privilege"] != KEPT["privilege"] or account["ReadonlyPolicy"] != KEPT["readonly_policy"]:
                self.verdict.broke("f", f"rights were reset to {account['Privilege']}, {account['ReadonlyPolicy']}")

    def _clean(self) -> None:
        """Check that no secret is in what was written, returned or queued."""
        secrets = {part for one in self.secrets for part in secrets_in(one)} | set(_KEYS)
        places = self.written | {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        for hit in leaks.hits(places, sorted(secrets)):
            self.verdict.broke("e", hit)

    def _now(self) -> float:
        return time.time() + self.standin.offset


def _verifiable(result: Mapping[str, Any]) -> bool:
    """Whether a result says only what anyone can verify at the cloud, and nothing from its message."""
    data = result["data"]
    told = data["Outcome"] in ("changed", "unknown") and data["Stored"] is None and data["Sealed"] is None
    return told and result["subject"].startswith("redis/") and MARK not in json.dumps(result)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("CommandId", "Operation", "StartedAt"))


def _made(order: CaseCommand) -> bool:
    return any(isinstance(value, dict) and "Generate" in value for value in order.more.values())


def _line(event: Mapping[str, Any]) -> str:
    data = event["data"]
    error = data["Error"] or {}
    words = (data["Outcome"], error.get("Class"), error.get("Code"), f"attempt {data['Attempts']}", data["Evidence"])
    return " ".join(str(word) for word in words if word)


def waiting_events(url: str) -> list[dict[str, Any]]:
    inbox = open_inbox(url)
    try:
        return [json.loads(stored.message.body) for stored in inbox.peek()]
    finally:
        inbox.close()


def _asks_back(order: CaseCommand) -> bool:
    """Whether FC shows the new secret in its reply, as it does unless that is forbidden."""
    deliver = order.more.get("Deliver") or {}
    return ALL_TARGETS[order.target].platform == FC and "Reply" in deliver
