"""Where a command's secrets come from, and what a store must show before anything is called."""

from __future__ import annotations

from typing import Any

import pytest

from shared.commands.secrets import Generate
from shared.commands.store_reference import parse_ref
from shared.results.outcome import SUPERSEDED, Outcome
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import STORE_FULL
from tests.stores.resolved_commands import (
    BOUND_S,
    MINE,
    OTHER,
    ROOT,
    RULE,
    STORE,
    THIRD,
    Fenced,
    Open,
    into_store,
    known,
    resolver,
)
from tests.support.memory_store import MOST, Shelved, Vault

NOW = 10_000.0


def vault_with(*made: tuple[str, float], current: str = "first") -> Vault:
    """A store with these versions, each so many seconds from now; each holds `of <its name>`."""
    vault = Vault(now=NOW)
    for name, at in made:
        vault.put(name, f"of {name}", NOW + at)
    vault.current = current if current == "first" else f"of {current}"
    return vault


def raised(command: Open, vault: Vault) -> KeyturnError:
    one = resolver(command, vault)
    with pytest.raises((Refused, RetryLater)) as error:
        one.resolve()
    return error.value


# --- without a store that the new one goes to


def test_secrets_that_are_sent_are_taken_as_they_are() -> None:
    found = resolver(Fenced.model_construct(old=Secret("old one"), new=Secret("new one")), Vault()).resolve()
    assert isinstance(found.command, Fenced)
    assert (found.command.old, found.command.new, found.new) == (
        Secret("old one"),
        Secret("new one"),
        Secret("new one"),
    )
    assert (found.keeping, found.olds, found.account, found.evidence) == (None, None, None, [])


def test_a_new_secret_that_is_the_old_one_is_refused() -> None:
    error = raised(Fenced.model_construct(old=Secret("same"), new=Secret("same")), Vault())
    assert error.error_class is ErrorClass.INVALID_COMMAND


def test_an_open_change_s_secret_is_compared_with_nothing() -> None:
    assert resolver(Open.model_construct(new=Secret("same")), Vault()).resolve().new == Secret("same")


def test_a_secret_that_the_cloud_makes_is_none_yet() -> None:
    found = resolver(Open.model_construct(new=None), Vault()).resolve()
    assert (found.new, found.keeping, found.conclusion) == (None, None, None)


def test_a_secret_by_reference_is_read_from_its_version() -> None:
    vault = Vault()
    vault.put("v2", "second")
    command = Fenced.model_construct(old=parse_ref("ssm://s"), new=parse_ref("ssm://s#v2"))
    found = resolver(command, vault).resolve()
    assert isinstance(found.command, Fenced)
    assert (found.command.old, found.command.new) == (Secret("first"), Secret("second"))
    assert found.evidence == ["store: ssm://s read"] * 2


@pytest.mark.parametrize(("kept", "refused"), [("abc", True), ("abcd", False)])
def test_a_new_secret_by_reference_keeps_the_rule_and_an_old_one_need_not(kept: str, refused: bool) -> None:
    vault = Vault(current=kept)
    new = Open.model_construct(new=STORE)
    if refused:
        error = raised(new, vault)
        assert (error.error_class, "4 to 40" in error.message, kept in error.message) == (
            ErrorClass.INVALID_COMMAND,
            True,
            False,
        )
    else:
        assert resolver(new, vault).resolve().new == Secret(kept)
    assert resolver(Fenced.model_construct(old=STORE, new=Secret("new one")), vault).resolve().new is not None


def test_a_secret_is_made_by_its_rule() -> None:
    found = resolver(Open.model_construct(new=Generate(23)), Vault()).resolve()
    assert found.new is not None
    assert (len(found.new.reveal()), RULE.violations(found.new.reveal())) == (23, [])


# --- a first delivery


def test_a_first_delivery_gets_a_new_version_and_writes_nothing() -> None:
    store = Shelved(vault := vault_with())
    found = resolver(into_store(Fenced), vault, store).resolve()
    assert isinstance(found.command, Fenced)
    assert found.keeping is not None
    assert (found.keeping.version, found.keeping.existed, found.keeping.written) == (MINE.name(1), False, False)
    assert (found.command.old, found.command.new) == (Secret("first"), found.new)
    assert found.new is not None
    assert len(found.new.reveal()) == 20
    assert (found.finished, found.contested, found.conclusion, set(vault.values)) == (False, False, None, {"v1"})
    assert "write" not in store.calls
    found.keeping.write_ahead()
    assert vault.values[MINE.name(1)] == found.new.reveal()
    assert found.keeping.write_another_secret() not in (found.new, None)


def test_a_secret_that_nobody_wishes_to_be_made_goes_into_no_store() -> None:
    error = raised(into_store(new=Secret("given one")), vault_with())
    assert error.error_class is ErrorClass.INVALID_COMMAND


def test_an_open_change_looks_at_what_it_replaces_and_takes_no_old_secret_of_it() -> None:
    store = Shelved(vault := vault_with())
    found = resolver(into_store(), vault, store).resolve()
    assert (found.olds, store.calls.count("read")) == (None, 1)


@pytest.mark.parametrize("held", ['{"AccountName": "app_a", "Password": "x"}', ' {"a": 1}\n'])
@pytest.mark.parametrize("dry", [True, False])
def test_a_password_replaces_no_json(held: str, dry: bool) -> None:
    vault = vault_with()
    vault.current = held
    error = raised(into_store(dry_run=dry), vault)
    assert isinstance(error, Refused)
    assert (error.code, "Password" in str(error)) == ("NoPassword", False)


def test_the_old_secret_may_be_sent_while_the_new_one_is_kept() -> None:
    found = resolver(into_store(Fenced, old=Secret("sent")), vault := vault_with((OTHER.name(1), -10.0))).resolve()
    assert isinstance(found.command, Fenced)
    assert (found.command.old, found.olds, vault.current) == (Secret("sent"), None, "first")


def test_a_dry_run_looks_and_makes_no_room() -> None:
    store = Shelved(vault := vault_with((MINE.name(1), -10.0), (OTHER.name(1), 5.0)))
    found = resolver(into_store(dry_run=True), vault, store).resolve()
    assert found.keeping is not None
    assert (found.keeping.version, found.conclusion, found.finished) == (MINE.name(1), None, False)
    store = Shelved(vault := vault_with())
    found = resolver(into_store(dry_run=True), vault, store).resolve()
    assert found.keeping is not None
    assert (found.keeping.version, store.calls) == (MINE.name(1), ["versions", "read"])


# --- whose store it is


ADMISSION: list[tuple[str, list[tuple[str, float]], str, bool, str | None]] = [
    ("nothing else", [], "first", False, None),
    ("the same command with other parameters", [(known("c-1", x=1).name(1), -10.0)], "first", False, "CommandIdUsed"),
    ("another credential's", [(ROOT.name(1), -10.0)], ROOT.name(1), False, "StoreOfAnother"),
    ("another credential's, adopted", [(ROOT.name(1), -10.0)], ROOT.name(1), True, None),
    ("another credential's, pending", [(ROOT.name(1), -10.0)], "first", True, "StoreOfAnother"),
    ("a call may be out", [(OTHER.name(2), -10.0)], "first", False, "StillSettling"),
    ("a call may be out till now", [(OTHER.name(2), -BOUND_S)], "first", False, None),
    ("a call may be out for a moment", [(OTHER.name(2), 0.5 - BOUND_S)], "first", False, "StillSettling"),
    ("a first call is not counted", [(OTHER.name(1), -10.0)], "first", False, None),
    ("another credential's call", [(ROOT.name(2), -10.0)], ROOT.name(2), True, None),
]


@pytest.mark.parametrize(("what", "made", "current", "adopt", "code"), ADMISSION, ids=[row[0] for row in ADMISSION])
def test_a_store_takes_a_change_only_of_its_credential_and_at_rest(
    what: str, made: list[tuple[str, float]], current: str, adopt: bool, code: str | None
) -> None:
    command = into_store(adopt=adopt)
    if code is None:
        assert resolver(command, vault_with(*made, current=current)).resolve().keeping is not None
    else:
        assert raised(command, vault_with(*made, current=current)).code == code


def test_who_must_wait_for_an_earlier_call_is_told_how_long() -> None:
    made = [(OTHER.name(2), -300.0), (THIRD.name(3), -100.0)]
    error = raised(into_store(), vault_with(*made))
    assert isinstance(error, RetryLater)
    assert (error.after_s, "in 900 s" in error.message) == (900.0, True)


def test_a_store_without_a_current_version_is_refused() -> None:
    vault = vault_with()
    del vault.values["v1"]
    assert raised(into_store(), vault).code == "NoCurrentVersion"


# --- an earlier delivery of the change


EARLIER: list[tuple[str, dict[str, Any], list[tuple[str, float]], str, str]] = [
    ("pending", {}, [(MINE.name(1), -10.0)], "first", "goes on"),
    ("pending, an older one current", {}, [(MINE.name(1), -10.0), (OTHER.name(1), -20.0)], OTHER.name(1), "goes on"),
    ("pending, a later one begun", {}, [(MINE.name(1), -10.0), (OTHER.name(1), -5.0)], "first", "unknown"),
    ("pending, one of its second begun", {}, [(MINE.name(1), -10.0), (OTHER.name(1), -10.0)], "first", "unknown"),
    ("promoted", {}, [(MINE.name(1), -10.0)], MINE.name(1), "finished"),
    ("promoted, its first number", {}, [(MINE.name(1), -10.0), (MINE.name(2), -9.0)], MINE.name(1), "finished"),
    ("promoted, a later one begun", {}, [(MINE.name(1), -10.0), (OTHER.name(1), -5.0)], MINE.name(1), "unknown"),
    ("the same, and a login tells", {"login": True}, [(MINE.name(1), -10.0), (OTHER.name(1), -5.0)], MINE.name(1),
     "contested"),
    ("promoted, an older one pending", {}, [(MINE.name(1), -10.0), (OTHER.name(1), -15.0)], MINE.name(1), "finished"),
    ("replaced", {}, [(MINE.name(1), -10.0), (OTHER.name(1), -5.0)], OTHER.name(1), "unknown"),
    ("replaced in its own second", {}, [(MINE.name(1), -10.0), (OTHER.name(1), -10.0)], OTHER.name(1), "unknown"),
    ("replaced till the bound", {}, [(MINE.name(1), -BOUND_S), (OTHER.name(1), -5.0)], OTHER.name(1), "unknown"),
    ("replaced long since", {}, [(MINE.name(1), -BOUND_S - 1.0), (OTHER.name(1), -5.0)], OTHER.name(1), "not_changed"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "asked", "made", "current", "means"), EARLIER, ids=[row[0] for row in EARLIER])
def test_what_an_earlier_delivery_left_says_how_to_go_on(
    what: str, asked: dict[str, Any], made: list[tuple[str, float]], current: str, means: str
) -> None:
    one = resolver(into_store(**asked), vault_with(*made, current=current))
    found = one.resolve()
    if means in ("unknown", "not_changed"):
        assert found.conclusion is not None
        assert (found.conclusion.outcome.value, found.conclusion.error and found.conclusion.error.code) == (
            means,
            SUPERSEDED,
        )
        assert (found.keeping, found.new) == (None, None)
        open_still = one.begun.version if one.begun is not None else None
        assert open_still == (made[0][0] if means == "unknown" else None)
        assert found.conclusion.stored is one.begun
        return
    assert found.keeping is not None
    assert found.new is not None
    assert (found.finished, found.contested) == (means in ("finished", "contested"), means == "contested")
    version = current if found.finished else made[0][0]
    assert (found.keeping.version, found.new.reveal(), found.keeping.existed) == (version, f"of {version}", True)
    assert one.begun is not None
    assert one.begun.stage == "pending"
    if found.finished:
        assert found.evidence == [f"store: version {version} is of an earlier delivery, proven in force"]
        with pytest.raises(Refused):
            found.keeping.write_another_secret()


FENCED: list[tuple[str, list[tuple[str, float]], str, str]] = [
    ("replaced", [(MINE.name(1), -10.0), (OTHER.name(1), -5.0)], OTHER.name(1), "not_changed"),
    ("promoted, a later one begun", [(MINE.name(1), -10.0), (OTHER.name(1), -5.0)], MINE.name(1), "contested"),
    ("pending, a later one begun", [(MINE.name(1), -10.0), (OTHER.name(1), -5.0)], "first", "goes on"),
]


@pytest.mark.parametrize(("what", "made", "current", "means"), FENCED, ids=[row[0] for row in FENCED])
def test_behind_a_fence_a_late_call_does_nothing(
    what: str, made: list[tuple[str, float]], current: str, means: str
) -> None:
    found = resolver(into_store(Fenced), vault_with(*made, current=current)).resolve()
    if means == "not_changed":
        assert found.conclusion is not None
        assert found.conclusion.outcome is Outcome.NOT_CHANGED
    else:
        assert (found.conclusion, found.contested) == (None, means == "contested")
    if means == "contested":
        assert isinstance(found.command, Fenced)
        assert found.command.old == found.command.new == Secret(f"of {MINE.name(1)}")


# --- a full store


def test_a_full_store_gives_up_what_may_go_and_else_sets_a_pending_one_again() -> None:
    users = [(f"u{number}", -9_000.0) for number in range(MOST - 2)]
    done = vault_with(*users, (OTHER.name(1), -5_000.0), current="first")
    found = resolver(into_store(), done).resolve()
    assert found.keeping is not None
    assert (found.keeping.version, found.keeping.existed) == (OTHER.name(1), True)
    assert found.evidence == [f"store: full, so the pending version {OTHER.name(1)} is used again"]
    assert found.new == Secret(f"of {OTHER.name(1)}")

    full = raised(into_store(), vault_with(*users, ("u", -9_000.0)))
    assert full.code == STORE_FULL

    room = vault_with(*users[1:], (THIRD.name(1), -6_000.0), (OTHER.name(1), -5_000.0), current=OTHER.name(1))
    found = resolver(into_store(), room).resolve()
    assert found.keeping is not None
    assert (found.keeping.version, THIRD.name(1) in room.values) == (MINE.name(1), False)


@pytest.mark.parametrize("call", range(1, 4))
def test_what_a_store_answers_to_the_wish_for_room_is_raised_unless_it_is_full(call: int) -> None:
    vault = vault_with(*((f"u{number}", -9_000.0) for number in range(MOST - 2)), (OTHER.name(1), -5_000.0))
    store, count = Shelved(vault), [0]

    def fail(what: str) -> None:
        count[0] += what == "make_room"
        if what == "make_room" and count[0] == call:
            raise RetryLater(ErrorClass.BUSY, "busy", code="Busy")

    store.before = fail
    with pytest.raises(RetryLater) as error:
        resolver(into_store(), vault, store).resolve()
    assert error.value.code == "Busy"
