"""Where a command's secrets come from: sent, read by reference, made here, or kept by an earlier delivery.

A store that a new secret goes to is looked at before anything is called: whose secrets it holds, whether this very
change was begun or ended before, and whether another version fits.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic

from shared.commands.command import C
from shared.commands.secrets import Generate
from shared.commands.store_reference import StoreRef
from shared.results.outcome import SUPERSEDED, Conclusion, Outcome, Stage, StoredSecret
from shared.runtime.errors import Ambiguous, ErrorClass, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import STORE_FULL, Store
from shared.stores.versions import (
    ChangeIdentity,
    EarlierDelivery,
    VersionListing,
    earlier_delivery,
    listing_for,
    parse_version_name,
)
from shared.stores.write_ahead import WriteAhead

_MOST_TRIED = 10  # old secrets of one command


@dataclass(frozen=True, eq=False, repr=False)
class AlternatingSecret:
    """What a store's secret holds where two accounts take turns: the one to use now, and the one before it."""

    account: str
    password: Secret
    previous: tuple[str, Secret] | None = None

    def pack(self) -> Secret:
        """The turn as the JSON that clients read: AccountName, Password, and Previous with the same two."""
        body: dict[str, object] = {"AccountName": self.account, "Password": self.password.reveal()}
        if self.previous:
            body["Previous"] = {"AccountName": self.previous[0], "Password": self.previous[1].reveal()}
        return Secret(json.dumps(body, separators=(",", ":")))

    @classmethod
    def unpack(cls, kept: Secret) -> AlternatingSecret | None:
        """The turn that a store's secret holds, or None if it is of another form."""
        try:
            body = json.loads(kept.reveal())
        except ValueError:
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


def _pair(body: object) -> tuple[str, Secret] | None:
    account, password = (body.get("AccountName"), body.get("Password")) if isinstance(body, dict) else (None, None)
    if not (isinstance(account, str) and account and isinstance(password, str) and password):
        return None
    return account, Secret(password)


@dataclass(eq=False)
class OldSecretCandidates(Generic[C]):
    """Further old secrets of a fenced change: what a store's other versions hold, read when each is tried."""

    store: Store
    versions: list[str]
    ready: C  # the command with its secrets at hand
    account: str | None  # whose password a version must hold, where two take turns
    tried: list[Secret]

    def command_at(self, index: int) -> C | None:
        """The command by another old secret; None where that was tried, or is none. Raises: RetryLater, Refused."""
        try:
            kept = self.store.read(self.versions[index])
        except Refused as refused:
            if refused.error_class is ErrorClass.NOT_FOUND:
                return None
            raise
        old: Secret | None = kept
        if self.account is not None:
            turn = AlternatingSecret.unpack(kept)
            old = turn.password_of(self.account) if turn is not None else None
        if old is None or old in self.tried:
            return None
        self.tried.append(old)
        return self.ready.with_secrets(old, None)

    def found(self, index: int) -> list[str]:
        """The fence took that one, so it was in force: the store says so. Raises: RetryLater, Refused."""
        version = self.versions[index]
        if (
            self.account is not None or parse_version_name(version) is None
        ):  # the idle account's, or the user's own version
            return [f"store: version {version} held the old secret"]
        self.store.promote(version)
        return [f"store: version {version} was in force, and is current"]


@dataclass(eq=False)
class ResolvedSecrets(Generic[C]):
    """A command with its secrets at hand, and what they came from."""

    command: C
    account: str | None = None  # whose turn it is, where two take turns
    new: Secret | None = None
    keeping: WriteAhead | None = None
    olds: OldSecretCandidates[C] | None = None
    finished: bool = False  # an earlier delivery was proven to have done it all
    contested: bool = False  # and a later change of the credential was begun since
    conclusion: Conclusion | None = None  # there is nothing left to do
    evidence: list[str] = field(default_factory=list)


@dataclass(eq=False)
class SecretResolver(Generic[C]):
    """Where one command's secrets come from. `store_of` opens a store that settings allow."""

    command: C
    identity: Callable[[], ChangeIdentity]
    store_of: Callable[[StoreRef], tuple[Store, str]]
    bound_s: float  # how long after a version was made its last call can take effect
    clock: Callable[[], float]
    evidence: list[str] = field(default_factory=list)
    begun: StoredSecret | None = None  # an earlier delivery's version, whose call may have had, or have yet, its effect
    _listed: float = 0.0

    def resolve(self) -> ResolvedSecrets[C]:
        """Fetch, make or find every secret of the command; no secret is written. Raises: RetryLater, Refused."""
        command = self.command
        if command.deliver is not None and command.deliver.store is not None:
            return self._kept(*self.store_of(command.deliver.store), command.deliver.store)
        old = self._fetched(command.given_old)
        new = self._fetched(command.given_new)
        if old is not None and old == new:
            text = "the new secret is the old one, nothing was called: they must differ, or a repeat could not be told"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        return ResolvedSecrets(command.with_secrets(old, new), None, new, evidence=self.evidence)

    def _fetched(self, given: Secret | StoreRef | Generate | None) -> Secret | None:
        if isinstance(given, Generate):
            return self.command.rule.generate(given.length)
        if not isinstance(given, StoreRef):
            return given
        store, _ = self.store_of(given)
        secret = store.read(given.version)
        self.evidence.append(f"store: {given.place} read")
        if given is self.command.given_new and (broken := self.command.rule.violations(secret.reveal())):
            text = (
                f"the secret that {given.place} holds breaks the rule: {'; '.join(broken)} ({self.command.rule.source})"
            )
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        return secret

    # --- a store that the new secret goes to

    def _kept(self, store: Store, region: str, ref: StoreRef) -> ResolvedSecrets[C]:
        self._listed = time.monotonic()
        listing = listing_for(store.versions(), self.identity())
        if listing.current is None:
            text = f"{ref.place} holds no current version: give it one, the secret that is in force now"
            raise Refused(ErrorClass.FAILED, text, code="NoCurrentVersion")
        self._check_owner(store, listing, ref)
        if listing.own and not self.command.dry_run:
            self.begun = StoredSecret(store.name, listing.own[0].id, Stage.PENDING.value, region)
            begun = self._begun(store, region, listing)
            if begun is not None:
                return begun
        self._check_quiet(listing)
        version, kept = self._version(store, listing)
        return self._ready(store, region, listing, ref, version, kept)

    def _check_owner(self, store: Store, listing: VersionListing, ref: StoreRef) -> None:
        if listing.reused:
            text = "CommandId: a command of this credential had it, with other parameters, nothing was called: give a "
            raise Refused(ErrorClass.INVALID_COMMAND, text + "new CommandId", code="CommandIdUsed")
        if not listing.foreign:
            return
        text = f"{ref.place} holds secrets of another credential, nothing was called: "
        if not (self.command.deliver and self.command.deliver.adopt):
            text += "name another store, or say `Adopt` if it is to change hands"
            raise Refused(ErrorClass.FORBIDDEN, text, code="StoreOfAnother")
        if listing.unresolved(store.current_keyturn_version(), listing.foreign):
            text += "one of them is pending, so it cannot change hands: bring that command to its end first"
            raise Refused(ErrorClass.FORBIDDEN, text, code="StoreOfAnother")

    def _begun(self, store: Store, region: str, listing: VersionListing) -> ResolvedSecrets[C] | None:
        """What an earlier delivery of this very change means; None: it is to be gone on with."""
        command, holder = self.command, store.current_keyturn_version()
        at = earlier_delivery(
            listing,
            holder,
            fenced=command.old_field is not None,
            looks=command.login,
            now=self.clock(),
            bound_s=self.bound_s,
        )
        if at is EarlierDelivery.FINISHED and holder is not None:
            self.evidence.append(f"store: version {holder} is of an earlier delivery, proven in force")
            kept = store.read(holder)
            turn = AlternatingSecret.unpack(kept) if command.alternates else None
            new, account = (turn.password, turn.account) if turn else (kept, None)
            keeping = WriteAhead(store, region, holder, kept, existed=True)
            ready = command.with_secrets(new, new, account)
            since = any(listing.newer(one) for one in listing.versions if one.id == holder)
            return ResolvedSecrets(ready, account, new, keeping, None, True, since, evidence=self.evidence)
        if at is EarlierDelivery.REPLACED:
            self.begun = None
            text = "a later command has replaced the secret of this one, nothing was called: give a new CommandId"
            ended = Conclusion(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, text, code=SUPERSEDED), self.evidence)
            return ResolvedSecrets(command, conclusion=ended)
        if at is EarlierDelivery.OVERTAKEN:
            text = (
                "a later command of this credential ended, is at work or was left open, nothing was called, and what "
            )
            text += "is in force is not known: give a new CommandId"
            ended = Conclusion(Outcome.UNKNOWN, Ambiguous(text, code=SUPERSEDED), self.evidence, stored=self.begun)
            return ResolvedSecrets(command, conclusion=ended)
        return None

    def _check_quiet(self, listing: VersionListing) -> None:
        """A call whose answer was lost, and that no fence stops, may arrive after the one that is to be made now."""
        out = [one for one in listing.others if (named := parse_version_name(one.id)) is not None and named.number > 1]
        left_s = max((one.created + self.bound_s - self.clock() for one in out), default=0.0)
        if left_s > 0:
            text = f"a call of an earlier command may still arrive, nothing was called: send it in {left_s:.0f} s"
            later = RetryLater(ErrorClass.BUSY, text, code="StillSettling")
            later.after_s = left_s
            raise later

    def _version(self, store: Store, listing: VersionListing) -> tuple[str, Secret | None]:
        """The version that the new secret has or gets, and the secret where it is there already."""
        if listing.own:
            return listing.own[0].id, store.read(listing.own[0].id)
        name = listing.identity.name(1)
        if self.command.dry_run:
            return name, None
        try:
            store.make_room(())
        except RetryLater as full:
            if full.code != STORE_FULL:
                raise
        else:
            return name, None
        holder = store.current_keyturn_version()
        try:
            store.make_room(listing.spare(holder, self.clock(), self.bound_s))
        except RetryLater as full:
            again = listing.unresolved(holder)
            if full.code != STORE_FULL or not again:
                raise
            store.make_room((), places=0)  # its promotion must fit as well
            self.evidence.append(f"store: full, the pending version {again[0].id} is set again")
            return again[0].id, store.read(again[0].id)
        return name, None

    def _ready(
        self, store: Store, region: str, listing: VersionListing, ref: StoreRef, version: str, kept: Secret | None
    ) -> ResolvedSecrets[C]:
        command = self.command
        from_store = isinstance(command.given_old, StoreRef) and command.given_old == ref
        now = store.read() if from_store or command.alternates else None
        turn, account = self._turn(now, ref) if command.alternates and now is not None else (None, None)
        new = kept
        if kept is not None and command.alternates:
            own_turn = AlternatingSecret.unpack(kept)
            if own_turn is None:
                raise self._form(ref)
            account, new = own_turn.account, own_turn.password
        if new is None:
            new = self._fetched(command.given_new)
            assert new is not None  # noqa: S101 - a store goes only with a secret that is made
        pack = _packer(turn, account)
        keeping = WriteAhead(store, region, version, kept or pack(new), existed=kept is not None)
        keeping.listed, keeping.fence = self._listed, command.old_field is not None
        keeping.current = listing.current.id if listing.current else None
        keeping.alone, keeping.known = not listing.others and not listing.own, listing.ids
        keeping.make = None if command.generates is None else lambda: self._another(pack)
        old = now if turn is None or account is None else turn.password_of(account)
        olds: OldSecretCandidates[C] | None = None
        if command.old_field is not None:
            if now is None:
                old = self._fetched(command.given_old)
            else:
                tried = [] if old is None else [old]
                own = {one.id for one in listing.own}
                skipped = {version, listing.current.id if listing.current else ""} | own
                left = [one.id for one in listing.versions if one.id not in skipped][: _MOST_TRIED - 1]
                olds = OldSecretCandidates(store, left, command, account, [*tried, new])
                if old is None and (old := self._first_old(olds)) is None:
                    text = f"{ref.place} does not hold the old secret of {account}: store it under Previous"
                    raise Refused(ErrorClass.FAILED, text, code="NoOldSecret")
        ready = command.with_secrets(old, new, account)
        if olds is not None:
            olds.ready = ready
        return ResolvedSecrets(ready, account, new, keeping, olds, evidence=self.evidence)

    def _first_old(self, olds: OldSecretCandidates[C]) -> Secret | None:
        """An old secret of the idle account, where the current turn does not know it."""
        while olds.versions:
            found = olds.command_at(0)
            del olds.versions[0]
            if found is not None:
                return olds.tried[-1]
        return None

    def _another(self, pack: Callable[[Secret], Secret]) -> tuple[Secret, Secret]:
        made = self._fetched(self.command.given_new)
        assert made is not None  # noqa: S101 - as above
        return made, pack(made)

    def _turn(self, kept: Secret, ref: StoreRef) -> tuple[AlternatingSecret, str]:
        turn = AlternatingSecret.unpack(kept)
        pair = self.command.alternates
        if turn is None or turn.account not in pair:
            raise self._form(ref)
        return turn, pair[1] if turn.account == pair[0] else pair[0]

    def _form(self, ref: StoreRef) -> Refused:
        text = f"{ref.place} must hold JSON with AccountName, one of the two, its Password, and the other in Previous"
        return Refused(ErrorClass.FAILED, text, code="StoreForm")


def _packer(turn: AlternatingSecret | None, account: str | None) -> Callable[[Secret], Secret]:
    """How a new secret is written: alone, or as the turn of the account that gets it."""
    if turn is None or account is None:
        return lambda new: new
    return lambda new: AlternatingSecret(account, new, (turn.account, turn.password)).pack()
