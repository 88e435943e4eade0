"""Whether a store takes a change now: whose secrets it holds, and whether an earlier command may still call."""

from __future__ import annotations

from shared.commands.store_reference import StoreRef
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.stores.store import Store
from shared.stores.versions import VersionListing


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
