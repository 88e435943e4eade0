"""Secrets Manager of Tencent Cloud: which version is the current one, and what is overwritten, kept or given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from shared.clouds.tencent.session import TencentSession
from shared.clouds.tencent.ssm import SsmStore
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import Version
from shared.stores.versions import BEFORE
from tests.clouds.scripted import CALLS_PER_S, access, raised
from tests.clouds.ssm_vault import A, B, Held, Vault, ours, refused


def full() -> Held:
    """As many versions as the service keeps: the current one, and nine of keyturn's."""
    return {"current": (1.0, "v"), **{ours(n): (float(n), f"s{n}") for n in range(1, 10)}}


# --- which one is current


@pytest.mark.parametrize(
    ("held", "current"),
    [
        ({"current": (9.0, "v"), "old": (1.0, "w")}, "current"),
        ({"SSM_Current": (9.0, "v"), "old": (1.0, "w")}, "SSM_Current"),
        ({"SSM_Current": (1.0, "v"), "current": (9.0, "w")}, "current"),
        ({"a": (2.0, "v"), "b": (1.0, "w")}, "b"),
        ({"a": (1.0, "v"), A: (1.0, "w")}, "a"),  # of one second, keyturn's is the later one
        ({A: (1.0, "v"), "a": (2.0, "w")}, A),
        ({A: (2.0, "v"), B: (1.0, "w")}, B),
        ({"a": (0.0, "v")}, "a"),
        ({A: (0.0, "v"), "a": (1.0, "w")}, "a"),
        ({A: (1.0, "same"), "a": (2.0, "same")}, "a"),  # overwritten: its time may have moved
        ({A: (1.0, "same"), "a": (2.0, "w"), "b": (3.0, "same")}, "b"),
        ({A: (2.0, "same"), "a": (1.0, "w"), "b": (3.0, "same")}, "a"),
        ({A: (1.0, "same"), "a": (1.0, "same")}, "a"),
        ({A: (1.0, "v"), B: (3.0, "same"), "a": (2.0, "same")}, "a"),
        ({A: (1.0, "same"), "current": (2.0, "w"), "a": (3.0, "same")}, "current"),
        ({}, None),
    ],
)
def test_which_version_is_the_current_one(held: Held, current: str | None) -> None:
    vault = Vault(held)
    versions = vault.store.versions()
    assert [one.id for one in versions if one.current] == ([current] if current else [])
    newest_first = sorted((Version(id_, id_ == current, made) for id_, (made, _) in held.items()), key=_age)
    assert sorted(versions, key=_age) == newest_first
    assert [one.created for one in versions] == sorted((one.created for one in versions), reverse=True)


def _age(version: Version) -> tuple[float, str]:
    return (-version.created, version.id)


@pytest.mark.parametrize(
    "held",
    [
        {"a": (1.0, "v"), "b": (1.0, "w")},
        {"a": (0.0, "v"), "b": (5.0, "w")},  # whose time is not told may be the oldest
        {"a": (0.0, "v"), "b": (0.0, "w")},
        {A: (1.0, "v"), B: (1.0, "w")},
    ],
)
def test_where_several_may_be_the_oldest_none_is_taken_for_the_current_one(held: Held) -> None:
    error = raised(Refused, Vault(held).store.versions)
    assert (error.error_class, error.code) == (ErrorClass.FAILED, "NoCurrentVersion")
    assert "ssm://one" in error.message


def test_who_may_list_and_not_read_is_told_the_oldest() -> None:
    vault = Vault({A: (1.0, "same"), "a": (2.0, "same")})
    vault.fails("GetSecretValue", refused("UnauthorizedOperation", ErrorClass.FORBIDDEN))
    assert [one.id for one in vault.store.versions() if one.current] == [A]


@pytest.mark.parametrize("told", ["soon", None, -5, "12"])
def test_a_time_is_read_as_seconds_or_not_at_all(told: object) -> None:
    vault = Vault({"current": (1.0, "v")})
    vault.script.answers["ListSecretVersionIds"] = {"Versions": [{"VersionId": "current", "CreateTime": told}]}
    assert vault.store.versions() == [Version("current", True, 12.0 if told == "12" else 0.0)]


@pytest.mark.parametrize("found", [{"VersionId": "a"}, ["a"], [{}], [{"VersionId": ""}], [{"VersionId": "a"}, None]])
def test_a_listing_that_cannot_be_read_is_asked_for_later(found: object) -> None:
    vault = Vault({})
    vault.script.answers["ListSecretVersionIds"] = {"Versions": found}
    error = raised(RetryLater, vault.store.versions)
    assert error.error_class is ErrorClass.UNAVAILABLE
    assert "ListSecretVersionIds" in error.message


# --- which of keyturn's is in force


@pytest.mark.parametrize(
    ("held", "in_force"),
    [
        ({"current": (1.0, "v"), A: (2.0, "v"), B: (3.0, "w")}, A),
        ({"current": (1.0, "v"), A: (2.0, "w")}, None),
        ({"current": (1.0, "v"), "mine": (2.0, "v")}, None),
        ({"current": (1.0, "v"), f"{BEFORE}1": (2.0, "v")}, None),
        ({A: (1.0, "v"), B: (2.0, "w")}, A),
        ({A: (1.0, "v"), B: (2.0, "v")}, B),
        ({"current": (1.0, "v"), A: (2.0, None), B: (3.0, "v")}, B),  # one that holds no text holds no password
        ({"current": (1.0, "v"), A: (2.0, None)}, None),
        ({}, None),
    ],
)
def test_the_version_of_keyturns_that_holds_the_current_value(held: Held, in_force: str | None) -> None:
    vault = Vault(held)
    assert vault.store.current_keyturn_version() == in_force
    asked = len(vault.script.calls)
    assert vault.store.current_keyturn_version() == in_force
    if None not in vault.values.values() and held:
        assert len(vault.script.calls) == asked  # what a version holds never changes


def test_at_most_nine_of_keyturns_versions_are_compared() -> None:
    held: Held = {"current": (1.0, "v"), **{ours(n): (100.0 - n, f"s{n}") for n in range(1, 12)}}
    held[ours(10)] = (90.0, "v")
    vault = Vault(held)
    assert vault.store.current_keyturn_version() is None
    held[ours(9)] = (91.0, "v")
    assert Vault(held).store.current_keyturn_version() == ours(9)


def test_what_may_not_be_read_is_told() -> None:
    vault = Vault({"current": (1.0, "v"), A: (2.0, "v")})
    get = vault.script.answers["GetSecretValue"]

    def only_current(ids: dict[str, Any]) -> Mapping[str, Any]:
        if ids["VersionId"] == A:
            raise refused("UnauthorizedOperation", ErrorClass.FORBIDDEN)
        assert callable(get)
        return get(ids)

    vault.script.answers["GetSecretValue"] = only_current
    assert raised(Refused, vault.store.current_keyturn_version).error_class is ErrorClass.FORBIDDEN


# --- reading


def test_a_version_is_read_by_its_id_and_the_current_one_without() -> None:
    vault = Vault({"current": (1.0, "v"), A: (2.0, "w"), "mine": (3.0, "x")})
    read = vault.store.read
    assert [read().reveal(), read("current").reveal(), read(A).reveal(), read("mine").reveal()] == ["v", "v", "w", "x"]
    assert raised(Refused, lambda: read(B)).error_class is ErrorClass.NOT_FOUND
    assert raised(Refused, Vault({}).store.read).code == "NotFound"


@pytest.mark.parametrize("value", [None, "", 5])
def test_a_version_without_text_holds_no_secret(value: object) -> None:
    error = raised(Refused, Vault({"current": (1.0, value)}).store.read)
    assert (error.error_class, error.code) == (ErrorClass.FAILED, "NoText")


def test_what_was_read_is_not_asked_for_again_where_it_cannot_change() -> None:
    vault = Vault({"current": (1.0, "v"), A: (2.0, "v")})
    vault.store.versions()
    vault.store.read(A)
    vault.store.current_keyturn_version()
    assert [one["VersionId"] for one in vault.script.asked("GetSecretValue")] == [A, "current"]


# --- writing


def test_a_version_is_written_beside_the_current_one() -> None:
    vault = Vault({"current": (1.0, "v")})
    vault.store.write(A, Secret("new"))
    assert vault.values == {"current": "v", A: "new"}
    assert vault.script.asked("PutSecretValue") == [{"SecretName": "one", "VersionId": A, "SecretString": "new"}]
    assert vault.script.actions == ["ListSecretVersionIds", "PutSecretValue"]


def test_the_same_write_again_is_one_and_another_secret_is_refused() -> None:
    vault = Vault({"current": (1.0, "v"), A: (2.0, "new")})
    vault.store.write(A, Secret("new"))
    error = raised(Refused, lambda: vault.store.write(A, Secret("other")))
    assert (error.error_class, error.code) == (ErrorClass.FAILED, "VersionExists")
    assert vault.values == {"current": "v", A: "new"}


@pytest.mark.parametrize("write", ["write", "withdraw", "promote"])
def test_a_version_of_the_users_is_left_as_it_is(write: str) -> None:
    vault = Vault({"current": (1.0, "v"), "mine": (2.0, "w")})
    calls: dict[str, Callable[[], object]] = {
        "write": lambda: vault.store.write("mine", Secret("x")),
        "withdraw": lambda: vault.store.withdraw("mine"),
        "promote": lambda: vault.store.promote("mine"),
    }
    error = raised(Refused, calls[write])
    assert (error.error_class, error.code) == (ErrorClass.INVALID_COMMAND, "InvalidVersion")
    assert not vault.script.calls


def test_the_first_version_of_all_is_not_written() -> None:
    vault = Vault({})
    assert raised(Refused, lambda: vault.store.write(A, Secret("new"))).code == "NotFound"
    assert not vault.held


@pytest.mark.parametrize(
    ("error", "code", "error_class"),
    [
        (RetryLater(ErrorClass.BUSY, "x", code="LimitExceeded"), "StoreFull", ErrorClass.BUSY),
        (refused("ResourceUnavailable.ResourceDisabled"), "ResourceUnavailable.ResourceDisabled", ErrorClass.FAILED),
        (Ambiguous("x", code="InternalError"), "InternalError", ErrorClass.UNAVAILABLE),
    ],
)
def test_what_a_write_is_refused_with(error: KeyturnError, code: str, error_class: ErrorClass) -> None:
    vault = Vault({"current": (1.0, "v")})
    vault.fails("PutSecretValue", error)
    told = raised(Refused if isinstance(error, Refused) else RetryLater, lambda: vault.store.write(A, Secret("new")))
    assert (told.code, told.error_class) == (code, error_class)
    assert "ssm://one" in told.message


# --- room


@pytest.mark.parametrize(
    ("count", "kept", "places", "spare", "gone"),
    [
        (8, True, 1, [1, 2], []),
        (9, True, 1, [1, 2], []),  # the tenth place is free, and what is current is kept
        (9, False, 1, [1, 2], [1]),  # the tenth is for what is current
        (10, True, 1, [2, 3], [2]),
        (10, False, 1, [2, 3], [2, 3]),
        (10, True, 2, [2, 3, 4], [2, 3]),
        (8, True, 2, [2], []),
        (8, False, 2, [2], [2]),
        (7, False, 2, [2], []),
        (10, True, 1, [3, 3, 2], [3]),
        (10, True, 1, [99, 3], [3]),  # it is not there
    ],
)
def test_room_is_made_of_the_spare_versions_and_of_no_more_than_needed(
    count: int, kept: bool, places: int, spare: Sequence[int], gone: Sequence[int]
) -> None:
    held: Held = {"current": (1.0, "s1" if kept else "v")}
    held |= {ours(n): (float(n), f"s{n}") for n in range(1, count)}
    vault = Vault(held)
    vault.store.make_room([ours(n) for n in spare], places)
    assert set(held) - set(vault.held) == {ours(n) for n in gone}
    assert [one["VersionId"] for one in vault.script.asked("DeleteSecretVersion")] == [ours(n) for n in gone]


@pytest.mark.parametrize("spare", [[], ["current"], [f"{BEFORE}1"], ["mine"]])
def test_nothing_goes_but_spare_versions_of_a_change(spare: list[str]) -> None:
    held = full() | {f"{BEFORE}1": (1.0, "b"), "mine": (2.0, "m")}
    vault = Vault(held)
    error = raised(RetryLater, lambda: vault.store.make_room(spare))
    assert (error.error_class, error.code) == (ErrorClass.BUSY, "StoreFull")
    assert vault.held == held


def test_a_full_store_takes_no_other_version_and_the_same_one_again() -> None:
    vault = Vault(full())
    assert raised(RetryLater, lambda: vault.store.write(ours(11), Secret("new"))).code == "StoreFull"
    assert "PutSecretValue" not in vault.script.actions
    vault.store.write(ours(9), Secret("s9"))
    assert vault.values == {id_: value for id_, (_, value) in full().items()}


def test_what_is_gone_is_listed_no_more() -> None:
    vault = Vault({"current": (1.0, "v"), A: (2.0, "w")})
    vault.store.versions()
    vault.store.withdraw(A)
    assert vault.values == {"current": "v"}
    vault.store.withdraw(A)  # again: it is not there, which is what was asked
    vault.fails("DeleteSecretVersion", refused("UnauthorizedOperation", ErrorClass.FORBIDDEN))
    assert raised(Refused, lambda: vault.store.withdraw(A)).error_class is ErrorClass.FORBIDDEN
    assert vault.script.actions.count("ListSecretVersionIds") == 1


# --- promoting


def test_a_promotion_overwrites_the_current_version_and_keeps_what_it_held() -> None:
    vault = Vault({"current": (1.0, "v"), A: (2.0, "w")})
    vault.store.promote(A)
    kept = BEFORE + A.removeprefix("kt-")
    assert vault.values == {"current": "w", A: "w", kept: "v"}
    assert vault.script.actions[-2:] == ["PutSecretValue", "UpdateSecret"]
    assert vault.script.asked("UpdateSecret") == [{"SecretName": "one", "VersionId": "current", "SecretString": "w"}]
    vault.store.promote(A)  # again: nothing is left to do
    assert vault.script.actions.count("UpdateSecret") == 1
    assert vault.store.current_keyturn_version() == A


@pytest.mark.parametrize("where", [B, f"{BEFORE}7"])
def test_what_a_version_of_keyturns_holds_already_is_not_kept_twice(where: str) -> None:
    vault = Vault({"current": (1.0, "v"), A: (2.0, "w"), where: (3.0, "v")})
    vault.store.promote(A)
    assert vault.values == {"current": "w", A: "w", where: "v"}


@pytest.mark.parametrize("where", ["mine", A])
def test_what_only_the_user_or_the_promoted_version_holds_is_kept(where: str) -> None:
    vault = Vault({"current": (1.0, "v"), A: (2.0, "w"), "mine": (3.0, "v")})
    vault.store.promote(A)
    assert vault.values[BEFORE + A.removeprefix("kt-")] == "v"


def test_a_current_version_of_keyturns_own_is_kept_before_it_is_overwritten() -> None:
    vault = Vault({A: (1.0, "v"), B: (2.0, "w")})
    vault.store.promote(B)
    assert vault.values == {A: "w", B: "w", BEFORE + B.removeprefix("kt-"): "v"}


def test_a_name_that_keeps_another_value_is_passed_over() -> None:
    stem = BEFORE + A.removeprefix("kt-")
    vault = Vault({"current": (1.0, "v"), A: (2.0, "w"), stem: (3.0, "x")})
    vault.store.promote(A)
    assert vault.values == {"current": "w", A: "w", stem: "x", f"{stem}-2": "v"}
    # One that came since the last listing.
    vault = Vault({"current": (1.0, "v"), A: (2.0, "w")})
    vault.store.versions()
    vault.held |= {stem: (3.0, "x"), f"{stem}-2": (3.0, "y")}
    vault.store.promote(A)
    assert vault.values == {"current": "w", A: "w", stem: "x", f"{stem}-2": "y", f"{stem}-3": "v"}


def test_nothing_is_overwritten_that_could_not_be_kept() -> None:
    vault = Vault(full())
    error = raised(RetryLater, lambda: vault.store.promote(ours(1)))
    assert (error.error_class, error.code) == (ErrorClass.BUSY, "StoreFull")
    assert vault.held == full()
    vault = Vault({"current": (1.0, "v"), A: (2.0, "w")})
    vault.fails("PutSecretValue", refused("ResourceUnavailable.ResourceDisabled"))
    assert raised(Refused, lambda: vault.store.promote(A)).code == "ResourceUnavailable.ResourceDisabled"
    assert vault.values == {"current": "v", A: "w"}
    vault.fails("PutSecretValue", RetryLater(ErrorClass.BUSY, "x", code="ResourceInUse"))
    assert raised(RetryLater, lambda: vault.store.promote(A)).code == "ResourceInUse"
    assert vault.values == {"current": "v", A: "w"}


def test_a_full_store_that_keeps_the_value_by_now_lets_a_promotion_through() -> None:
    held = full()
    vault = Vault(held)
    vault.store.versions()
    vault.held[ours(9)] = (9.0, "v")  # another delivery's, since
    vault.store.promote(ours(1))
    assert vault.values["current"] == "s1"


def test_a_version_that_is_gone_is_not_promoted() -> None:
    vault = Vault({"current": (1.0, "v")})
    assert raised(Refused, lambda: vault.store.promote(A)).error_class is ErrorClass.NOT_FOUND
    assert vault.values == {"current": "v"}


def test_the_stores_calls_have_a_pace_of_their_own() -> None:
    store = SsmStore(access(), "ap-tokyo", "one")
    assert store._session.access.calls_per_s == 2 * CALLS_PER_S
    assert (store.name, store._session.region, store._session.cloud) == ("ssm://one", "ap-tokyo", "tencent")
    assert isinstance(store._session, TencentSession)
    assert store._session._key == ("ssm", "ssm.tencentcloudapi.com", "", "")
