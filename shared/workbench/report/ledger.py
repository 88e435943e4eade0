"""What the events come to: each command once, by the strongest of its results; each credential by its newest age.

A database in a temporary file, which SQLite removes, holds what was told: a million events take no more memory than ten
thousand. `figures.py` asks it what the page shows.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from types import TracebackType
from typing import Any

from shared.changes.settling import SETTLING_S
from shared.results.outcome import Outcome
from shared.workbench.report.events import COUNTS, Result, RotationPage, parse_event

IN_FORCE = (Outcome.CHANGED, Outcome.ALREADY_CHANGED)
OVERDUE_S = 40 * 60.0
"""follow_change gives a task up 30 minutes after its start; ten more are for its queue, as the alarm on it has it."""
_STRENGTH = {
    Outcome.PENDING: 0,
    Outcome.NOT_CHANGED: 1,
    Outcome.UNKNOWN: 2,
    Outcome.ALREADY_CHANGED: 3,
    Outcome.CHANGED: 4,  # of two in force the one that made the change
    Outcome.WOULD_CHANGE: 1,
}
# Of SQLite, and as much again where it sorts: looking an id up for each event wants more than going through once.
_CACHE_READING_KIB, _CACHE_ASKED_KIB = 16 * 1024, 4 * 1024
_MOST_AHEAD_DAYS = 1.0  # as plan_rotation has it: a change further in the future tells no age
_LEAST_LIMIT_DAYS = 1 / 1440  # a minute: no policy's limit is so short
_AT_ONCE = 500  # results that are put in together

_RESULT = tuple(one.name for one in fields(Result))
RESULT = ", ".join(_RESULT)
"""The columns of a result, in the order in which `result_of` takes them."""
STANDS = "FROM results WHERE stands AND NOT dry_run"
"""The result that stands for each command; dry runs apart."""
FORCE = "stands AND NOT dry_run AND outcome IN ('changed', 'already_changed')"
OF_PASSWORD = f"{FORCE} AND (of_password OR rotated)"
"""The result in force for each command that changed the password itself: a rotation sends no other."""
BY_TIME = "time, source, subject, id, command_id"
_values = attrgetter(*_RESULT)
_KEY = ("source", "service", "policy", "role")
_ABOUT = (*_KEY, "firing", "mode", "function", "max_age_days", "fired")  # as Firing has them
_PAGE = (*_ABOUT, "time", "page", "last", "counts", "error")

# A row of `results` is one id, told by a queue or by none, at its strongest. `name` and `command` are digests of what
# tells one from another. UNIQUE is looked up for each event, so it is kept small. `rotated`: when a rotation sent the
# command last, where that matters.
_FORM = f"""
CREATE TABLE results (
  name, delivered, command, strength, newer, took, stands DEFAULT 1, rotated, {RESULT},
  UNIQUE (name, delivered)
);
CREATE TABLE pages (name PRIMARY KEY, {", ".join(_PAGE)});
CREATE TABLE credentials (
  name PRIMARY KEY, source, service, policy, role, fired, time, resource, account, age_days, changed_at, why
);
CREATE TABLE sent (source, service, resource, account, policy, command_id, fired);
BEGIN;
"""
_TELL = f"""
INSERT INTO results (name, delivered, command, strength, newer, took, {RESULT})
VALUES ({", ".join("?" * (6 + len(_RESULT)))})
ON CONFLICT (name, delivered) DO UPDATE SET ({RESULT}, strength, newer, took)
  = ({", ".join(f"excluded.{name}" for name in _RESULT)}, excluded.strength, excluded.newer, excluded.took)
WHERE (excluded.strength, excluded.newer, excluded.id, excluded.evidence) > (strength, newer, id, evidence)
"""
_LIST = f"""
INSERT INTO credentials VALUES ({", ".join("?" * 12)}) ON CONFLICT (name) DO UPDATE SET
  (fired, time, age_days, changed_at, why)
  = (excluded.fired, excluded.time, excluded.age_days, excluded.changed_at, excluded.why)
WHERE (excluded.fired, excluded.time) > (fired, time)
"""
# Which of two results of one command stands, whatever their order: in force over unknown over not_changed over pending.
# Of dry runs, and of two that say the same, the newer: its evidence is the newer. Of two in force that say the same,
# the first.
_DECIDE = f"""
UPDATE results SET stands = 1 WHERE NOT stands;
UPDATE results SET stands = 0 WHERE rowid IN (
  SELECT rowid FROM (
    SELECT rowid, row_number() OVER (
      PARTITION BY command ORDER BY strength DESC, newer DESC, id DESC, evidence DESC, delivered
    ) AS place FROM results
  ) WHERE place > 1
);
CREATE INDEX IF NOT EXISTS sent_as ON sent (source, command_id, fired);
UPDATE results SET rotated = (
  SELECT max(fired) FROM sent WHERE sent.source = results.source AND sent.command_id = results.command_id
) WHERE {FORCE} AND (NOT of_password OR outcome = 'already_changed');
DROP INDEX IF EXISTS in_force;
CREATE INDEX in_force ON results (source, subject, started, finished, outcome, rotated) WHERE {OF_PASSWORD};
PRAGMA cache_size = -{_CACHE_ASKED_KIB};
"""


RotationKey = tuple[str, str, str, str | None]
"""What tells rotations apart: source, service, policy, and the role of another account."""


def _is_any_age(max_age_days: float) -> bool:
    return max_age_days < _LEAST_LIMIT_DAYS


def settled_at(source: str, outcome: str, time: float) -> float:
    """From when on a command can take effect no more: the lost call of an `unknown` may do so while it settles."""
    if outcome != Outcome.UNKNOWN.value:
        return time
    return time + SETTLING_S.get(source.split("/")[1], max(SETTLING_S.values()))


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing of a rotation's timer, from as many of its pages as were found."""

    source: str
    service: str
    policy: str
    role: str | None
    firing: str
    mode: str
    function: str
    max_age_days: float
    fired: float
    pages: int
    counts: tuple[int, ...]
    last_page: int | None
    error: str | None

    @property
    def key(self) -> RotationKey:
        return self.source, self.service, self.policy, self.role

    @property
    def of_all_places(self) -> tuple[str, ...]:
        """The same for the firings of one policy in several regions and accounts: their names differ in a number."""
        return self.service, self.policy, self.firing.rpartition("-")[0] or self.firing

    @property
    def limit_days(self) -> float | None:
        """The policy's own limit; None: the firing was for credentials of any age (`NOW=1`)."""
        return None if _is_any_age(self.max_age_days) else self.max_age_days

    @property
    def complete(self) -> bool:
        """Whether every page is here; its last one has the counts of the whole firing."""
        return self.last_page is not None and self.pages == self.last_page + 1

    @property
    def count(self) -> dict[str, int]:
        return dict(zip(COUNTS, self.counts, strict=True))

    @property
    def unsent(self) -> int:
        """What was due, and did not reach the commands queue."""
        return max(0, self.count["Due"] - self.count["Sent"]) if self.mode == "rotate" else 0

    @property
    def whole(self) -> bool:
        """Whether the firing dealt with its fleet, and all that it told is here."""
        return self.complete and self.error is None and not self.unsent


class Ledger:
    """Takes events one by one, in any order; what it says depends on the set of them alone. Not for two threads.

    Raises, wherever it is asked or told: sqlite3.Error, where the temporary file has no room.
    """

    def __init__(self, latest: float = math.inf) -> None:
        """`latest`: an event of a later time (Unix seconds) has a wrong clock. It is told, and is never the newest."""
        self.events = 0
        self.latest = latest
        self.oldest: float | None = None
        self.newest: float | None = None
        self._pages_again = self._results = 0
        self._waiting: list[tuple[object, ...]] = []
        self._decided = True
        self._database = sqlite3.connect("", isolation_level=None)  # no name: a file of SQLite's own, for as long
        self._database.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_READING_KIB}; {_FORM}"
        )
        self._database.create_function("settled_at", 3, settled_at, deterministic=True)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, event: object, *, delivered: bool = True) -> None:
        """One event; `delivered`: whether a queue has it. Raises: NotOurs, Malformed."""
        parsed = parse_event(event)
        self.events += 1
        if parsed.time <= self.latest:
            self.oldest = parsed.time if self.oldest is None else min(self.oldest, parsed.time)
            self.newest = parsed.time if self.newest is None else max(self.newest, parsed.time)
        if isinstance(parsed, Result):
            self._add_result(parsed, delivered)
        else:
            self._add_page(parsed)

    def rows(self, question: str, *values: object) -> Iterator[Any]:
        """What the tables answer, row by row."""
        self._decide()
        return iter(self._database.execute(question, values))

    def keep(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """A table of what was worked out: `name (columns)`."""
        columns = table.count(",") + 1
        self._database.execute(f"CREATE TABLE {table}")
        self._database.executemany(f"INSERT INTO {table.partition(' ')[0]} VALUES ({', '.join('?' * columns)})", rows)

    def number(self, question: str, *values: object) -> int:
        """The one number that a question has for an answer; 0 where it has none."""
        (found,) = next(self.rows(question, *values))
        return int(found or 0)

    @property
    def duplicates(self) -> int:
        """Events with an id that came before."""
        # One that a queue has and that a log tells of too is in two rows.
        return self._pages_again + self._results - self.number("SELECT count(DISTINCT name) FROM results")

    @property
    def firings(self) -> Iterator[Firing]:
        """In the order of their names."""
        found = self.rows(f"SELECT {', '.join(_PAGE)} FROM pages ORDER BY {', '.join(_KEY)}, firing, page, name")
        for _, pages in groupby(found, key=lambda row: row[: len(_KEY) + 1]):
            yield _firing([dict(zip(_PAGE, row, strict=True)) for row in pages])

    def _add_result(self, result: Result, delivered: bool) -> None:
        self._results += 1
        of = (result.source, result.subject, result.operation, result.command_id)
        in_force = result.outcome in IN_FORCE and not result.dry_run
        self._waiting.append(
            (
                _digest(result.id, result.dry_run),
                delivered,
                _digest(*of, result.dry_run),
                0 if result.dry_run else _STRENGTH[result.outcome],
                -result.time if in_force else result.time,
                None if result.outcome is Outcome.PENDING else result.seconds,
                *_stored(result),
            )
        )
        self._decided = False
        if len(self._waiting) >= _AT_ONCE:
            self._put_in()

    def _put_in(self) -> None:
        self._database.executemany(_TELL, self._waiting)
        self._waiting.clear()

    def _add_page(self, page: RotationPage) -> None:
        values = {**{name: getattr(page, name) for name in _PAGE}, "counts": json.dumps(page.counts)}
        new = f"INSERT OR IGNORE INTO pages VALUES ({', '.join('?' * (1 + len(_PAGE)))})"
        if not self._database.execute(new, (_digest(page.id), *values.values())).rowcount:
            self._pages_again += 1
            return
        of, at = (page.source, page.service, page.policy, page.role), (page.fired, page.time)
        due = f"older than {page.max_age_days:g} days"
        for row in page.rows:
            why = row.why.replace(due, "asked for now") if _is_any_age(page.max_age_days) else row.why
            wrong = row.age_days is not None and row.age_days < -_MOST_AHEAD_DAYS
            told = (row.resource, row.account, *((None, None) if wrong else (row.age_days, row.changed_at)), why)
            self._database.execute(_LIST, (_digest(*of, row.resource, row.account), *of, *at, *told))
        sent = [row for row in page.rows if row.command_id and "not sent" not in row.why]
        self._database.executemany(
            "INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (page.source, page.service, row.resource, row.account, page.policy, row.command_id, page.fired)
                for row in sent
            ),
        )

    def _decide(self) -> None:
        """Before it answers: which result of each command stands."""
        if self._decided:
            return
        self._decided = True
        self._put_in()
        self._database.executescript(_DECIDE)


def result_of(row: tuple[Any, ...]) -> Result:
    """A result from its columns."""
    held = dict(zip(_RESULT, row, strict=True))
    held |= {"outcome": Outcome(held["outcome"]), "evidence": tuple(json.loads(held["evidence"]))}
    held |= {name: bool(held[name]) for name in ("dry_run", "retryable", "of_password")}
    return Result(**held)


_WHERE_OUTCOME, _WHERE_EVIDENCE = _RESULT.index("outcome"), _RESULT.index("evidence")


def _stored(result: Result) -> list[object]:
    values = list(_values(result))
    values[_WHERE_OUTCOME] = result.outcome.value
    values[_WHERE_EVIDENCE] = json.dumps(result.evidence) if result.evidence else "[]"
    return values


def _firing(pages: list[dict[str, Any]]) -> Firing:
    """One firing, from its pages in their order: the newest has the counts of all up to it."""
    first, newest = pages[0], pages[-1]
    last: Mapping[str, Any] = next((one for one in reversed(pages) if one["last"]), {})
    return Firing(
        **{name: first[name] for name in _ABOUT},
        pages=len({one["page"] for one in pages}),
        counts=tuple(json.loads(newest["counts"])),
        last_page=last.get("page"),
        error=last.get("error"),
    )


def _digest(*names: object) -> bytes:
    """Names in a compact form: two that differ have another one, as with an event's id."""
    return blake2b("\n".join(map(str, names)).encode(), digest_size=16).digest()
