"""Whether a store takes a change now: what it holds, whose secrets, and whether an earlier command may still call."""

from __future__ import annotations

import json

from shared.commands.store_reference import StoreRef
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import NO_TEXT, Store
from shared.stores.versions import VersionListing

NO_PASSWORD = "NoPassword"  # noqa: S105 - an error's code
"""Code where a store holds a text that is no password by itself."""


def check_owner(store: Store, listing: VersionListing, ref: StoreRef, *, adopt: bool) -> None:
    """A store is one credential's, and a CommandId stands for one change of it. Raises: Refused.

    `adopt`: the command asks that the store change hands.
    """
    if listing.current is None:
        text = f"{ref.place} holds no current version: give it one, the secret that is in force now"
        raise Refused(ErrorClass.FAILED, text, code="NoCurrentVersion")
    if listing.reused:
        text = "CommandId: a command of this credential had it, with other parameters, nothing was called: give a "
        raise Refused(ErrorClass.INVALID_COMMAND, text + "new CommandId", code="CommandIdUsed")
    if not listing.foreign:
        return
    text = f"{ref.place} holds secrets of another credential, nothing was called: "
    if not adopt:
        text += "name another store, or say `Adopt` if it is to change hands"
        raise Refused(ErrorClass.FORBIDDEN, text, code="StoreOfAnother")
    if listing.maybe_in_force(store.current_keyturn_version(), listing.foreign):
        text += "one of them is pending, so it cannot change hands: bring that command to its end first"
        raise Refused(ErrorClass.FORBIDDEN, text, code="StoreOfAnother")


def check_no_call_is_out(listing: VersionListing, now: float, bound_s: float) -> None:
    """A call whose answer was lost, and that no fence stops, may arrive after the one that is to be made now.

    `bound_s`: how long after it was made a version's last call can take effect. Raises: RetryLater.
    """
    out = [one for one in listing.others if listing.names[one.id].number > 1]
    left_s = max((one.created + bound_s - now for one in out), default=0.0)
    if left_s > 0:
        text = f"a call of an earlier command may still arrive, nothing was called: send it in {left_s:.0f} s"
        later = RetryLater(ErrorClass.BUSY, text, code="StillSettling")
        later.after_s = left_s
        raise later


def check_password(kept: Secret, place: str) -> Secret:
    """What a store handed over, where a password is expected. Raises: Refused (failed, NoPassword), never the value."""
    check_replaceable(kept, place)
    if _bare(kept) == kept.reveal():
        return kept
    what = "holds white space, or what nobody sees, at an end: store the password alone, without a line's end"
    raise Refused(ErrorClass.FAILED, f"{place} {what}; nothing was called", code=NO_PASSWORD)


def check_replaceable(kept: Secret, place: str) -> None:
    """What a new password replaces must not be of another form, which clients read. Raises: as `check_password`."""
    if _is_object(_bare(kept)):
        what = "holds JSON, as a managed secret or two accounts in turn do: name a secret that holds the password alone"
        raise Refused(ErrorClass.FAILED, f"{place} {what}; nothing was called", code=NO_PASSWORD)


def _bare(kept: Secret) -> str:
    return kept.reveal().strip().strip("\ufeff\0\u200b\u2060\u00ad")


def is_no_secret(refused: Refused) -> bool:
    """Whether a version is gone, or holds what is no secret: another one may hold the old secret."""
    return refused.error_class is ErrorClass.NOT_FOUND or refused.code in (NO_TEXT, NO_PASSWORD)


def _is_object(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
