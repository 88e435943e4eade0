"""Judges each store at every moment of a play, by what was really written and what was really in force.

The promises: (h) at each moment some version opens the server; (i) after all has settled, and if no result says
`unknown`, the current version does; (k) the user's versions, and values saved before an overwriting, stay as they are;
(l) no version is discarded whose secret may still come into force.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.campaign.judge import Verdict, digests_of
from tests.campaign.record import IN_FORCE, Applied, Credential, Record, parse_time

OURS, BEFORE = "kt-", "kt-before-"
_KMS_KEEPS = 10
SETTLING_S = {"ssm": 330.0, "kms": 930.0}


@dataclass(eq=False)
class Shelf:
    """A store at one moment, and when each version was written."""

    versions: dict[str, str] = field(default_factory=dict)
    made: dict[str, float] = field(default_factory=dict)
    current: str = ""

    def take(self, one: Applied) -> None:
        """Apply one write to the store."""
        if one.digest:
            self.versions[one.account] = one.digest
            self.made.setdefault(one.account, one.at)
        else:
            self.versions.pop(one.account, None)
        # SSM has no stages: its clients go on reading the version that they were told of first.
        if one.service != "ssm" or not self.current:
            self.current = one.current or self.current


def judge_stores(record: Record, verdict: Verdict) -> None:
    """Judge every store that a delivery named."""
    for credential in {one.credential for one in record.deliveries if one.credential.place}:
        _left_alone(record, credential, verdict)
        if _owns(record, credential):
            _at_every_moment(record, credential, verdict)
            _settled(record, credential, verdict)


def _owns(record: Record, credential: Credential) -> bool:
    """Whether the store held this credential's secret from the start, and never went to another credential."""
    in_force = {one.account: one.digest for one in record.of(credential) if one.by == "world"}
    first = [one.digest for one in record.of_store(credential) if one.by == "world"]
    if not any(_opens(record, credential, one, in_force) for one in first):
        return False
    others = [one for one in record.deliveries if one.credential.place == credential.place]
    return not any(
        result["data"]["Outcome"] in IN_FORCE or result["data"]["Stored"]
        for one in others
        if one.credential != credential
        for result in one.results
    )


def _moments(record: Record, credential: Credential) -> Iterator[Applied]:
    """The writes to the store and the changes of the credential, in order."""
    mine = [*record.of_store(credential), *record.of(credential)]
    places = {id(one): number for number, one in enumerate(record.applied)}
    return iter(sorted(mine, key=lambda one: places[id(one)]))


def _at_every_moment(record: Record, credential: Credential, verdict: Verdict) -> None:
    shelf, begun, ours = Shelf(), False, True
    known = _sent_by_keyturn(record, credential)
    in_force: dict[str, str] = {}
    for one in _moments(record, credential):
        if one.by != "world":
            begun = True
        if one.service in ("ssm", "kms"):
            shelf.take(one)
        else:
            in_force[one.account] = one.digest
            if one.by != "world":
                # A change that is not of this store is the user's own affair, until the store knows its secret.
                ours = one.by == "call" and one.digest in known
        if not begun:
            continue
        opens = [_opens(record, credential, value, in_force) for value in shelf.versions.values()]
        if any(opens):
            ours = True
        elif ours and None not in opens:
            what = f"{one.by} {one.service} {one.account}"
            verdict.broke("h", f"at {one.at:.3f}, after {what}, no version in {credential.place} opens the server")
            return


def _sent_by_keyturn(record: Record, credential: Credential) -> set[str]:
    """Digests of the secrets that deliveries with this store sent, and of those that were there at first."""
    found = {one.digest for one in record.of(credential) if one.by == "world"}
    for delivery in record.deliveries:
        if delivery.credential == credential:
            found |= digests_of(record, delivery)
    return found | {one.digest for one in record.of_store(credential) if one.account.startswith(OURS) and one.digest}


def _opens(record: Record, credential: Credential, value: str, in_force: dict[str, str]) -> bool | None:
    if len(credential.accounts) == 1:
        return in_force.get(credential.accounts[0]) == value
    turn = record.turn(value)
    if turn is None:
        return None
    return in_force.get(turn[0]) == record.digest(turn[1])


def _left_alone(record: Record, credential: Credential, verdict: Verdict) -> None:
    shelf = Shelf()
    kind = credential.kept[0]
    for one in record.of_store(credential):
        theirs = not one.account.startswith(OURS)
        before = shelf.versions.get(one.account)
        if one.by == "call":
            if theirs and kind == "kms" and not one.digest and len(shelf.versions) >= _KMS_KEEPS:
                verdict.notes["KMS itself dropped the user's earliest version when the eleventh was written"] += 1
            elif (
                theirs
                and before is not None
                and before != one.digest
                and not (kind == "ssm" and one.account == shelf.current)
            ):
                verdict.broke("k", f"the user's version {one.account} in {credential.place} was changed")
            if one.account.startswith(BEFORE) and before is not None and before != one.digest:
                verdict.broke("k", f"{one.account} in {credential.place} was overwritten or deleted")
            if kind == "kms" and one.current not in (None, shelf.current) and not str(one.current).startswith(OURS):
                verdict.broke("k", f"the user's version {one.current} in {credential.place} became current")
            if not one.digest and before is not None and not theirs:
                _discarded(record, credential, one, before, one.at - shelf.made[one.account], verdict)
        shelf.take(one)


def _discarded(
    record: Record, credential: Credential, gone: Applied, value: str, age_s: float, verdict: Verdict
) -> None:
    passwords = record.password_digests(credential, value)
    # Who gave way to another credential, before any call, takes its own version back.
    gave_way = any(
        (one["data"]["Error"] or {}).get("Code") == "StoreOfAnother" for d in record.deliveries for one in d.last
    )
    if age_s < SETTLING_S[credential.kept[0]] and not gave_way:
        verdict.broke("l", f"{gone.account} in {credential.place} was discarded {age_s:.0f} s after it was written")
    if any(one.digest in passwords and one.at > gone.at for one in record.of(credential)):
        verdict.broke("l", f"{gone.account} in {credential.place} was discarded, and its secret came into force later")


def _settled(record: Record, credential: Credential, verdict: Verdict) -> None:
    mine = [one for one in record.deliveries if one.credential == credential]
    by_hand = any(one.by == "outside" for one in record.of(credential))
    foreign = [one for one in record.deliveries if _same(one.credential, credential) and one.credential != credential]
    told = [
        (parse_time(result["time"]), delivery, result["data"]["Outcome"])
        for delivery in mine
        for result in delivery.last
    ]
    good = [
        delivery.began
        for delivery in mine
        for result in delivery.last
        if result["data"]["Outcome"] in IN_FORCE and "not looked at since" not in " ".join(result["data"]["Evidence"])
    ]
    last_good = max(good, default=0.0)
    left = [delivery for at, delivery, outcome in told if outcome == "unknown" and at > last_good]
    dead = [one for one in mine if one.killed and not one.last and one.began >= last_good]
    if by_hand or foreign or left or dead:
        return
    shelf, in_force = Shelf(), dict[str, str]()
    for one in _moments(record, credential):
        if one.service in ("ssm", "kms"):
            shelf.take(one)
        else:
            in_force[one.account] = one.digest
    opens = _opens(record, credential, shelf.versions.get(shelf.current, ""), in_force)
    if opens is False:
        said = [f"{delivery}: {outcome}" for _, delivery, outcome in told]
        verdict.broke("i", f"all is settled, but the current version in {credential.place} opens no server; {said}")


def _same(one: Credential, other: Credential) -> bool:
    return (one.service, one.resource) == (other.service, other.resource) and bool(
        set(one.accounts) & set(other.accounts)
    )
