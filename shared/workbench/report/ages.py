"""How old each credential of the fleets is, as the reports of rotations and the results of later changes tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.workbench.report.ledger import OF_PASSWORD, Firing, Ledger, RotationKey

AGES = "source, service, policy, resource, account, max_age_days, age_days, changed_since, why"
"""The columns of a FleetCredential."""
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
    not name any more is gone.
    """
    whole: dict[RotationKey, float] = {}
    limits: dict[RotationKey, float] = {}
    for firing in firings:
        if firing.complete and firing.mode == "report" and firing.error is None:
            whole.setdefault(firing.key, firing.fired)
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
        age = None if at is None else max(0.0, (now - at) / _DAY_S)
        yield source, service, policy, resource, account, limits.get(key), age, since, why


def _changed(ledger: Ledger, source: str, subject: str, since: float) -> float | None:
    """When a password was changed last, after `since`.

    `already_changed` tells it of a command that a rotation sent since: the change was due then.
    """
    found = f"""SELECT max(finished) FROM results WHERE {OF_PASSWORD} AND source = ? AND subject = ?
      AND finished > ? AND (outcome = 'changed' OR rotated >= ?)"""
    (at,) = next(ledger.rows(found, source, subject, since, since))
    return None if at is None else float(at)
