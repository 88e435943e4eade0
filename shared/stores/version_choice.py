"""Chooses the version of a new secret in its store."""

from __future__ import annotations

from dataclasses import dataclass

from shared.runtime.errors import RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import STORE_FULL, Store
from shared.stores.versions import VersionListing, VersionName


@dataclass(frozen=True, eq=False)
class ChosenVersion:
    name: VersionName
    kept: Secret | None = None  # the secret in it, if it exists
    evidence: tuple[str, ...] = ()


def choose_version(
    store: Store, listing: VersionListing, *, dry_run: bool, now: float, bound_s: float
) -> ChosenVersion:
    """Choose an earlier delivery's version, else a new one, else (in a full store) another command's pending one.

    `bound_s`: how long after a version was written its last call can take effect. Raises: RetryLater, Refused.
    """
    if listing.own:
        own = listing.own[0].id
        return ChosenVersion(listing.names[own], store.read(own))
    new = ChosenVersion(VersionName(listing.identity, 1))
    if dry_run or _full(store, []) is None:
        return new
    holder = store.current_keyturn_version()
    pending = listing.maybe_in_force(holder)
    full = _full(store, listing.discardable(holder, now, bound_s))
    if full is None:
        return new
    if not pending:
        raise full
    store.make_room((), places=0)  # its promotion must fit, too
    version = pending[0].id
    note = f"store: full, so the pending version {version} is used again"
    return ChosenVersion(listing.names[version], store.read(version), (note,))


def _full(store: Store, discardable: list[str]) -> RetryLater | None:
    """Why no further version fits, even without the discardable ones; None: one fits. Raises: RetryLater, Refused."""
    try:
        store.make_room(discardable)
    except RetryLater as error:
        if error.code != STORE_FULL:
            raise
        return error
    return None
