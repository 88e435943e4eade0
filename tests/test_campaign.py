"""A sample of the fault campaign (`make campaign` plays all of it): each operation meets each fault at least once."""

from __future__ import annotations

import random

import pytest

from tests.campaign.cases import Case, all_cases, fault_cases, kill_cases
from tests.campaign.crew import played
from tests.campaign.kept_cases import ALL_STORE_ACTIONS, STORE_FAULTS, kept_cases, kept_kill_cases

_SEED = 20260301
_JOBS = 4


@pytest.mark.long
def test_every_operation_and_every_secret_in_a_store_survive_every_fault_and_kills() -> None:
    verdicts = list(played([*_sample(), *_kept_sample()], _SEED, _JOBS))
    broken = [f"{one.case}: {one.violations}; {one.story}" for one in verdicts if one.violations]
    assert not broken, "\n".join(broken)


def test_the_campaign_has_every_operation_fault_trigger_and_point_once() -> None:
    names = [str(case) for case in (*all_cases(), *kept_cases())]
    assert len(set(names)) == len(names)
    assert len({case.kill for case in kill_cases()}) >= 12


def test_the_campaign_has_every_store_action_with_every_fault() -> None:
    met = {(case.action, case.fault) for case in kept_cases()}
    assert met >= {(action, fault) for action in ALL_STORE_ACTIONS for fault in STORE_FAULTS}
    assert len({case.kill for case in kept_kill_cases()}) >= 20


def _kept_sample() -> list[Case]:
    rng = random.Random(_SEED)
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in kept_cases():
        groups.setdefault((case.target, case.action or (case.kill and "killed")), []).append(case)
    return [rng.choice(group) for group in groups.values()]


def _sample() -> list[Case]:
    rng = random.Random(_SEED)
    # One without an end costs the longest: its follower has to give up.
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in fault_cases():
        groups.setdefault((case.target, case.fault), []).append(case)
    cases = [rng.choice(group) for group in groups.values()]
    return [*cases, *rng.sample(list(kill_cases()), 12)]
