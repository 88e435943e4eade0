"""Which cases there are, and where `unknown` is a true answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .operations import ALL_TARGETS, TARGETS

LOST = ("drop_before", "drop_after", "stall", "cut_body", "html_500", "not_json", "wrong_type", "no_task_id")
"""The answer does not say what happened."""
FAULTS = (*LOST, "throttle", "lock", "fail_task", "hang_task", "expire_token")
READ_FAULTS = ("drop_after", "stall", "throttle", "html_500", "not_json", "wrong_type", "cut_body")
TRIGGERS = ("http", "timer", "queue")

ONCE, TWICE, ALWAYS, SECOND, OVERLAP = "once", "twice", "always", "second", "overlap"
"""The first call meets the fault; the first two do (the change, then the probe); every call does; only calls of the
redelivery do; the first call does, and the event comes again before the commands queue has been worked off."""
MODES = (ONCE, ALWAYS, SECOND)

KILL_POINTS = {
    "entering": "shared.handler:handle:call",
    "platform known": "shared.platform:enter:return",
    "trigger read": "shared.triggers.reading:read:return",
    "command parsed": "shared.command:parse:return",
    "looked": "{adapter}.look:return",
    "before the call": "shared.clouds.session:Session.change:call",
    "call built": "change>shared.clouds.{session}._send:call",
    "call answered": "change>shared.clouds.{session}._send:return",
    "after the call": "shared.clouds.session:Session.change:return",
    "accepted": "shared.change:Change._accepted:call",
    "following": "{adapter}.progress:return",
    "before handing on": "shared.publish:Publisher.command:call",
    "handed on": "shared.publish:Publisher.command:return",
    "ended": "shared.change:Change.run:return",
    "before the result": "shared.publish:Publisher.result:call",
    "result sent": "shared.publish:Publisher.result:return",
    "before the return": "shared.handler:handle:return",
    "call in flight": "",  # the parent ends the process while the cloud holds its answer
}
FOLLOW_POINTS = {
    "follow: asked": "shared.follow:Following._ask:return",
    "follow: before the result": "shared.publish:Publisher.result:call",
    "follow: result sent": "shared.publish:Publisher.result:return",
}
_WITH_TASK = ("following", "before handing on", "handed on")
ADAPTER = {
    "account": "shared.clouds.tencent_redis:RedisChange",
    "password": "shared.clouds.tencent_redis:RedisChange",
    "registry": "shared.clouds.tencent_tcr:RegistryChange",
    "random": "shared.clouds.tencent_tcr:RegistryChange",
    "tair": "shared.clouds.alibaba_tair:TairChange",
}


def session_of(base: str) -> str:
    """Where an operation's cloud calls leave, as a kill point names it."""
    return "alibaba:AlibabaSession" if base == "tair" else "tencent:TencentSession"


@dataclass(frozen=True)
class Case:
    """One story: a delivery, its end, the same event again, its end."""

    target: str
    trigger: str
    fault: str = ""
    action: str = ""  # the call that meets the fault; empty: the change
    mode: str = ONCE
    commands: bool = True  # KEYTURN_COMMANDS is set
    login: bool = False
    refuse: bool = False  # the cloud does not take old = new, so the fence probe tells nothing
    slow: bool = False  # the change takes longer than one invocation waits
    kill: str = ""
    point: str = ""  # where that is, in the form of the stand-in's bootstrap; empty: as the operation's table says
    also: tuple[str, str] = ("", "")  # a second action of the first delivery, whose every call meets this fault

    def __str__(self) -> str:
        words = [self.target, self.trigger, self.action, self.fault, "" if self.kill else self.mode, self.kill]
        words += [*self.also, *(name for name in ("login", "refuse", "slow") if getattr(self, name))]
        return " ".join(word for word in words if word) + ("" if self.commands else " no-commands")

    @property
    def kill_point(self) -> str:
        """The point in the form of the stand-in's bootstrap; empty where the parent kills."""
        base = ALL_TARGETS[self.target].base
        return (self.point or KILL_POINTS[self.kill]).format(adapter=ADAPTER[base], session=session_of(base))


def triggers_of(target: str) -> tuple[str, ...]:
    """A secret that the cloud makes goes to an HTTP caller alone."""
    return ("http",) if TARGETS[target].shown else TRIGGERS


def _has_tasks(target: str) -> bool:
    return TARGETS[target].service != "tcr"


def fault_cases() -> Iterator[Case]:
    """Every operation, fault, trigger, mode, with and without a commands queue."""
    for name in TARGETS:
        for fault in FAULTS:
            for trigger in triggers_of(name):
                for number, mode in enumerate(MODES):
                    for commands in (True, False):
                        # Every third of them is slow enough to be handed to follow_change.
                        slow = commands and _has_tasks(name) and (number + TRIGGERS.index(trigger)) % 3 == 0
                        yield Case(name, trigger, fault, mode=mode, commands=commands, slow=slow)


def read_cases() -> Iterator[Case]:
    """The reads that an operation leans on; triggers and the commands queue take turns."""
    turn = 0
    for name, target in TARGETS.items():
        for action in target.reads:
            for fault in READ_FAULTS:
                for mode in (ONCE, ALWAYS):
                    turn += 1
                    trigger = triggers_of(name)[turn % len(triggers_of(name))]
                    yield Case(name, trigger, fault, action, mode, commands=turn % 2 == 0)


def login_cases() -> Iterator[Case]:
    """Where a login can tell, nothing may stay unknown."""
    for number, name in enumerate(one for one in TARGETS if one not in ("random", "remark")):
        for fault in LOST:
            for mode in (ONCE, SECOND):
                yield Case(name, TRIGGERS[number % 3], fault, mode=mode, login=True, commands=mode == ONCE)
                yield Case(name, TRIGGERS[number % 3], fault, mode=mode, login=True, refuse=True)


def twice_cases() -> Iterator[Case]:
    """The probe changes nothing, so its lost answer is no reason to give up."""
    for name, target in TARGETS.items():
        for fault in LOST:
            if target.fenced and fault != "stall":  # two of these leave no time
                yield Case(name, "queue", fault, mode=TWICE)
                yield Case(name, "http", fault, mode=TWICE, commands=False)


def overlap_cases() -> Iterator[Case]:
    """The event comes again while the change of the first delivery is still at work."""
    for number, name in enumerate(TARGETS):
        for fault in ("", "drop_after", "fail_task", "lock"):
            trigger = triggers_of(name)[number % len(triggers_of(name))]
            yield Case(name, trigger, fault, mode=OVERLAP, slow=_has_tasks(name))
            yield Case(name, trigger, fault, mode=OVERLAP, slow=_has_tasks(name), commands=False)


def refuse_cases() -> Iterator[Case]:
    """Fenced operations on a cloud that refuses old = new."""
    for name, target in TARGETS.items():
        if target.fenced:
            for fault in FAULTS:
                for mode in (ONCE, SECOND):
                    yield Case(name, "queue" if mode == ONCE else "http", fault, mode=mode, refuse=True)


def kill_cases() -> Iterator[Case]:
    """The process is killed at each point, then the event comes again."""
    turn = 0
    for name in (one for one in ADAPTER if one != "random"):
        for point in (*KILL_POINTS, *FOLLOW_POINTS):
            if name == "registry" and (point in _WITH_TASK or point in FOLLOW_POINTS):
                continue  # it has no task, so it never gets there
            handed_on = point in _WITH_TASK[1:] or point in FOLLOW_POINTS
            for with_commands in (True,) if handed_on else (True, False):
                turn += 1
                slow = with_commands and _has_tasks(name)
                yield Case(name, TRIGGERS[turn % 3], commands=with_commands, slow=slow, kill=point)


def all_cases() -> list[Case]:
    """The whole campaign, in a fixed order."""
    return [
        *fault_cases(),
        *read_cases(),
        *login_cases(),
        *twice_cases(),
        *overlap_cases(),
        *refuse_cases(),
        *kill_cases(),
    ]


# --- where a delivery may end `unknown`, and why

TCR = "without a login nothing that can be read proves what a registry call did: it has no task and no fence"
_HANGS = "the task never ends, so nobody can say what becomes of it"
_LATE = "with one-second times, a second change within the second does not show"
_PROBE = "the cloud refuses old = new, so a refused old secret cannot be told from a redelivery"
_ALL_LOST = "every call of the action is lost, the fence probe's too"
_BLIND = "the one read that could tell never answers"


def may_be_unknown(case: Case, *, redelivery: bool) -> str | None:
    """Why a delivery of this case may end `unknown`; None: it must not."""
    base = ALL_TARGETS[case.target].base
    registry = base in ("registry", "random")
    asked = not case.action
    if (
        registry
        and case.fault in (*LOST, "fail_task", "hang_task")
        and asked
        and not (case.login and base == "registry")
    ):
        return TCR
    if not registry and case.fault == "hang_task":
        return _HANGS
    if case.refuse and (redelivery or case.fault in LOST) and not case.login:
        return _PROBE
    if case.kill and redelivery and case.refuse:
        return _PROBE
    if base == "account" and redelivery and case.fault in LOST and case.mode != ONCE:
        return _LATE
    if base == "tair" and case.fault in LOST and case.mode in (ALWAYS, SECOND) and not case.action:
        return _ALL_LOST
    if case.mode == ALWAYS and case.action in ("DescribeTaskInfo", "DescribeAccounts", "DescribeInstanceAttribute"):
        return _BLIND
    return None
