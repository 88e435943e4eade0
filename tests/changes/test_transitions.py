"""The table of a change's course: every row, and what no row may say, over all that can be known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import product

import pytest

from shared.changes.transitions import MOST_REPEATS, TABLE, Answer, Facts, Step, next_step

CALL, FIND, PROBE, FOLLOW, WAIT = Step.CALL, Step.FIND, Step.PROBE, Step.FOLLOW, Step.WAIT
FINDS = (Step.FIND, Step.FIND_AGAIN, Step.FIND_FIRST)
# Said only where nothing that was sent may still take effect.
SAYS_NOTHING_HAPPENED = {Step.AS_REFUSED, Step.WRONG_OLD, Step.REFUSED_TWICE}
BEFORE_ANY_CALL = {Step.LOOK, Step.DRY_RUN, Step.WRITE_AHEAD}
ONLY_AFTER_A_LOST_ANSWER = {(WAIT, Answer.BEGUN), *((find, answer) for find in FINDS for answer in Answer)}
ONLY_AFTER_A_LOST_ANSWER |= {(Step.REPEAT, Answer.READY), (Step.REPEAT, Answer.REFUSED)}
ONLY_WHERE_UNCLEAR = {(Step.HAND_ON, answer) for answer in Answer}


def all_facts() -> Iterator[Facts]:
    numbers = {"lost": (0, 1), "hiding": (0, 1), "repeats": (0, 1, MOST_REPEATS)}
    names = [field.name for field in fields(Facts)]
    for values in product(*(numbers.get(name, (False, True)) for name in names)):
        yield Facts(**dict(zip(names, values, strict=True)))  # type: ignore[arg-type]


EVERY = list(all_facts())


def possible(done: Step, answer: Answer, facts: Facts) -> bool:
    """Whether a change can stand there with these."""
    if facts.one_unlisted_code and not facts.hiding:
        return False  # the last call's code is one of these
    if done in BEFORE_ANY_CALL and facts.lost + facts.hiding + facts.repeats:
        return False
    if (done, answer) in ONLY_WHERE_UNCLEAR and not facts.lost + facts.hiding:
        return False
    if done in (PROBE, Step.NEXT_OLD) and not facts.fenced:
        return False  # asked for only behind a fence
    if done is Step.NEXT_OLD and facts.lost:
        return False
    if done is Step.NEXT_VALUE and facts.lost + facts.hiding:
        return False
    if done is CALL and answer in (Answer.OF_OLD, Answer.UNLISTED) and not facts.fenced:
        return False  # then it is a lost answer
    return facts.lost > 0 if (done, answer) in ONLY_AFTER_A_LOST_ANSWER else facts.lost > 0 or not facts.repeats


@cache
def steps(*pairs: tuple[Step, Answer]) -> list[tuple[Step, Answer, Facts, Step]]:
    return [
        (done, answer, facts, next_step(done, answer, facts))
        for done, answer in pairs or TABLE
        for facts in EVERY
        if possible(done, answer, facts)
    ]


PAIRS = pytest.mark.parametrize(("done", "answer"), TABLE, ids=lambda part: part.value)


@PAIRS
def test_each_pair_has_a_row_that_fits(done: Step, answer: Answer) -> None:
    assert all(isinstance(step, Step) for *_, step in steps((done, answer)))


def test_a_pair_that_cannot_come_is_a_defect() -> None:
    with pytest.raises(KeyError):
        next_step(PROBE, Answer.RUNNING, Facts())


def test_each_step_is_an_end_or_has_answers() -> None:
    ends = {Step.CHANGED, Step.ALREADY_CHANGED, Step.FOUND, Step.WOULD_CHANGE, Step.PENDING, Step.TASK_UNPROVEN}
    ends |= {*SAYS_NOTHING_HAPPENED, Step.UNKNOWN}
    assert {done for done, _ in TABLE} == set(Step) - ends


def test_nothing_is_said_not_to_have_happened_while_a_call_s_answer_is_lost() -> None:
    said = [
        (done, answer, step) for done, answer, facts, step in steps() if facts.lost and step in SAYS_NOTHING_HAPPENED
    ]
    assert said == []


def test_a_call_that_was_refused_by_a_code_of_no_table_may_have_had_its_effect() -> None:
    """Only the same answer to the probe, with all seen at rest between, says otherwise."""
    said = {step for *_, facts, step in steps() if facts.hiding and step in SAYS_NOTHING_HAPPENED}
    assert said == {Step.REFUSED_TWICE}


def test_nothing_is_said_of_the_old_secret_while_others_of_the_credential_are_pending() -> None:
    told = {Step.WRONG_OLD, Step.REFUSED_TWICE}
    assert [facts for *_, facts, step in steps() if facts.others_pending and step in told] == []


def test_a_code_that_no_table_names_is_believed_only_where_all_was_seen_at_rest() -> None:
    twice = [facts for *_, facts, step in steps() if step is Step.REFUSED_TWICE]
    assert twice
    assert all(
        facts.one_unlisted_code and facts.at_rest and not facts.others_pending and not facts.lost for facts in twice
    )


def test_a_probe_is_sent_only_where_there_is_a_fence() -> None:
    assert [(done, answer) for done, answer, facts, step in steps() if step is Step.PROBE and not facts.fenced] == []


def test_a_call_is_repeated_at_most_twice_and_never_one_that_makes_its_own_secret() -> None:
    again = [facts for *_, facts, step in steps() if step is Step.REPEAT]
    assert again
    assert all(facts.repeatable and facts.repeats < MOST_REPEATS for facts in again)


def test_no_other_secret_is_sent_after_a_lost_answer() -> None:
    other = {Step.NEXT_OLD, Step.NEXT_VALUE}
    assert [facts for *_, facts, step in steps() if facts.lost and step in other] == []
    assert [facts for *_, facts, step in steps() if facts.hiding and step is Step.NEXT_VALUE] == []


def test_a_change_is_given_away_only_where_it_can_be() -> None:
    assert all(facts.settles for *_, facts, step in steps() if step is Step.HAND_ON)


def test_a_lost_answer_that_reads_can_tell_of_is_settled_and_never_unknown() -> None:
    unknown = {
        (done, answer) for done, answer, facts, step in steps() if step is Step.UNKNOWN and facts.lost and facts.settles
    }
    assert unknown == {(Step.HAND_ON, Answer.NOTHING)}, "follow_change could not be reached"


def test_only_a_lost_call_of_this_delivery_makes_an_accepted_probe_a_change() -> None:
    for *_, facts, step in steps((PROBE, Answer.ACCEPTED)):
        assert step is (Step.CHANGED if facts.lost or facts.hiding else Step.ALREADY_CHANGED)


ROWS: list[tuple[Step, Answer, dict[str, object], Step]] = [
    (CALL, Answer.LATER, {}, Step.WAIT),
    (CALL, Answer.LATER, {"lost": 1}, Step.WAIT),
    (CALL, Answer.REFUSED, {}, Step.AS_REFUSED),
    (CALL, Answer.REFUSED, {"settles": True}, Step.AS_REFUSED),
    (CALL, Answer.REFUSED, {"lost": 1}, Step.UNKNOWN),
    (CALL, Answer.REFUSED, {"lost": 1, "settles": True}, Step.HAND_ON),
    (CALL, Answer.OF_VALUE, {"values_left": True}, Step.NEXT_VALUE),
    (CALL, Answer.OF_VALUE, {}, Step.AS_REFUSED),
    (CALL, Answer.OF_VALUE, {"values_left": True, "lost": 1}, Step.UNKNOWN),
    (CALL, Answer.OF_VALUE, {"values_left": True, "lost": 1, "settles": True}, Step.HAND_ON),
    (CALL, Answer.OF_OLD, {"fenced": True, "olds_left": True}, Step.NEXT_OLD),
    (CALL, Answer.OF_OLD, {"fenced": True}, Step.PROBE),
    (CALL, Answer.OF_OLD, {"fenced": True, "olds_left": True, "lost": 1}, Step.PROBE),
    (CALL, Answer.UNLISTED, {"fenced": True, "olds_left": True}, Step.NEXT_OLD),
    (CALL, Answer.UNLISTED, {"fenced": True}, Step.PROBE),
    (CALL, Answer.UNLISTED, {"fenced": True, "olds_left": True, "lost": 1}, Step.PROBE),
    (CALL, Answer.LOST, {"lost": 1}, Step.FIND),
    (FIND, Answer.IN_FORCE, {"lost": 1}, Step.CHANGED),
    (FIND, Answer.RUNNING, {"lost": 1}, Step.FIND_AGAIN),
    (FIND, Answer.NOTHING, {"lost": 1}, Step.REPEAT),
    (FIND, Answer.NOTHING, {"lost": 2, "repeats": 1}, Step.REPEAT),
    (FIND, Answer.NOTHING, {"lost": 3, "repeats": 2, "fenced": True}, Step.PROBE),
    (FIND, Answer.NOTHING, {"lost": 3, "repeats": 2, "settles": True}, Step.HAND_ON),
    (FIND, Answer.NOTHING, {"lost": 3, "repeats": 2}, Step.UNKNOWN),
    (FIND, Answer.NOTHING, {"lost": 1, "repeatable": False}, Step.UNKNOWN),
    (FIND, Answer.THEIRS, {"lost": 1, "fenced": True}, Step.PROBE),
    (FIND, Answer.THEIRS, {"lost": 1, "settles": True}, Step.HAND_ON),
    (FIND, Answer.THEIRS, {"lost": 1}, Step.UNKNOWN),
    (FIND, Answer.UNREADABLE, {"lost": 1, "fenced": True}, Step.PROBE),
    (FIND, Answer.UNREADABLE, {"lost": 1, "settles": True}, Step.HAND_ON),
    (FIND, Answer.UNREADABLE, {"lost": 1}, Step.UNKNOWN),
    (PROBE, Answer.ACCEPTED, {"lost": 1}, Step.CHANGED),
    (PROBE, Answer.ACCEPTED, {"hiding": 1}, Step.CHANGED),
    (PROBE, Answer.ACCEPTED, {}, Step.ALREADY_CHANGED),
    (PROBE, Answer.SAME, {"at_rest": True}, Step.WRONG_OLD),
    (PROBE, Answer.SAME, {}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"others_pending": True, "at_rest": True}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"lost": 1}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"lost": 1, "settles": True}, Step.HAND_ON),
    (PROBE, Answer.SAME, {"hiding": 1, "one_unlisted_code": True, "at_rest": True}, Step.REFUSED_TWICE),
    (
        PROBE,
        Answer.SAME,
        {"hiding": 1, "one_unlisted_code": True, "at_rest": True, "others_pending": True},
        Step.UNKNOWN,
    ),
    (PROBE, Answer.SAME, {"hiding": 1, "one_unlisted_code": True}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"hiding": 1, "one_unlisted_code": True, "settles": True}, Step.HAND_ON),
    (PROBE, Answer.SAME, {"hiding": 1}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"hiding": 1, "settles": True}, Step.HAND_ON),
    (PROBE, Answer.OTHER, {}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"hiding": 1, "unnamed_caller": True}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"unnamed_caller": True}, Step.WRONG_OLD),
    (PROBE, Answer.OTHER, {"unnamed_caller": True, "lost": 1}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"unnamed_caller": True, "others_pending": True}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"unnamed_caller": True, "hiding": 1, "one_unlisted_code": True}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"hiding": 1, "one_unlisted_code": True, "settles": True}, Step.HAND_ON),
    (PROBE, Answer.OTHER, {"lost": 1, "settles": True}, Step.HAND_ON),
    (FOLLOW, Answer.FAILED, {}, Step.AS_REFUSED),
    (FOLLOW, Answer.FAILED, {"lost": 1}, Step.UNKNOWN),
    (FOLLOW, Answer.FAILED, {"lost": 1, "settles": True}, Step.HAND_ON),
    (FOLLOW, Answer.UNPROVEN, {}, Step.TASK_UNPROVEN),
    (FOLLOW, Answer.UNPROVEN, {"lost": 1}, Step.UNKNOWN),
    (FOLLOW, Answer.UNPROVEN, {"lost": 1, "settles": True}, Step.HAND_ON),
    (FOLLOW, Answer.FAILED, {"hiding": 1}, Step.UNKNOWN),
    (WAIT, Answer.TOO_LATE, {}, Step.AS_REFUSED),
    (WAIT, Answer.TOO_LATE, {"hiding": 1}, Step.UNKNOWN),
    (CALL, Answer.REFUSED, {"hiding": 1}, Step.UNKNOWN),
    (CALL, Answer.OF_VALUE, {"hiding": 1, "values_left": True}, Step.UNKNOWN),
    (WAIT, Answer.TOO_LATE, {"lost": 1}, Step.UNKNOWN),
    (WAIT, Answer.TOO_LATE, {"lost": 1, "settles": True}, Step.HAND_ON),
    (Step.FIND_AGAIN, Answer.TOO_LATE, {"lost": 1}, Step.UNKNOWN),
    (Step.FIND_AGAIN, Answer.TOO_LATE, {"lost": 1, "settles": True}, Step.HAND_ON),
    (Step.DRY_RUN, Answer.FREE, {}, Step.WOULD_CHANGE),
    (Step.DRY_RUN, Answer.IN_FORCE, {}, Step.FOUND),
    (Step.DRY_RUN, Answer.LATER, {}, Step.AS_REFUSED),
    (Step.DRY_RUN, Answer.REFUSED, {}, Step.AS_REFUSED),
    (Step.DRY_RUN, Answer.UNREADABLE, {}, Step.AS_REFUSED),
    (Step.LOOK, Answer.FREE, {}, Step.ALLOW),
    (Step.LOOK, Answer.IN_FORCE, {}, Step.FOUND),
    (Step.LOOK, Answer.LATER, {}, Step.WAIT),
    (Step.LOOK, Answer.REFUSED, {}, Step.AS_REFUSED),
    (Step.LOOK, Answer.UNREADABLE, {}, Step.AS_REFUSED),
    (WAIT, Answer.FREE, {}, Step.ALLOW),
    (WAIT, Answer.LATER, {}, Step.WAIT),
    (WAIT, Answer.BEGUN, {"lost": 1}, Step.FIND_FIRST),
    (WAIT, Answer.REFUSED, {}, Step.AS_REFUSED),
    (WAIT, Answer.UNREADABLE, {}, Step.AS_REFUSED),
    (WAIT, Answer.REFUSED, {"lost": 1}, Step.UNKNOWN),
    (WAIT, Answer.UNREADABLE, {"lost": 1}, Step.UNKNOWN),
    (WAIT, Answer.REFUSED, {"hiding": 1, "settles": True}, Step.HAND_ON),
    (WAIT, Answer.UNREADABLE, {"hiding": 1, "settles": True}, Step.HAND_ON),
    (Step.ALLOW, Answer.FREE, {}, CALL),
    (Step.ALLOW, Answer.UNWRITTEN, {}, Step.WRITE_AHEAD),
    (Step.ALLOW, Answer.LATER, {}, WAIT),
    (Step.ALLOW, Answer.REFUSED, {}, Step.AS_REFUSED),
    (Step.ALLOW, Answer.TOO_LATE, {}, Step.AS_REFUSED),
    (Step.ALLOW, Answer.REFUSED, {"hiding": 1}, Step.UNKNOWN),
    (Step.ALLOW, Answer.TOO_LATE, {"hiding": 1}, Step.UNKNOWN),
    (Step.ALLOW, Answer.REFUSED, {"lost": 1, "settles": True}, Step.HAND_ON),
    (Step.ALLOW, Answer.TOO_LATE, {"lost": 1, "settles": True}, Step.HAND_ON),
    (Step.WRITE_AHEAD, Answer.READY, {}, Step.ALLOW),
    (Step.WRITE_AHEAD, Answer.REFUSED, {}, Step.AS_REFUSED),
    (Step.WRITE_AHEAD, Answer.TOO_LATE, {}, Step.AS_REFUSED),
    (CALL, Answer.ACCEPTED, {}, FOLLOW),
    (CALL, Answer.IN_FORCE, {}, Step.CHANGED),
    (FOLLOW, Answer.IN_FORCE, {}, Step.CHANGED),
    (FOLLOW, Answer.HANDED_ON, {}, Step.PENDING),
    (FOLLOW, Answer.RUNNING, {}, Step.TASK_UNPROVEN),
    (Step.FIND_FIRST, Answer.NOTHING, {"lost": 1}, Step.ALLOW),
    (Step.REPEAT, Answer.READY, {"lost": 1}, WAIT),
    (Step.REPEAT, Answer.REFUSED, {"lost": 1}, Step.UNKNOWN),
    (Step.REPEAT, Answer.REFUSED, {"lost": 1, "settles": True}, Step.HAND_ON),
    (Step.HAND_ON, Answer.IN_FORCE, {"lost": 1}, Step.CHANGED),
    (Step.HAND_ON, Answer.HANDED_ON, {"lost": 1}, Step.PENDING),
    (Step.HAND_ON, Answer.NOTHING, {"lost": 1}, Step.UNKNOWN),
    (Step.NEXT_OLD, Answer.READY, {"fenced": True}, Step.ALLOW),
    (Step.NEXT_OLD, Answer.NOTHING, {"fenced": True}, PROBE),
    (Step.NEXT_OLD, Answer.REFUSED, {"fenced": True}, Step.AS_REFUSED),
    (Step.NEXT_OLD, Answer.REFUSED, {"fenced": True, "hiding": 1}, Step.UNKNOWN),
    (Step.NEXT_OLD, Answer.REFUSED, {"fenced": True, "hiding": 1, "settles": True}, Step.HAND_ON),
    (Step.NEXT_VALUE, Answer.READY, {}, Step.ALLOW),
    (Step.NEXT_VALUE, Answer.REFUSED, {}, Step.AS_REFUSED),
]
# The three ways to find out share their rows.
ROWS += [
    (find, answer, known, step)
    for find in FINDS[1:]
    for done, answer, known, step in ROWS
    if done is FIND and (find, answer) != (Step.FIND_FIRST, Answer.NOTHING)
]


@pytest.mark.parametrize(("done", "answer", "known", "step"), ROWS, ids=str)
def test_each_row_gives_its_step(done: Step, answer: Answer, known: dict[str, object], step: Step) -> None:
    assert next_step(done, answer, Facts(**known)) is step  # type: ignore[arg-type]


@PAIRS
def test_each_row_can_be_reached_and_is_listed_above(done: Step, answer: Answer) -> None:
    rows = TABLE[done, answer]

    def row_of(facts: Facts) -> int:
        return next(n for n, (holds, _) in enumerate(rows) if holds(facts))

    assert {row_of(facts) for *_, facts, _ in steps((done, answer))} == set(range(len(rows)))
    listed = [Facts(**known) for one, came, known, _ in ROWS if (one, came) == (done, answer)]  # type: ignore[arg-type]
    assert {row_of(facts) for facts in listed} == set(range(len(rows)))
