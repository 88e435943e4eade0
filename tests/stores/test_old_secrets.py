"""Further old secrets of a fenced change, and two accounts that take turns: which version gives whose secret."""

from __future__ import annotations

import json

import pytest

from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.alternating import AlternatingSecret
from tests.stores.resolved_commands import MINE, OTHER, STORE, THIRD, Fenced, Open, into_store, resolver
from tests.stores.test_resolving import NOW, raised, vault_with
from tests.support.memory_store import Shelved, Vault


def olds(vault: Vault, store: Shelved | None = None) -> list[str | None]:
    """The old secrets that are tried after the first one, in order; None where a version gives none."""
    found = resolver(into_store(Fenced), vault, store).resolve()
    assert found.olds is not None
    tried: list[str | None] = []
    for index in range(len(found.olds.versions)):
        command = found.olds.command_at(index)
        assert command is None or (isinstance(command, Fenced) and command.new == found.new)
        tried.append(None if command is None else str(getattr(command, "old").reveal()))  # noqa: B009 - of a Fenced
    return tried


def test_every_other_version_is_tried_newest_first_and_each_secret_once() -> None:
    vault = vault_with((OTHER.name(1), -50.0), ("u1", -10.0), (MINE.name(1), -5.0), ("u2", -20.0), ("u3", -30.0))
    vault.values["u2"] = "of u1"
    vault.values["u3"] = "first"
    assert olds(vault) == ["of u1", None, None, f"of {OTHER.name(1)}"]


def test_what_a_command_has_made_itself_is_no_old_secret() -> None:
    vault = vault_with((MINE.name(1), -5.0), ("u1", -10.0))
    vault.values["u1"] = f"of {MINE.name(1)}"
    assert olds(vault) == [None]


def test_no_more_than_ten_old_secrets_are_tried() -> None:
    vault = vault_with(*((f"u{number}", -10.0 - number) for number in range(12)), (MINE.name(1), -5.0))
    assert olds(vault) == [f"of u{number}" for number in range(9)]


def test_a_version_that_is_gone_gives_none_and_another_refusal_is_raised() -> None:
    vault = vault_with(("u1", -10.0))
    found = resolver(into_store(Fenced), vault).resolve()
    assert found.olds is not None
    store = found.olds.keeping.store
    assert isinstance(store, Shelved)
    error: list[KeyturnError] = [Refused(ErrorClass.NOT_FOUND, "gone", code="NotFound")]

    def fail(call: str) -> None:
        raise error[0]

    store.before = fail
    assert found.olds.command_at(0) is None
    for error[0] in (Refused(ErrorClass.FORBIDDEN, "no"), RetryLater(ErrorClass.BUSY, "busy")):
        with pytest.raises((Refused, RetryLater)):
            found.olds.command_at(0)


def test_after_another_new_secret_was_made_an_old_one_goes_with_the_newest() -> None:
    """Else the cloud would be given one secret while the store makes another one current."""
    vault = vault_with(("u1", -10.0))
    found = resolver(into_store(Fenced), vault).resolve()
    assert found.keeping is not None
    assert found.olds is not None
    found.keeping.write_ahead()
    newest = found.keeping.write_another_secret()
    assert newest != found.new
    command = found.olds.command_at(0)
    assert command is not None
    assert (command.new, vault.values[found.keeping.version]) == (newest, newest.reveal())


def test_the_version_that_was_in_force_becomes_current_if_it_is_keyturn_s() -> None:
    vault = vault_with((OTHER.name(1), -10.0), ("u1", -20.0))
    found = resolver(into_store(Fenced), vault).resolve()
    assert found.olds is not None
    assert found.olds.in_force(1) == ["store: version u1 held the old secret"]
    assert vault.current == "first"
    assert found.olds.in_force(0) == [f"store: version {OTHER.name(1)} was in force, and is now current"]
    assert vault.current == f"of {OTHER.name(1)}"


# --- two accounts in turn


def turn(account: str, password: str, previous: tuple[str, str] | None = None) -> str:
    body: dict[str, object] = {"AccountName": account, "Password": password}
    if previous is not None:
        body["Previous"] = {"AccountName": previous[0], "Password": previous[1]}
    return json.dumps(body)


def alternating(model: type[Open] = Open) -> Open:
    return into_store(model, old=None, alternate=["a", "b"]) if model is Fenced else into_store(alternate=["a", "b"])


def turns(current: str, **versions: str) -> Vault:
    vault = Vault(now=NOW, current=current)
    vault.values["v1"] = current
    for number, (name, value) in enumerate(versions.items()):
        vault.put(name, value, NOW - 10.0 - number)
    return vault


@pytest.mark.parametrize(("working", "idle"), [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("model", [Open, Fenced])
def test_the_idle_account_is_changed_and_the_working_one_stays_beside_it(
    model: type[Open], working: str, idle: str
) -> None:
    vault = turns(turn(working, "working one", (idle, "idle one")))
    found = resolver(alternating(model), vault).resolve()
    assert found.keeping is not None
    assert found.new is not None
    assert (found.account, found.command.account_name, found.command.alternate) == (idle, idle, None)
    if isinstance(found.command, Fenced):
        assert found.command.old == Secret("idle one")
    found.keeping.write_ahead()
    kept = json.loads(vault.values[MINE.name(1)])
    assert kept == json.loads(turn(idle, found.new.reveal(), (working, "working one")))
    newest = found.keeping.write_another_secret()
    assert json.loads(vault.values[MINE.name(2)]) == json.loads(turn(idle, newest.reveal(), (working, "working one")))


def test_an_earlier_delivery_s_turn_is_gone_on_with() -> None:
    vault = turns(turn("a", "working one", ("b", "idle one")))
    vault.put(MINE.name(1), turn("b", "made one", ("a", "working one")), NOW - 5.0)
    found = resolver(alternating(Fenced), vault).resolve()
    assert isinstance(found.command, Fenced)
    assert (found.account, found.new, found.command.old) == ("b", Secret("made one"), Secret("idle one"))
    vault.current = vault.values[MINE.name(1)]
    found = resolver(alternating(Fenced), vault).resolve()
    assert (found.finished, found.account, found.new) == (True, "b", Secret("made one"))
    assert found.command.account_name == "b"


@pytest.mark.parametrize(
    "current",
    ["no JSON", "[]", "{}", turn("c", "one"), turn("", "one"), turn("a", ""), '{"AccountName": "a", "Password": 1}'],
)
def test_a_store_of_another_form_is_refused(current: str) -> None:
    assert raised(alternating(), turns(current)).code == "StoreForm"


def test_an_earlier_version_of_another_form_is_refused() -> None:
    vault = turns(turn("a", "working one"))
    vault.put(MINE.name(1), "no JSON", NOW - 5.0)
    assert raised(alternating(), vault).code == "StoreForm"


def test_the_idle_account_s_old_secret_is_looked_for_in_other_versions() -> None:
    """The first that holds one; those after it are further candidates."""
    vault = turns(
        turn("a", "working one"),
        u1="no JSON",
        u2=turn("a", "x"),
        u3=turn("a", "x", ("b", "idle one")),
        u4=turn("b", "older"),
    )
    found = resolver(alternating(Fenced), vault).resolve()
    assert isinstance(found.command, Fenced)
    assert found.olds is not None
    assert (found.command.old, list(found.olds.versions)) == (Secret("idle one"), ["u4"])
    command = found.olds.command_at(0)
    assert isinstance(command, Fenced)
    assert (command.old, command.account_name) == (Secret("older"), "b")
    assert found.olds.in_force(0) == ["store: version u4 held the old secret"]


def test_without_an_old_secret_of_the_idle_account_nothing_is_called() -> None:
    assert raised(alternating(Fenced), turns(turn("a", "working one"), u1="no JSON")).code == "NoOldSecret"


@pytest.mark.parametrize(("account", "password"), [("a", "now"), ("b", "before"), ("c", None)])
def test_a_turn_knows_the_passwords_of_both(account: str, password: str | None) -> None:
    one = AlternatingSecret("a", Secret("now"), ("b", Secret("before")))
    found = one.password_of(account)
    assert (found.reveal() if found is not None else None) == password
    again = AlternatingSecret.from_stored(one.as_stored())
    assert again is not None
    assert (again.account, again.password, again.previous) == (one.account, one.password, one.previous)
    alone = AlternatingSecret("a", Secret("now"))
    assert "Previous" not in alone.as_stored().reveal()
    assert alone.password_of("b") is None


def test_the_store_itself_is_read_only_where_the_command_says_so() -> None:
    other = into_store(Fenced, old=STORE.__class__("ssm", "another"))
    found = resolver(other, vault_with((THIRD.name(1), -10.0))).resolve()
    assert (found.olds, found.evidence) == (None, ["store: ssm://another read"])
