"""Finds a command's secrets: sent in clear, read from a store, generated here, or stored by an earlier delivery.

The store for a new secret is checked before anything is called: which credential it belongs to, whether an earlier
delivery began or ended this very change, and whether another version fits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic

from shared.commands.command import C
from shared.commands.secrets import Generate
from shared.commands.store_reference import StoreRef
from shared.results.outcome import SUPERSEDED, Conclusion, Outcome, Stage, StoredSecret
from shared.runtime.errors import Ambiguous, ErrorClass, Refused
from shared.runtime.secret import Secret
from shared.stores.alternating import AlternatingSecret, Turn, alternating_secret, turn_of
from shared.stores.old_secrets import OldSecretCandidates, candidates, old_secret_in
from shared.stores.resolved import ResolvedSecrets
from shared.stores.store import Store
from shared.stores.store_checks import check_no_call_is_out, check_owner, check_password, check_replaceable
from shared.stores.version_choice import ChosenVersion, choose_version
from shared.stores.versions import ChangeIdentity, EarlierDelivery, VersionListing, earlier_delivery, listing_for
from shared.stores.write_ahead import FirstListing, MadeSecret, WriteAhead


@dataclass(frozen=True, eq=False)
class _Place:
    """The store for the new secret, as it was at the first look."""

    store: Store
    region: str
    ref: StoreRef
    listing: VersionListing
    first: FirstListing


@dataclass(eq=False)
class SecretResolver(Generic[C]):
    """Finds one command's secrets. `store_of` opens a store, with its region, if the settings allow it."""

    command: C
    identity: Callable[[], ChangeIdentity]
    store_of: Callable[[StoreRef], tuple[Store, str]]
    bound_s: float  # how long after a version was written its last call can take effect
    clock: Callable[[], float]
    evidence: list[str] = field(default_factory=list)
    begun: StoredSecret | None = None  # an earlier delivery's version, whose call may have taken effect, or still may

    def resolve(self) -> ResolvedSecrets[C]:
        """Read, generate or find every secret of the command. Writes no secret. Raises: RetryLater, Refused."""
        command = self.command
        deliver = command.deliver
        if deliver is not None and deliver.store is not None:
            return self._into(self._place(deliver.store), adopt=bool(deliver.adopt))
        old = self._fetched(command.given_old)
        new = self._fetched(command.given_new)
        if old is not None and old == new:
            text = "the new secret equals the old one, nothing was called: give another new secret"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        return ResolvedSecrets(command.with_secrets(old, new), None, new, evidence=self.evidence)

    def _fetched(self, given: Secret | StoreRef | Generate | None) -> Secret | None:
        if isinstance(given, Generate):
            return self.command.rule.generate(given.length)
        if not isinstance(given, StoreRef):
            return given
        store, _ = self.store_of(given)
        secret = check_password(store.read(given.version), given.place)
        self.evidence.append(f"store: {given.place} read")
        if given is self.command.given_new and (broken := self.command.rule.violations(secret.reveal())):
            rules = f"{'; '.join(broken)} ({self.command.rule.source})"
            text = f"the secret in {given.place} breaks the rule: {rules}"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        return secret

    # --- a store that the new secret goes to

    def _place(self, ref: StoreRef) -> _Place:
        store, region = self.store_of(ref)
        at = time.monotonic()
        listing = listing_for(store.versions(), self.identity())
        return _Place(store, region, ref, listing, FirstListing.of(listing, at))

    def _into(self, place: _Place, *, adopt: bool) -> ResolvedSecrets[C]:
        command, listing = self.command, place.listing
        check_owner(place.store, listing, place.ref, adopt=adopt)
        if listing.own and not command.dry_run:
            self.begun = StoredSecret(place.store.name, listing.own[0].id, Stage.PENDING.value, place.region)
            ended = self._ended_before(place)
            if ended is not None:
                return ended
        now = self.clock()
        check_no_call_is_out(listing, now, self.bound_s)
        current = place.store.read()  # a promotion replaces it: refuse now what it could not replace
        place.store.check_takes_writes()
        if not command.alternates:
            check_replaceable(current, place.ref.place)
        chosen = choose_version(place.store, listing, dry_run=command.dry_run, now=now, bound_s=self.bound_s)
        self.evidence += chosen.evidence
        return self._at_hand(place, chosen, current)

    def _ended_before(self, place: _Place) -> ResolvedSecrets[C] | None:
        """How an earlier delivery ended this very change; None: it did not, so go on with it."""
        command, holder = self.command, place.store.current_keyturn_version()
        left = earlier_delivery(
            place.listing,
            holder,
            fenced=command.old_field is not None,
            looks=command.login,
            now=self.clock(),
            bound_s=self.bound_s,
        )
        if left is EarlierDelivery.PROMOTED and holder is not None:
            return self._promoted_before(place, holder)
        if left is EarlierDelivery.SUPERSEDED:
            self.begun = None
            text = "a later command has replaced this command's secret, nothing was called: give a new CommandId"
            ended = Conclusion(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, text, code=SUPERSEDED), self.evidence)
            return ResolvedSecrets(command, conclusion=ended)
        if left is EarlierDelivery.MAYBE_SUPERSEDED:
            text = "a later command of this credential has ended, is running or was left pending; nothing was called, "
            text += "and it is not known which secret is in force: give a new CommandId"
            ended = Conclusion(Outcome.UNKNOWN, Ambiguous(text, code=SUPERSEDED), self.evidence, stored=self.begun)
            return ResolvedSecrets(command, conclusion=ended)
        return None

    def _promoted_before(self, place: _Place, holder: str) -> ResolvedSecrets[C]:
        """The secret that an earlier delivery put in force. keyturn checks it once more."""
        command, listing = self.command, place.listing
        self.evidence.append(f"store: version {holder} is of an earlier delivery, proven in force")
        kept = place.store.read(holder)
        turn = AlternatingSecret.from_stored(kept) if command.alternates else None
        new, account = (turn.password, turn.account) if turn is not None else (kept, None)
        keeping = self._keeping(place, ChosenVersion(listing.names[holder], kept), MadeSecret(new, kept), None)
        contested = any(listing.not_older_than(one) for one in listing.versions if one.id == holder)
        ready = command.with_secrets(new, new, account)
        return ResolvedSecrets(ready, account, new, keeping, None, True, contested, evidence=self.evidence)

    def _at_hand(self, place: _Place, chosen: ChosenVersion, current: Secret) -> ResolvedSecrets[C]:
        """The command with its old and new secret, and further old ones; `current` is what the store holds now."""
        command = self.command
        turn, secret = None, None
        if command.alternates:
            turn = turn_of(command.alternates, current, place.ref)
            check_password(turn.working.password, place.ref.place)  # the other account keeps it
        if chosen.kept is not None and turn is not None:
            own = alternating_secret(chosen.kept, place.ref)
            turn, secret = Turn(own.account, turn.working), MadeSecret(own.password, chosen.kept)
        elif chosen.kept is not None:
            secret = MadeSecret(chosen.kept, chosen.kept)
        keeping = self._keeping(place, chosen, secret or self._made(turn), lambda: self._made(turn))
        account = turn.account if turn is not None else None
        if turn is None and command.given_old != place.ref:  # no old secret, or from elsewhere
            ready = command.with_secrets(self._fetched(command.given_old), keeping.value, account)
            return ResolvedSecrets(ready, account, keeping.value, keeping, evidence=self.evidence)
        old = turn.old if turn is not None else current
        if command.old_field is None:
            ready = command.with_secrets(old, keeping.value, account)
            return ResolvedSecrets(ready, account, keeping.value, keeping, evidence=self.evidence)
        if old is not None:
            check_password(old, place.ref.place)
        return self._behind_fence(place, keeping, account, old)

    def _behind_fence(
        self, place: _Place, keeping: WriteAhead, account: str | None, old: Secret | None
    ) -> ResolvedSecrets[C]:
        """A fenced change needs the right old secret; other versions may hold it, too. Raises: RetryLater, Refused."""
        left = candidates(place.listing, keeping.version)
        while old is None and left:  # the current value lacks the account's old secret: try older versions
            found = old_secret_in(place.store, left.pop(0), account)
            old = found if found != keeping.value else None
        if old is None:
            text = f"{place.ref.place} does not hold the old secret of {account}: store it under Previous"
            raise Refused(ErrorClass.FAILED, text, code="NoOldSecret")
        ready = self.command.with_secrets(old, keeping.value, account)
        olds = OldSecretCandidates(keeping, left, ready, account, [old, keeping.value])
        return ResolvedSecrets(ready, account, keeping.value, keeping, olds, evidence=self.evidence)

    def _keeping(
        self, place: _Place, chosen: ChosenVersion, secret: MadeSecret, make: Callable[[], MadeSecret] | None
    ) -> WriteAhead:
        return WriteAhead(
            place.store,
            place.region,
            chosen.name,
            secret,
            place.first,
            existed=chosen.kept is not None,
            fenced=self.command.old_field is not None,
            make=make,
        )

    def _made(self, turn: Turn | None) -> MadeSecret:
        """Generate a new secret, also in the form that the store keeps. Raises: Refused."""
        wish = self.command.generates
        if wish is None:
            text = "Deliver: leave it out: it is only for a secret that keyturn or the cloud generates"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        new = self.command.rule.generate(wish.length)
        return MadeSecret(new, turn.with_new(new) if turn is not None else new)
