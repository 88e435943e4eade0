"""Two accounts that keyturn changes in turn: what their store holds, and which account is next."""

from __future__ import annotations

import json
from dataclasses import dataclass

from shared.commands.store_reference import StoreRef
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.secret import Secret


@dataclass(frozen=True, eq=False, repr=False)
class AlternatingSecret:
    """The stored value of two alternating accounts: the account to use now, and the one before it."""

    account: str
    password: Secret
    previous: tuple[str, Secret] | None = None

    def as_stored(self) -> Secret:
        """The value as the JSON that clients read: AccountName, Password, and Previous with the same two fields."""
        body: dict[str, object] = {"AccountName": self.account, "Password": self.password.reveal()}
        if self.previous:
            body["Previous"] = {"AccountName": self.previous[0], "Password": self.previous[1].reveal()}
        return Secret(json.dumps(body, separators=(",", ":")))

    @classmethod
    def from_stored(cls, kept: Secret) -> AlternatingSecret | None:
        """Read a stored value; None if it has another form."""
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
    """One change of two alternating accounts: `account` is changed, while the account in the store keeps working."""

    account: str
    working: AlternatingSecret

    @property
    def old(self) -> Secret | None:
        """The account's own old password, where the store knows it."""
        return self.working.password_of(self.account)

    def with_new(self, new: Secret) -> Secret:
        """The value for the store once the account has its new password."""
        return AlternatingSecret(self.account, new, (self.working.account, self.working.password)).as_stored()


def turn_of(pair: tuple[str, ...], current: Secret, ref: StoreRef) -> Turn:
    """Which of the two accounts is next, by the store's current secret. Raises: Refused."""
    working = alternating_secret(current, ref)
    if working.account not in pair:
        raise _of_another_form(ref)
    return Turn(next(one for one in pair if one != working.account), working)


def alternating_secret(kept: Secret, ref: StoreRef) -> AlternatingSecret:
    """Read the value of a version. Raises: Refused if it has another form."""
    found = AlternatingSecret.from_stored(kept)
    if found is None:
        raise _of_another_form(ref)
    return found


def _of_another_form(ref: StoreRef) -> Refused:
    text = f"{ref.place} must hold JSON with AccountName (one of the two), its Password, and the other in Previous"
    return Refused(ErrorClass.FAILED, text, code="StoreForm")


def _pair(body: object) -> tuple[str, Secret] | None:
    account, password = (body.get("AccountName"), body.get("Password")) if isinstance(body, dict) else (None, None)
    if not (isinstance(account, str) and account and isinstance(password, str) and password):
        return None
    try:
        password.encode()
    except UnicodeEncodeError:  # a lone surrogate: JSON can write it, no server accepts it
        return None
    return account, Secret(password)
