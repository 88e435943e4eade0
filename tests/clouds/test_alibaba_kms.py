"""KMS of Alibaba Cloud: which version is in force, and what is labelled, pushed out, copied or left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.clouds.alibaba.kms import KmsSession, KmsStore
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import Version
from tests.clouds.kms_vault import CURRENT, PENDING, PREVIOUS, WITHDRAWN, Held, Vault, listing, refused
from tests.clouds.scripted import CALLS_PER_S, access, raised


def ours(number: int) -> str:
    """A version of keyturn's, of one change each."""
    return f"kt-{number:016x}-{0:016x}-{0:012x}-1"


A, B = ours(1), ours(2)
COPY_OF_2 = "kt-copy-2-1"


def full(current: int = 10, first: str = "") -> Held:
    """As many versions as the service keeps, keyturn's, of the seconds 1 to 10; `first`: the earliest one's labels."""
    labels = {1: first, current: CURRENT}
    return {ours(n): (float(n), f"s{n}", labels.get(n, "")) for n in range(1, 11)}


# --- the listing


def test_versions_are_listed_newest_first_with_the_current_one() -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), A: (3.0, "w", PENDING), B: (2.0, "x", WITHDRAWN)})
    assert vault.store.versions() == [Version(A, False, 3.0), Version("a", True, 1.0)]
    page = {"SecretName": "one", "IncludeDeprecated": "true", "PageNumber": "1", "PageSize": "20"}
    assert vault.script.asked("ListSecretVersionIds") == [page]


def test_a_copy_is_as_old_as_its_original() -> None:
    vault = Vault({COPY_OF_2: (9.0, "v", CURRENT), A: (3.0, "w", ""), "keyturn.copy-1.5": (8.0, "x", "")})
    assert vault.store.versions() == [
        Version(A, False, 3.0),
        Version(COPY_OF_2, True, 2.0),
        Version("keyturn.copy-1.5", False, 1.0),
    ]


ONE: dict[str, Any] = {"VersionId": "a", "CreateTime": "1970-01-01T00:00:07Z"}


@pytest.mark.parametrize(
    ("pages", "numbers", "count"),
    [
        ([([ONE] * 20, 21), ([ONE], 21)], "12", 21),
        ([([ONE] * 20, 20), ([ONE], 20)], "1", 20),
        ([([ONE], None)], "1", 1),
        ([([ONE, "no object"], 1)], "1", 1),
        ([([ONE], 5)] * 5, "12345", 5),
    ],
)
def test_every_page_is_read(pages: list[Any], numbers: str, count: int) -> None:
    vault = Vault({})
    vault.script.answers["ListSecretVersionIds"] = listing(*pages)
    assert vault.store.versions() == [Version("a", False, 7.0)] * count
    assert [one["PageNumber"] for one in vault.script.asked("ListSecretVersionIds")] == list(numbers)


@pytest.mark.parametrize(
    "pages", [[([], 0)], [([ONE], 2), ([], 2)], [([ONE], 6)] * 6, [(None, 0)], [(["no object"], 1)] * 5]
)
def test_a_listing_that_is_not_whole_is_asked_for_later(pages: list[Any]) -> None:
    vault = Vault({})
    vault.script.answers["ListSecretVersionIds"] = listing(*pages)
    assert raised(RetryLater, vault.store.versions).error_class is ErrorClass.UNAVAILABLE
    vault.script.answers["ListSecretVersionIds"] = {"VersionIds": [], "TotalCount": 1}
    raised(RetryLater, vault.store.versions)


@pytest.mark.parametrize("stages", [None, [], {"VersionStage": None}, {"VersionStage": [5]}])
@pytest.mark.parametrize("time", [None, "soon", 7])
def test_what_is_not_told_of_a_version_is_nothing(stages: object, time: object) -> None:
    vault = Vault({})
    one = {"VersionId": "a", "CreateTime": time, "VersionStages": stages}
    vault.script.answers["ListSecretVersionIds"] = listing(([one], 1))
    assert vault.store.versions() == [Version("a", False, 0.0)]
    assert vault.store.current_keyturn_version() is None


# --- which of keyturn's is in force


@pytest.mark.parametrize(
    ("held", "in_force"),
    [
        ({A: (1.0, "v", CURRENT)}, A),
        ({"a": (1.0, "v", CURRENT), A: (1.0, "v", "")}, None),
        ({A: (1.0, "v", "")}, None),
        ({COPY_OF_2: (9.0, "v", CURRENT), A: (2.0, "v", PREVIOUS)}, A),
        ({COPY_OF_2: (9.0, "v", CURRENT), A: (2.9, "v", PREVIOUS)}, A),
        ({COPY_OF_2: (9.0, "v", CURRENT), A: (2.0, "w", "")}, None),
        ({COPY_OF_2: (9.0, "v", CURRENT), A: (3.0, "v", "")}, None),
        ({COPY_OF_2: (9.0, "v", CURRENT), A: (2.0, "w", ""), B: (2.0, "v", "")}, B),
        ({COPY_OF_2: (9.0, "v", CURRENT), "mine": (2.0, "v", "")}, None),
        ({COPY_OF_2: (9.0, "v", CURRENT), A: (2.0, None, "")}, None),
        ({"keyturn.copy-2.1": (9.0, "v", CURRENT), A: (2.0, "v", "")}, A),
        ({"kt-copy-2-x": (2.0, "v", CURRENT), A: (2.0, "v", "")}, None),
    ],
)
def test_the_version_of_keyturns_that_is_in_force(held: Held, in_force: str | None) -> None:
    assert Vault(held).store.current_keyturn_version() == in_force


def test_what_may_not_be_read_is_told() -> None:
    vault = Vault({COPY_OF_2: (9.0, "v", CURRENT), A: (2.0, "v", "")})
    vault.fails("GetSecretValue", refused("Forbidden.NoPermission", ErrorClass.FORBIDDEN))
    assert raised(Refused, vault.store.current_keyturn_version).error_class is ErrorClass.FORBIDDEN


# --- reading


def test_a_version_is_read_by_its_id_else_by_its_stage() -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), A: (2.0, "w", PREVIOUS), PREVIOUS: (3.0, "x", "")})
    read = vault.store.read
    assert [read().reveal(), read(A).reveal(), read(CURRENT).reveal(), read(PREVIOUS).reveal()] == ["v", "w", "v", "x"]
    assert raised(Refused, lambda: read(B)).error_class is ErrorClass.NOT_FOUND
    vault.fails("GetSecretValue", refused("Forbidden.NoPermission", ErrorClass.FORBIDDEN))
    asked = len(vault.script.calls)
    assert raised(Refused, lambda: read(A)).error_class is ErrorClass.FORBIDDEN
    assert len(vault.script.calls) == asked + 1


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ({"SecretData": "v", "SecretDataType": "text"}, True),
        ({"SecretData": "v"}, True),
        ({"SecretData": "v", "SecretDataType": "binary"}, False),
        ({"SecretData": "", "SecretDataType": "text"}, False),
        ({"SecretData": 5, "SecretDataType": "text"}, False),
        ({}, False),
    ],
)
def test_only_text_is_a_secret(answer: dict[str, Any], taken: bool) -> None:
    vault = Vault({})
    vault.script.answers["GetSecretValue"] = answer
    if taken:
        assert vault.store.read().reveal() == "v"
    else:
        assert raised(Refused, vault.store.read).code == "NoText"


# --- writing


def test_a_version_is_written_with_a_label_and_is_not_the_current_one() -> None:
    vault = Vault({"a": (1.0, "v", CURRENT)})
    vault.store.write(A, Secret("new"))
    (asked,) = vault.script.asked("PutSecretValue")
    assert json.loads(asked.pop("VersionStages")) == [PENDING]
    assert asked == {"SecretName": "one", "VersionId": A, "SecretData": "new", "SecretDataType": "text"}
    assert (vault.labels, vault.values) == ({CURRENT: "a", PENDING: A}, {"a": "v", A: "new"})
    assert vault.script.actions == ["ListSecretVersionIds", "PutSecretValue"]


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (refused("Rejected.ResourceExist"), Refused, "VersionExists"),
        (RetryLater(ErrorClass.BUSY, "x", code="Rejected.LimitExceeded"), RetryLater, "StoreFull"),
        (refused("Rejected.Disabled"), Refused, "Rejected.Disabled"),
        (Ambiguous("x", code="InternalFailure"), RetryLater, "InternalFailure"),
    ],
)
def test_what_a_write_is_refused_with(error: KeyturnError, kind: type[KeyturnError], code: str) -> None:
    vault = Vault({"a": (1.0, "v", CURRENT)})
    vault.fails("PutSecretValue", error)
    assert raised(kind, lambda: vault.store.write(A, Secret("new"))).code == code


@pytest.mark.parametrize("write", ["write", "withdraw", "promote"])
def test_a_version_of_the_users_is_left_as_it_is(write: str) -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), "mine": (2.0, "w", "")})
    calls: dict[str, Callable[[], object]] = {
        "write": lambda: vault.store.write("mine", Secret("x")),
        "withdraw": lambda: vault.store.withdraw("mine"),
        "promote": lambda: vault.store.promote("mine"),
    }
    error = raised(Refused, calls[write])
    assert (error.error_class, error.code) == (ErrorClass.INVALID_COMMAND, "InvalidVersion")
    assert not vault.script.calls


def test_a_withdrawn_version_has_a_label_that_hides_it() -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), A: (2.0, "w", PENDING)})
    vault.store.withdraw(A)
    assert vault.labels_of(A) == {PENDING, WITHDRAWN}
    assert [one.id for one in vault.store.versions()] == ["a"]


# --- room


@pytest.mark.parametrize(
    ("held", "spare", "places", "fits"),
    [
        (full(), [1], 1, True),
        (full(), [], 1, False),
        (full(), [2], 1, False),
        (full(), [1, 2], 2, True),
        (full(), [1], 2, False),
        (full(first=PENDING), [1], 1, True),
        (full(first="mine"), [1], 1, False),
        (full(first=f"{PENDING} mine"), [1], 1, False),
        (full(first=PREVIOUS), [1], 1, True),
        (full(first=WITHDRAWN), [], 1, True),
        (full(first=f"{WITHDRAWN} mine"), [], 1, False),
        ({k: v for k, v in full().items() if k != ours(1)}, [], 1, True),
        ({k: v for k, v in full().items() if k != ours(1)}, [], 2, False),
        ({**full(), ours(2): (1.0, "s2", "")}, [1], 1, False),  # the service's seconds cannot tell them apart
        ({**full(), ours(2): (1.0, "s2", "")}, [1, 2], 1, True),
    ],
)
def test_what_a_write_pushes_out_must_be_spare(held: Held, spare: Sequence[int], places: int, fits: bool) -> None:
    vault = Vault(held)
    if fits:
        vault.store.make_room([ours(n) for n in spare], places)
        assert vault.labels_of(ours(1)) == set()  # so nothing with a label is pushed out
    else:
        error = raised(RetryLater, lambda: vault.store.make_room([ours(n) for n in spare], places))
        assert (error.error_class, error.code) == (ErrorClass.BUSY, "StoreFull")
        assert "UpdateSecretVersionStage" not in vault.script.actions


@pytest.mark.parametrize(
    ("label", "fits"), [("", True), (PENDING, False), ("mine", False), (PREVIOUS, True), (WITHDRAWN, True)]
)
def test_a_version_of_the_users_may_go_where_nothing_marks_it(label: str, fits: bool) -> None:
    held = {k: v for k, v in full().items() if k != ours(1)} | {"mine": (1.0, "m", label)}
    vault = Vault(held)
    if fits:
        vault.store.make_room([])
    else:
        assert raised(RetryLater, lambda: vault.store.make_room([])).code == "StoreFull"


def test_the_previous_label_moves_to_the_current_version_before_its_own_goes() -> None:
    vault = Vault(full(first=PREVIOUS))
    vault.store.make_room([ours(1)])
    moved = {"SecretName": "one", "VersionStage": PREVIOUS, "MoveToVersion": ours(10), "RemoveFromVersion": ours(1)}
    assert vault.script.asked("UpdateSecretVersionStage") == [moved]


@pytest.mark.parametrize(("more", "fits"), [(5, True), (6, False)])
def test_a_label_is_left_for_what_is_written_and_for_the_previous_one(more: int, fits: bool) -> None:
    vault = Vault({"a": (1.0, "v", " ".join([CURRENT, *(f"mine{n}" for n in range(more))]))})
    if fits:
        vault.store.make_room([])
    else:
        assert raised(RetryLater, lambda: vault.store.make_room([])).code == "StoreFull"


def test_a_current_version_that_would_be_pushed_out_next_is_copied_first() -> None:
    vault = Vault(full(current=2))
    vault.store.make_room([ours(1)])
    assert vault.values[COPY_OF_2] == "s2"
    assert vault.labels == {CURRENT: COPY_OF_2, PREVIOUS: COPY_OF_2}  # the next put pushes out the first
    assert vault.clock.slept == [1.1, 1.1]
    assert [one.id for one in vault.store.versions() if one.current] == [COPY_OF_2]
    assert vault.store.current_keyturn_version() == ours(2)


def test_a_current_version_that_is_the_earliest_of_a_full_store_comes_too_late() -> None:
    vault = Vault(full(current=1))
    assert raised(RetryLater, lambda: vault.store.make_room([ours(n) for n in range(2, 10)])).code == "StoreFull"
    assert "PutSecretValue" not in vault.script.actions


@pytest.mark.parametrize(("left_s", "made"), [(5.9, False), (6.0, True)])
def test_a_copy_is_made_only_with_time_for_it(left_s: float, made: bool) -> None:
    vault = Vault(full(current=2), left_s)
    if made:
        vault.store.make_room([ours(1)])
    else:
        error = raised(RetryLater, lambda: vault.store.make_room([ours(1)]))
        assert (error.error_class, error.code) == (ErrorClass.BUSY, "StoreFull")
    assert (COPY_OF_2 in vault.values) is made


def test_the_number_of_a_copy_is_one_that_is_free() -> None:
    held = {k: v for k, v in full(current=2).items() if k != ours(9)} | {COPY_OF_2: (9.0, "x", "")}
    vault = Vault(held)
    vault.store.make_room([ours(1)])
    assert vault.values["kt-copy-2-2"] == "s2"
    assert vault.values[COPY_OF_2] == "x"


def test_another_delivery_s_put_is_seen_before_a_full_store_is_written_to() -> None:
    held = {k: v for k, v in full().items() if k != ours(1)}
    vault = Vault(held)
    vault.store.versions()
    vault.made[ours(1)], vault.values[ours(1)] = 1.0, "s1"
    assert raised(RetryLater, lambda: vault.store.write(ours(11), Secret("new"))).code == "StoreFull"
    assert "PutSecretValue" not in vault.script.actions


# --- promoting


def test_the_stage_moves_from_the_version_that_was_seen_to_have_it() -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), A: (2.0, "w", PENDING)})
    vault.store.promote(A)
    moved, off = vault.script.asked("UpdateSecretVersionStage")
    assert moved == {"SecretName": "one", "VersionStage": CURRENT, "MoveToVersion": A, "RemoveFromVersion": "a"}
    assert off == {"SecretName": "one", "VersionStage": PENDING, "RemoveFromVersion": A}
    assert vault.labels == {CURRENT: A, PREVIOUS: "a"}
    assert vault.store.current_keyturn_version() == A
    assert vault.script.actions.count("ListSecretVersionIds") == 1
    vault.store.promote(A)  # again: it is the current one
    assert vault.labels == {CURRENT: A, PREVIOUS: "a"}


def test_a_version_is_promoted_where_none_was_current() -> None:
    vault = Vault({"a": (1.0, "v", ""), A: (2.0, "w", "")})
    vault.store.promote(A)
    moved = {"SecretName": "one", "VersionStage": CURRENT, "MoveToVersion": A}
    assert vault.script.asked("UpdateSecretVersionStage") == [moved]


def test_a_promotion_whose_answer_was_lost_is_seen_to_have_happened() -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), A: (2.0, "w", "")})
    vault.fails("UpdateSecretVersionStage", Ambiguous("x", refused=True), after_effect=True)
    vault.store.promote(A)
    assert vault.labels[CURRENT] == A
    assert vault.store.current_keyturn_version() == A


def test_a_promotion_does_not_overtake_another() -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), A: (2.0, "w", ""), B: (3.0, "x", "")})
    vault.store.versions()
    vault.labels[CURRENT] = B
    error = raised(Refused, lambda: vault.store.promote(A))
    assert (error.error_class, error.code) == (ErrorClass.FAILED, "Superseded")
    assert vault.labels[CURRENT] == B


def test_a_promotion_that_had_no_effect_tells_why() -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), A: (2.0, "w", "")})
    assert raised(Refused, lambda: vault.store.promote(B)).code == "NotFound"
    vault.fails("UpdateSecretVersionStage", refused("Forbidden.NoPermission", ErrorClass.FORBIDDEN))
    assert raised(Refused, lambda: vault.store.promote(A)).error_class is ErrorClass.FORBIDDEN


def test_a_label_that_does_not_come_off_changes_nothing() -> None:
    vault = Vault({"a": (1.0, "v", PREVIOUS), A: (2.0, "w", f"{CURRENT} {PENDING}")})
    vault.fails("UpdateSecretVersionStage", refused("Forbidden.NoPermission", ErrorClass.FORBIDDEN))
    vault.store.promote(A)
    assert vault.labels_of(A) == {CURRENT, PENDING}


@pytest.mark.parametrize(
    ("error", "effect", "code"),
    [
        (refused("InvalidParameter"), True, None),
        (RetryLater(ErrorClass.BUSY, "x", code="Rejected.LimitExceeded"), False, "StoreFull"),
        (refused("Rejected.Disabled"), False, "Rejected.Disabled"),
    ],
)
def test_a_label_that_was_refused_is_looked_for(error: KeyturnError, effect: bool, code: str | None) -> None:
    vault = Vault({"a": (1.0, "v", CURRENT), A: (2.0, "w", "")})
    vault.fails("UpdateSecretVersionStage", error, after_effect=effect)
    if code is None:
        vault.store.withdraw(A)
    else:
        assert raised(type(error), lambda: vault.store.withdraw(A)).code == code


def test_the_store_asks_in_its_region_at_a_pace_of_its_own() -> None:
    store = KmsStore(access(), "cn-beijing", "one")
    session = store._session
    assert isinstance(session, KmsSession)
    assert (store.name, session.region, session.version) == ("kms://one", "cn-beijing", "2016-01-20")
    assert session.access.calls_per_s == 8 * CALLS_PER_S
