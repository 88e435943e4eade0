"""Promotion by compare: which versions compete, what supersedes, and what is said of a promotion that failed."""

from __future__ import annotations

import pytest

from shared.results.outcome import SUPERSEDED
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.stores.promotion import competing_versions, not_promoted, promote, superseded, was_superseded
from shared.stores.store import Version
from shared.stores.versions import listing_for
from tests.stores.test_write_ahead_states import ROOT, A, B, C, yes
from tests.support.memory_store import Shelved, Vault

OWN = Version(A.name(1), False, 10_000.0)


def other(at_s: float, name: str = B.name(1)) -> Version:
    return Version(name, False, 10_000.0 + at_s)


@pytest.mark.parametrize(
    ("made", "holder", "competes"),
    [
        ([other(-900.0)], None, [B.name(1)]),
        ([other(-900.1)], None, []),
        ([other(0.0)], None, [B.name(1)]),
        ([other(900.0)], None, [B.name(1)]),
        ([other(-10.0), other(-20.0, C.name(1))], B.name(1), []),  # older than the holder, which is no rival itself
        ([other(-10.0), other(-5.0, C.name(1))], B.name(1), [C.name(1)]),
        ([other(5.0), other(-5.0, C.name(1))], B.name(1), [B.name(1), C.name(1)]),
        ([other(0.0), other(-5.0, C.name(1))], B.name(1), [B.name(1), C.name(1)]),
        ([other(5.0, ROOT.name(1)), other(5.0, "v2"), other(5.0, A.name(2))], None, []),
    ],
)
def test_what_is_older_than_the_holder_or_began_long_ago_does_not_compete(
    made: list[Version], holder: str | None, competes: list[str]
) -> None:
    listing = listing_for([OWN, *made], A)
    assert [one.id for one in competing_versions(listing, OWN, holder)] == competes


def test_where_a_store_tells_no_times_every_other_change_competes() -> None:
    own, rival = Version(A.name(1), False), Version(B.name(1), False)
    assert competing_versions(listing_for([own, rival], A), own, None) == [rival]


@pytest.mark.parametrize(
    ("competing", "held", "last", "is_so"),
    [
        ([], None, False, False),
        ([other(5.0)], None, None, True),
        ([other(0.0)], None, None, True),
        ([other(-5.0)], None, None, False),
        ([other(-5.0)], None, False, True),
        ([other(5.0)], None, True, False),
        ([other(5.0)], other(5.0), True, True),
        ([other(0.0)], other(0.0), True, False),
        ([other(5.0, C.name(1))], other(5.0), True, False),  # what is current is no change of this credential
    ],
)
def test_a_later_change_supersedes_unless_the_cloud_shows_otherwise(
    competing: list[Version], held: Version | None, last: bool | None, is_so: bool
) -> None:
    assert was_superseded(OWN, competing, held, last) is is_so


def test_what_comes_while_it_is_promoted_is_seen_after() -> None:
    vault = Vault()
    vault.put(A.name(1), "new")
    store = Shelved(vault)

    def interfere(call: str) -> None:
        if call == "promote":
            vault.put(B.name(1), "theirs")

    store.after = interfere
    with pytest.raises(Refused) as error:
        promote(store, A.name(1), lambda: None)
    assert error.value.code == SUPERSEDED
    assert promote(Shelved(vault), A.name(1), yes) == [f"store: version {A.name(1)} is current"]


@pytest.mark.parametrize("version", ["v1", "kt-copy-1-1", A.name(2)])
def test_only_a_version_of_a_change_that_is_there_is_promoted(version: str) -> None:
    vault = Vault()
    vault.put(A.name(1), "new")
    with pytest.raises(Refused) as error:
        promote(Shelved(vault), version, yes)
    assert (error.value.code, vault.current) == ("NotFound", "first")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (superseded(Shelved(Vault()), A.name(1)), SUPERSEDED, "another one came in between"),
        (RetryLater(ErrorClass.BUSY, "busy", code="Busy", request_id="r"), "Busy", "could not be made current"),
        (Refused(ErrorClass.FAILED, "no"), "NotPromoted", "could not be made current"),
    ],
)
def test_a_change_whose_store_does_not_say_so_is_told_as_such(error: KeyturnError, code: str, words: str) -> None:
    said = not_promoted("ssm://s", A.name(1), error)
    assert (said.code, words in said.message, "ssm://s" in said.message) == (code, True, True)
    assert said.request_id == error.request_id
