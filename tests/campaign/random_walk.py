"""A random walk: deliveries, faults, kills, overlaps, changes by hand and moves of the clock in any order.

A number decides each walk. A walk is a case like the others: its steps are played, then the judges check the record. A
walk that breaks a promise is played again with ever fewer steps, as long as the promise is still broken.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.campaign.case import Case, PlayedCase, Step, play_case, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.cases_claims import other_worlds
from tests.campaign.cases_faults import TRIGGERS
from tests.campaign.cases_kills import followed_points, points
from tests.campaign.fault_kinds import LOST, MANY
from tests.campaign.forged_messages import ATTRIBUTES, CHANGES
from tests.campaign.operations import ALL_TARGETS, STORE_ACTIONS, Target
from tests.cloud.client.standin import Standin

_ADVANCES = (1.0, 5.0, 20.0, 61.0, 200.0, 331.0, 400.0, 931.0, 1200.0, 4000.0, 3 * 86_400.0)
_CODES = {
    "r-kvstore": ("TooManyRequests", "SystemBusy", "SignatureNonceUsed", "ServiceUnavailable", "InvalidUnlisted.Code"),
    "redis": ("FailedOperation.Unlisted", "InternalError.InternalError", "FailedOperation.SystemError"),
    "tcr": ("FailedOperation.Unlisted", "InternalError.InternalError", "InternalError.ErrNotExist"),
}
_SHRINK_S = 240.0
_MOST_STEPS = 12


def walk(number: int) -> Case:
    """The walk with that number."""
    rng = random.Random(number)
    target = ALL_TARGETS[rng.choice([name for name in ALL_TARGETS if name not in ("remark", "random")])]
    more: dict[str, Any] = {"Login": True} if rng.random() < 0.3 and not target.shown else {}
    orders = {letter: CaseCommand(target.name, more) for letter in "abcd"}
    ways = {letter: rng.choice(TRIGGERS) for letter in orders}
    worlds = [(one.label, one.overrides) for one in other_worlds() if one.concerns(target)]
    label, world = rng.choice([("", {}), rng.choice(worlds)])
    if rng.random() < 0.3:
        world = {**world, "task_s": 6.0, "settle_s": 6.0}
    steps: list[Step] = []
    for _ in range(rng.randint(4, _MOST_STEPS)):
        steps += _drawn(rng, target, ways)
    return Case(
        "walk",
        target.name,
        f"{number} {label}".strip(),
        orders,
        tuple(steps),
        world,
        commands=rng.random() < 0.85,
        key=rng.random() < 0.85,
    )


def _drawn(rng: random.Random, target: Target, ways: dict[str, str]) -> list[Step]:
    letters = "a" if target.old_once else "aaabbcd"
    letter = rng.choice(letters)
    send = step("send", letter, ways[letter])
    kinds = ["send"] * 6 + ["fault"] * 5 + ["work_off", "round", "advance"] * 3
    kinds += ["kill", "together", "outside", "clear", "replay", "forge", "late", "lag"]
    kind = rng.choice(kinds)
    if kind == "send":
        return [send]
    if kind == "kill":
        if rng.random() < 0.25 and target.service != "tcr":
            return [send, step("work_off", rng.choice(list(followed_points(target).values())))]
        point = rng.choice([one for one in points(target).values() if one != "in flight"])
        return [step("send", letter, ways[letter], point)]
    if kind == "together":
        other = rng.choice(letters)
        apart_s = rng.choice((0.0, 0.2, 0.6, 1.2))
        return [step("together", ((letter, ways[letter]), (other, ways[other])), apart_s)]
    if kind == "advance":
        return [step("advance", rng.choice(_ADVANCES))]
    if kind == "outside":
        return [] if target.turns else [step("outside", "a")]
    if kind == "replay":
        return [step("keep_messages"), step("work_off"), step("replay")]
    if kind == "forge":
        return [step("forge", rng.choice(("made up", "made up proven", "unsigned", *CHANGES, *ATTRIBUTES)))]
    if kind in ("fault", "late", "lag"):
        return [step("fault", _fault(rng, target, kind))]
    return [step(kind)]


def _fault(rng: random.Random, target: Target, kind: str) -> dict[str, Any]:
    times = rng.choice((1, 1, 1, 2, 3, MANY))
    reads, stores = [*target.reads], list(STORE_ACTIONS[target.place[:3]]) if target.place else []
    if kind == "lag":
        return {"Action": rng.choice(reads), "Fault": "lag", "Seconds": rng.choice((2.0, 60.0, 600.0)), "Times": 1}
    action = rng.choice([target.action] * 4 + reads + stores)
    put: dict[str, Any] = {"Action": action, "Times": times}
    if kind == "late":
        return {
            **put,
            "Action": target.action,
            "Fault": "late",
            "Seconds": rng.choice((2.0, 25.0, 200.0, 290.0, 880.0)),
        }
    fault = rng.choice((*LOST, "throttle", "lock", "fail_task", "expire_token", "slow", "code", "twice", "echo"))
    if fault == "slow":
        return {**put, "Fault": fault, "Seconds": rng.choice((0.7, 2.0, 4.0)), "When": rng.choice(("before", "after"))}
    if fault == "code":
        when = rng.choice(("before", "after")) if action == target.action else "before"
        return {**put, "Fault": fault, "Code": rng.choice(_CODES[target.service]), "When": when}
    return {**put, "Fault": fault}


def walks(first: int) -> Iterator[Case]:
    """All walks from that number on, without end."""
    number = first
    while True:
        yield walk(number)
        number += 1


def shrunk(found: PlayedCase, standin: Standin, seed: int) -> PlayedCase:
    """A walk that breaks the same promise, with as few steps as were found in some minutes."""
    until = time.monotonic() + _SHRINK_S
    letters = {one[:3] for one in found.violations}
    best, size = found, max(1, len(found.case.steps) // 2)
    while size and time.monotonic() < until:
        for start in range(0, len(best.case.steps), size):
            steps = best.case.steps[:start] + best.case.steps[start + size :]
            with tempfile.TemporaryDirectory() as folder:
                tried = play_case(replace(best.case, steps=steps), standin, Path(folder), seed)
            if letters & {one[:3] for one in tried.violations}:
                best = tried
                break
            if time.monotonic() > until:
                return best
        else:
            size //= 2
    return best
