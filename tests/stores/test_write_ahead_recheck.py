"""Before a call, where the last look at the store is old: has another change come since?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.results.outcome import SUPERSEDED, Conclusion, Outcome
from shared.runtime.errors import KeyturnError, Refused, RetryLater
from shared.stores.store import Version
from tests.stores.test_write_ahead_states import ROOT, A, B, C, keeping, later, nobody, yes
from tests.support.memory_store import Shelved, Vault


def refused(vault: Vault, *, fenced: bool = True, written: bool = True, came: str = "", current: bool = False) -> str:
    """The code with which a look is refused, ten seconds after the first one; "": it is not.

    `came`: the version that was written meanwhile, and `current` whether it became the current one.
    """
    one = keeping(Shelved(vault), A, fenced=fenced)
    if written:
        one.write_ahead()
    vault.now += 10.0
    if came:
        vault.put(came, "theirs")
    if current:
        vault.current, vault.moved = "theirs", vault.moved + 1
    try:
        one.check_not_superseded()
    except KeyturnError as error:
        return error.code or ""
    return ""


@pytest.mark.parametrize(
    ("fenced", "came", "current", "code"),
    [
        (True, "", False, ""),
        (True, B.name(1), False, ""),  # the fence lets one of them through
        (False, B.name(1), False, SUPERSEDED),
        (True, B.name(1), True, SUPERSEDED),
        (False, B.name(1), True, SUPERSEDED),
        (True, ROOT.name(1), False, "StoreOfAnother"),
        (False, "v2", False, ""),
        (True, A.name(2), True, ""),
    ],
)
def test_a_change_that_came_since_stops_the_call(fenced: bool, came: str, current: bool, code: str) -> None:
    assert refused(Vault(), fenced=fenced, came=came, current=current) == code


@pytest.mark.parametrize("fenced", [True, False])
def test_what_was_there_before_this_delivery_wrote_is_older_even_in_the_same_second(fenced: bool) -> None:
    vault = Vault()
    vault.put(B.name(1), "theirs")
    assert refused(vault, fenced=fenced) == ""
    existing = Vault()
    existing.put(A.name(1), "new")
    existing.put(B.name(1), "theirs")
    # An earlier delivery wrote it: which of the two came first is not known.
    assert refused(existing, fenced=fenced, written=False) == ("" if fenced else SUPERSEDED)


def test_the_versions_of_another_credential_that_were_there_at_first_are_no_news() -> None:
    vault = Vault()
    vault.put(ROOT.name(1), "theirs")
    assert refused(vault) == ""


@pytest.mark.parametrize(("after_s", "looks"), [(9.9, 0), (10.0, 1)])
def test_the_store_is_looked_at_again_after_ten_seconds(after_s: float, looks: int) -> None:
    vault = Vault()
    store = Shelved(vault)
    one = keeping(store, A)
    store.calls.clear()
    vault.now += after_s
    one.check_not_superseded()
    assert store.calls.count("versions") == looks
    vault.now += 9.9
    one.check_not_superseded()
    assert store.calls.count("versions") == 1
    vault.now += 0.2
    one.check_not_superseded()
    assert store.calls.count("versions") == (2 if looks else 1)


def test_only_the_first_of_a_credential_looks_after_its_write() -> None:
    for made, looks in ((None, 1), (B.name(1), 0), (ROOT.name(1), 1)):
        vault = Vault()
        if made is not None:
            vault.put(made, "theirs")
        store = Shelved(vault)
        one = keeping(store, A)
        store.calls.clear()
        one.write_ahead()
        assert store.calls.count("versions") == looks, made


def test_who_gave_way_names_no_version() -> None:
    vault = Vault()
    one = keeping(store := Shelved(vault), A)
    vault.put(ROOT.name(1), "theirs")
    with pytest.raises(Refused) as error:
        one.write_ahead()
    assert (error.value.code, one.written, A.name(1) in vault.values) == ("StoreOfAnother", False, False)
    assert store.calls[-1] == "withdraw"
    assert one.conclude(Conclusion(Outcome.NOT_CHANGED), yes, nobody).stored is None


def test_a_look_that_the_store_does_not_answer_stops_the_call() -> None:
    vault = Vault()
    store = Shelved(vault)
    one = keeping(store, A)
    vault.now += 10.0
    error = later()

    def fail(call: str) -> None:
        raise error

    store.before = fail
    with pytest.raises(RetryLater):
        one.check_not_superseded()


@pytest.mark.parametrize("now", ["first", "another"])
def test_a_version_that_a_person_made_current_meanwhile_is_not_replaced(now: str) -> None:
    """The version that was current at the first look is; keyturn's own promotions are compared elsewhere."""
    vault = Vault()
    vault.put("v2", "a person's")
    store = _Staged(vault)
    one = keeping(store, A)
    one.write_ahead()
    if now == "another":
        store.current = "v2"
    conclusion = one.conclude(Conclusion(Outcome.CHANGED), yes, nobody)
    assert conclusion.outcome is (Outcome.CHANGED if now == "first" else Outcome.UNKNOWN)
    store.current = C.name(1)  # keyturn's own: its change is asked about, not its name
    vault.put(C.name(1), "c's", 1.0)
    other = keeping(store, B)
    other.write_ahead()
    assert other.conclude(Conclusion(Outcome.CHANGED), yes, nobody).outcome is Outcome.CHANGED


class _Staged(Shelved):
    """A store whose current stage moves from version to version."""

    current = "v1"

    def versions(self) -> list[Version]:
        return [replace(one, current=one.id == self.current) for one in super().versions()]
