"""Two accounts that take turns: what a store's secret holds of them, and whose turn it is."""

from __future__ import annotations

import json
from dataclasses import dataclass

from shared.commands.store_reference import StoreRef
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.secret import Secret


@dataclass(frozen=True, eq=False, repr=False)
class AlternatingSecret:
    """What a store's secret holds where two accounts take turns: the one to use now, and the one before it."""

    account: str
    password: Secret
    previous: tuple[str, Secret] | None = None

    def as_stored(self) -> Secret:
        """The turn as the JSON that clients read: AccountName, Password, and Previous with the same two."""
        body: dict[str, object] = {"AccountName": self.account, "Password": self.password.reveal()}
        if self.previous:
            body["Previous"] = {"AccountName": self.previous[0], "Password": self.previous[1].reveal()}
        return Secret(json.dumps(body, separators=(",", ":")))

    @classmethod
    def from_stored(cls, kept: Secret) -> AlternatingSecret | None:
        """The turn that a store's secret holds, or None if it is of another form."""
        try:
            body = json.loads(kept.reveal())
        except (ValueError, RecursionError):
            return None
        now = _pair(body)
        if now is None:
            return None
        return cls(*now, _pair(body.get("Previous")))

    def password_of(self, account: str) -> Secret | None:
        """The password of one of the two accounts, as far as it is known."""
        if self.account == account:
            return self.password
        return self.previous[1] if self.previous and self.previous[0] == account else None


@dataclass(frozen=True, eq=False, repr=False)
class Turn:
    """The account that a change is for, while the other one, which the store names now, goes on working."""

    account: str
    working: AlternatingSecret

    @property
    def old(self) -> Secret | None:
        """The account's own old password, where the store knows it."""
        return self.working.password_of(self.account)

    def with_new(self, new: Secret) -> Secret:
        """What the store is to hold once the account has its new password."""
        return AlternatingSecret(self.account, new, (self.working.account, self.working.password)).as_stored()


def turn_of(pair: tuple[str, ...], current: Secret, ref: StoreRef) -> Turn:
    """Whose turn of the two it is, by the store's current secret. Raises: Refused."""
    working = alternating_secret(current, ref)
    if working.account not in pair:
        raise _of_another_form(ref)
    return Turn(next(one for one in pair if one != working.account), working)


def alternating_secret(kept: Secret, ref: StoreRef) -> AlternatingSecret:
    """What a version of the store holds. Raises: Refused."""
    found = AlternatingSecret.from_stored(kept)
    if found is None:
        raise _of_another_form(ref)
    return found


def _of_another_form(ref: StoreRef) -> Refused:
    text = f"{ref.place} must hold JSON with AccountName, one of the two, its Password, and the other in Previous"
    return Refused(ErrorClass.FAILED, text, code="StoreForm")


def _pair(body: object) -> tuple[str, Secret] | None:
    account, password = (body.get("AccountName"), body.get("Password")) if isinstance(body, dict) else (None, None)
    if not (isinstance(account, str) and account and isinstance(password, str) and password):
        return None
    try:
        password.encode()
    except UnicodeEncodeError:  # JSON can spell half a character, and no server takes one
        return None
    return account, Secret(password)
