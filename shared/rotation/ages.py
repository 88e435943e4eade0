"""The ages of a fleet's secrets: from the service's own time, else from the store's current version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from shared.commands.store_reference import StoreRef
from shared.results.outcome import Subject
from shared.rotation.fleet import Account, Fleet, Resource, moment_at
from shared.rotation.policy import Policy
from shared.runtime.deadline import Deadline
from shared.runtime.errors import KeyturnError, RetryLater
from shared.runtime.settings import is_allowed
from shared.stores.store import Version
from shared.stores.versions import is_keyturn_version

_NO_AGE = "no age: the cloud shows none"
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
_LEAST_S = 0.5  # with less time left no read begins
_LAST_S = 1.0  # if a read fails with less time left, it failed for lack of time


@dataclass
class DatedCredential:
    """One account, or the pair of Alternate, with its age if that is known."""

    name: str | None  # None: the pair
    label: str
    account: Account | None = None
    why: str = ""  # why there is no age


@dataclass
class ResourceAges:
    """The credentials of one resource, or why they are unknown."""

    credentials: list[DatedCredential] = field(default_factory=list)
    why: str | None = None  # why the credentials could not be listed
    allowed: bool = True
    cut: bool = False  # the time ran out before they were known


@dataclass(frozen=True)
class AgeReader:
    """Reads the credentials of resources and their ages. Several threads may use it at once."""

    policy: Policy
    subject: Subject  # of the whole fleet
    fleet: Fleet
    store_region: str
    versions_of: Callable[[StoreRef], list[Version]]
    allow: tuple[tuple[str, ...], ...] | None  # the patterns of KEYTURN_ALLOW
    deadline: Deadline

    def read(self, resource: Resource, about_to_wait: Callable[[], None] = lambda: None) -> ResourceAges:
        """The policy's credentials on one resource, with their ages. `about_to_wait`: called before the first read."""
        if not self._may_touch(resource.id):
            return ResourceAges(why="KEYTURN_ALLOW does not allow this resource, nothing was read", allowed=False)
        if resource.obstacle:
            return ResourceAges(why=f"not in use ({resource.obstacle}): its accounts were not read")
        if self.deadline.left() < _LEAST_S:
            return ResourceAges(why="not listed: TooLate", cut=True)
        about_to_wait()
        try:
            accounts = self.fleet.accounts(resource.id)
            looked = ResourceAges(self._pair(accounts) if self.policy.plan.alternate else self._wanted(accounts))
            for one in looked.credentials:
                if one.account is not None and one.account.changed_at is None and not one.account.obstacle:
                    self._ask_store(resource.id, one)
        except KeyturnError as error:
            late = isinstance(error, RetryLater) and self.deadline.left() < _LAST_S
            return ResourceAges(why=f"not listed: {error.code or error.error_class.value}", cut=late)
        if not looked.credentials:
            looked.why = "none of the policy's accounts is on this resource"
        return looked

    def _wanted(self, accounts: list[Account]) -> list[DatedCredential]:
        return [DatedCredential(one.name, one.name, one) for one in accounts if self.policy.wants(one.name)]

    def _pair(self, accounts: list[Account]) -> list[DatedCredential]:
        """The pair of Alternate. Its age is that of its last change, which set the secret of the account in use."""
        names = self.policy.plan.alternate or []
        pair = DatedCredential(None, ",".join(names))
        found = [one for one in accounts if one.name in names]
        if len(found) < len(names):
            pair.why = "no age: one of the two accounts is not on this resource"
        else:
            known = [one for one in found if one.changed_at is not None]
            pair.account = max(known, key=lambda one: one.changed_at or _LONG_AGO, default=found[0])
        return [pair]

    def _ask_store(self, resource: str, one: DatedCredential) -> None:
        """Take the age from the store, because the cloud shows none. Raises: RetryLater if the time runs out."""
        assert one.account is not None  # noqa: S101 - the caller has checked this
        one.why = f"{_NO_AGE}, and neither does the store"
        try:
            ref = self.policy.plan.store_of(resource, one.name or "")
        except ValueError:
            ref = None
        if ref is None or not self.may_use(ref):
            return
        try:
            made = self._made(ref)
        except KeyturnError as error:
            if isinstance(error, RetryLater) and self.deadline.left() < _LAST_S:
                raise
            one.why = f"{_NO_AGE}, and {ref.place} answers {error.code or error.error_class.value}"
        except ImportError:
            one.why = f"{_NO_AGE}, and this package does not carry the client of {ref.kind}"
        else:
            at = moment_at(made)
            if made is not None and at is not None:
                one.account = Account(one.account.name, f"{ref.place} {int(made)}", at)

    def _made(self, ref: StoreRef) -> float | None:
        """When the store's current secret was made (Unix seconds; None: unknown). Raises: KeyturnError, ImportError."""

        versions = self.versions_of(ref)
        # SSM overwrites the current version: after a promotion its time is still that of the first secret.
        if ref.kind == "ssm" and any(is_keyturn_version(version.id) for version in versions):
            return None
        current = next((version for version in versions if version.current), None)
        return current.created or None if current is not None else None

    def _may_touch(self, resource: str) -> bool:
        """Whether KEYTURN_ALLOW allows any credential of a resource. If not, its accounts are not even read."""
        patterns = self.allow
        named = replace(self.subject, resource=resource).name[:4]
        return patterns is None or is_allowed(tuple((*one[:4], "*") for one in patterns), (*named, "any"))

    def may_change(self, resource: str, account: str) -> bool:
        """Whether KEYTURN_ALLOW allows a credential."""
        return is_allowed(self.allow, replace(self.subject, resource=resource, account=account).name)

    def may_use(self, ref: StoreRef) -> bool:
        """Whether KEYTURN_ALLOW allows a store."""
        return is_allowed(self.allow, (ref.cloud, ref.kind, self.store_region, ref.name, "*"))
