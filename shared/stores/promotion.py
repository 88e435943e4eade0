"""Promotion: a version becomes current only if no other change of the credential came after it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from shared.results.outcome import SUPERSEDED
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused
from shared.stores.store import Store, Version
from shared.stores.versions import VersionListing, is_keyturn_version, listing_for, parse_version_name

StillLast = Callable[[], bool | None]
"""Whether the change's secret is still the last that was set; None: not known."""

# A delivery that began this long before another may still be running: it is the longest run that both platforms allow
# with ordinary settings.
_ALIVE_S = 900.0


def promote(
    store: Store, version: str, still: StillLast, older: Collection[str] = (), current: str | None = None
) -> list[str]:
    """Promote a version that was proven in force, unless another change came after it. Returns the evidence.

    `older`: versions that were there before this one was written. `current`: the one that was current then.

    Raises: KeyturnError; Refused with code Superseded if another change came after it, or may have.
    """
    named = parse_version_name(version)
    if named is None:
        raise _not_there(store, version)
    listing = listing_for(store.versions(), named.identity).with_earlier(older)
    own = listing.by_id(version)
    if own is None:
        raise _not_there(store, version)
    holder = store.current_keyturn_version()
    now = listing.current.id if listing.current is not None else ""
    if current is not None and now not in (current, version) and not is_keyturn_version(now):
        raise superseded(store, version)  # a person has made another version current
    competing = competing_versions(listing, own, holder)
    if competing and was_superseded(own, competing, listing.by_id(holder), still()):
        raise superseded(store, version)
    store.promote(version)
    after = listing_for(store.versions(), named.identity)
    competing += [one for one in after.others if one.id not in listing.ids]
    if competing and was_superseded(own, competing, None, still()):
        raise superseded(store, version)
    return [f"store: version {version} is current"]


def competing_versions(listing: VersionListing, own: Version, holder: str | None) -> list[Version]:
    """Versions of other changes that may be or come in force instead of this one, without finished older ones."""
    held = listing.by_id(holder)
    done = held.created if held is not None and held.created < own.created else -1.0
    return [one for one in listing.others if one.created >= own.created - _ALIVE_S and one.created > done]


def was_superseded(own: Version, competing: Sequence[Version], held: Version | None, last: bool | None) -> bool:
    """Whether a proven change must not be promoted, because another one came after it, or may have.

    `last`: whether the cloud shows this change as the last one. None: not known; then a later version is enough.
    """
    if held is not None and held.created > own.created and held in competing:
        return True
    later = any(one.created >= own.created for one in competing)
    return bool(competing) and (last is False or (last is None and later))


def superseded(store: Store, version: str) -> Refused:
    """The refusal to promote a version, or to send its change, because another change came in between."""
    text = f"{store.name}: another change of the credential came in between, so version {version} may not be in force: "
    return Refused(ErrorClass.FAILED, text + "send a new command", code=SUPERSEDED)


def _not_there(store: Store, version: str) -> Refused:
    return Refused(ErrorClass.NOT_FOUND, f"{store.name} has no version {version}: check the store", code="NotFound")


def not_promoted(place: str, version: str, error: KeyturnError) -> Ambiguous:
    """The error of a change that was made, but whose version could not be promoted."""
    if error.code == SUPERSEDED:
        text = f"the change was made, but another one came in between: {place} keeps both secrets, send a new command"
        return Ambiguous(text, code=SUPERSEDED)
    text = f"the change is in force, but {place} holds its secret only as the pending version {version}, "
    text += "which could not be made current: send the command again"
    return Ambiguous(text, code=error.code or "NotPromoted", request_id=error.request_id)
