"""Kinds B and E: each operation's and each store's calls meet each fault, by each trigger, and with a redelivery.

Each story has the same course: a delivery and its end, the same event again and its end; then another command, without
trouble.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

from tests.campaign.case import Case, Step, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.fault_kinds import FAULTS, LOST, MANY, READ_FAULTS
from tests.campaign.operations import ALL_TARGETS, KEPT_TARGETS, STORE_ACTIONS, TARGETS

TRIGGERS = ("http", "timer", "queue")
ONCE, TWICE, ALWAYS, SECOND = "once", "twice", "always", "second"
_SLOW = {"task_s": 1.7, "settle_s": 1.7}
STORE_FAULTS = ("drop_before", "drop_after", "throttle", "cut_body", "html_500", "expire_token", "echo")
# Where a code says that nothing happened, or that the old secret is wrong, it is met before the effect alone: a cloud
# that lies in so many words cannot be seen through.
CODES = (
    ("tencent", "RequestLimitExceeded", "before"),
    ("tencent", "InternalError.InternalError", "after"),
    ("tencent", "FailedOperation.SystemError", "after"),
    ("tencent", "FailedOperation.Unlisted", "before"),
    ("tencent", "FailedOperation.Unlisted", "after"),
    ("tencent", "InternalError.ErrNotExist", "after"),
    ("tencent", "UnauthorizedOperation", "before"),
    ("tencent", "AuthFailure.SignatureExpire", "before"),
    ("tencent", "ResourceUnavailable.Busy", "before"),
    ("alibaba", "Throttling.User", "before"),
    ("alibaba", "TooManyRequests", "before"),
    ("alibaba", "SystemBusy", "after"),
    ("alibaba", "SignatureNonceUsed", "after"),
    ("alibaba", "ServiceUnavailable", "after"),
    ("alibaba", "Forbidden.RAM", "before"),
    ("alibaba", "OperationDenied.KVstoreInstanceStatus", "before"),
    ("alibaba", "OperationDenied.OrderProcessing", "before"),
    ("alibaba", "InvalidUnlisted.Code", "before"),
    ("alibaba", "InvalidUnlisted.Code", "after"),
)


def triggers_of(name: str) -> tuple[str, ...]:
    """The triggers of an operation. A secret that the cloud makes can go only to an HTTP caller."""
    return ("http",) if ALL_TARGETS[name].shown else TRIGGERS


def has_tasks(name: str) -> bool:
    """Whether a change takes a while, so that follow_change may take it over."""
    return ALL_TARGETS[name].service != "tcr"


def story(
    kind: str,
    topic: str,
    target: str,
    trigger: str,
    fault: Mapping[str, Any] | None,
    mode: str = ONCE,
    *,
    more: Mapping[str, Any] | None = None,
    world: Mapping[str, Any] | None = None,
    commands: bool = True,
    key: bool = True,
    slow: bool = False,
    name: str = "",
) -> Case:
    """A delivery that meets a fault, the same event again, and another command."""
    orders = {"a": CaseCommand(target, more or {}), "b": CaseCommand(target, more or {})}
    steps: list[Step] = []
    times = {ONCE: 1, TWICE: 2}.get(mode, 500)
    put: list[Step] = [step("fault", {**fault, "Times": times})] if fault is not None else []
    steps += put if mode != SECOND else []
    steps += [step("send", "a", trigger), step("work_off"), step("clear")]
    steps += put if mode in (SECOND, ALWAYS) else []
    steps += [step("send", "a", trigger), step("work_off"), step("clear")]
    if mode != ALWAYS and not ALL_TARGETS[target].old_once:
        steps += [step("advance", 1200.0), step("send", "b", trigger), step("work_off")]
    words = [target, trigger, mode if fault else "", *(str(one) for one in (fault or {}).values()), name]
    words += [f"{key_}={value}" for key_, value in (more or {}).items()] + (["slow"] if slow else [])
    return Case(
        kind,
        topic,
        " ".join(word for word in words if word),
        orders,
        tuple(steps),
        {**(_SLOW if slow else {}), **(world or {})},
        commands,
        key,
    )


def change_cases() -> Iterator[Case]:
    """Every operation, fault, trigger and mode, with and without a commands queue."""
    for name in TARGETS:
        for fault in FAULTS:
            for trigger in triggers_of(name):
                for number, mode in enumerate((ONCE, ALWAYS, SECOND)):
                    for commands in (True, False):
                        slow = commands and has_tasks(name) and (number + TRIGGERS.index(trigger)) % 3 == 0
                        put = {"Action": TARGETS[name].action, "Fault": fault}
                        yield story("B", f"{name} {fault}", name, trigger, put, mode, commands=commands, slow=slow)


def read_cases() -> Iterator[Case]:
    """The reads that an operation depends on."""
    turn = 0
    for name, target in TARGETS.items():
        for action in target.reads:
            for fault in READ_FAULTS:
                for mode in (ONCE, ALWAYS):
                    turn += 1
                    trigger = triggers_of(name)[turn % len(triggers_of(name))]
                    put = {"Action": action, "Fault": fault}
                    yield story("B", f"{name} {action}", name, trigger, put, mode, commands=turn % 2 == 0)


def login_cases() -> Iterator[Case]:
    """The operations whose change a login can prove."""
    for number, name in enumerate(one for one in TARGETS if one not in ("random", "remark")):
        for fault in LOST:
            for mode in (ONCE, SECOND):
                for old in ("accept", "refuse", "same_code"):
                    put = {"Action": TARGETS[name].action, "Fault": fault}
                    more, world = {"Login": True}, {"old_equals_new": old}
                    trigger = TRIGGERS[number % 3]
                    commands = mode == ONCE or old != "accept"
                    yield story(
                        "B", f"{name} login {fault}", name, trigger, put, mode,
                        more=more, world=world, commands=commands, name=old,
                    )  # fmt: skip


def probe_cases() -> Iterator[Case]:
    """Fenced operations: the probe's answer is lost, too, or the cloud refuses old = new."""
    for name in ("password", "tair", "kept password", "kept tair"):
        for number, fault in enumerate(FAULTS):
            put = {"Action": ALL_TARGETS[name].action, "Fault": fault}
            for old in ("refuse", "same_code"):
                for mode in (ONCE, SECOND):
                    trigger = TRIGGERS[(number + (mode == ONCE)) % 3]
                    yield story("E", f"{name} {old}", name, trigger, put, mode, world={"old_equals_new": old}, name=old)
            if fault in LOST:
                yield story("B", f"{name} {TWICE}", name, "queue", put, TWICE)
                yield story("B", f"{name} {TWICE}", name, "http", put, TWICE, commands=False)


def code_cases() -> Iterator[Case]:
    """Codes that prove less than they seem to, before the effect and after it, in every order."""
    for name, target in ALL_TARGETS.items():
        if target.turns:
            continue
        cloud = "alibaba" if target.service == "r-kvstore" else "tencent"
        triggers = cycle(triggers_of(name))
        for number, (whose, code, when) in enumerate(CODES):
            if whose != cloud:
                continue
            for status in (None, 503) if code in ("ServiceUnavailable", "InternalError.InternalError") else (None,):
                put: dict[str, Any] = {"Action": target.action, "Fault": "code", "Code": code, "When": when}
                put |= {"Status": status} if status else {}
                for mode in (ONCE, ALWAYS, SECOND):
                    yield story(
                        "E", f"{name} code", name, next(triggers), put, mode, commands=number % 4 != 3,
                        more={"Login": True} if number % 5 == 4 and target.secret and not target.shown else {},
                    )  # fmt: skip
            # Applied, its answer lost; then every call is refused so.
            orders = {"a": CaseCommand(name), "b": CaseCommand(name)}
            lost = {"Action": target.action, "Fault": "drop_after", "Times": 1}
            then = {"Action": target.action, "Fault": "code", "Code": code, "Times": MANY}
            trigger = next(triggers)
            steps = (
                step("fault", lost, then),
                step("send", "a", trigger),
                step("work_off"),
                step("clear"),
                step("send", "b", trigger),
                step("work_off"),
            )
            yield Case("E", f"{name} lost, then code", f"{name} {trigger} drop_after then {code} {when}", orders, steps)


def store_cases() -> Iterator[Case]:
    """Each operation with each fault of each action of its store."""
    turn = 0
    for name, target in KEPT_TARGETS.items():
        for action in STORE_ACTIONS[target.place[:3]]:
            for fault in (*STORE_FAULTS, "stall"):
                turn += 1
                put = {"Action": action, "Fault": fault}
                slow = turn % 5 == 0 and has_tasks(name)
                trigger = TRIGGERS[turn % 3]
                yield story("B", f"{name} {action}", name, trigger, put, ONCE, commands=turn % 4 != 0, slow=slow)
                if turn % 2:
                    trigger = TRIGGERS[turn // 2 % 3]
                    yield story("B", f"{name} {action}", name, trigger, put, ALWAYS, commands=turn % 4 == 1, slow=slow)


def kept_change_cases() -> Iterator[Case]:
    """Faults of the change itself, for a stored secret, together with one fault of the store in the same delivery."""
    turn = 0
    for name, target in KEPT_TARGETS.items():
        promote = "UpdateSecret" if target.place.startswith("ssm") else "UpdateSecretVersionStage"
        for fault in (*FAULTS, "echo"):
            turn += 1
            slow = has_tasks(name) and turn % 3 == 0
            put = {"Action": target.action, "Fault": fault}
            yield story("B", f"{name} {fault}", name, TRIGGERS[turn % 3], put, commands=turn % 4 != 0, slow=slow)
            mode = (SECOND, ALWAYS)[turn // 2 % 2]
            yield story("B", f"{name} {fault}", name, TRIGGERS[turn // 2 % 3], put, mode)
        for fault, action, second in (
            ("drop_after", promote, "drop_after"),
            ("drop_after", promote, "throttle"),
            ("drop_after", "PutSecretValue", "drop_after"),
            ("fail_task", promote, "throttle"),
            ("lock", "ListSecretVersionIds", "drop_after"),
            ("throttle", "PutSecretValue", "throttle"),
        ):
            turn += 1
            orders = {"a": CaseCommand(name), "b": CaseCommand(name)}
            both = (
                {"Action": target.action, "Fault": fault, "Times": 1},
                {"Action": action, "Fault": second, "Times": 500},
            )
            trigger = TRIGGERS[turn % 3]
            steps = (
                step("fault", *both),
                step("send", "a", trigger),
                step("work_off"),
                step("clear"),
                step("send", "a", trigger),
                step("work_off"),
                step("send", "b", trigger),
                step("work_off"),
            )
            words = f"{name} {trigger} {fault}, {action} {second}"
            yield Case("B", f"{name} pairs", words, orders, steps, commands=turn % 2 == 0)
