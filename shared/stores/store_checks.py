"""Checks of a store before a change: what it holds, whose it is, and whether an earlier call may still arrive."""

from __future__ import annotations

import json

from shared.commands.store_reference import StoreRef
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import NO_TEXT, Store
from shared.stores.versions import VersionListing

NO_PASSWORD = "NoPassword"  # noqa: S105 - an error's code
"""Error code: the store holds a text that is not just a password."""


def check_owner(store: Store, listing: VersionListing, ref: StoreRef, *, adopt: bool) -> None:
    """Check that the store belongs to this credential, and that the CommandId is not another change's. Raises: Refused.

    `adopt`: the command takes the store over from another credential.
    """
    if listing.current is None:
        text = f"{ref.place} holds no current version: store the secret that is in force now"
        raise Refused(ErrorClass.FAILED, text, code="NoCurrentVersion")
    if listing.reused:
        text = "CommandId: another command of this credential used it, with other parameters; nothing was called: "
        raise Refused(ErrorClass.INVALID_COMMAND, text + "give a new CommandId", code="CommandIdUsed")
    if not listing.foreign:
        return
    text = f"{ref.place} holds secrets of another credential, nothing was called: "
    if not adopt:
        text += "name another store, or set Deliver.Adopt to take it over"
        raise Refused(ErrorClass.FORBIDDEN, text, code="StoreOfAnother")
    if listing.maybe_in_force(store.current_keyturn_version(), listing.foreign):
        text += "one of them is pending, so the store cannot be taken over: end the pending command first"
        raise Refused(ErrorClass.FORBIDDEN, text, code="StoreOfAnother")


def check_no_call_is_out(listing: VersionListing, now: float, bound_s: float) -> None:
    """Refuse while a lost call of another command, which no fence stops, may still arrive after this one's.

    `bound_s`: how long after a version was written its last call can take effect. Raises: RetryLater.
    """
    out = [one for one in listing.others if listing.names[one.id].number > 1]
    left_s = max((one.created + bound_s - now for one in out), default=0.0)
    if left_s > 0:
        text = f"a call of an earlier command may still arrive, nothing was called: send this one in {left_s:.0f} s"
        later = RetryLater(ErrorClass.BUSY, text, code="StillSettling")
        later.after_s = left_s
        raise later


def check_password(kept: Secret, place: str) -> Secret:
    """Return a stored text that is just a password. Raises: Refused (failed, NoPassword), never with the value."""
    check_replaceable(kept, place)
    if _bare(kept) == kept.reveal():
        return kept
    what = "begins or ends with white space or an invisible character: store the password alone, without a line end"
    raise Refused(ErrorClass.FAILED, f"{place} {what}; nothing was called", code=NO_PASSWORD)


def check_replaceable(kept: Secret, place: str) -> None:
    """Refuse a stored JSON object: its clients could not read a bare password. Raises: as `check_password`."""
    if _is_object(_bare(kept)):
        what = "holds JSON, as of a managed secret or alternating accounts: name a secret that holds only the password"
        raise Refused(ErrorClass.FAILED, f"{place} {what}; nothing was called", code=NO_PASSWORD)


def _bare(kept: Secret) -> str:
    return kept.reveal().strip().strip("\ufeff\0\u200b\u2060\u00ad")


def is_no_secret(refused: Refused) -> bool:
    """Whether the version is gone, or holds no password, so that another one may hold the old secret."""
    return refused.error_class is ErrorClass.NOT_FOUND or refused.code in (NO_TEXT, NO_PASSWORD)


def _is_object(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
