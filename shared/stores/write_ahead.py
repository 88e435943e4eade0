"""The life of one new secret in its store: generated, written ahead, sent, then promoted or left pending.

The store holds the secret, in a version of keyturn's own, before the one call that cannot be undone. Whatever breaks
then, some version opens the server. Another delivery of the same command finds that version and goes on with its
secret. keyturn never deletes a version only because a call seems to have failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.changes.timing import FRESH_S
from shared.results.outcome import Conclusion, Outcome, Stage, StoredSecret
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.promotion import StillLast, not_promoted, promote, superseded
from shared.stores.store import VERSION_EXISTS, Store
from shared.stores.versions import EarlierDelivery, VersionListing, VersionName, earlier_delivery, listing_for

_IN_FORCE = (Outcome.CHANGED, Outcome.ALREADY_CHANGED)


@dataclass(frozen=True, eq=False, repr=False)
class MadeSecret:
    """A new secret: `value` is for the cloud, `kept` for the store (the same, or the value of alternating accounts)."""

    value: Secret
    kept: Secret


@dataclass(frozen=True)
class FirstListing:
    """What the store held when the delivery first looked. `at`: when, by the monotonic clock."""

    at: float
    versions: frozenset[str] = frozenset()
    current: str | None = None
    credential_is_new: bool = False  # no version of this credential was there

    @classmethod
    def of(cls, listing: VersionListing, at: float) -> FirstListing:
        current = listing.current.id if listing.current is not None else None
        return cls(at, listing.ids, current, not listing.others and not listing.own)


class WriteAhead:
    """One command's new secret in its store."""

    def __init__(
        self,
        store: Store,
        region: str,
        name: VersionName,
        secret: MadeSecret,
        first: FirstListing,
        *,
        existed: bool,
        fenced: bool,
        make: Callable[[], MadeSecret] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.existed = existed  # an earlier delivery wrote it; its call may have taken effect, or still may
        self.written = False  # by this delivery
        self.make = make  # generates another secret; None: not possible
        self._region = region
        self._name = name
        self._secret = secret
        self._first = first
        self._fenced = fenced  # the cloud accepts the change only with the right old secret
        self._clock = clock
        self._listed_at = first.at

    @property
    def version(self) -> str:
        """The name of the version that holds the secret."""
        return str(self._name)

    @property
    def value(self) -> Secret:
        """The secret in the form for the cloud."""
        return self._secret.value

    # --- before the call

    def write_ahead(self) -> None:
        """Write the new secret to the store; no call is made before that. Raises: RetryLater, Refused."""
        if self.existed:
            return
        self._write(self._name, self._secret)
        # Two credentials may write to a new store at once: the later one sees the other's version, and gives way.
        if self._first.credential_is_new:
            try:
                self._check_owner(self._listing())
            except Refused:
                self.store.withdraw(self.version)
                self.written = False
                raise

    def check_not_superseded(self) -> None:
        """Before a call: if the last look is old, look again whether another change came since.

        Raises: RetryLater, Refused.
        """
        if self._clock() - self._listed_at < FRESH_S:
            return
        listing = self._listing().with_earlier(self._earlier)
        self._listed_at = self._clock()
        self._check_owner(listing)
        holder = self.store.current_keyturn_version()
        # No login looks here, and the call is sent now: the zeros say that no earlier call is over.
        left = earlier_delivery(listing, holder, fenced=self._fenced, looks=False, now=0.0, bound_s=0.0)
        if left in (EarlierDelivery.SUPERSEDED, EarlierDelivery.MAYBE_SUPERSEDED):
            raise superseded(self.store, self.version)

    def write_another_secret(self) -> Secret:
        """The cloud refused this secret's form: write another under the next number. Raises: RetryLater, Refused."""
        if self.make is None:
            raise Refused(ErrorClass.FAILED, f"{self.store.name}: no other secret can be made", code="NotMade")
        secret = self.make()
        self._write_next(secret)
        return secret.value

    def note_repeat(self) -> None:
        """Write the same secret under the next number, so that later commands see that a call may still arrive.

        Raises: RetryLater, Refused.
        """
        self._write_next(self._secret)

    def others_maybe_in_force(self) -> bool:
        """Whether another secret, or an earlier delivery's, may be in force. Never raises."""
        if self.existed:
            return True
        try:
            return bool(self._listing().maybe_in_force(self.store.current_keyturn_version()))
        except KeyturnError:
            return True

    # --- after the change

    def conclude(
        self, conclusion: Conclusion, still: StillLast, hand_on: Callable[[Conclusion], bool] | None
    ) -> Conclusion:
        """Make the store agree with the change's end: promote the version, or leave it pending. Never raises.

        `hand_on`: gives a promotion that cannot be made now to follow_change.
        """
        if conclusion.outcome in _IN_FORCE:
            return self._promoted(conclusion, still, hand_on)
        if conclusion.outcome is not Outcome.WOULD_CHANGE and (self.written or self.existed):
            conclusion.stored = self.stored(Stage.PENDING)
            if conclusion.outcome is not Outcome.PENDING:
                conclusion.evidence.append(f"store: version {self.version} left pending")
        return conclusion

    def stored(self, stage: Stage) -> StoredSecret:
        """Where the secret is stored: names only."""
        return StoredSecret(self.store.name, self.version, stage.value, self._region, self._first.current)

    def _promoted(
        self, conclusion: Conclusion, still: StillLast, hand_on: Callable[[Conclusion], bool] | None
    ) -> Conclusion:
        try:
            conclusion.evidence += promote(self.store, self.version, still, self._earlier, self._first.current)
        except KeyturnError as error:
            failed = error
        else:
            conclusion.stored = self.stored(Stage.CURRENT)
            return conclusion
        conclusion.evidence.append(f"store: {failed.code or failed.error_class.value}")
        conclusion.stored = self.stored(Stage.PENDING)
        pending = replace(conclusion, outcome=Outcome.PENDING)
        # It may be expired keys: follow_change's invocation has new ones.
        if failed.retryable and hand_on is not None and hand_on(pending):
            return pending
        return replace(conclusion, outcome=Outcome.UNKNOWN, error=not_promoted(self.store.name, self.version, failed))

    # --- the store

    @property
    def _earlier(self) -> frozenset[str]:
        """Versions that were there before this delivery wrote: they are older, even with a time of the same second."""
        return self._first.versions if self.written else frozenset()

    def _listing(self) -> VersionListing:
        return listing_for(self.store.versions(), self._name.identity)

    def _check_owner(self, listing: VersionListing) -> None:
        if any(one.id not in self._first.versions for one in listing.foreign):
            text = f"{self.store.name}: another credential's command has taken the store, nothing was called: "
            raise Refused(ErrorClass.FORBIDDEN, text + "name another store", code="StoreOfAnother")

    def _write_next(self, secret: MadeSecret) -> None:
        self.store.make_room(())
        self._write(self._name.next, secret)
        self._name, self._secret = self._name.next, secret

    def _write(self, name: VersionName, secret: MadeSecret) -> None:
        try:
            self.store.write(str(name), secret.kept)
        except Refused as refused:
            if refused.code != VERSION_EXISTS:
                raise
            self.existed = True  # and its call may still arrive
        else:
            self.written = True
            return
        text = f"{self.store.name}: another delivery of this command is running, nothing was called: send it again"
        raise RetryLater(ErrorClass.BUSY, text, code=VERSION_EXISTS)
