"""How old each credential of the fleets is, as the reports of rotations and the results of later changes tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.workbench.report.ledger import OF_PASSWORD, Firing, Ledger, RotationKey

AGES = "source, service, policy, resource, account, max_age_days, age_days, changed_since, why"
"""The columns of a FleetCredential."""
NO_STORE_NAME = "Store: "
"""How the report of a rotation begins to tell that the store has no valid name for a credential."""
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class FleetCredential:
    """One credential of a fleet as it is now. Times are Unix seconds, ages days."""

    source: str
    service: str
    policy: str
    resource: str
    account: str
    max_age_days: float | None  # None: no event tells the policy's limit
    age_days: float | None
    changed_since: float | None  # a result that says that the password was changed, later than the report
    why: str

    @property
    def over(self) -> bool:
        return self.age_days is not None and self.max_age_days is not None and self.age_days > self.max_age_days


def aged_credentials(ledger: Ledger, firings: Sequence[Firing], now: float) -> Iterator[tuple[Any, ...]]:
    """Every credential that a report names, with the columns of AGES. `firings`: the newest first.

    A change that was told after the report makes its credential young. What a later report of the whole fleet does
    not name any more is gone. What a later rotation of the whole fleet does not name was not due then.
    """
    rotated: dict[RotationKey, Firing] = {}
    whole: dict[RotationKey, float] = {}
    limits: dict[RotationKey, float] = {}
    for firing in (one for one in firings if one.fired <= ledger.latest):
        if firing.complete and firing.mode == "report" and firing.error is None:
            whole.setdefault(firing.key, firing.fired)
        if firing.mode == "rotate" and firing.whole and not (firing.count["Unknown"] or firing.count["NotAllowed"]):
            rotated.setdefault(firing.key, firing)
        if firing.limit_days is not None:
            limits.setdefault(firing.key, firing.limit_days)
    told = ledger.rows("""SELECT source, service, policy, role, resource, account, fired, age_days,
      changed_at, why FROM credentials""")
    for source, service, policy, role, resource, account, fired, age_days, changed_at, why in told:
        key = source, service, policy, role
        if fired < whole.get(key, fired):
            continue
        at = changed_at
        if at is None and age_days is not None:
            at = fired - age_days * _DAY_S
        # The two accounts of Alternate are one row, as old as the last change of either.
        times = (_changed(ledger, source, f"{service}/{resource}/{name}", fired) for name in account.split(","))
        since = max((time for time in times if time is not None), default=None)
        if since is not None and (at is None or since > at):
            at = since
        later = rotated.get(key)
        if later is not None and fired < later.fired and _had_to_be_named(at, why, later):
            continue
        age = None if at is None else max(0.0, (now - at) / _DAY_S)
        yield source, service, policy, resource, account, limits.get(key), age, since, why


def _had_to_be_named(changed_at: float | None, why: str, firing: Firing) -> bool:
    """Whether a rotation names a credential, if it is still as old, or as unknown, as an earlier report says."""
    if changed_at is None or why.startswith(NO_STORE_NAME):
        return True
    return firing.fired - changed_at > firing.max_age_days * _DAY_S


def _changed(ledger: Ledger, source: str, subject: str, since: float) -> float | None:
    """When a password was changed last, after `since`.

    `already_changed` tells it of a command that a rotation sent since: the change was due then.
    """
    found = f"""SELECT max(finished) FROM results WHERE {OF_PASSWORD} AND source = ? AND subject = ?
      AND finished > ? AND (outcome = 'changed' OR rotated >= ?)"""
    (at,) = next(ledger.rows(found, source, subject, since, since))
    return None if at is None else float(at)
