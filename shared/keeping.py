"""Secrets that nobody sends: read by reference, made here, written ahead, and settled in the store afterwards.

A new secret that is made here is in the store, as a pending version named by the command, before the one call that
cannot be undone. Whatever then breaks, the secret in force is the store's current or a pending version, and a delivery
of the same command finds its own version and goes on with that very secret.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic

from shared.command import C
from shared.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.result import Ending, Outcome, Stored
from shared.secret import Generate, Secret
from shared.store import VERSION_EXISTS, Stage, Store, StoreRef, Version

_MOST_TRIED = 10  # old secrets of one command
_IN_FORCE = (Outcome.CHANGED, Outcome.ALREADY_CHANGED)

Probe = Callable[[Secret, str | None], KeyturnError | None]
"""Asks the cloud whether a secret is in force for an account, changing nothing; None: it is."""


@dataclass(frozen=True, eq=False, repr=False)
class Turn:
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
    def unpack(cls, kept: Secret) -> Turn | None:
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
class Keeping:
    """One command's new secret in its store, from before the change to its end."""

    store: Store
    region: str
    version: str
    kept: Secret | None  # None: the cloud makes it, and it is stored once it is known
    existed: bool = False  # an earlier delivery wrote it, and may have put it in force
    moot: tuple[str, ...] = ()  # pending versions of other commands: once this one is in force, none of them is
    written: bool = False
    tried: bool = False  # the write got no clear answer: the store may hold it
    doubtful: bool = False

    def write_ahead(self) -> None:
        """Before the change: no call is made until the store holds the secret. Raises: RetryLater, Refused."""
        if self.kept is None or self.existed:
            return
        try:
            self.store.write(self.version, self.kept)
        except Refused as refused:
            if refused.code != VERSION_EXISTS:
                raise
        except RetryLater:
            self.tried = True
            raise
        else:
            self.written = True
            return
        text = f"{self.store.name}: another delivery of this command is at work, nothing was called: send it again"
        raise RetryLater(ErrorClass.BUSY, text, code=VERSION_EXISTS)

    def keep(self) -> list[str]:
        """After a call that may be in force: the version is still there, whoever gave it up meanwhile. Never raises.

        Another delivery of the same command shares the version, and discards it where its own change has failed.
        """
        if self.kept is None or not self.existed:
            return []
        try:
            self.store.write(self.version, self.kept)
        except KeyturnError as error:
            return [f"store: version {self.version} not seen again ({error.code or error.error_class.value})"]
        return []

    def stored(self, stage: Stage | None) -> Stored:
        return Stored(self.store.name, self.version, stage.value if stage else None, self.region, self.moot)

    def settle(self, ending: Ending, shown: Secret | None, hand_on: Callable[[Ending], bool] | None) -> Ending:
        """After the change: the store says what its ending says. Never raises.

        `shown`: the secret that the cloud made. `hand_on`: gives a promotion that cannot be made now to follow_change.
        """
        if ending.outcome in _IN_FORCE:
            return self._promoted(ending, shown, hand_on)
        if ending.outcome is Outcome.NOT_CHANGED:
            return self._given_up(ending)
        if ending.outcome in (Outcome.UNKNOWN, Outcome.PENDING) and (self.written or self.existed):
            ending.stored = self.stored(Stage.PENDING)
            if ending.outcome is Outcome.UNKNOWN:
                ending.evidence += [*self.keep(), f"store: version {self.version} left pending"]
        return ending

    def conclude(self, ending: Ending) -> Ending:
        """What a delivery may say that changed nothing while an earlier one may have put its secret in force."""
        if not self.doubtful or ending.outcome is not Outcome.NOT_CHANGED:
            return ending
        ending.evidence.append(f"store: version {self.version} of an earlier delivery left pending")
        return replace(ending, outcome=Outcome.UNKNOWN, stored=self.stored(Stage.PENDING))

    def _promoted(self, ending: Ending, shown: Secret | None, hand_on: Callable[[Ending], bool] | None) -> Ending:
        try:
            if shown is not None:
                self.store.write(self.version, shown)
                self.written = True
            ending.evidence += self._promote()
        except KeyturnError as error:
            return self._not_promoted(ending, error, shown, hand_on)
        ending.stored = self.stored(Stage.CURRENT)
        return ending

    def _promote(self) -> list[str]:
        try:
            return promote(self.store, self.version, self.moot)
        except Refused as refused:
            if self.kept is None or refused.error_class is not ErrorClass.NOT_FOUND:
                raise
        # Another delivery of the same command gave up meanwhile and took the version away.
        self.store.write(self.version, self.kept)
        return promote(self.store, self.version, self.moot)

    def _not_promoted(
        self, ending: Ending, error: KeyturnError, shown: Secret | None, hand_on: Callable[[Ending], bool] | None
    ) -> Ending:
        why = error.code or error.error_class.value
        ending.evidence.append(f"store: {why}")
        if shown is not None and not self.written:
            text = "the cloud made and set a new secret that could not be stored: send the command again for another"
            return replace(ending, outcome=Outcome.UNKNOWN, error=Ambiguous(text, code="NotStored"))
        ending.stored = self.stored(Stage.PENDING)
        pending = replace(ending, outcome=Outcome.PENDING)
        # Keys that have run out are fresh in the follower's invocation.
        if error.retryable and hand_on is not None and hand_on(pending):
            return pending
        return replace(ending, outcome=Outcome.UNKNOWN, error=not_promoted(self.store.name, self.version, error))

    def _holds_ours(self) -> bool:
        """Whether a write without a clear answer went through; another delivery may have written its own meanwhile."""
        try:
            return self.store.read(self.version) == self.kept
        except Refused as refused:
            if refused.error_class is not ErrorClass.NOT_FOUND:
                raise
            return False

    def _given_up(self, ending: Ending) -> Ending:
        wrong = ending.error is not None and ending.error.error_class is ErrorClass.WRONG_OLD_SECRET
        if self.existed and not wrong:
            self.doubtful = True
            return ending
        if not self.written and not self.existed and not self.tried:
            return ending
        try:
            if self.tried and not self._holds_ours():
                return ending
            self.store.discard(self.version)
        except KeyturnError as error:
            why = error.code or error.error_class.value
            ending.evidence.append(f"store: version {self.version} could not be discarded ({why})")
            ending.stored = self.stored(Stage.PENDING) if self.written or self.existed else None
        else:
            ending.evidence.append(f"store: version {self.version} discarded")
        return ending


def promote(store: Store, version: str, moot: Sequence[str]) -> list[str]:
    """Make a version current that is proven in force, and discard those that then cannot be. Raises: KeyturnError."""
    store.promote(version)
    evidence = [f"store: version {version} is current"]
    for other in moot:
        store.discard(other)
        evidence.append(f"store: version {other} discarded")
    return evidence


def not_promoted(place: str, version: str, error: KeyturnError) -> Ambiguous:
    """What to say of a change that is in force while its store does not say so."""
    text = f"the change is in force, and {place} holds its secret as the pending version {version}: "
    text += "it could not be made current; send the command again"
    return Ambiguous(text, code=error.code or "NotPromoted", request_id=error.request_id)


@dataclass(eq=False)
class Sourced(Generic[C]):
    """A command with its secrets at hand, and what they came from."""

    command: C
    account: str | None = None  # whose turn it is, where two take turns
    new: Secret | None = None
    keeping: Keeping | None = None
    others: list[Secret] = field(default_factory=list)  # further old secrets, should the first be refused
    promote_other: Callable[[int], list[str]] | None = None  # makes that one of them current; tells what it did
    ending: Ending | None = None  # there is nothing left to change
    evidence: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Source(Generic[C]):
    """Where one command's secrets come from. `store_of` opens a store that settings allow."""

    command: C
    version: str  # the command's id
    store_of: Callable[[StoreRef], tuple[Store, str]]
    probe: Callable[[C, Secret, str | None], KeyturnError | None]
    evidence: list[str] = field(default_factory=list)

    def obtain(self) -> Sourced[C]:
        """Fetch, make or find every secret of the command; nothing is written. Raises: RetryLater, Refused."""
        command = self.command
        if command.deliver is not None and command.deliver.store is not None:
            return self._kept(*self.store_of(command.deliver.store), command.deliver.store)
        old = self._fetched(command.given_old)
        new = self._fetched(command.given_new)
        if old is not None and old == new:
            text = "the new secret is the old one, nothing was called: they must differ, or a repeat could not be told"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        return Sourced(command.with_secrets(old, new), None, new, evidence=self.evidence)

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

    def _kept(self, store: Store, region: str, ref: StoreRef) -> Sourced[C]:
        versions = store.versions()
        current = next((one for one in versions if one.stage is Stage.CURRENT), None)
        if current is None:
            text = f"{ref.place} holds no current version: give it one, the secret that is in force now"
            raise Refused(ErrorClass.FAILED, text, code="NoCurrentVersion")
        own = next((one for one in versions if one.id == self.version), None)
        over = self._over(store, region, own, current)
        if over is not None:
            return over
        keeping = Keeping(store, region, self.version, None, own is not None and own.stage is Stage.PENDING)
        pending = [one.id for one in versions if one.stage is Stage.PENDING and one.id != self.version]
        if self.command.returns_secret:
            keeping.moot = tuple(pending)
            return Sourced(self.command, keeping=keeping, evidence=self.evidence)
        return self._resolved(store, keeping, own, pending, ref)

    def _over(self, store: Store, region: str, own: Version | None, current: Version) -> Sourced[C] | None:
        """Whether an earlier delivery has brought this very command to its end."""
        done = own is not None and own.stage is Stage.CURRENT
        # What the cloud makes is stored only after it answered: then it is in force.
        shown = own is not None and own.stage is Stage.PENDING and self.command.returns_secret
        settled = [] if own is not None else store.settled()
        keeping = Keeping(store, region, self.version, None, existed=True)
        if done or shown or settled[:1] == [self.version]:
            self.evidence.append(f"store: version {self.version} is of an earlier delivery, proven in force")
            secret = store.read(self.version) if shown else store.read() if self.command.deliver else None
            turn = Turn.unpack(secret) if secret is not None and self.command.alternates else None
            new, account = (turn.password, turn.account) if turn else (secret, None)
            ended = Ending(Outcome.ALREADY_CHANGED, evidence=self.evidence, stored=keeping.stored(Stage.CURRENT))
            return Sourced(self.command, account, new, keeping if shown else None, ending=ended)
        replaced = own is not None and own.stage is Stage.RESOLVED and (own.created or 0) <= (current.created or 0)
        if replaced or self.version in settled:
            text = "a later command has replaced the secret of this one, nothing was called: give a new CommandId"
            ended = Ending(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, text, code="Superseded"), self.evidence)
            return Sourced(self.command, ending=ended)
        return None

    def _resolved(
        self, store: Store, keeping: Keeping, own: Version | None, pending: list[str], ref: StoreRef
    ) -> Sourced[C]:
        command = self.command
        from_store = bool(command.alternates) or (isinstance(command.given_old, StoreRef) and command.given_old == ref)
        fenced = command.old_field is not None
        kept = store.read() if from_store or command.alternates else None
        mine = store.read(self.version) if own is not None else None
        if kept is not None and mine == kept:
            # A store whose versions are overwritten: an earlier delivery died between two steps of its promotion.
            return self._begun(keeping, mine, pending)
        account: str | None = None
        turn: Turn | None = None
        if command.alternates:
            assert kept is not None  # noqa: S101 - read just above
            turn, account = self._turn(kept, ref)
        olds: dict[str, Secret] = {}  # what the store knows of the old secret: by version, "" for the current one
        if fenced and from_store:
            assert kept is not None  # noqa: S101 - read just above
            if (old := turn.password_of(account or "") if turn else kept) is not None:
                olds[""] = old
            for version in pending[: _MOST_TRIED - 1]:
                if (old := self._password(store.read(version), account)) is not None:
                    olds[version] = old
            if pending and not command.dry_run and (found := self._in_force(olds, account)) is not None:
                self.evidence.append(f"fence_probe: {found or 'the current version'} is in force")
                if found:
                    self.evidence += promote(store, found, [v for v in pending if v != found])
                    if turn is not None:  # that was the idle account's turn: now it is the other's
                        return self._resolved(store, keeping, own, [], ref)
                else:
                    for version in pending:
                        store.discard(version)
                        self.evidence.append(f"store: version {version} discarded")
                olds, pending = {"": olds[found]}, []
            if not olds:
                text = f"{ref.place} does not hold the old secret of {account}: store it under Previous"
                raise Refused(ErrorClass.FAILED, text, code="NoOldSecret")
        keeping.moot = tuple(pending)
        first = olds.pop(next(iter(olds))) if olds else self._fetched(command.given_old)
        if mine is not None:
            if command.alternates:
                own_turn = Turn.unpack(mine)
                account, new = (own_turn.account, own_turn.password) if own_turn else (account, mine)
            else:
                new = mine
            keeping.kept = mine
        else:
            made = self._fetched(command.given_new)
            assert made is not None  # noqa: S101 - a store goes only with a secret that is made
            new = made
            keeping.kept = new
            if turn is not None:
                keeping.kept = Turn(account or "", new, (turn.account, turn.password)).pack()
        versions = list(olds)

        def promote_other(index: int) -> list[str]:
            return promote(store, versions[index], [])

        return Sourced(
            command.with_secrets(first, new, account),
            account,
            new,
            keeping,
            list(olds.values()),
            promote_other,
            evidence=self.evidence,
        )

    def _begun(self, keeping: Keeping, mine: Secret, pending: list[str]) -> Sourced[C]:
        """Only a proven change is promoted: what is left is to end that."""
        self.evidence.append(f"store: version {self.version} is of an earlier delivery, proven in force")
        keeping.kept, keeping.moot = mine, tuple(pending)
        turn = Turn.unpack(mine) if self.command.alternates else None
        new, account = (turn.password, turn.account) if turn else (mine, None)
        ended = Ending(Outcome.ALREADY_CHANGED, evidence=self.evidence, stored=keeping.stored(Stage.CURRENT))
        return Sourced(self.command, account, new, keeping, ending=ended)

    def _turn(self, kept: Secret, ref: StoreRef) -> tuple[Turn, str]:
        turn = Turn.unpack(kept)
        pair = self.command.alternates
        if turn is None or turn.account not in pair:
            text = (
                f"{ref.place} must hold JSON with AccountName, one of the two, its Password, and the other in Previous"
            )
            raise Refused(ErrorClass.FAILED, text, code="StoreForm")
        return turn, pair[1] if turn.account == pair[0] else pair[0]

    def _password(self, kept: Secret, account: str | None) -> Secret | None:
        if account is None:
            return kept
        turn = Turn.unpack(kept)
        return turn.password if turn is not None and turn.account == account else None

    def _in_force(self, olds: dict[str, Secret], account: str | None) -> str | None:
        """Which of the store's versions the fence accepts, or None if it accepts none."""
        for version, secret in olds.items():
            answer = self.probe(self.command, secret, account)
            if answer is None:
                return version
            if not isinstance(answer, OldSecretRefused | Ambiguous):
                raise answer
        return None
