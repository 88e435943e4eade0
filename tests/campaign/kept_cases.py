"""The cases of secrets that a store keeps: store, change, promotion and publishing, each with its faults and kills."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from .cases import ALWAYS, FAULTS, ONCE, OVERLAP, SECOND, TCR, TRIGGERS, Case
from .operations import ALL_TARGETS, KEPT_TARGETS, STORE_ACTIONS, Target

STORE_FAULTS = ("drop_before", "drop_after", "throttle", "cut_body", "html_500", "expire_token", "echo")
_FOUR = ("kept account", "kept password", "kept registry", "kept tair")
_TURNS = ("kept account in turn", "kept tair in turn")
_PROMOTING = ("UpdateSecret", "UpdateDescription", "DeleteSecretVersion", "UpdateSecretVersionStage")
ALL_STORE_ACTIONS = frozenset(action for actions in STORE_ACTIONS.values() for action in actions)
_DISCARDING = {"ssm": "DeleteSecretVersion", "kms": "UpdateSecretVersionStage"}

_KEEPING = "shared.keeping:Keeping"
_OUT = "shared.clouds.{session}._send"
# How many calls a step makes, by store: a promotion by the delivery that wrote ahead, one by a follower, a discard.
_PROMOTION = {"ssm": 3, "kms": 3}
_FOLLOWED = {"ssm": 6, "kms": 3}
_DISCARD = {"ssm": 1, "kms": 2}
_AHEAD = {"ssm": 1, "kms": 2}
_COMMON = (
    "entering",
    "before the call",
    "call built",
    "call answered",
    "accepted",
    "following",
    "before handing on",
    "handed on",
    "ended",
    "before the result",
    "result sent",
    "before the return",
    "call in flight",
)
_WITH_TASK = ("following", "before handing on", "handed on")


def _store(target: Target) -> str:
    return target.place[:3]


def kept_points(target: Target) -> dict[str, str]:
    """The points at which a delivery of this operation is killed, by name; empty: the operation's own table has it."""
    kind = _store(target)
    ahead = _AHEAD[kind]
    points = dict.fromkeys(one for one in _COMMON if target.service != "tcr" or one not in _WITH_TASK)
    found = dict.fromkeys(points, "")
    found["secrets at hand"] = "shared.keeping:Source.obtain:return"
    found["before settling"] = f"{_KEEPING}.settle:call"
    found["settled"] = f"{_KEEPING}.settle:return"
    if target.base == "random":
        found["put built"] = f"_promoted>{_OUT}:call"
        found["put answered"] = f"_promoted>{_OUT}:return"
    else:
        found["before the write-ahead"] = f"{_KEEPING}.write_ahead:call"
        found["put built"] = f"write_ahead>{_OUT}:call#{ahead}"
        found["put answered"] = f"write_ahead>{_OUT}:return#{ahead}"
        found["written ahead"] = f"{_KEEPING}.write_ahead:return"
    for number in range(1, _PROMOTION[kind] + 1):
        found[f"promotion {number} answered"] = f"promote>{_OUT}:return#{number}"
    return found


def followed_points(target: Target) -> dict[str, str]:
    """The same inside follow_change."""
    found = {
        "follow: asked": "shared.follow:Following._ask:return",
        "follow: before the result": "shared.publish:Publisher.result:call",
        "follow: result sent": "shared.publish:Publisher.result:return",
    }
    for number in range(1, _FOLLOWED[_store(target)] + 1):
        found[f"follow: promotion {number} answered"] = f"promote>{_OUT}:return#{number}"
    return found


def store_fault_cases() -> Iterator[Case]:
    """Each action of the store, fault and operation; triggers, modes and the commands queue take turns."""
    turn = 0
    for name in _FOUR:
        for action in STORE_ACTIONS[_store(KEPT_TARGETS[name])]:
            for fault in STORE_FAULTS:
                turn += 1
                yield Case(name, TRIGGERS[turn % 3], fault, action, ONCE, commands=turn % 2 == 0)
                if fault in ("drop_before", "drop_after", "throttle", "echo") and turn % 2:
                    yield Case(name, TRIGGERS[turn // 2 % 3], fault, action, ALWAYS, commands=turn % 4 == 1)
            if name in ("kept account", "kept tair"):
                yield Case(name, TRIGGERS[turn % 3], "stall", action, ONCE)


def followed_fault_cases() -> Iterator[Case]:
    """The follower makes the promotion, and meets its faults."""
    triggers = cycle(TRIGGERS)
    for name in ("kept account", "kept password", "kept tair"):
        for action in STORE_ACTIONS[_store(KEPT_TARGETS[name])]:
            for fault in ("drop_after", "throttle", "expire_token") if action in _PROMOTING else ():
                yield Case(name, next(triggers), fault, action, ONCE, slow=True)


def change_fault_cases() -> Iterator[Case]:
    """The change's own faults, with a store around it."""
    turn = 0
    for name, target in KEPT_TARGETS.items():
        if name in _TURNS:
            continue
        for fault in (*FAULTS, "echo"):
            turn += 1
            slow = target.service != "tcr" and turn % 3 == 0
            yield Case(name, TRIGGERS[turn % 3], fault, mode=ONCE, commands=slow or turn % 2 == 0, slow=slow)
            if turn % 2:
                yield Case(name, TRIGGERS[turn // 2 % 3], fault, mode=(SECOND, ALWAYS)[turn // 2 % 2])


def turn_cases() -> Iterator[Case]:
    """Two accounts in turn."""
    for name in _TURNS:
        target = KEPT_TARGETS[name]
        for number, fault in enumerate(("", "drop_before", "drop_after", "fail_task", "hang_task", "throttle")):
            yield Case(name, TRIGGERS[number % 3], fault, slow=number % 2 == 0)
        points = kept_points(target)
        for point in ("written ahead", "call answered", *(one for one in points if one.startswith("promotion"))):
            yield Case(name, "queue", kill=point, point=points[point])


def pair_cases() -> Iterator[Case]:
    """A fault of the change and one of the store in the same delivery."""
    turn = 0
    for name in _FOUR:
        kind = _store(KEPT_TARGETS[name])
        promote = "UpdateSecret" if kind == "ssm" else "UpdateSecretVersionStage"
        pairs = (
            ("drop_after", promote, "drop_after"),
            ("drop_after", promote, "throttle"),
            ("drop_after", "PutSecretValue", "drop_after"),
            ("fail_task", _DISCARDING[kind], "throttle"),
            ("lock", _DISCARDING[kind], "drop_after"),
            ("throttle", "PutSecretValue", "throttle"),
        )
        for fault, action, second in pairs:
            turn += 1
            yield Case(name, TRIGGERS[turn % 3], fault, commands=turn % 2 == 0, also=(action, second))


def kept_overlap_cases() -> Iterator[Case]:
    """The event comes again while the first delivery is still at work."""
    for number, (name, target) in enumerate(KEPT_TARGETS.items()):
        if name not in _TURNS:
            for fault in ("", "drop_after", "fail_task"):
                yield Case(name, TRIGGERS[number % 3], fault, mode=OVERLAP, slow=target.service != "tcr")


def kept_refuse_cases() -> Iterator[Case]:
    """Fenced operations on a cloud that refuses old = new: lost answers, and kills around the promotion."""
    for name in ("kept password", "kept tair"):
        for number, fault in enumerate(("drop_before", "drop_after", "cut_body", "fail_task")):
            yield Case(name, TRIGGERS[number % 3], fault, refuse=True)
        points = kept_points(KEPT_TARGETS[name])
        kills = ("written ahead", "call answered", "settled", *(one for one in points if one.startswith("promotion")))
        for number, point in enumerate(kills):
            yield Case(name, TRIGGERS[number % 3], refuse=True, kill=point, point=points[point])


def kept_kill_cases() -> Iterator[Case]:
    """The process is killed at each point, then the event comes again."""
    turn = 0
    for name, target in KEPT_TARGETS.items():
        if name in _TURNS:
            continue
        for kill, point in kept_points(target).items():
            turn += 1
            slow = kill in _WITH_TASK
            yield Case(name, TRIGGERS[turn % 3], commands=slow or turn % 2 == 0, slow=slow, kill=kill, point=point)
        for kill, point in followed_points(target).items() if target.service != "tcr" else ():
            turn += 1
            yield Case(name, TRIGGERS[turn % 3], slow=True, kill=kill, point=point)
        if target.base == "random":
            continue
        for number in range(1, _DISCARD[_store(target)] + 1):
            fault = "lock" if target.service == "tcr" else "fail_task"
            point = f"_given_up>{_OUT}:return#{number}"
            yield Case(name, "queue", fault, kill=f"discard {number} answered", point=point, commands=False)


def kept_cases() -> list[Case]:
    """All of them, in a fixed order."""
    return [
        *store_fault_cases(),
        *followed_fault_cases(),
        *change_fault_cases(),
        *turn_cases(),
        *pair_cases(),
        *kept_overlap_cases(),
        *kept_refuse_cases(),
        *kept_kill_cases(),
    ]


# --- where a delivery may end `unknown` because of the store, and why

_NOT_PROMOTED = "the store did not take the promotion for as long as it was tried"
_DOUBT = "an earlier delivery may have put its secret in force, and this one was stopped before it could find out"
_NOT_STORED = "the registry made a secret that the store did not take: only another rotation helps"


def kept_may_be_unknown(case: Case, data: dict[str, Any], *, redelivery: bool) -> str | None:
    """Why a delivery with this result may end `unknown`; None: the store is no reason."""
    error = data["Error"] or {}
    evidence = " ".join(data["Evidence"])
    base = ALL_TARGETS[case.target].base
    if base == "random" and error.get("Code") == "NotStored" and case.action:
        return _NOT_STORED
    if redelivery and "of an earlier delivery left pending" in evidence and error.get("Retryable"):
        return _DOUBT
    if base in ("registry", "random") and case.fault == "echo" and not case.action:
        return TCR
    action, fault = case.also if case.also[0] else (case.action, case.fault)
    if action in ALL_STORE_ACTIONS and "pending version" in (error.get("Message") or ""):
        lasting = case.mode == ALWAYS or bool(case.also[0]) or fault == "stall"
        return _NOT_PROMOTED if lasting or not case.commands else None
    return None
