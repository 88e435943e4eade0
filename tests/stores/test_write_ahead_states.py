"""A stored secret's states: written ahead, promoted by compare, superseded, left pending; overlaps in every order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import pytest

from shared.results.outcome import SUPERSEDED, Conclusion, Outcome
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.promotion import promote
from shared.stores.store import STORE_FULL, VERSION_EXISTS
from shared.stores.versions import ChangeIdentity, VersionName, change_identity, listing_for
from shared.stores.write_ahead import FirstListing, MadeSecret, WriteAhead
from tests.support.memory_store import MOST, Shelved, Vault, failing


def known(command: str, account: str = "app") -> ChangeIdentity:
    return change_identity("source", f"redis/crs-1/{account}", (), "operation", command, {})


A, B, C, ROOT = known("c-a"), known("c-b"), known("c-c"), known("c-r", "root")
EITHER = pytest.mark.parametrize("compares", [True, False], ids=["kms", "ssm"])


def unsure() -> bool | None:
    return None


def yes() -> bool | None:
    return True


def no() -> bool | None:
    return False


def nobody(_: Conclusion) -> bool:
    raise AssertionError("it is not to be handed on")


def plain(value: str) -> MadeSecret:
    return MadeSecret(Secret(value), Secret(value))


def keeping(store: Shelved, who: ChangeIdentity, value: str = "new", *, fenced: bool = True) -> WriteAhead:
    """A delivery's, as it is made after its first look at the store."""
    listing = listing_for(store.versions(), who)
    existed = bool(listing.own)
    name = listing.names[listing.own[0].id] if existed else VersionName(who, 1)
    first = FirstListing.of(listing, 0.0)
    return WriteAhead(
        store,
        "ap-guangzhou",
        name,
        plain(value),
        first,
        existed=existed,
        fenced=fenced,
        make=lambda: plain("second"),
        clock=lambda: store.vault.now - 1_000.0,
    )


def unseen(store: Shelved, *, existed: bool) -> WriteAhead:
    """One whose store was not looked at."""
    return WriteAhead(store, "r", VersionName(A, 1), plain("new"), FirstListing(0.0), existed=existed, fenced=True)


def refusal(code: str = "Broken") -> Refused:
    return Refused(ErrorClass.FORBIDDEN, "text", code=code)


def later(code: str = "Busy") -> RetryLater:
    return RetryLater(ErrorClass.BUSY, "text", code=code)


# --- writing ahead


def test_a_secret_is_written_under_the_change_s_own_name_and_is_not_current() -> None:
    vault = Vault()
    one = keeping(Shelved(vault), A)
    one.write_ahead()
    assert (vault.values[A.name(1)], vault.current, one.written) == ("new", "first", True)


def test_what_an_earlier_delivery_wrote_is_not_written_again() -> None:
    vault = Vault()
    vault.put(A.name(1), "earlier")
    one = keeping(Shelved(vault), A)
    one.write_ahead()
    assert (vault.values[A.name(1)], one.existed, one.written) == ("earlier", True, False)


def test_two_deliveries_of_one_command_never_both_go_on() -> None:
    vault = Vault()
    first, second = keeping(Shelved(vault), A, "one"), keeping(Shelved(vault), A, "two")
    first.write_ahead()
    with pytest.raises(RetryLater) as raised:
        second.write_ahead()
    assert (raised.value.code, raised.value.error_class) == (VERSION_EXISTS, ErrorClass.BUSY)
    assert vault.values[A.name(1)] == "one"


@pytest.mark.parametrize("same_second", [True, False])
@pytest.mark.parametrize("first_id_sorts", ["first", "last"])
@pytest.mark.parametrize("order", sorted(set(permutations("aabb"))))
def test_first_commands_of_two_credentials_for_one_store_never_both_pass(
    order: tuple[str, ...], first_id_sorts: str, same_second: bool
) -> None:
    """Each writes, then lists; in every order, and whichever name sorts first."""
    vault = Vault()
    pair = sorted((A, ROOT), key=lambda one: one.name(1), reverse=first_id_sorts == "last")
    steps = {letter: _steps(vault, who) for letter, who in zip("ab", pair, strict=True)}
    passed: list[str] = []
    for letter in order:
        ended = next(steps[letter])
        if not same_second:
            vault.now += 1.0
        if ended == "passed":
            passed.append(letter)
    assert len(passed) < 2, f"{order}: both have passed"


def _steps(vault: Vault, who: ChangeIdentity) -> Iterator[str]:
    """One command's write-ahead in two steps, as another's may fall between: the write, and the look after it."""
    store = Shelved(vault)
    one = keeping(store, who)

    def go() -> Iterator[str]:
        one._write(one._name, one._secret)
        yield "written"
        one._write = lambda name, secret: None  # type: ignore[method-assign]
        try:
            one.write_ahead()
        except Refused as refused:
            assert refused.code == "StoreOfAnother"
            yield "gave way"
        else:
            yield "passed"

    return go()


@EITHER
def test_who_gives_way_to_another_credential_leaves_nothing_that_stops_it(compares: bool) -> None:
    vault = Vault(compares)
    winner, loser = keeping(Shelved(vault), A, "winner's"), keeping(Shelved(vault), ROOT, "loser's")
    winner.write_ahead()
    vault.now += 1.0
    with pytest.raises(Refused):
        loser.write_ahead()
    assert winner.conclude(Conclusion(Outcome.CHANGED), yes, nobody).outcome is Outcome.CHANGED
    listing = listing_for(Shelved(vault).versions(), B)  # the winner's credential, its next command
    assert listing.foreign == (), "no call was made with it, and it would refuse the store to the winner for ever"


# --- further numbers


def test_another_value_goes_under_the_next_number_and_the_first_stays() -> None:
    vault = Vault()
    one = keeping(Shelved(vault), A)
    one.write_ahead()
    assert one.write_another_secret().reveal() == "second"
    assert (one.version, vault.values[A.name(1)], vault.values[A.name(2)]) == (A.name(2), "new", "second")


def test_a_call_that_is_out_is_marked_by_the_same_secret_under_the_next_number() -> None:
    vault = Vault()
    one = keeping(Shelved(vault), A)
    one.write_ahead()
    one.note_repeat()
    one.note_repeat()
    assert [vault.values[A.name(number)] for number in (1, 2, 3)] == ["new"] * 3


@pytest.mark.parametrize("step", ["write_another_secret", "note_repeat"])
@pytest.mark.parametrize("why", ["full", "exists", "refused", "unreachable"])
def test_a_number_that_could_not_be_written_is_not_named(step: str, why: str) -> None:
    """The result, and follow_change after it, must name a version that is there."""
    vault = Vault()
    store = Shelved(vault)
    one = keeping(store, A)
    one.write_ahead()
    if why == "full":
        for number in range(MOST - len(vault.values)):
            vault.put(f"v-{number}", "user's")
    elif why == "exists":
        vault.put(A.name(2), "another delivery's")
    else:
        error: KeyturnError = refusal() if why == "refused" else later()

        def fail(call: str) -> None:
            if call == "write":
                raise error

        store.before = fail
    with pytest.raises((RetryLater, Refused)):
        getattr(one, step)()
    assert one.version == A.name(1)
    assert vault.values[one.version] == one.value.reveal() == "new"


# --- promotion


@EITHER
def test_what_is_proven_in_force_becomes_current_and_stays_beside_it(compares: bool) -> None:
    vault = Vault(compares)
    one = keeping(Shelved(vault), A)
    one.write_ahead()
    conclusion = one.conclude(Conclusion(Outcome.CHANGED), unsure, nobody)
    assert (conclusion.outcome, conclusion.stored and conclusion.stored.stage) == (Outcome.CHANGED, "current")
    assert (vault.current, vault.values[A.name(1)], vault.kept) == ("new", "new", ["first"])


@dataclass
class Rival:
    name: str
    made: float  # from the own version's second
    current: bool = False


RIVALS = [
    ("an older one, pending", [Rival(B.name(1), -10.0)], {None: True, True: True, False: False}),
    ("a newer one, pending", [Rival(B.name(1), 10.0)], {None: False, True: True, False: False}),
    ("one of the same second", [Rival(B.name(1), 0.0)], {None: False, True: True, False: False}),
    ("a newer one that is current", [Rival(B.name(1), 10.0, current=True)], {None: False, True: False, False: False}),
    ("an older one that is current", [Rival(B.name(1), -10.0, current=True)], {None: True, True: True, False: True}),
    (
        "an older one that is current, a newer one pending",
        [Rival(B.name(1), -10.0, current=True), Rival(C.name(1), 10.0)],
        {None: False, True: True, False: False},
    ),
    ("one that began long ago", [Rival(B.name(1), -901.0)], {None: True, True: True, False: True}),
    ("another credential's", [Rival(ROOT.name(1), 10.0)], {None: True, True: True, False: True}),
    ("the user's own", [Rival("v2", 10.0)], {None: True, True: True, False: True}),
    ("an earlier number of this change", [Rival(A.name(2), -1.0)], {None: True, True: True, False: True}),
]


@EITHER
@pytest.mark.parametrize("still", [None, True, False])
@pytest.mark.parametrize(("what", "rivals", "expected"), RIVALS, ids=[row[0] for row in RIVALS])
def test_a_promotion_looks_whether_another_change_came_between(
    what: str, rivals: list[Rival], expected: dict[bool | None, bool], still: bool | None, compares: bool
) -> None:
    vault = Vault(compares, now=10_000.0)
    vault.put(A.name(1), "new")
    for rival in rivals:
        vault.put(rival.name, f"secret of {rival.name}", 10_000.0 + rival.made)
        if rival.current:
            vault.current = f"secret of {rival.name}"
    before = vault.current
    one = unseen(Shelved(vault), existed=True)
    conclusion = one.conclude(Conclusion(Outcome.CHANGED), lambda: still, nobody)
    if expected[still]:
        assert (conclusion.outcome, vault.current) == (Outcome.CHANGED, "new"), what
        return
    assert (conclusion.outcome, vault.current) == (Outcome.UNKNOWN, before), what
    assert conclusion.error is not None
    assert (conclusion.error.code, conclusion.stored and conclusion.stored.stage) == (SUPERSEDED, "pending")
    assert vault.values[A.name(1)] == "new"


@EITHER
def test_a_command_that_began_when_the_last_one_had_ended_is_later_even_in_the_same_second(compares: bool) -> None:
    """Nothing tells what is in force (TCR, Tair); yet the first was current before the second was written."""
    vault = Vault(compares)
    first = keeping(Shelved(vault), A, "one")
    first.write_ahead()
    assert first.conclude(Conclusion(Outcome.CHANGED), unsure, nobody).outcome is Outcome.CHANGED
    second = keeping(Shelved(vault), B, "two")
    second.write_ahead()
    conclusion = second.conclude(Conclusion(Outcome.CHANGED), unsure, nobody)
    assert (conclusion.outcome, vault.current) == (Outcome.CHANGED, "two")


def test_a_version_that_is_gone_is_not_said_to_be_current() -> None:
    vault = Vault()
    with pytest.raises(Refused) as raised:
        promote(Shelved(vault), A.name(1), yes)
    assert raised.value.error_class is ErrorClass.NOT_FOUND


# --- whatever breaks


@EITHER
@pytest.mark.parametrize("handed", [True, False])
@pytest.mark.parametrize("after", [True, False], ids=["after the effect", "before it"])
@pytest.mark.parametrize("error", [refusal(), later(), later(STORE_FULL), refusal(SUPERSEDED)], ids=lambda e: e.code)
@pytest.mark.parametrize("number", range(1, 9))
def test_whatever_the_store_answers_after_the_change_nothing_raises_and_nothing_is_lost(
    number: int, error: KeyturnError, after: bool, handed: bool, compares: bool
) -> None:
    vault = Vault(compares)
    first = keeping(Shelved(vault), A)
    first.write_ahead()
    first.store = failing(vault, number, error, after=after)
    given: list[Conclusion] = []

    def hand_on(pending: Conclusion) -> bool:
        given.append(pending)
        return handed

    conclusion = first.conclude(Conclusion(Outcome.CHANGED), yes, hand_on)
    assert vault.values[A.name(1)] == "new"
    assert conclusion.stored is not None
    if conclusion.outcome is Outcome.CHANGED:
        assert (conclusion.stored.stage, vault.current, given) == ("current", "new", [])
        return
    assert conclusion.stored.stage == "pending"
    if conclusion.outcome is Outcome.PENDING:
        assert handed
        assert [one.outcome for one in given] == [Outcome.PENDING]
        return
    assert conclusion.outcome is Outcome.UNKNOWN
    assert conclusion.error is not None
    assert bool(given) == error.retryable


def test_a_promotion_that_nobody_can_be_given_is_unknown() -> None:
    one = keeping(Shelved(Vault()), A)
    one.write_ahead()
    one.store = failing(Vault(), 1, later(), after=False)
    conclusion = one.conclude(Conclusion(Outcome.CHANGED), yes, None)
    assert (conclusion.outcome, conclusion.error and conclusion.error.code) == (Outcome.UNKNOWN, "Busy")


@pytest.mark.parametrize("outcome", [Outcome.NOT_CHANGED, Outcome.UNKNOWN, Outcome.PENDING])
def test_whatever_did_not_prove_itself_is_left_pending(outcome: Outcome) -> None:
    vault = Vault()
    store = Shelved(vault)
    one = keeping(store, A)
    one.write_ahead()
    store.calls.clear()
    conclusion = one.conclude(Conclusion(outcome), no, nobody)
    assert (conclusion.outcome, conclusion.stored and conclusion.stored.stage) == (outcome, "pending")
    assert (vault.current, vault.values[A.name(1)], store.calls) == ("first", "new", [])


def test_what_was_never_written_is_not_named() -> None:
    one = keeping(Shelved(Vault()), A)
    assert one.conclude(Conclusion(Outcome.NOT_CHANGED), no, nobody).stored is None


@pytest.mark.parametrize("existed", [True, False])
def test_what_an_earlier_delivery_wrote_may_be_in_force(existed: bool) -> None:
    one = unseen(Shelved(Vault()), existed=existed)
    assert one.others_maybe_in_force() is existed


# --- what else may be in force


@pytest.mark.parametrize(
    ("others", "current", "unresolved"),
    [
        ([], "first", False),
        ([(B.name(1), -10.0)], "first", True),
        ([(B.name(1), 10.0)], "first", True),
        ([(B.name(1), -10.0)], "b's", False),
        ([(B.name(1), -10.0), (C.name(1), -20.0)], "b's", False),
        ([(B.name(1), -10.0), (C.name(1), -5.0)], "b's", True),
        ([(ROOT.name(1), -10.0)], "first", False),
        ([("v2", -10.0)], "first", False),
    ],
)
def test_secrets_of_other_commands_may_be_in_force_until_a_later_one_is_current(
    others: list[tuple[str, float]], current: str, unresolved: bool
) -> None:
    vault = Vault(current=current)
    for name, made in others:
        vault.put(name, "b's" if name == B.name(1) else name, vault.now + made)
    one = keeping(Shelved(vault), A)
    assert one.others_maybe_in_force() is unresolved


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("error", [refusal(), later()], ids=lambda e: e.code)
def test_a_store_that_cannot_be_read_may_hold_what_is_in_force(number: int, error: KeyturnError) -> None:
    one = unseen(failing(Vault(), number, error, after=False), existed=False)
    assert one.others_maybe_in_force() is True
