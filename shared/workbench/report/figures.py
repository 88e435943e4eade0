"""The ledger's answers: counts over everything, and of each list as much as the page shows."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Generic, TypeVar

from shared.results.outcome import Outcome
from shared.workbench.report.ages import AGES, NO_STORE_NAME, FleetCredential, aged_credentials
from shared.workbench.report.events import Result
from shared.workbench.report.ledger import (
    BY_TIME,
    FORCE,
    OF_PASSWORD,
    OVERDUE_S,
    RESULT,
    STANDS,
    Firing,
    Ledger,
    RotationKey,
    result_of,
    settled_at,
)

_NEWEST = "time DESC, source DESC, subject DESC, id DESC, command_id DESC"
AGED, AGELESS = "age_days IS NOT NULL", "age_days IS NULL"
STORELESS = f"why LIKE '{NO_STORE_NAME}%'"
"""Which credentials: of a known age, of none, and those for which the store has no valid name."""
_OLDEST_FIRST = "age_days IS NULL, age_days DESC, source, service, resource, account, policy"
# Whether a command that began later changed the password. A refusal, or an `unknown`, is history then.
# `already_changed` shows it only if a rotation sent the command since: the change was due then.
_MENDED = f"""
EXISTS (
  SELECT 1 FROM results WHERE {OF_PASSWORD} AND source = told.source AND subject = told.subject
    AND started > settled_at(told.source, told.outcome, told.time)
    AND (outcome = 'changed' OR rotated > settled_at(told.source, told.outcome, told.time))
)
"""
_TROUBLED = f"""
SELECT rowid, {_MENDED} FROM results AS told WHERE stands AND NOT dry_run AND outcome IN ('not_changed', 'unknown')
"""
# A later dry run of the credential that found no obstacle mends a dry run that found one; so does a later change.
_DRY_REFUSED = f"""
SELECT count(*) FROM results AS told LEFT JOIN (
  SELECT source AS from_source, subject AS of_subject, max(time) AS clear_at FROM results
    WHERE stands AND dry_run AND outcome = 'would_change' GROUP BY 1, 2
) ON from_source = told.source AND of_subject = told.subject
WHERE stands AND dry_run AND outcome IN ('not_changed', 'unknown')
  AND told.time >= coalesce(clear_at, told.time) AND NOT {_MENDED}
"""
_UNDELIVERED = """
FROM results AS told WHERE NOT delivered
  AND NOT EXISTS (SELECT 1 FROM results WHERE name = told.name AND delivered)
"""
_FUTURE = """
SELECT * FROM (SELECT source, subject AS what, command_id AS id, time FROM results
  UNION ALL SELECT source, 'policy ' || policy, firing, time FROM pages) WHERE time > ?
"""
_FOR_S = "max(0.0, ? - coalesce(started, time))"
_UNANSWERED = """
SELECT source, service, resource, account, policy, command_id, min(fired) AS since FROM (
  SELECT source, service, resource, account, policy, command_id, fired, 0 AS answers FROM sent
  UNION ALL
  SELECT source, NULL, NULL, NULL, NULL, command_id, NULL, 1 FROM results
    WHERE NOT dry_run AND EXISTS (SELECT 1 FROM sent)
) GROUP BY source, command_id HAVING sum(answers) = 0
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Truncated(Generic[T]):
    """The first of many, and how many there are."""

    shown: Sequence[T]
    count: int

    @property
    def rest(self) -> int:
        return self.count - len(self.shown)

    @classmethod
    def of(cls, items: Iterable[T], most: int) -> Truncated[T]:
        """Of what is made one by one, and kept as far as it is shown."""
        left = iter(items)
        shown = list(islice(left, most))
        return cls(shown, len(shown) + sum(1 for _ in left))


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command that a rotation says it has sent."""

    source: str
    service: str
    resource: str
    account: str
    policy: str
    command_id: str
    fired: float


@dataclass(frozen=True, slots=True)
class FutureEvent:
    """An event that is told of a time that has not come: `id` is that of its command or firing."""

    source: str
    what: str
    id: str
    time: float


@dataclass(frozen=True)
class Figures:
    """What the ledger says at a time. It is complete then: nothing is added any more."""

    ledger: Ledger
    now: float

    def outcomes(self, *, dry: bool = False) -> Counter[str]:
        """How many commands ended how, or dry runs."""
        found = self.ledger.rows("SELECT outcome, count(*) FROM results WHERE stands AND dry_run = ? GROUP BY 1", dry)
        return Counter(dict(found))

    def unsettled(self) -> int:
        """Results that are unknown, and no later command changed the password."""
        return self.ledger.number(f"SELECT count(*) {self._open} AND outcome = 'unknown'")

    def unknown(self, most: int) -> list[Result]:
        """Those of `unsettled`, the newest first."""
        found = f"SELECT {RESULT} {self._open} AND outcome = 'unknown' ORDER BY {_NEWEST} LIMIT ?"
        return self._results(found, most)

    def failed(self) -> int:
        """Commands that changed nothing, and no later command changed the password."""
        return self.ledger.number(f"SELECT count(*) {self._open} AND outcome = 'not_changed'")

    def failed_of(self, error_class: str | None, most: int) -> list[Result]:
        """Those of `failed` with this class of error, the newest first."""
        of = f"{self._open} AND outcome = 'not_changed' AND error_class IS ?"
        return self._results(f"SELECT {RESULT} {of} ORDER BY {_NEWEST} LIMIT ?", error_class, most)

    def errors(self) -> Iterator[tuple[str | None, str, int, int]]:
        """Of `failed`: class, code, how often, and how many of them may be sent again as they are.

        The codes of a class follow on each other, the most frequent first.
        """
        found = f"""SELECT error_class, coalesce(code, 'no code') AS known, count(*) AS often, sum(retryable)
          {self._open} AND outcome = 'not_changed'
          GROUP BY error_class, known ORDER BY error_class, often DESC, known"""
        return self.ledger.rows(found)

    def mended(self, most: int) -> Truncated[tuple[Result, Result | None]]:
        """Commands that failed or are unknown, and the result that mended each: the newest first."""
        found = self._results(f"SELECT {RESULT} {self._troubled} AND mended ORDER BY {_NEWEST} LIMIT ?", most)
        count = self.ledger.number(f"SELECT count(*) {self._troubled} AND mended")
        return Truncated([(one, self._mended_by(one)) for one in found], count)

    @cached_property
    def _troubled(self) -> str:
        """The results that are unknown or changed nothing, each with whether it is `mended`."""
        self.ledger.keep("troubled (place, mended)", self.ledger.rows(_TROUBLED))
        return "FROM troubled JOIN results ON results.rowid = place WHERE TRUE"

    @property
    def _open(self) -> str:
        return f"{self._troubled} AND NOT mended"

    def _mended_by(self, one: Result) -> Result | None:
        newest = f"""SELECT {RESULT} FROM results WHERE {OF_PASSWORD} AND source = ?1 AND subject = ?2 AND started > ?3
          AND (outcome = 'changed' OR rotated > ?3) ORDER BY time DESC, id, command_id LIMIT 1"""
        settled = settled_at(one.source, one.outcome.value, one.time)
        return next(iter(self._results(newest, one.source, one.subject, settled)), None)

    def dry_refused(self) -> int:
        return self.ledger.number(_DRY_REFUSED)

    def changed(self, most: int) -> list[Result]:
        """Results in force, the newest first."""
        return self._results(f"SELECT {RESULT} FROM results WHERE {FORCE} ORDER BY {_NEWEST} LIMIT ?", most)

    def overdue(self) -> int:
        pending = f"SELECT count(*) {STANDS} AND outcome = 'pending' AND {_FOR_S} > ?"
        return self.ledger.number(pending, self.now, OVERDUE_S)

    def pending(self, most: int, late: bool) -> list[Result]:
        """The longest first. `late`: those whose end must have been told by now, else those that may still run."""
        order = f"{_FOR_S} DESC, {BY_TIME}"
        found = f"SELECT {RESULT} {STANDS} AND outcome = 'pending' AND ({_FOR_S} > ?) = ? ORDER BY {order} LIMIT ?"
        return self._results(found, self.now, OVERDUE_S, late, self.now, most)

    def undelivered(self, most: int) -> Truncated[Result]:
        """Results that no queue took, as a log or a reply tells, and that none has brought since; the newest first."""
        shown = self._results(f"SELECT {RESULT} {_UNDELIVERED} ORDER BY {_NEWEST} LIMIT ?", most)
        return Truncated(shown, self.ledger.number(f"SELECT count(*) {_UNDELIVERED}"))

    def unanswered(self, most: int, *, late: bool) -> Truncated[SentCommand]:
        """Commands that a rotation has sent and of which no result is here, the longest first.

        `late`: those whose result must have come by now, else those that may still be on their way.
        """
        where = f"FROM {self._unanswered} WHERE (? - since > ?) = ?"
        of = (self.now, OVERDUE_S, late)
        found = self.ledger.rows(
            f"SELECT * {where} ORDER BY since, source, resource, account, command_id LIMIT ?", *of, most
        )
        return Truncated([SentCommand(*row) for row in found], self.ledger.number(f"SELECT count(*) {where}", *of))

    @cached_property
    def _unanswered(self) -> str:
        form = "source, service, resource, account, policy, command_id, since"
        self.ledger.keep(f"unanswered ({form})", self.ledger.rows(_UNANSWERED))
        return "unanswered"

    def dry_runs(self, most: int) -> list[Result]:
        """The newest result of each dry run, the newest first."""
        found = f"SELECT {RESULT} FROM results WHERE stands AND dry_run ORDER BY {_NEWEST} LIMIT ?"
        return self._results(found, most)

    def slowest(self, most: int) -> list[Result]:
        found = f"SELECT {RESULT} {STANDS} AND took IS NOT NULL ORDER BY took DESC, time, id LIMIT ?"
        return self._results(found, most)

    def times(self) -> Iterator[tuple[float, Outcome]]:
        """When each command ended, and how; in no order."""
        known = {one.value: one for one in Outcome}
        return ((time, known[outcome]) for time, outcome in self.ledger.rows(f"SELECT time, outcome {STANDS}"))

    @cached_property
    def took(self) -> dict[tuple[str, str, str], array[float]]:
        """By cloud, service and operation, how long its commands took that have ended: seconds, the shortest first."""
        took: dict[tuple[str, str, str], array[float]] = {}
        found = f"SELECT source, {_SERVICE}, operation, took {STANDS} AND took IS NOT NULL ORDER BY took"
        for source, service, operation, seconds in self.ledger.rows(found):
            took.setdefault((_cloud(source), service, operation), array("d")).append(seconds)
        return took

    def operations(self) -> dict[tuple[str, str, str], Counter[Outcome]]:
        """By cloud, service and operation, how its commands ended."""
        counts: dict[tuple[str, str, str], Counter[Outcome]] = {}
        found = f"SELECT source, {_SERVICE}, operation, outcome, count(*) {STANDS} GROUP BY 1, 2, 3, 4"
        for source, service, operation, outcome, count in self.ledger.rows(found):
            counts.setdefault((_cloud(source), service, operation), Counter())[Outcome(outcome)] += count
        return counts

    @cached_property
    def firings(self) -> list[Firing]:
        """Of a rotation, the newest first."""
        return sorted(self.ledger.firings, key=lambda one: (-one.fired, one.source, one.policy, one.firing))

    def unfinished(self) -> Iterator[Firing]:
        """Of each policy its newest rotation, else its newest firing, that stopped, could not send, or lacks a page."""
        newest: dict[RotationKey, Firing] = {}
        for one in self.firings:
            newest.setdefault(one.key, one)
        rotated = {one.key: one for one in reversed(self.firings) if one.mode == "rotate"}
        for key, last in newest.items():
            rotation = rotated.get(key, last)
            one = last if rotation.whole else rotation  # a firing that only tells ages mends no rotation
            if not one.whole:
                yield one

    @cached_property
    def _last_ended(self) -> list[Firing]:
        """Of each rotation its newest firing that dealt with its fleet."""
        ended: dict[RotationKey, Firing] = {}
        for one in self.firings:
            if one.complete and one.error is None:
                ended.setdefault(one.key, one)
        return list(ended.values())

    def unmatched(self) -> Iterator[Firing]:
        """Those whose policy names no resource that exists, in none of its regions and accounts."""
        listed: Counter[tuple[str, ...]] = Counter()
        for one in self._last_ended:
            listed[one.of_all_places] += one.count["Listed"]
        return (one for one in self._last_ended if not listed[one.of_all_places])

    def not_allowed(self) -> int:
        """Credentials that `KEYTURN_ALLOW` refuses to their own rotation."""
        return sum(one.count["NotAllowed"] for one in self._last_ended)

    def future(self, most: int) -> Truncated[FutureEvent]:
        """Events with a time that has not come, the latest first."""
        found = self.ledger.rows(f"{_FUTURE} ORDER BY time DESC, source, what, id", self.ledger.latest)
        return Truncated.of((FutureEvent(*row) for row in found), most)

    def credentials(self, which: str, most: int) -> Truncated[FleetCredential]:
        """Those that a report names, the oldest first. `which`: AGED, AGELESS or STORELESS."""
        where = f"FROM {self._ages} WHERE {which}"
        found = self.ledger.rows(f"SELECT * {where} ORDER BY {_OLDEST_FIRST} LIMIT ?", most)
        shown = [FleetCredential(*row) for row in found]
        return Truncated(shown, self.ledger.number(f"SELECT count(*) {where}"))

    def ages(self) -> Iterator[tuple[float, float]]:
        """The age of each credential of which one is known, and its limit, in days; in no order."""
        known = "age_days IS NOT NULL AND max_age_days IS NOT NULL"
        return self.ledger.rows(f"SELECT age_days, max_age_days FROM {self._ages} WHERE {known}")

    def limitless(self) -> int:
        """Credentials whose age is known and whose limit is not, and that were not changed since."""
        known = "age_days IS NOT NULL AND max_age_days IS NULL AND changed_since IS NULL"
        return self.ledger.number(f"SELECT count(*) FROM {self._ages} WHERE {known}")

    def over_age(self) -> int:
        return self.ledger.number(f"SELECT count(*) FROM {self._ages} WHERE age_days > max_age_days")

    @cached_property
    def _ages(self) -> str:
        """The table of every credential that a report names."""
        self.ledger.keep(f"ages ({AGES})", aged_credentials(self.ledger, self.firings, self.now))
        return "ages"

    def _results(self, question: str, *values: object) -> list[Result]:
        return [result_of(row) for row in self.ledger.rows(question, *values)]


_SERVICE = "substr(subject, 1, instr(subject, '/') - 1)"


def _cloud(source: str) -> str:
    return source.split("/")[1]
