"""keyturn's own versions in a store. Their names say which credential they are for and which change made them.

A name reads `kt-<credential>-<command>-<parameters>-<number>`; each part but the number is a short SHA-256. Any other
name is the user's: keyturn never promotes, overwrites or deletes such a version, and never treats it as an earlier
delivery's. Two more kinds belong to no change: `kt-before-...` (a value that a promotion would have overwritten) and
`kt-copy-...` (a copy of a current value, in a place where the service keeps it longer).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from shared.stores.store import Version

BEFORE = "kt-before-"
COPY = "kt-copy-"
_NAME = re.compile(r"kt-([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{12})-([1-9][0-9]{0,2})")


@dataclass(frozen=True)
class ChangeIdentity:
    """How version names identify a change: by credential, by operation and CommandId, and by the API's parameters."""

    credential: str
    command: str
    parameters: str

    def name(self, number: int) -> str:
        """The name of this change's version of that number, from 1."""
        return f"kt-{self.credential}-{self.command}-{self.parameters}-{number}"


@dataclass(frozen=True)
class VersionName:
    """The name of a keyturn version, in its parts."""

    identity: ChangeIdentity
    number: int

    def __str__(self) -> str:
        return self.identity.name(self.number)

    @property
    def next(self) -> VersionName:
        """The same change's next version."""
        return replace(self, number=self.number + 1)


def change_identity(
    source: str, subject: str, pair: Iterable[str], operation: str, command_id: str, parameters: Mapping[str, Any]
) -> ChangeIdentity:
    """The identity of a change. `pair`: the two accounts of `Alternate`, which are one credential; else empty."""
    accounts = sorted(pair)
    if accounts:
        subject = subject.rpartition("/")[0]
    return ChangeIdentity(
        _digest([source, subject, *accounts], 16), _digest([operation, command_id], 16), _digest(dict(parameters), 12)
    )


def parse_version_name(version: str) -> VersionName | None:
    """The parts of a keyturn version's name; None for the user's versions, and for those that belong to no change."""
    found = _NAME.fullmatch(version)
    return VersionName(ChangeIdentity(found[1], found[2], found[3]), int(found[4])) if found else None


def is_keyturn_version(version: str) -> bool:
    """Whether keyturn made the version, for a change or beside one."""
    return parse_version_name(version) is not None or version.startswith((BEFORE, COPY))


def _digest(parts: Any, length: int) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@dataclass(frozen=True)
class VersionListing:
    """The versions of a store, sorted by what they are to one change. Each sequence is newest first."""

    identity: ChangeIdentity
    current: Version | None
    own: tuple[Version, ...]  # of this very change, the highest number first
    reused: bool  # the same command came with other parameters
    others: tuple[Version, ...]  # of other changes of this credential
    foreign: tuple[Version, ...]  # of other credentials
    versions: tuple[Version, ...]

    names: Mapping[str, VersionName]  # of the versions that keyturn made for a change

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(one.id for one in self.versions)

    def by_id(self, version: str | None) -> Version | None:
        """The version of that name, if it is there."""
        return next((one for one in self.versions if one.id == version), None)

    def with_earlier(self, earlier: Collection[str]) -> VersionListing:
        """A copy in which `earlier` are older than the change's own: the store's clock counts whole seconds only."""
        first = min((one.created for one in self.own), default=0.0)
        own = {one.id for one in self.own}

        def moved(one: Version) -> Version:
            known = one.id in earlier and one.id not in own and one.created
            return replace(one, created=min(one.created, first - 0.5)) if known else one

        return listing_for([moved(one) for one in self.versions], self.identity)

    def not_older_than(self, version: Version) -> list[Version]:
        """Other changes' versions of this credential that may be newer. The order within one second is not known."""
        return [one for one in self.others if one.created >= version.created]

    def maybe_in_force(self, holder: str | None, among: Sequence[Version] | None = None) -> list[Version]:
        """The versions in `among` (without it: in `others`) that may be in force, or may come into force.

        `holder`: the version whose secret is current. It replaced the older ones.
        """
        held = self.by_id(holder)
        considered = self.others if among is None else among
        return [one for one in considered if one.id != holder and (held is None or one.created >= held.created)]

    def discardable(self, holder: str | None, now: float, bound_s: float) -> list[str]:
        """Versions that may be deleted, earliest first: a later one is proven in force, and no call can still arrive.

        `bound_s`: how long after a version was written its last call can take effect. Times by the store's clock.
        """
        held = self.by_id(holder)
        if held is None or now - held.created <= bound_s:
            return []
        old = [one for one in (*self.others, *self.own, *self.foreign) if 0 < one.created < held.created]
        return [one.id for one in sorted(old, key=lambda one: one.created)]


def listing_for(versions: Sequence[Version], identity: ChangeIdentity) -> VersionListing:
    """Sort the versions of a store by what they are to a change."""
    ordered = sorted(versions, key=lambda one: one.created, reverse=True)
    own: list[tuple[int, Version]] = []
    others: list[Version] = []
    foreign: list[Version] = []
    reused = False
    names = {one.id: named for one in ordered if (named := parse_version_name(one.id)) is not None}
    for one in ordered:
        if (named := names.get(one.id)) is None:
            continue
        if named.identity == identity:
            own.append((named.number, one))
        elif named.identity.credential != identity.credential:
            foreign.append(one)
        else:
            others.append(one)
            reused = reused or named.identity.command == identity.command
    return VersionListing(
        identity,
        next((one for one in ordered if one.current), None),
        tuple(one for _, one in sorted(own, key=lambda pair: pair[0], reverse=True)),
        reused,
        tuple(others),
        tuple(foreign),
        tuple(ordered),
        names,
    )


class EarlierDelivery(Enum):
    """What an earlier delivery of a change left in the store."""

    NONE = "none"  # no version of the change is there
    LEFT_PENDING = "left_pending"  # a version that the delivery may have put in force
    PROMOTED = "promoted"  # a version that was proven in force, and is the current one
    SUPERSEDED = "superseded"  # a later change was proven, and no call of this one can still take effect
    MAYBE_SUPERSEDED = "maybe_superseded"  # a later change began or was proven, and a call of this one may still arrive


def earlier_delivery(
    listing: VersionListing, holder: str | None, *, fenced: bool, looks: bool, now: float, bound_s: float
) -> EarlierDelivery:
    """What an earlier delivery left. With a fence, a late call has no effect once its old secret was replaced.

    `holder`: the version that holds the current secret. `looks`: a login can tell what is in force.
    """
    if not listing.own:
        return EarlierDelivery.NONE
    own = listing.own[0]
    held = listing.by_id(holder)
    if held is not None and held in listing.own:
        open_since = bool(listing.not_older_than(held)) and not (fenced or looks)
        return EarlierDelivery.MAYBE_SUPERSEDED if open_since else EarlierDelivery.PROMOTED
    if held is not None and held.created >= own.created:
        settled = fenced or now - own.created > bound_s
        return EarlierDelivery.SUPERSEDED if settled else EarlierDelivery.MAYBE_SUPERSEDED
    begun_since = bool(listing.not_older_than(own)) and not fenced
    return EarlierDelivery.MAYBE_SUPERSEDED if begun_since else EarlierDelivery.LEFT_PENDING
