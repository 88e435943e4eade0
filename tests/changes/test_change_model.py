"""One delivery against a server in memory, over every short sequence of answers: what it says must be true."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from shared.results.outcome import Outcome
from shared.runtime.secret import Secret
from tests.changes.scripted_server import NEW, OLD, OTHER_NEW, Played, Server, play

ANSWERS = [
    *("accepted", "failing", "rule", "throttled", "forbidden"),
    *("lost before", "lost after", "lost late", "odd before", "odd after", "odd late", "passing after", "passing late"),
]
# In long scripts a rule would end as `forbidden` does where no other value is made, a passing code as a lost answer.
FEWER = [answer for answer in ANSWERS if answer.partition(" ")[0] not in ("rule", "passing")]
LONG, SHORT = list(product(FEWER, repeat=3)), list(product(ANSWERS, repeat=2))
WORLDS: dict[str, dict[str, Any]] = {
    "no fence": {"fenced": False},
    "fence": {"fenced": True},
    "fence of an unlisted code": {"fenced": True, "odd_fence": True},
    "fence that refuses old = new": {"fenced": True, "odd_fence": True, "old_equals_new": False},
}


def lies(
    world: Mapping[str, Any], landing: bool, scripts: list[tuple[str, ...]] = LONG, **how: Any
) -> list[tuple[str, ...]]:
    """Scripts after which the result was not true. What is the same up to the last answer that came is played once."""
    found = []
    came: tuple[str, ...] | None = None
    for script in scripts:
        if came is not None and script[: len(came)] == came:
            continue
        server = Server(**world, landing=landing)
        played = play(server, script, **how)
        came = script[: played.answers]
        if not true(server, played):
            found.append((played.conclusion.outcome.value, *script))
    return found


def true(server: Server, played: Played) -> bool:
    outcome = played.conclusion.outcome
    if outcome in (Outcome.CHANGED, Outcome.ALREADY_CHANGED):
        return server.secret in (NEW, OTHER_NEW) and played.change.credential.new == Secret(server.secret)
    if outcome is Outcome.NOT_CHANGED:
        server.land()
        return server.secret == OLD
    return outcome in (Outcome.UNKNOWN, Outcome.PENDING)


LANDING = pytest.mark.parametrize("landing", [True, False], ids=["lands before the next", "lands at last"])


@LANDING
@pytest.mark.parametrize("unnamed", [True, False])
@pytest.mark.parametrize("settles", [True, False])
@pytest.mark.parametrize("world", WORLDS)
def test_what_a_delivery_says_is_true_and_stays_so(world: str, settles: bool, unnamed: bool, landing: bool) -> None:
    if unnamed and world == "no fence":
        return  # nothing asks who the caller is where no old secret is refused
    assert lies(WORLDS[world], landing, settles=settles, unnamed=unnamed) == []
    assert lies(WORLDS[world], landing, SHORT, settles=settles, unnamed=unnamed) == []


@LANDING
@pytest.mark.parametrize("world", [name for name in WORLDS if name != "no fence"])
def test_it_is_true_where_several_old_secrets_are_tried(world: str, landing: bool) -> None:
    for olds in ((OLD, "another"), ("another", OLD)):
        assert lies(WORLDS[world], landing, settles=False, olds=olds) == [], olds


@LANDING
@pytest.mark.parametrize("settles", [True, False])
@pytest.mark.parametrize("world", WORLDS)
def test_it_is_true_where_the_cloud_refuses_a_value_and_another_is_made(
    world: str, settles: bool, landing: bool
) -> None:
    assert lies(WORLDS[world], landing, SHORT, settles=settles, values=True) == []


@LANDING
@pytest.mark.parametrize("world", WORLDS)
def test_it_is_true_with_a_login(world: str, landing: bool) -> None:
    assert lies(WORLDS[world], landing, SHORT, settles=True, login=True) == []


@pytest.mark.parametrize("left_s", [1.7, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("world", WORLDS)
def test_it_is_true_with_little_time(world: str, left_s: float) -> None:
    assert lies(WORLDS[world], False, SHORT, settles=True, left_s=left_s) == []
    assert lies(WORLDS[world], True, SHORT, settles=False, left_s=left_s) == []


@pytest.mark.parametrize("settles", [True, False])
@pytest.mark.parametrize("world", WORLDS)
def test_what_works_at_once_is_never_unclear(world: str, settles: bool) -> None:
    played = play(Server(**WORLDS[world]), ("accepted",), settles=settles)
    assert played.conclusion.outcome is Outcome.CHANGED


@pytest.mark.parametrize("fault", ["lost before", "lost after", "lost late"])
@pytest.mark.parametrize("world", ["no fence", "fence"])
def test_one_lost_answer_is_cleared_up_by_a_repeat(world: str, fault: str) -> None:
    """Its own answer is enough; behind a fence the probe tells."""
    played = play(Server(**WORLDS[world]), (fault, "accepted"), settles=True)
    assert played.conclusion.outcome is Outcome.CHANGED, played.conclusion
