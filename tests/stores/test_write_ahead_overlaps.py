"""Two changes of one stored credential that overlap, in every order: the store and the results stay true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shared.results.outcome import SUPERSEDED, Conclusion, Outcome
from shared.stores.promotion import StillLast
from shared.stores.versions import ChangeIdentity
from tests.stores.test_write_ahead_states import EITHER, A, B, keeping
from tests.support.memory_store import Shelved, Vault


@dataclass
class World:
    """One server and its store. `tells`: whether anything shows who set the secret last."""

    vault: Vault
    tells: bool
    in_force: str = "first"

    def deliver(self, who: ChangeIdentity, value: str, store: Shelved, *, existed: bool = False) -> Conclusion:
        """One delivery as it goes: write ahead, the call, then the store says so."""
        one = keeping(store, who, value)
        one.existed = existed
        one.write_ahead()
        self.vault.now += 1.0
        self.in_force = value
        return one.conclude(Conclusion(Outcome.CHANGED), self.still(value), lambda _: False)

    def still(self, value: str) -> StillLast:
        return lambda: self.in_force == value if self.tells else None


def interrupted(world: World, number: int, *, after: bool) -> tuple[Conclusion, Conclusion | None]:
    """A's delivery, with the whole of B's at A's step of this number; None: A has fewer steps."""
    store = Shelved(world.vault)
    steps, other = [0], list[Conclusion]()

    def interfere(_: str) -> None:
        steps[0] += 1
        if steps[0] == number:
            world.vault.now += 1.0
            other.append(world.deliver(B, "b's", Shelved(world.vault)))
            world.vault.now += 1.0

    if after:
        store.after = interfere
    else:
        store.before = interfere
    return world.deliver(A, "a's", store), other[0] if other else None


@EITHER
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("number", range(1, 9))
def test_whole_changes_that_overlap_never_leave_a_wrong_secret_current_unsaid(
    number: int, after: bool, tells: bool, compares: bool
) -> None:
    """Issue 13, C: both said `changed`, one was in force, the store held the other's and the first was gone."""
    world = World(Vault(compares), tells)
    one, other = interrupted(world, number, after=after)
    if other is None:
        return
    assert world.vault.holds(world.in_force), "some version opens the server"
    said = {one.outcome, other.outcome}
    assert said <= {Outcome.CHANGED, Outcome.UNKNOWN}
    if said == {Outcome.CHANGED}:
        assert world.vault.current == world.in_force
    if tells and other.outcome is Outcome.UNKNOWN:
        assert one.outcome is Outcome.CHANGED or world.vault.current != "b's"


def test_the_overlaps_above_do_meet_each_step() -> None:
    world = World(Vault(), tells=True)
    store = Shelved(world.vault)
    world.deliver(A, "a's", store)
    assert 6 <= len(store.calls) <= 8, store.calls


def sent_after(world: World, store: Shelved, other: Callable[[], Conclusion]) -> tuple[Conclusion, Conclusion]:
    """A writes ahead and calls; B does all of its own; then A's answer comes."""
    one = keeping(store, A, "a's")
    one.write_ahead()
    world.vault.now += 1.0
    ended = other()
    world.vault.now += 1.0
    return one.conclude(Conclusion(Outcome.CHANGED), world.still("a's"), lambda _: False), ended


@EITHER
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("lands_last", ["a's", "b's"])
def test_calls_that_land_in_the_other_order_are_told_by_what_is_in_force(
    lands_last: str, tells: bool, compares: bool
) -> None:
    world = World(Vault(compares), tells)

    def other() -> Conclusion:
        ended = world.deliver(B, "b's", Shelved(world.vault))
        world.in_force = lands_last
        return ended

    one, ended = sent_after(world, Shelved(world.vault), other)
    assert world.vault.holds(world.in_force)
    if {one.outcome, ended.outcome} == {Outcome.CHANGED}:
        assert world.vault.current == world.in_force
    if lands_last == "b's":
        assert (one.outcome, one.error and one.error.code) == (Outcome.UNKNOWN, SUPERSEDED)
