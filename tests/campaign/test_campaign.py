"""Plays a sample of the campaign (`make campaign` plays all of it), and checks which cases it has."""

from __future__ import annotations

import random
from importlib import import_module

import pytest

from tests.campaign.__main__ import drawn
from tests.campaign.case import Case
from tests.campaign.cases import all_cases
from tests.campaign.cases_kills import IN_FLIGHT, followed_points, points
from tests.campaign.fault_kinds import FAULTS
from tests.campaign.operations import ALL_TARGETS, KEPT_TARGETS, STORE_ACTIONS
from tests.campaign.workers import play_cases
from tests.cloud.state.claims import read_played_claims

_SEED = 20260301
_JOBS = 6
_WITHIN_S = 100.0


@pytest.mark.long
def test_what_keyturn_says_is_true_in_a_sample_of_all_cases() -> None:
    ended = list(play_cases(drawn(all_cases(), _SEED), _SEED, _JOBS, _WITHIN_S))
    broken = ["\n".join([str(one.case), *one.violations, *one.story]) for one in ended if one.violations]
    assert len(ended) >= _JOBS
    assert not broken, "\n\n".join(broken)


def test_each_case_has_a_name_of_its_own() -> None:
    names = [str(case) for case in all_cases()]
    assert len(set(names)) == len(names)


def test_every_kind_of_the_attacks_is_a_generator() -> None:
    cases = all_cases()
    kinds = {case.kind for case in cases}
    assert kinds == {"A", "B", "C", "D", "E", "F", "G", "H", "kill"}
    for kind in kinds:
        assert len([case for case in cases if case.kind == kind]) >= 10
    targets = {order.target for case in cases for order in case.orders.values()}
    assert targets == set(ALL_TARGETS)


def test_every_operation_meets_every_fault_and_every_store_action_too() -> None:
    met = {(case.orders["a"].target, one.given[0]["Action"], one.given[0]["Fault"]) for case in all_cases() for one in case.steps if one.do == "fault"}  # fmt: skip  # noqa: E501
    for name, target in ALL_TARGETS.items():
        assert met >= {(name, target.action, fault) for fault in FAULTS}
        assert met >= {(name, target.action, fault) for fault in ("late", "twice", "slow")}
    for name, target in KEPT_TARGETS.items():
        assert met >= {(name, action, "drop_after") for action in STORE_ACTIONS[target.place[:3]]}


def test_every_guess_on_which_truth_rests_is_played_otherwise_with_and_without_a_lost_answer() -> None:
    played = [(case.world, bool(case.steps[0].do == "fault")) for case in all_cases() if case.kind in "HF"]
    for claim in read_played_claims():
        if claim.is_guessed and claim.risk in ("truth", "secret") and claim.id[0] in "RTAS" and not claim.misleads:
            assert all((world, lost) in played for world in claim.otherwise for lost in (True, False)), claim.id


def test_every_operation_is_killed_at_each_point() -> None:
    killed = {(case.orders["a"].target, one.given[2]) for case in all_cases() for one in case.steps if one.do == "send" and len(one.given) > 2}  # fmt: skip  # noqa: E501
    for name in ("account", "password", "registry", "tair", *KEPT_TARGETS):
        assert killed >= {(name, point) for point in points(ALL_TARGETS[name]).values()}
        assert len(followed_points(ALL_TARGETS[name])) >= 3


def test_every_kill_point_is_in_the_code() -> None:
    every: set[str] = set()
    for name in ("account", "password", "registry", "tair", *KEPT_TARGETS):
        every |= {*points(ALL_TARGETS[name]).values(), *followed_points(ALL_TARGETS[name]).values()}
    for point in sorted(every - {IN_FLIGHT}):
        module, qualname, _ = point.rpartition(">")[2].split(":")
        found: object = import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name, None)
        assert callable(found), f"{point}: there is no {qualname} in {module}"


def test_a_day_draws_its_own_order_and_begins_with_one_case_of_each_topic() -> None:
    cases = random.Random(_SEED).sample(all_cases(), 600)
    topics = {(case.kind, case.topic) for case in cases}
    first, second = drawn(cases, 1), drawn(cases, 2)
    assert [str(case) for case in first] != [str(case) for case in second]
    assert {_topic(case) for case in first[: len(topics)]} == topics
    assert sorted(map(str, first)) == sorted(map(str, cases))


def _topic(case: Case) -> tuple[str, str]:
    return case.kind, case.topic
