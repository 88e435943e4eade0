"""A new secret in its store, from before the change to its end.

It is there, as a version of keyturn's own, before the one call that cannot be undone. Whatever then breaks, some
version opens the server, and a delivery of the same command finds that version and goes on with that very secret.
Nothing is taken away because a call seems not to have worked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from shared.changes.timing import FRESH_S
from shared.results.outcome import SUPERSEDED, Conclusion, Outcome, Stage, StoredSecret
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import VERSION_EXISTS, Store, Version
from shared.stores.versions import (
    EarlierDelivery,
    VersionListing,
    competing_versions,
    earlier_delivery,
    is_keyturn_version,
    listing_for,
    parse_version_name,
    was_superseded,
)

_IN_FORCE = (Outcome.CHANGED, Outcome.ALREADY_CHANGED)

Still = Callable[[], bool | None]
"""Whether the change's secret is still the last that was set; None: nothing tells."""


@dataclass(eq=False)
class WriteAhead:
    """One command's new secret in its store."""

    store: Store
    region: str
    version: str
    kept: Secret
    existed: bool = False  # an earlier delivery wrote it, and may have put it in force, or may yet
    alone: bool = False  # no version of this credential stood in the store
    known: frozenset[str] = frozenset()  # the versions that stood there
    current: str | None = None  # the one that was current then
    make: Callable[[], tuple[Secret, Secret]] | None = None  # another secret: itself, and as it is written
    written: bool = False
    fence: bool = True  # the cloud takes the change only with the right old secret
    clock: Callable[[], float] = time.monotonic
    listed: float = field(default_factory=time.monotonic)  # when the store was looked at last

    def recheck(self) -> None:
        """Before a call, where the last look is old: look whether another change came since.

        Raises: RetryLater, Refused.
        """
        if self.clock() - self.listed < FRESH_S:
            return
        listing = self._list_versions().with_older(self.known if self.written else ())
        self.listed = self.clock()
        self._check_owner(listing)
        at = earlier_delivery(
            listing, self.store.current_keyturn_version(), fenced=self.fence, looks=False, now=0.0, bound_s=0.0
        )
        if at in (EarlierDelivery.REPLACED, EarlierDelivery.OVERTAKEN):
            raise _superseded(self.store, self.version)

    def _check_owner(self, listing: VersionListing) -> None:
        if any(one.id not in self.known for one in listing.foreign):
            text = f"{self.store.name}: another credential's command has taken the store, nothing was called: "
            raise Refused(ErrorClass.FORBIDDEN, text + "name another store", code="StoreOfAnother")

    def write_ahead(self) -> None:
        """Before the change: no call is made until the store holds the secret. Raises: RetryLater, Refused."""
        if self.existed:
            return
        self._write(self.version, self.kept)
        # Two first commands for one store: whoever writes later sees the other's version, and gives way.
        if self.alone:
            try:
                self._check_owner(self._list_versions())
            except Refused:
                self.store.withdraw(self.version)
                self.written = False
                raise

    def _write(self, version: str, kept: Secret) -> None:
        try:
            self.store.write(version, kept)
        except Refused as refused:
            if refused.code != VERSION_EXISTS:
                raise
            self.existed = True  # and its call may be out
        else:
            self.written = True
            return
        text = f"{self.store.name}: another delivery of this command is at work, nothing was called: send it again"
        raise RetryLater(ErrorClass.BUSY, text, code=VERSION_EXISTS)

    def next_value(self) -> Secret:
        """Another secret under the next number: the cloud refused this one's form. Raises: RetryLater, Refused."""
        assert self.make is not None  # noqa: S101 - asked for only where secrets are made
        new, kept = self.make()
        self._next(kept)
        return new

    def mark_call_out(self) -> None:
        """The same secret under the next number: later commands see that a call is out. Raises: RetryLater, Refused."""
        self._next(self.kept)

    def _next(self, kept: Secret) -> None:
        named = parse_version_name(self.version)
        assert named is not None  # noqa: S101 - only keyturn's versions are kept so
        version = named.identity.name(named.number + 1)
        self.store.make_room(())
        self._write(version, kept)
        self.version, self.kept = version, kept

    def unresolved(self) -> bool:
        """Whether other secrets, or an earlier delivery's, may be in force for all that is known. Never raises."""
        if self.existed:
            return True
        try:
            listing = self._list_versions()
            return bool(listing.unresolved(self.store.current_keyturn_version()))
        except KeyturnError:
            return True

    def _list_versions(self) -> VersionListing:
        return _list_versions(self.store, self.version)

    def stored(self, stage: Stage | None) -> StoredSecret:
        """The version's place, by names alone."""
        return StoredSecret(self.store.name, self.version, stage.value if stage else None, self.region, self.current)

    def conclude(
        self, conclusion: Conclusion, still: Still, hand_on: Callable[[Conclusion], bool] | None
    ) -> Conclusion:
        """After the change: the store says what its ending says. Never raises.

        `hand_on`: gives a promotion that cannot be made now to follow_change.
        """
        if conclusion.outcome in _IN_FORCE:
            return self._promoted(conclusion, still, hand_on)
        if conclusion.outcome is not Outcome.WOULD_CHANGE and (self.written or self.existed):
            conclusion.stored = self.stored(Stage.PENDING)
            if conclusion.outcome is not Outcome.PENDING:
                conclusion.evidence.append(f"store: version {self.version} left pending")
        return conclusion

    def _promoted(
        self, conclusion: Conclusion, still: Still, hand_on: Callable[[Conclusion], bool] | None
    ) -> Conclusion:
        try:
            # What was there before this delivery wrote is older, whatever its second says.
            conclusion.evidence += promote(
                self.store, self.version, still, self.known if self.written else frozenset(), self.current
            )
        except KeyturnError as error:
            failed = error
        else:
            conclusion.stored = self.stored(Stage.CURRENT)
            return conclusion
        conclusion.evidence.append(f"store: {failed.code or failed.error_class.value}")
        conclusion.stored = self.stored(Stage.PENDING)
        pending = replace(conclusion, outcome=Outcome.PENDING)
        # Keys that have run out are fresh in the follower's invocation.
        if failed.retryable and hand_on is not None and hand_on(pending):
            return pending
        return replace(conclusion, outcome=Outcome.UNKNOWN, error=not_promoted(self.store.name, self.version, failed))


def promote(
    store: Store, version: str, still: Still, older: Collection[str] = (), current: str | None = None
) -> list[str]:
    """Make a version current that was proven in force, unless another change came after it.

    `older`: versions that were there before this one was written. `current`: the one that was current then.

    Raises: KeyturnError; Refused with code Superseded where another change came, or may have come, between.
    """
    listing = _list_versions(store, version).with_older(older)
    own, holder = _by_id(listing, version), store.current_keyturn_version()
    if own is None:
        raise Refused(ErrorClass.NOT_FOUND, f"{store.name}: no version {version}: check the store", code="NotFound")
    held = _by_id(listing, holder) if holder is not None else None
    now = listing.current.id if listing.current is not None else None
    if current is not None and now not in (current, version) and not is_keyturn_version(now or ""):
        raise _superseded(store, version)  # a person has made another version current
    among = competing_versions(listing, own, holder)
    if among and was_superseded(own, among, held, still()):
        raise _superseded(store, version)
    store.promote(version)
    after = _list_versions(store, version)
    among += [one for one in after.others if one.id not in listing.ids]
    if among and was_superseded(own, among, None, still()):
        raise _superseded(store, version)
    return [f"store: version {version} is current"]


def _superseded(store: Store, version: str) -> Refused:
    text = f"{store.name}: another change of the credential came between, and version {version} may not be the one in "
    return Refused(ErrorClass.FAILED, text + "force: send a new command", code=SUPERSEDED)


def not_promoted(place: str, version: str, error: KeyturnError) -> Ambiguous:
    """What to say of a change that was made while its store does not say so."""
    if error.code == SUPERSEDED:
        text = f"the change was made, and another one came between: {place} keeps both secrets, send a new command"
        return Ambiguous(text, code=SUPERSEDED)
    text = f"the change is in force, and {place} holds its secret as the pending version {version}: "
    text += "it could not be made current; send the command again"
    return Ambiguous(text, code=error.code or "NotPromoted", request_id=error.request_id)


def _list_versions(store: Store, version: str) -> VersionListing:
    named = parse_version_name(version)
    assert named is not None  # noqa: S101 - only keyturn's versions are kept and promoted
    return listing_for(store.versions(), named.identity)


def _by_id(listing: VersionListing, version: str) -> Version | None:
    return next((one for one in listing.versions if one.id == version), None)
