"""Kinds H and F: clouds in which a claim does not hold. claims.toml names these worlds for each claim.

A claim is left out if its row says that results would then mislead. That row tells what keyturn says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.workbench.claims.table import Claim
from tests.campaign.case import Case, Step, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.cases_faults import TRIGGERS, has_tasks, triggers_of
from tests.campaign.fault_kinds import MANY
from tests.campaign.operations import ALL_TARGETS, Target
from tests.cloud.state.claims import read_played_claims

FAULTS = ("", "drop_before", "drop_after", "late", "fail_task")
_SERVICES = {"R": "redis", "T": "tcr", "A": "r-kvstore"}
_STORES = {"shared/clouds/tencent/ssm.py": "ssm", "shared/clouds/alibaba/kms.py": "kms"}
_LOGIN = "shared/changes/login.py"


@dataclass(frozen=True)
class OtherWorld:
    """A world in which one claim does not hold."""

    claim: Claim
    label: str
    overrides: Mapping[str, Any]

    @property
    def is_of_login(self) -> bool:
        """Whether the claim is about the answer to a login, or about the server of the login."""
        return self.claim.used == _LOGIN or "ssl" in self.overrides

    def concerns(self, target: Target) -> bool:
        """Whether the claim is about this operation, or about the store of its secret."""
        if "old_equals_new" in self.overrides and not target.fenced:
            return False
        if self.is_of_login and (not target.secret or target.shown or target.turns is not None):
            return False
        letter = self.claim.id[0]
        if letter == "S":
            return target.place.startswith(_STORES.get(self.claim.used, "") or ("ssm", "kms"))
        return letter == "W" or target.service == _SERVICES.get(letter)


def other_worlds() -> list[OtherWorld]:
    """The worlds of claims that truth or a secret depends on, or that are guesses. No queues and platforms."""
    return [
        OtherWorld(claim, f"not {claim.id}" + (f" {number}" if len(claim.otherwise) > 1 else ""), overrides)
        for claim in read_played_claims()
        if claim.id[0] in "RTASW" and not claim.misleads and (claim.is_guessed or claim.risk in ("truth", "secret"))
        for number, overrides in enumerate(claim.otherwise, 1)
    ]


def claim_cases() -> Iterator[Case]:
    """Each claim made false, with each kind of lost answer, for each operation that it is about."""
    turn = 0
    for world in other_worlds():
        for name, target in ALL_TARGETS.items():
            for fault in FAULTS if world.concerns(target) else ():
                turn += 1
                if world.is_of_login:
                    yield from login_cases(world.label, world.overrides, name, fault, turn)
                else:
                    yield world_case(world.label, world.overrides, name, fault, turn)


def slow_cases() -> Iterator[Case]:
    """Tasks that outlast an invocation, and servers before 6.0."""
    slow, old = {"task_s": 20.0, "settle_s": 20.0}, {"tair": {"r-demo0001": {"engine_version": "4.0"}}}
    for turn, fault in enumerate(FAULTS):
        for name, target in ALL_TARGETS.items():
            if has_tasks(name):
                yield world_case("slow tasks", slow, name, fault, turn)
            if target.service == "r-kvstore" and not target.turns:
                yield from login_cases("before 6.0", old, name, fault, turn)


def world_case(label: str, world: Mapping[str, Any], name: str, fault: str, turn: int) -> Case:
    """A change, its redelivery, and another change some time later."""
    target, triggers = ALL_TARGETS[name], triggers_of(name)
    trigger = triggers[turn % len(triggers)]
    steps = (*_met(target, fault, (1, 1, MANY)[turn % 3]), step("send", "a", trigger), step("clear"), step("work_off"))
    steps += (step("send", "a", trigger), step("work_off"))
    if not target.old_once:
        steps += (step("advance", 1200.0), step("send", "b", trigger), step("work_off"))
    more = {"Login": True} if turn % 4 == 0 and target.secret and not target.shown else {}
    orders = {"a": CaseCommand(name, more), "b": CaseCommand(name, more)}
    words = f"{label}: {name} {trigger} {fault or 'no fault'}{' login' if more else ''}"
    return Case("H", f"{label} {target.base}", words, orders, steps, world, commands=turn % 6 != 0)


def login_cases(label: str, world: Mapping[str, Any], name: str, fault: str, turn: int) -> Iterator[Case]:
    """A change that a login proves; and the same, after which somebody changes the password by hand."""
    target, trigger = ALL_TARGETS[name], TRIGGERS[turn % 3]
    for by_hand in (False, True):
        steps = (*_met(target, fault, 1 + turn % 2), step("send", "a", trigger), step("clear"), step("work_off"))
        steps += (step("outside", "a"), step("advance", 2000.0)) if by_hand else ()
        steps += (step("send", "a", trigger), step("work_off"))
        words = f"{label}: {name} {trigger} {fault or 'no fault'}{' by hand' if by_hand else ''}"
        orders = {"a": CaseCommand(name, {"Login": True})}
        yield Case("F", f"{label} {target.base}", words, orders, steps, world, commands=turn % 3 != 0)


def _met(target: Target, fault: str, times: int) -> tuple[Step, ...]:
    """The fault that the first change meets, if any."""
    if not fault:
        return ()
    more = {"Seconds": 60.0} if fault == "late" else {}
    return (step("fault", {"Action": target.action, "Fault": fault, "Times": times, **more}),)
