"""A case, and how it is played: each step in turn, then the judges check the record."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.campaign.case_command import CaseCommand
from tests.campaign.judge import Verdict
from tests.campaign.world_driver import WorldDriver
from tests.cloud.client.standin import Standin


@dataclass(frozen=True)
class Step:
    """Something that is done in the world: the name of a method of `WorldDriver`, and its arguments."""

    do: str
    given: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


def step(do: str, *given: Any, **named: Any) -> Step:
    """A step of a case."""
    return Step(do, given, named)


@dataclass(frozen=True)
class Case:
    """One story. It expects no particular outcome, only that each result is true."""

    kind: str  # what it varies: faults, worlds, overlaps, kills and so on; cases of one kind and topic are alike
    topic: str
    name: str
    orders: Mapping[str, CaseCommand]
    steps: tuple[Step, ...]
    world: Mapping[str, Any] = field(default_factory=dict)
    commands: bool = True
    key: bool = True

    def __str__(self) -> str:
        more = ("" if self.commands else " no-commands") + ("" if self.key else " no-key")
        return f"{self.kind}: {self.topic}: {self.name}{more}"


@dataclass
class PlayedCase:
    """A case and its verdict."""

    case: Case
    verdict: Verdict
    story: list[str]

    @property
    def violations(self) -> list[str]:
        return self.verdict.violations


def play_case(case: Case, standin: Standin, folder: Path, seed: int) -> PlayedCase:
    """Run the case in a world that is reset to its start. `folder` is an empty folder for this case alone."""
    driver = WorldDriver(
        standin, folder, random.Random(f"{seed} {case}"), case.world, case.orders, commands=case.commands, key=case.key
    )
    for one in case.steps:
        if one.do not in ("send",):
            driver.story.append(" ".join(str(part) for part in (one.do, *one.given, *one.named.items())))
        getattr(driver, one.do)(*one.given, **one.named)
    driver.finish()
    return PlayedCase(case, driver.verdict, driver.story)
