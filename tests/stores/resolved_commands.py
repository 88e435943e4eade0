"""Commands of a made-up cloud, whose secrets are resolved over a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from shared.commands.command import Alternate, Command, Deliver
from shared.commands.password_rules import PasswordRule
from shared.commands.secrets import Generate, NewSecret, OldSecret
from shared.commands.store_reference import StoreRef, parse_ref
from shared.stores.resolving import SecretResolver
from shared.stores.store import Store
from shared.stores.versions import ChangeIdentity, change_identity
from tests.support.memory_store import Shelved, Vault

RULE = PasswordRule(4, 40, source="a page")
STORE = parse_ref("ssm://s")
BOUND_S = 1_000.0


def known(command: str, account: str = "app", **parameters: Any) -> ChangeIdentity:
    return change_identity("source", f"redis/crs-1/{account}", (), "operation", command, parameters)


MINE, OTHER, THIRD, ROOT = known("c-1"), known("c-2"), known("c-3"), known("c-r", "root")


class Open(Command):
    """Without a fence."""

    new_field: ClassVar[str] = "new"
    rule: ClassVar[PasswordRule] = RULE

    account_name: str | None = None
    alternate: Alternate[str] | None = None
    new: NewSecret

    @property
    def alternates(self) -> tuple[str, ...]:
        return tuple(self.alternate or ())


class Fenced(Open):
    old_field: ClassVar[str | None] = "old"

    old: OldSecret | None = None


def into_store(model: type[Open] = Open, *, adopt: bool = False, **fields: Any) -> Open:
    """A command whose new secret is made, and goes into the store."""
    given: dict[str, Any] = {"old": STORE} if model is Fenced else {}
    deliver = Deliver.model_construct(store=STORE, adopt=True if adopt else None)
    return model.model_construct(**given | {"new": Generate(20), "deliver": deliver} | fields)


def resolver(command: Open, vault: Vault, store: Shelved | None = None) -> SecretResolver[Open]:
    opened = store or Shelved(vault)

    def store_of(ref: StoreRef) -> tuple[Store, str]:
        return opened, "ap-guangzhou"

    clock: Callable[[], float] = lambda: vault.now  # noqa: E731 - read anew each time
    return SecretResolver(command, lambda: MINE, store_of, BOUND_S, clock)
