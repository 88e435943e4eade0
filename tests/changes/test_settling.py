"""What reads prove of a call whose answer was lost, and when: a table, with the clock passed in."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from shared.changes.credential import Observation, StateBefore
from shared.changes.settling import APART_S, SETTLING_S, LostCall, Settlement, Verdict, proven_by, settle

SIGNED = 1_000_000.0
OVER_S = SETTLING_S["tencent"]
BEFORE = StateBefore(frozenset({7}), "2026-11-21 10:00:00", calls=1, soon=frozenset({8}))
REMARK = StateBefore(frozenset({7}), "2026-11-21 10:00:00", {"Remark": "new"}, secret=False, calls=1)
STILL = Observation(moved=False)
DONE = Observation(ours=(8,), succeeded=True, moved=True)


def at(
    after_s: float, reading: Observation, before: StateBefore = BEFORE, *, quiet_s: float | None = None, calls: int = 1
) -> Settlement:
    """The step, so many seconds after the last call was signed."""
    quiet = None if quiet_s is None else SIGNED + quiet_s
    settling = LostCall(SIGNED, replace(before, calls=calls), quiet)
    return settle(settling, reading, SIGNED + after_s, OVER_S)


def readings() -> list[Observation]:
    thrice = (None, False, True)
    return [
        Observation(ours, theirs, others, running, succeeded, moved, shown)
        for ours, theirs, others, running, succeeded, moved, shown in product(
            ((), (8,), (8, 9)), ((), (11,)), (False, True), (False, True), (False, True), thrice, thrice
        )
        if ours or not succeeded
    ]


def test_the_settling_times_are_those_of_the_signatures_and_half_a_minute() -> None:
    assert SETTLING_S == {"tencent": 5 * 60 + 30, "alibaba": 15 * 60 + 30}
    assert APART_S == 60


@pytest.mark.parametrize("after_s", [0.0, 100.0, OVER_S - 1.0])
def test_before_the_settling_time_is_over_nothing_is_no_proof(after_s: float) -> None:
    step = at(after_s, STILL)
    assert (step.verdict, step.quiet) == (Verdict.WAIT, None)
    assert step.again_s == pytest.approx(OVER_S - after_s)


def test_two_quiet_looks_a_minute_apart_after_the_settling_time_prove_that_nothing_happened() -> None:
    first = at(OVER_S, STILL)
    assert (first.verdict, first.again_s, first.quiet) == (Verdict.WAIT, APART_S, SIGNED + OVER_S)
    early = at(OVER_S + 59.0, STILL, quiet_s=OVER_S)
    assert (early.verdict, early.quiet) == (Verdict.WAIT, SIGNED + OVER_S)
    assert early.again_s == pytest.approx(1.0)
    assert at(OVER_S + 60.0, STILL, quiet_s=OVER_S).verdict is Verdict.NOT_HAPPENED


def test_a_look_before_the_settling_time_does_not_count_as_the_first() -> None:
    assert at(OVER_S - 1.0, STILL).quiet is None
    assert at(OVER_S + 120.0, STILL).verdict is Verdict.WAIT


@pytest.mark.parametrize("quiet_s", [None, OVER_S])
@pytest.mark.parametrize("after_s", [0.0, OVER_S + 1.0, OVER_S + 600.0])
def test_what_is_seen_at_work_prolongs_it_and_its_quiet_looks_begin_anew(after_s: float, quiet_s: float | None) -> None:
    for reading in (replace(STILL, running=True), replace(DONE, running=True), Observation(others=True, running=True)):
        step = at(after_s, reading, quiet_s=quiet_s)
        assert (step.verdict, step.quiet) == (Verdict.WAIT, None)
        assert 10.0 <= step.again_s <= 60.0


@pytest.mark.parametrize("after_s", [0.0, OVER_S - 1.0, OVER_S + 61.0])
def test_evidence_for_the_change_needs_no_waiting(after_s: float) -> None:
    assert at(after_s, DONE).verdict is Verdict.IN_FORCE
    assert at(after_s, replace(DONE, shown=True)).verdict is Verdict.IN_FORCE


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_task_that_began_long_after_the_lost_calls_may_be_anybody_s(calls: int) -> None:
    """However many there are of each: as many tasks as calls are no proof."""
    as_many = replace(DONE, ours=(8, 9, 10)[:calls])
    for soon in (frozenset[int](), frozenset({9}), frozenset({9, 10, 11})):
        late = replace(BEFORE, soon=soon)
        assert at(OVER_S - 1.0, as_many, late, calls=calls).verdict is Verdict.WAIT
        assert at(OVER_S + 61.0, as_many, late, calls=calls).verdict is Verdict.UNKNOWN
    assert at(10.0, as_many, replace(BEFORE, soon=frozenset({8, 9, 10})), calls=calls).verdict is Verdict.IN_FORCE


def test_where_the_fence_has_refused_the_new_secret_since_a_task_proves_nothing() -> None:
    denied = replace(BEFORE, denied=True)
    assert at(OVER_S - 1.0, DONE, denied).verdict is Verdict.WAIT
    assert at(OVER_S + 61.0, DONE, denied).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "reading",
    [
        Observation(),  # the account's time is empty
        Observation(succeeded=True, moved=True),  # no task at all
        Observation(ours=(8,), succeeded=True),  # a task that succeeded, and no time that says so
        Observation(ours=(8,), succeeded=True, moved=False),
        Observation(ours=(8,), moved=True),  # it failed, and the time moved
        Observation(ours=(8,), moved=False),
        Observation(others=True, moved=False),
        Observation(moved=True),  # no task, and yet another time
        replace(DONE, shown=False),  # the secret's time, and not the rest of what was asked
    ],
)
def test_what_proves_neither_is_unknown_once_the_time_is_over(reading: Observation) -> None:
    assert at(OVER_S - 1.0, reading).verdict is Verdict.WAIT
    assert at(OVER_S, reading).verdict is Verdict.UNKNOWN
    assert at(OVER_S + 60.0, reading, quiet_s=OVER_S).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("after_s", [0.0, OVER_S + 60.0])
def test_somebody_else_s_change_of_the_secret_is_theirs(after_s: float) -> None:
    for reading in (
        Observation(theirs=(9,), moved=True),
        replace(DONE, theirs=(9,)),
        Observation(theirs=(9,), moved=False),
    ):
        assert at(after_s, reading, quiet_s=OVER_S).verdict is Verdict.THEIRS


def test_more_tasks_than_calls_are_not_all_of_this_delivery() -> None:
    two, soon = replace(DONE, ours=(8, 9)), replace(BEFORE, soon=frozenset({8, 9, 10}))
    assert at(10.0, two, soon, calls=1).verdict is Verdict.THEIRS
    assert at(10.0, two, soon, calls=2).verdict is Verdict.IN_FORCE
    assert at(10.0, replace(two, ours=(8, 9, 10)), soon, calls=2).verdict is Verdict.THEIRS
    assert at(10.0, replace(two, succeeded=False), soon, calls=2).verdict is Verdict.WAIT


@pytest.mark.parametrize("after_s", [0.0, OVER_S + 60.0])
def test_a_change_of_no_secret_is_in_force_when_it_is_shown(after_s: float) -> None:
    assert at(after_s, Observation(shown=True), REMARK).verdict is Verdict.IN_FORCE
    assert at(after_s, Observation(shown=True, theirs=(9,), others=True), REMARK).verdict is Verdict.IN_FORCE


def test_a_change_of_no_secret_that_is_not_shown_did_not_happen_after_two_looks() -> None:
    not_shown = Observation(shown=False, moved=False)
    assert at(OVER_S - 1.0, not_shown, REMARK).verdict is Verdict.WAIT
    assert at(OVER_S, not_shown, REMARK).quiet == SIGNED + OVER_S
    assert at(OVER_S + 60.0, not_shown, REMARK, quiet_s=OVER_S).verdict is Verdict.NOT_HAPPENED
    assert at(OVER_S + 60.0, Observation(moved=False), REMARK, quiet_s=OVER_S).verdict is Verdict.UNKNOWN


def verdicts(before: StateBefore) -> list[tuple[Observation, float, float | None, Settlement]]:
    return [
        (reading, after_s, quiet_s, at(after_s, reading, before, quiet_s=quiet_s))
        for reading in readings()
        for after_s in (0.0, OVER_S - 0.1, OVER_S, OVER_S + 59.9, OVER_S + 60.0, OVER_S + 4000.0)
        for quiet_s in (None, OVER_S, OVER_S + 30.0)
        if quiet_s is None or quiet_s <= after_s
    ]


@pytest.mark.parametrize("before", [BEFORE, REMARK], ids=["secret", "remark"])
def test_over_all_readings_nothing_happened_only_where_all_was_quiet_twice(before: StateBefore) -> None:
    """DESIGN 4: no task begun since, none running, account and instance free, a time that has not moved."""
    said = [(reading, after_s, quiet_s) for reading, after_s, quiet_s, step in verdicts(before)
            if step.verdict is Verdict.NOT_HAPPENED]  # fmt: skip
    assert said
    for reading, after_s, quiet_s in said:
        assert not (reading.ours or reading.theirs or reading.others or reading.running), reading
        assert quiet_s is not None
        assert after_s - quiet_s >= APART_S
        assert reading.moved is False if before.secret else reading.shown is False


@pytest.mark.parametrize("before", [BEFORE, REMARK], ids=["secret", "remark"])
def test_over_all_readings_in_force_only_where_something_says_so(before: StateBefore) -> None:
    said = [reading for reading, _, _, step in verdicts(before) if step.verdict is Verdict.IN_FORCE]
    assert said
    for reading in said:
        assert not reading.running
        if before.secret:
            assert reading.ours, reading
            assert reading.succeeded, reading
            assert reading.moved, reading
            assert not reading.theirs, reading
        else:
            assert reading.shown, reading


def test_over_all_readings_a_wait_has_an_end_and_no_verdict_comes_while_something_is_at_work() -> None:
    for reading, _, _, step in verdicts(BEFORE) + verdicts(REMARK):
        if step.verdict is Verdict.WAIT:
            assert step.again_s > 0
        else:
            assert not reading.running


def test_a_reading_proves_the_same_at_any_time() -> None:
    for before in (BEFORE, REMARK):
        for reading in readings():
            proof = proven_by(before, reading)
            if proof is not None and not reading.running:
                assert {at(after_s, reading, before).verdict for after_s in (0.0, OVER_S, OVER_S + 4000.0)} == {proof}
    assert proven_by(BEFORE, STILL) is None
    assert proven_by(REMARK, Observation(shown=False)) is None


def test_a_call_that_may_set_a_secret_on_alibaba_needs_its_longer_time() -> None:
    settling = LostCall(SIGNED, BEFORE, SIGNED + OVER_S)
    assert settle(settling, STILL, SIGNED + OVER_S + 61.0, SETTLING_S["alibaba"]).verdict is Verdict.WAIT
