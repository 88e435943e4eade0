"""The deliveries of the tables beside this file take every transition that there is."""

from __future__ import annotations

import pytest

from shared.changes import change
from shared.changes.transitions import TABLE, Answer, Facts, Step, next_step
from tests.changes import (
    test_after_acceptance,
    test_after_lost_answer,
    test_after_refusal,
    test_before_call,
    test_call,
    test_still_in_force,
)

TABLES = [
    test_before_call,
    test_call,
    test_after_acceptance,
    test_after_lost_answer,
    test_after_refusal,
    test_still_in_force,
]


def test_each_pair_of_step_and_answer_comes_in_some_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    came: set[tuple[Step, Answer]] = set()

    def record(done: Step, answer: Answer, facts: Facts) -> Step:
        came.add((done, answer))
        return next_step(done, answer, facts)

    monkeypatch.setattr(change, "next_step", record)
    for table in TABLES:
        for case in table.CASES:
            case.deliver()
    assert came == set(TABLE)


def test_each_step_that_is_no_end_is_done_by_a_file() -> None:
    assert set(change._DOES) == {done for done, _ in TABLE}
