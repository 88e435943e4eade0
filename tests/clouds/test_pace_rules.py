"""How a pace falls, rises and makes callers wait, by a clock that moves only where somebody sleeps."""

from __future__ import annotations

import math
import random
import threading
import time

import pytest

from shared.clouds.pace import Pace, Slot, pace_of
from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, RetryLater
from tests.clouds.scripted import Clock, raised


class Lowest(random.Random):
    """The lowest number that could be drawn."""

    def uniform(self, a: float, b: float) -> float:
        return a


def pace(rate: float) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(rate, clock, Lowest()), clock


def deadline(clock: Clock, left_s: float = 1000.0) -> Deadline:
    return Deadline(clock.now + left_s, clock)


def go(one: Pace, clock: Clock) -> Slot:
    return one.acquire(deadline(clock), clock.sleep)


# --- up and down


@pytest.mark.parametrize(
    ("after_s", "rate"),
    [
        (0.0, 8.0),
        (0.79, 8.0),
        (0.8, 9.0),
        (1.0, 10.0),
        (1.2, 12.0),
        (1.4, 16.0),
        (1.1, 8 + 2**1.5),
        (30.0, 16.0),
        (1e3, 16.0),
        (1e9, 16.0),
    ],
)
def test_a_pace_rises_with_the_time_since_it_was_throttled(after_s: float, rate: float) -> None:
    one, clock = pace(16.0)
    one.throttled(go(one, clock))
    assert one.rate == 8.0
    clock.now += after_s
    one.succeeded(Slot(clock.now))
    assert one.rate == pytest.approx(rate)


def test_a_rise_begins_where_the_pace_fell_to_and_never_goes_down_by_itself() -> None:
    one, clock = pace(16.0)
    one.throttled(go(one, clock))
    clock.now += 1.2
    one.succeeded(Slot(clock.now))
    assert one.rate == pytest.approx(12.0)
    one._throttled_at = clock.now
    one.succeeded(Slot(clock.now))
    assert one.rate == pytest.approx(12.0)


def test_each_throttled_answer_halves_the_pace_down_to_a_tenth() -> None:
    one, clock = pace(10.0)
    rates = []
    for _ in range(5):
        one.throttled(Slot(clock.now))
        rates.append(one.rate)
    assert rates == [5.0, 2.5, 1.25, 1.0, 1.0]


@pytest.mark.parametrize(
    ("sent", "rate"),
    [
        ([9.1, 9.2, 9.3, 9.4, 9.5, 9.6, 10.0], 7.0),  # so many went through in the second before
        ([9.0, 9.1, 9.2, 9.3, 9.4, 9.5, 9.6], 6.0),  # a second ago is not within it
        ([10.1, 9.1, 9.2, 9.3, 9.4, 9.5, 9.6], 6.0),  # nor is what went out later
        ([9.1], 5.0),
        ([9.1] * 10, 10.0),
        ([9.01 + n / 100 for n in range(12)], 10.0),  # never more than it was
    ],
)
def test_a_pace_does_not_fall_below_what_goes_through(sent: list[float], rate: float) -> None:
    one, clock = pace(10.0)
    clock.now = 10.0
    one._sent.extend(Slot(at) for at in sent)
    one.throttled(Slot(10.0))
    assert one.rate == rate


def test_what_was_throttled_took_no_place() -> None:
    one, clock = pace(10.0)
    slot = go(one, clock)
    assert list(one._sent) == [slot]
    one.throttled(slot)
    assert list(one._sent) == []


# --- when the next call may go out


def test_calls_go_out_a_little_faster_than_the_rate_within_the_second() -> None:
    one, clock = pace(4.0)
    sent = [go(one, clock).sent for _ in range(9)]
    assert sent[:4] == pytest.approx([0.0, 0.2, 0.4, 0.6])  # 1 / (1.25 * 4)
    assert sent[4:8] == pytest.approx([1.005, 1.205, 1.405, 1.605])  # in the place of the call of a second ago
    assert sent[8] == pytest.approx(2.01)


def test_after_a_throttled_answer_a_place_is_free_for_longer() -> None:
    one, clock = pace(4.0)
    one._rate = one._base = 2.0
    one._throttled_at = 1000.0
    sent = [go(one, clock).sent for _ in range(5)]
    assert sent == pytest.approx([0.0, 0.2, 1.02, 1.22, 2.04])
    one._rate = one._base = 0.5
    assert one.due(clock.now) == pytest.approx(2.04 + 1.02 / 0.5)


def test_a_call_that_was_answered_late_is_counted_late() -> None:
    one, clock = pace(1.0)
    first = go(one, clock)
    clock.now = 0.1
    one.succeeded(first)  # the shortest way to the cloud and back
    assert one.due(clock.now) == pytest.approx(1.005)
    second = go(one, clock)
    assert second.sent == pytest.approx(1.005)
    clock.now = 2.005  # a second on its way
    one.succeeded(second)
    # It may have arrived so late that only the shortest way back was left; that is forgotten slowly.
    assert one.due(clock.now) == pytest.approx(2.005 - 0.1005 + 1.005)
    assert second.answered == 2.005
    assert Slot(1.0).answered == -math.inf


@pytest.mark.parametrize(("rate", "places"), [(0.5, 1), (1.0, 1), (2.9, 2), (8.0, 8)])
def test_a_pace_has_a_place_for_each_call_of_a_second(rate: float, places: int) -> None:
    one, _ = pace(rate)
    assert one._sent.maxlen == places


@pytest.mark.parametrize(("rate", "again_s"), [(16.0, 0.5 / 8), (1.0, 0.5)])
def test_after_a_throttled_answer_a_moment_passes(rate: float, again_s: float) -> None:
    one, clock = pace(rate)
    one.throttled(Slot(clock.now))
    assert one.due(clock.now) == pytest.approx(again_s)


# --- who waits


def test_a_place_that_moves_behind_the_deadline_while_somebody_waits_is_refused() -> None:
    one, clock = pace(1.0)
    slot = go(one, clock)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        one.throttled(slot)

    error = raised(RetryLater, lambda: one.acquire(deadline(clock, 1.1), sleep))
    assert error.error_class is ErrorClass.THROTTLED
    assert clock.slept == [pytest.approx(1.005)]
    assert not one._line
    go(one, clock)


@pytest.mark.parametrize(("left_s", "taken"), [(1.0, False), (1.01, True)])
def test_a_place_behind_the_deadline_is_refused_at_once(left_s: float, taken: bool) -> None:
    one, clock = pace(1.0)
    go(one, clock)
    if taken:
        assert one.acquire(deadline(clock, left_s), clock.sleep).sent == pytest.approx(1.005)
    else:
        error = raised(RetryLater, lambda: one.acquire(deadline(clock, left_s), clock.sleep))
        assert (error.error_class, error.retryable) == (ErrorClass.THROTTLED, True)
        assert clock.slept == []


def test_who_is_not_the_first_in_line_leaves_it_when_the_time_is_over() -> None:
    one = Pace(1e6, rng=Lowest())
    ahead = threading.Event()
    one._line.append(ahead)
    error = raised(RetryLater, lambda: one.acquire(Deadline(time.monotonic() + 0.02)))
    assert error.error_class is ErrorClass.THROTTLED
    assert list(one._line) == [ahead]
    assert ahead.is_set()


def test_an_api_has_one_pace_in_a_region_at_the_rate_that_is_set() -> None:
    key = ("tencent", "ActionOfThisTest", "ap-tokyo")
    assert pace_of(key, 4.0) is pace_of(key, 4.0)
    others = [pace_of(key, 5.0), pace_of(("tencent", "ActionOfThisTest", "ap-seoul"), 4.0)]
    assert pace_of(key, 4.0) not in others
    assert (pace_of(key, 4.0).rate, others[0].rate) == (4.0, 5.0)


class Highest(random.Random):
    """The highest number that could be drawn."""

    def uniform(self, a: float, b: float) -> float:
        return b


@pytest.mark.parametrize(("rng", "again_s"), [(Lowest(), 0.5 / 8), (Highest(), 1.5 / 8)])
def test_after_a_throttled_answer_the_next_call_waits_half_to_one_and_a_half_turns(
    rng: random.Random, again_s: float
) -> None:
    clock = Clock()
    one = Pace(16.0, clock, rng)
    one.throttled(go(one, clock))
    assert one.rate == 8.0
    assert one.due(clock.now) == pytest.approx(clock.now + again_s)
