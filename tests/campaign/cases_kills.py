"""A process is killed at each line that matters, in follow_change, too. Then the event comes again."""

from __future__ import annotations

from collections.abc import Iterator

from tests.campaign.case import Case, Step, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.cases_faults import TRIGGERS, has_tasks
from tests.campaign.operations import ALL_TARGETS, Target

IN_FLIGHT = "in flight"
POINTS = {
    "entering": "shared.handlers.entry:handle:call",
    "platform known": "shared.runtime.platform:read_invocation:return",
    "trigger read": "shared.triggers.reading:read:return",
    "command parsed": "shared.commands.parsing:parse_command:return",
    "looked": "{adapter}.snapshot:return",
    "before the call": "shared.clouds.session:Session.change:call",
    "call built": "change>shared.clouds.{session}._send:call",
    "call answered": "change>shared.clouds.{session}._send:return",
    "after the call": "shared.clouds.session:Session.change:return",
    "accepted": "shared.changes.known:Known.accepted:call",
    "following": "{adapter}.progress:return",
    "before handing on": "shared.results.publisher:Publisher.send_command:call",
    "handed on": "shared.results.publisher:Publisher.send_command:return",
    "ended": "shared.changes.change:Change.run:return",
    "before the result": "shared.results.publisher:Publisher.publish_result:call",
    "result sent": "shared.results.publisher:Publisher.publish_result:return",
    "before the return": "shared.handlers.entry:handle:return",
    "call in flight": IN_FLIGHT,
}
FOLLOWED = {
    "asked": "shared.handlers.followed_change:FollowedChange.ask:return",
    "before the result": "shared.results.publisher:Publisher.publish_result:call",
    "result sent": "shared.results.publisher:Publisher.publish_result:return",
}
_WITH_TASK = ("following", "before handing on", "handed on")
_SLOW = {"task_s": 4.0, "settle_s": 4.0}
_ADAPTERS = {
    "redis": "shared.clouds.tencent.redis:RedisChange",
    "tcr": "shared.clouds.tencent.tcr:RegistryChange",
    "r-kvstore": "shared.clouds.alibaba.tair:TairChange",
}
_PROMOTION = {"ssm": 7, "kms": 6}
_AHEAD = {"ssm": 2, "kms": 2}


def _session(target: Target) -> str:
    return "alibaba.session:AlibabaSession" if target.service == "r-kvstore" else "tencent.session:TencentSession"


def points(target: Target) -> dict[str, str]:
    """The points at which a delivery of this operation is killed, by name, in the form of `bootstrap.kill_at`."""
    names = {"adapter": _ADAPTERS[target.service], "session": _session(target)}
    found = {
        name: point.format(**names)
        for name, point in POINTS.items()
        if target.service != "tcr" or name not in _WITH_TASK
    }
    if target.place:
        out = f"shared.clouds.{_session(target)}._send"
        found["secrets at hand"] = "shared.stores.resolving:SecretResolver.resolve:return"
        found["before the write-ahead"] = "shared.stores.write_ahead:WriteAhead.write_ahead:call"
        for number in range(1, _AHEAD[target.place[:3]] + 1):
            found[f"write-ahead {number} built"] = f"write_ahead>{out}:call#{number}"
            found[f"write-ahead {number} answered"] = f"write_ahead>{out}:return#{number}"
        found["written ahead"] = "shared.stores.write_ahead:WriteAhead.write_ahead:return"
        found["before settling"] = "shared.stores.write_ahead:WriteAhead.conclude:call"
        found["settled"] = "shared.stores.write_ahead:WriteAhead.conclude:return"
        for number in range(1, _PROMOTION[target.place[:3]] + 1):
            found[f"promotion {number} answered"] = f"promote>{out}:return#{number}"
    return found


def followed_points(target: Target) -> dict[str, str]:
    """The points inside follow_change."""
    found = dict(FOLLOWED)
    if target.place:
        for number in range(1, _PROMOTION[target.place[:3]] + 1):
            found[f"promotion {number} answered"] = f"promote>shared.clouds.{_session(target)}._send:return#{number}"
    return found


def _after(target: Target, trigger: str) -> tuple[Step, ...]:
    """The event comes again, soon and after everything has settled. Then comes another command."""
    steps: tuple[Step, ...] = (step("send", "a", trigger), step("work_off"), step("advance", 1200.0))
    steps += (step("send", "a", trigger), step("work_off"))
    return steps if target.old_once else (*steps, step("send", "b", trigger), step("work_off"))


def kill_cases() -> Iterator[Case]:
    """Each point of each operation. Triggers, modes and the commands queue alternate."""
    turn = 0
    for name, target in ALL_TARGETS.items():
        if name in ("random", "remark"):
            continue
        orders = {"a": CaseCommand(name), "b": CaseCommand(name)}
        for kill, point in points(target).items():
            for world in ({}, {"old_equals_new": "refuse"}) if target.fenced else ({},):
                turn += 1
                slow = kill in _WITH_TASK
                trigger = TRIGGERS[turn % 3]
                flight: tuple[Step, ...] = ()
                if kill == "call in flight":
                    late = {"Fault": "late", "Seconds": 40.0} if turn % 2 else {"Fault": "stall"}
                    flight = (step("fault", {"Action": target.action, "Times": 1, **late}),)
                steps = (*flight, step("send", "a", trigger, point), step("clear"), *_after(target, trigger))
                words = f"{name} {trigger} killed {kill}{' late' if flight and turn % 2 else ''}"
                words += " old = new refused" if world else ""
                whole = {**(_SLOW if slow else {}), **world}
                yield Case(
                    "kill",
                    f"{name} {kill}",
                    words,
                    orders,
                    steps,
                    whole,
                    commands=slow or turn % 2 == 0,
                    key=turn % 5 != 0,
                )
        for kill, point in followed_points(target).items() if has_tasks(name) else ():
            turn += 1
            trigger = TRIGGERS[turn % 3]
            steps = (step("send", "a", trigger), step("work_off", point), *_after(target, trigger))
            words = f"{name} {trigger} follow_change killed {kill}"
            yield Case("kill", f"{name} follow {kill}", words, orders, steps, _SLOW)
