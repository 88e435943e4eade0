"""The table of a change's course: every row, and what no row may say, over all that can be known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import product

import pytest

from shared.changes.transitions import MOST_REPEATS, TABLE, Answer, Facts, Phase, Step, next_step

CALL, FIND, PROBE, TASK, OVER = Phase.CALL, Phase.FIND, Phase.PROBE, Phase.TASK, Phase.OVER
# Said only where nothing that was sent may still take effect.
SAYS_NOTHING_HAPPENED = {Step.AS_REFUSED, Step.WRONG_OLD, Step.REFUSED_TWICE, Step.TASK_FAILED}
ENDS = {
    *SAYS_NOTHING_HAPPENED,
    *(Step.CHANGED, Step.ALREADY, Step.SETTLE, Step.UNKNOWN),
}
# The pairs that the driver comes with.
COMES = [
    *((CALL, a) for a in (Answer.LATER, Answer.REFUSED, Answer.OF_VALUE, Answer.OF_OLD, Answer.UNLISTED, Answer.LOST)),
    *((FIND, a) for a in (Answer.IN_FORCE, Answer.RUNNING, Answer.NOTHING, Answer.THEIRS, Answer.UNREADABLE)),
    *((PROBE, a) for a in (Answer.ACCEPTED, Answer.SAME, Answer.OTHER)),
    *((TASK, a) for a in (Answer.FAILED, Answer.UNPROVEN)),
    *((OVER, a) for a in (Answer.LATER, Answer.RUNNING)),
]


def all_facts() -> Iterator[Facts]:
    numbers = {"lost": (0, 1, 3), "odd": (0, 1), "repeats": (0, 1, MOST_REPEATS)}
    names = [field.name for field in fields(Facts)]
    for values in product(*(numbers.get(name, (False, True)) for name in names)):
        yield Facts(**dict(zip(names, values, strict=True)))  # type: ignore[arg-type]


EVERY = list(all_facts())


def possible(at: Phase, facts: Facts) -> bool:
    """Whether the driver can stand there with these: it looks for a call only after an answer was lost."""
    if facts.unlisted and not facts.odd:
        return False  # the last call's code is one of these
    return facts.lost > 0 if at is FIND else facts.repeats <= facts.lost


def steps(*pairs: tuple[Phase, Answer]) -> Iterator[tuple[Phase, Answer, Facts, Step]]:
    for at, answer in pairs or COMES:
        for facts in EVERY:
            if possible(at, facts) and ((at, answer) != (OVER, Answer.RUNNING) or facts.lost):
                yield at, answer, facts, next_step(at, answer, facts)


@pytest.mark.parametrize(("at", "answer"), COMES, ids=lambda part: part.value)
def test_each_pair_that_comes_has_a_row_that_fits(at: Phase, answer: Answer) -> None:
    assert all(isinstance(step, Step) for *_, step in steps((at, answer)))


def test_a_pair_that_cannot_come_is_a_defect() -> None:
    with pytest.raises(KeyError):
        next_step(PROBE, Answer.RUNNING, Facts())


def test_nothing_is_said_not_to_have_happened_while_a_call_s_answer_is_lost() -> None:
    said = [
        (at, answer, step) for at, answer, facts, step in steps(*TABLE) if facts.lost and step in SAYS_NOTHING_HAPPENED
    ]
    assert said == []


def test_a_call_that_was_refused_by_a_code_of_no_table_may_have_had_its_effect() -> None:
    """Only the same answer to the probe, with all seen at rest between, says otherwise."""
    said = {step for at, _, facts, step in steps() if facts.odd and step in SAYS_NOTHING_HAPPENED}
    assert said == {Step.REFUSED_TWICE}


def test_nothing_is_said_of_the_old_secret_while_others_of_the_credential_are_pending() -> None:
    told = {Step.WRONG_OLD, Step.REFUSED_TWICE}
    assert [facts for *_, facts, step in steps() if facts.pending and step in told] == []


def test_a_code_that_no_table_names_is_believed_only_where_all_was_seen_at_rest() -> None:
    twice = [facts for *_, facts, step in steps() if step is Step.REFUSED_TWICE]
    assert twice
    assert all(facts.unlisted and facts.free and not facts.pending and not facts.lost for facts in twice)


def test_a_probe_is_sent_only_where_there_is_a_fence() -> None:
    assert [(at, answer) for at, answer, facts, step in steps() if step is Step.PROBE and not facts.fenced] == []


def test_a_call_is_repeated_at_most_twice_and_never_one_that_makes_its_own_secret() -> None:
    again = [facts for at, _, facts, step in steps() if step is Step.CALL]
    assert again
    assert all(facts.repeatable and facts.repeats < MOST_REPEATS for facts in again)


def test_no_other_secret_is_sent_after_a_lost_answer() -> None:
    other = {Step.NEXT_OLD, Step.NEXT_VALUE}
    assert [facts for *_, facts, step in steps() if facts.lost and step in other] == []
    assert [facts for *_, facts, step in steps() if facts.odd and step is Step.NEXT_VALUE] == []


def test_a_change_is_given_away_only_where_it_can_be() -> None:
    assert all(facts.settles for *_, facts, step in steps() if step is Step.SETTLE)


def test_a_lost_answer_that_reads_can_tell_of_is_settled_and_never_unknown() -> None:
    unknown = [
        (at, answer) for at, answer, facts, step in steps() if step is Step.UNKNOWN and facts.lost and facts.settles
    ]
    assert unknown == []


def test_only_a_lost_call_of_this_delivery_makes_an_accepted_probe_a_change() -> None:
    for *_, facts, step in steps((PROBE, Answer.ACCEPTED)):
        assert step is (Step.CHANGED if facts.lost or facts.odd else Step.ALREADY)


ROWS: list[tuple[Phase, Answer, dict[str, object], Step]] = [
    (CALL, Answer.LATER, {}, Step.WAIT),
    (CALL, Answer.LATER, {"lost": 1}, Step.WAIT),
    (CALL, Answer.REFUSED, {}, Step.AS_REFUSED),
    (CALL, Answer.REFUSED, {"settles": True}, Step.AS_REFUSED),
    (CALL, Answer.REFUSED, {"lost": 1}, Step.UNKNOWN),
    (CALL, Answer.REFUSED, {"lost": 1, "settles": True}, Step.SETTLE),
    (CALL, Answer.OF_VALUE, {"values_left": True}, Step.NEXT_VALUE),
    (CALL, Answer.OF_VALUE, {}, Step.AS_REFUSED),
    (CALL, Answer.OF_VALUE, {"values_left": True, "lost": 1}, Step.UNKNOWN),
    (CALL, Answer.OF_VALUE, {"values_left": True, "lost": 1, "settles": True}, Step.SETTLE),
    (CALL, Answer.OF_OLD, {}, Step.FIND),
    (CALL, Answer.OF_OLD, {"fenced": True, "olds_left": True}, Step.NEXT_OLD),
    (CALL, Answer.OF_OLD, {"fenced": True}, Step.PROBE),
    (CALL, Answer.OF_OLD, {"fenced": True, "olds_left": True, "lost": 1}, Step.PROBE),
    (CALL, Answer.UNLISTED, {"fenced": True, "olds_left": True}, Step.NEXT_OLD),
    (CALL, Answer.UNLISTED, {"fenced": True}, Step.PROBE),
    (CALL, Answer.UNLISTED, {}, Step.FIND),
    (CALL, Answer.LOST, {"lost": 1}, Step.FIND),
    (FIND, Answer.IN_FORCE, {"lost": 1}, Step.CHANGED),
    (FIND, Answer.RUNNING, {"lost": 1}, Step.FIND_AGAIN),
    (FIND, Answer.NOTHING, {"lost": 1}, Step.CALL),
    (FIND, Answer.NOTHING, {"lost": 2, "repeats": 1}, Step.CALL),
    (FIND, Answer.NOTHING, {"lost": 3, "repeats": 2, "fenced": True}, Step.PROBE),
    (FIND, Answer.NOTHING, {"lost": 3, "repeats": 2, "settles": True}, Step.SETTLE),
    (FIND, Answer.NOTHING, {"lost": 3, "repeats": 2}, Step.UNKNOWN),
    (FIND, Answer.NOTHING, {"lost": 1, "repeatable": False}, Step.UNKNOWN),
    (FIND, Answer.THEIRS, {"lost": 1, "fenced": True}, Step.PROBE),
    (FIND, Answer.THEIRS, {"lost": 1, "settles": True}, Step.SETTLE),
    (FIND, Answer.THEIRS, {"lost": 1}, Step.UNKNOWN),
    (FIND, Answer.UNREADABLE, {"lost": 1, "fenced": True}, Step.PROBE),
    (FIND, Answer.UNREADABLE, {"lost": 1, "settles": True}, Step.SETTLE),
    (FIND, Answer.UNREADABLE, {"lost": 1}, Step.UNKNOWN),
    (PROBE, Answer.ACCEPTED, {"lost": 1}, Step.CHANGED),
    (PROBE, Answer.ACCEPTED, {"odd": 1}, Step.CHANGED),
    (PROBE, Answer.ACCEPTED, {}, Step.ALREADY),
    (PROBE, Answer.SAME, {}, Step.WRONG_OLD),
    (PROBE, Answer.SAME, {"quiet": False}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"pending": True}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"lost": 1}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"lost": 1, "settles": True}, Step.SETTLE),
    (PROBE, Answer.SAME, {"odd": 1, "unlisted": True, "free": True}, Step.REFUSED_TWICE),
    (PROBE, Answer.SAME, {"odd": 1, "unlisted": True, "free": True, "pending": True}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"odd": 1, "unlisted": True}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"odd": 1, "unlisted": True, "settles": True}, Step.SETTLE),
    (PROBE, Answer.SAME, {"odd": 1}, Step.UNKNOWN),
    (PROBE, Answer.SAME, {"odd": 1, "settles": True}, Step.SETTLE),
    (PROBE, Answer.OTHER, {}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"odd": 1, "unnamed": True}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"unnamed": True}, Step.WRONG_OLD),
    (PROBE, Answer.OTHER, {"unnamed": True, "lost": 1}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"unnamed": True, "pending": True}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"unnamed": True, "odd": 1, "unlisted": True}, Step.UNKNOWN),
    (PROBE, Answer.OTHER, {"odd": 1, "unlisted": True, "settles": True}, Step.SETTLE),
    (PROBE, Answer.OTHER, {"lost": 1, "settles": True}, Step.SETTLE),
    (TASK, Answer.FAILED, {}, Step.TASK_FAILED),
    (TASK, Answer.FAILED, {"lost": 1}, Step.UNKNOWN),
    (TASK, Answer.FAILED, {"lost": 1, "settles": True}, Step.SETTLE),
    (TASK, Answer.UNPROVEN, {}, Step.UNKNOWN),
    (TASK, Answer.UNPROVEN, {"lost": 1}, Step.UNKNOWN),
    (TASK, Answer.UNPROVEN, {"lost": 1, "settles": True}, Step.SETTLE),
    (TASK, Answer.FAILED, {"odd": 1}, Step.UNKNOWN),
    (OVER, Answer.LATER, {}, Step.AS_REFUSED),
    (OVER, Answer.LATER, {"odd": 1}, Step.UNKNOWN),
    (CALL, Answer.REFUSED, {"odd": 1}, Step.UNKNOWN),
    (CALL, Answer.OF_VALUE, {"odd": 1, "values_left": True}, Step.UNKNOWN),
    (OVER, Answer.LATER, {"lost": 1}, Step.UNKNOWN),
    (OVER, Answer.LATER, {"lost": 1, "settles": True}, Step.SETTLE),
    (OVER, Answer.RUNNING, {"lost": 1}, Step.UNKNOWN),
    (OVER, Answer.RUNNING, {"lost": 1, "settles": True}, Step.SETTLE),
]


@pytest.mark.parametrize(("at", "answer", "known", "step"), ROWS, ids=str)
def test_each_row_gives_its_step(at: Phase, answer: Answer, known: dict[str, object], step: Step) -> None:
    assert next_step(at, answer, Facts(**known)) is step  # type: ignore[arg-type]


@pytest.mark.parametrize(("at", "answer"), COMES, ids=lambda part: part.value)
def test_each_row_of_a_pair_that_comes_can_be_reached_and_is_listed_above(at: Phase, answer: Answer) -> None:
    rows = TABLE[at, answer]
    reached = {next(n for n, (holds, _) in enumerate(rows) if holds(facts)) for *_, facts, _ in steps((at, answer))}
    if (at, answer) != (OVER, Answer.RUNNING):  # which comes only after a lost answer, so that its last row is spare
        assert reached == set(range(len(rows)))
    listed = {
        next(n for n, (holds, _) in enumerate(rows) if holds(Facts(**known)))  # type: ignore[arg-type]
        for one, came, known, _ in ROWS
        if (one, came) == (at, answer)
    }
    assert listed == reached
