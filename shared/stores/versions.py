"""keyturn's own versions in a store: names that say whose secret it is and which change made it.

A name reads `kt-<credential>-<command>-<parameters>-<number>`, each part but the number a short SHA-256. Any other name
is the user's: such a version is never promoted, overwritten or taken away, and never taken for an earlier delivery.
Beside these stand `kt-before-...` (a value that a promotion would have overwritten) and `kt-copy-...` (a current value
put where the service keeps it longer); they belong to no change.
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
    """What a change is to a store: the credential, the operation and CommandId, and the API's own parameters."""

    credential: str
    command: str
    parameters: str

    def name(self, number: int) -> str:
        """The name of this change's version of that number, from 1."""
        return f"kt-{self.credential}-{self.command}-{self.parameters}-{number}"


@dataclass(frozen=True)
class VersionName:
    """A version of keyturn's, read from its name."""

    identity: ChangeIdentity
    number: int


def change_identity(
    source: str, subject: str, pair: Iterable[str], operation: str, command_id: str, parameters: Mapping[str, Any]
) -> ChangeIdentity:
    """The identity of a change. `pair`: the two accounts of `Alternate`, which are one credential; else nothing."""
    accounts = sorted(pair)
    if accounts:
        subject = subject.rpartition("/")[0]
    return ChangeIdentity(
        _digest([source, subject, *accounts], 16), _digest([operation, command_id], 16), _digest(dict(parameters), 12)
    )


def parse_version_name(version: str) -> VersionName | None:
    """The parts of a name that keyturn made; None for the user's, and for what belongs to no change."""
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
    """What a listing of a store's versions means to one change. Each sequence is newest first."""

    identity: ChangeIdentity
    current: Version | None
    own: tuple[Version, ...]  # of this very change, the highest number first
    reused: bool  # the same command came with other parameters
    others: tuple[Version, ...]  # of other changes of this credential
    foreign: tuple[Version, ...]  # of other credentials
    versions: tuple[Version, ...]

    def with_older(self, older: Collection[str]) -> VersionListing:
        """The same, where it is known that these were there before the change's own: the clock counts whole seconds."""
        first = min((one.created for one in self.own), default=0.0)

        def earlier(one: Version) -> Version:
            return replace(one, created=min(one.created, first - 0.5)) if one.id in older and one.created else one

        own = {one.id for one in self.own}
        moved = [one if one.id in own else earlier(one) for one in self.versions]
        return listing_for(moved, self.identity)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(one.id for one in self.versions)

    def newer(self, than: Version) -> list[Version]:
        """Versions of other changes of this credential that are not older; the order of one second is not known."""
        return [one for one in self.others if one.created >= than.created]

    def unresolved(self, holder: str | None, among: Sequence[Version] | None = None) -> list[Version]:
        """Of these (the credential's others) the ones that may be in force, or come into force, for all that is known.

        `holder`: the version whose secret is current. What is older was replaced by it.
        """
        held = next((one for one in self.versions if one.id == holder), None)
        considered = self.others if among is None else among
        return [one for one in considered if one.id != holder and (held is None or one.created >= held.created)]

    def spare(self, holder: str | None, now: float, bound_s: float) -> list[str]:
        """Versions that may go, earliest first: a later one was proven in force, and no call with either is out.

        `bound_s`: how long after it was made a version's last call can take effect. Times by the store's clock.
        """
        held = next((one for one in self.versions if one.id == holder), None)
        if held is None or now - held.created <= bound_s:
            return []
        old = [one for one in (*self.others, *self.own, *self.foreign) if 0 < one.created < held.created]
        return [one.id for one in sorted(old, key=lambda one: one.created)]


def listing_for(versions: Sequence[Version], identity: ChangeIdentity) -> VersionListing:
    """What the versions of a store are to a change."""
    ordered = sorted(versions, key=lambda one: one.created, reverse=True)
    own: list[tuple[int, Version]] = []
    others: list[Version] = []
    foreign: list[Version] = []
    reused = False
    for one in ordered:
        named = parse_version_name(one.id)
        if named is None:
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
    )


class EarlierDelivery(Enum):
    """Where a change stands by its versions in the store."""

    NEW = "new"  # no version of it is there
    BEGUN = "begun"  # an earlier delivery wrote one, and may have put it in force
    FINISHED = "finished"  # its secret was proven in force, and is the current one
    REPLACED = "replaced"  # a later change was proven since, and nothing of this one can still take effect
    OVERTAKEN = "overtaken"  # a later change was begun or proven, and a call of this one may still arrive


def earlier_delivery(
    listing: VersionListing, holder: str | None, *, fenced: bool, looks: bool, now: float, bound_s: float
) -> EarlierDelivery:
    """Where a change stands. Behind a fence a late call does nothing once its old secret was replaced.

    `holder`: the version that holds the current secret. `looks`: a login can tell what is in force.
    """
    if not listing.own:
        return EarlierDelivery.NEW
    own = listing.own[0]
    held = next((one for one in listing.versions if one.id == holder), None)
    if held is not None and held.id in {one.id for one in listing.own}:
        open_since = bool(listing.newer(held)) and not (fenced or looks)
        return EarlierDelivery.OVERTAKEN if open_since else EarlierDelivery.FINISHED
    if held is not None and held.created >= own.created:
        return EarlierDelivery.REPLACED if fenced or now - own.created > bound_s else EarlierDelivery.OVERTAKEN
    return EarlierDelivery.OVERTAKEN if listing.newer(own) and not fenced else EarlierDelivery.BEGUN


# A delivery that began so long before another may still be at work: the longest that both platforms let a function run
# on its ordinary settings.
ALIVE_S = 900.0


def competing_versions(listing: VersionListing, own: Version, holder: str | None) -> list[Version]:
    """Versions of other changes that may be in force in place of this one, or come into force: not those before it."""
    held = next((one for one in listing.versions if one.id == holder), None)
    done = held.created if held is not None and held.created < own.created else -1.0
    return [one for one in listing.others if one.created >= own.created - ALIVE_S and one.created > done]


def was_superseded(own: Version, among: Sequence[Version], held: Version | None, told: bool | None) -> bool:
    """Whether a change that was proven must not be made current: another one came after it, or may have.

    `told`: whether the cloud shows it as the last one; None: nothing tells, and then the later command's claim stands.
    """
    if held is not None and held.created > own.created and held in among:
        return True
    return bool(among) and (told is False or (told is None and any(one.created >= own.created for one in among)))
