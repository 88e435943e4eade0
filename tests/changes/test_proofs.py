"""How long a login may take, how long it is tried, and how often the fence is asked."""

from __future__ import annotations

import random

import pytest

from shared.runtime.secret import Secret
from tests.changes.told import BUSY, LOST, NO_TASK, NOBODY, REFUSES, WRONG, YES, Told, deliver, seen


@pytest.mark.parametrize(
    ("left_s", "keeps", "timeout_s"),
    [
        (30.0, False, 3.0),
        (9.92, False, 3.0),
        (6.92, False, 2.0),
        (8.52, True, 2.0),
        (1.5, False, 0.3),
        (0.5, False, 0.3),
    ],
)
def test_a_login_may_take_a_third_of_what_is_left_before_the_reserve(
    left_s: float, keeps: bool, timeout_s: float
) -> None:
    told = Told()
    deliver(told, login=True, finished=True, left_s=left_s, keeps=keeps)
    assert told.timeouts == [pytest.approx(timeout_s, abs=0.01)]


def drawn(base_s: float, most_s: float, tries: int) -> list[float]:
    """The waits between tries, as they are drawn in a test's delivery."""
    rng = random.Random(0)
    return [rng.uniform(0.0, min(most_s, base_s * 2**number)) for number in range(tries)]


def test_a_lock_is_waited_for_eight_times_ever_longer() -> None:
    found = deliver(Told(looks=[seen(obstacle=BUSY)]), left_s=200.0)
    assert found.waits == pytest.approx(drawn(0.4, 5.0, 8))
    assert max(found.waits) > 3.0


def test_a_wait_leaves_the_time_for_a_look_and_a_call() -> None:
    for left_s in (2.2, 2.5, 3.0, 4.0):
        found = deliver(Told(looks=[seen(obstacle=BUSY)]), left_s=left_s)
        assert left_s - found.now - 2.1 + 0.05 > 0
        assert found.now >= left_s - 2.2 or len(found.waits) == 8
    assert deliver(Told(looks=[seen(obstacle=BUSY)]), left_s=2.1).waits == []


def test_the_fence_is_asked_eight_times_ever_more_rarely() -> None:
    found = deliver(Told(fenced=True, probes=[LOST]), finished=True, left_s=90.0)
    assert found.trace == ["probe"] * 8
    assert found.waits == pytest.approx(drawn(0.4, 3.0, 7))


@pytest.mark.parametrize(("left_s", "asked"), [(1.8, 1), (2.6, 2)])
def test_the_fence_is_asked_again_only_with_time_for_its_answer(left_s: float, asked: int) -> None:
    """Kept back: 0.9 s for publishing, 0.9 s for the answer."""
    found = deliver(Told(fenced=True, probes=[LOST, WRONG]), finished=True, left_s=left_s)
    assert len(found.trace) == asked


@pytest.mark.parametrize(
    ("logins", "tries"),
    [([YES], 1), ([REFUSES, REFUSES, YES], 3), ([NOBODY, YES], 2), ([NOBODY, NOBODY, YES], 2), ([REFUSES, NOBODY], 2)],
)
def test_who_refuses_is_asked_for_long_and_who_hangs_up_once_more(logins: list[object], tries: int) -> None:
    told = Told(logins=logins)  # type: ignore[arg-type]
    found = deliver(told, login=True, finished=True, left_s=60.0)
    assert len(told.timeouts) == tries
    assert found.waits == pytest.approx(drawn(0.6, 3.0, tries - 1))


def test_a_login_is_tried_until_no_time_for_another_is_left() -> None:
    found = deliver(Told(logins=[REFUSES]), login=True, finished=True, left_s=10.0)
    assert 5.7 <= found.now <= 8.8, "a wait of up to three seconds, and 0.3 s for the login, did not fit any more"
    assert deliver(Told(logins=[REFUSES]), login=True, finished=True, left_s=1.2).waits == []


def test_after_the_change_the_old_secret_is_tried_once() -> None:
    told = Told(changes=[NO_TASK], logins=[YES], old=Secret("old"))
    found = deliver(told, login=True, fresh=True)
    assert found.trace[-2:] == ["login new", "login old"]
