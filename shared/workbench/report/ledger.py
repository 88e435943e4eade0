"""What the events come to: each command once, by the strongest of its results; each credential by its newest age."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.results.outcome import Outcome
from shared.workbench.report.events import COUNTS, Result, RotationPage, RotationRow, parse_event

IN_FORCE = (Outcome.CHANGED, Outcome.ALREADY_CHANGED)
OVERDUE_S = 40 * 60.0
"""follow_change gives a task up 30 minutes after its start; ten more are for its queue, as the alarm on it has it."""
_STRENGTH = {
    Outcome.PENDING: 0,
    Outcome.NOT_CHANGED: 1,
    Outcome.UNKNOWN: 2,
    Outcome.ALREADY_CHANGED: 3,
    Outcome.CHANGED: 3,
    Outcome.WOULD_CHANGE: 1,
}
_DAY_S = 86_400.0


def stronger_result(one: Result, other: Result) -> Result:
    """Which of two results of one command stands, whatever their order.

    In force over unknown over not_changed over pending. Of dry runs, and of two that say the same, the newer: its
    evidence is the newer. Of two in force the one that made the change, and the first that says so.
    """
    return max(one, other, key=_weight)


def _weight(result: Result) -> tuple[object, ...]:
    in_force = result.outcome in IN_FORCE
    return (
        0 if result.dry_run else _STRENGTH[result.outcome],
        result.outcome is Outcome.CHANGED,
        -result.time if in_force and not result.dry_run else result.time,
        result.id,
        result.evidence,
    )


@dataclass(eq=False)
class Firing:
    """One firing of a rotation's timer, from as many of its pages as were found."""

    source: str
    service: str
    policy: str
    firing: str
    mode: str
    function: str
    max_age_days: float
    fired: float
    pages: set[int] = field(default_factory=set)
    counts: tuple[int, ...] = (0,) * len(COUNTS)
    last_page: int | None = None
    newest_page: int = -1
    error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every page is here; its last one has the counts of the whole firing."""
        return self.last_page is not None and len(self.pages) == self.last_page + 1

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


@dataclass(frozen=True, slots=True)
class FleetCredential:
    """One credential of a fleet as it is now. Times are Unix seconds, ages days."""

    source: str
    service: str
    policy: str
    resource: str
    account: str
    max_age_days: float
    age_days: float | None
    changed_since: float | None  # a result that says `changed`, later than the report
    why: str

    @property
    def over(self) -> bool:
        return self.age_days is not None and self.age_days > self.max_age_days


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
class _Told:
    row: RotationRow
    fired: float
    time: float
    max_age_days: float


@dataclass(eq=False)
class Ledger:
    """Takes events one by one, in any order; what it says depends on the set of them alone."""

    events: int = 0
    duplicates: int = 0
    oldest: float | None = None
    newest: float | None = None
    _seen: set[tuple[str, bool]] = field(default_factory=set)
    _commands: dict[tuple[str, str, str, str, bool], Result] = field(default_factory=dict)
    _on_a_queue: set[str] = field(default_factory=set)
    _undelivered: dict[str, Result] = field(default_factory=dict)
    _firings: dict[tuple[str, str, str, str], Firing] = field(default_factory=dict)
    _rows: dict[tuple[str, str, str, str, str], _Told] = field(default_factory=dict)
    _sent: dict[tuple[str, str], SentCommand] = field(default_factory=dict)

    def add(self, event: object, *, delivered: bool = True) -> None:
        """One event; `delivered`: whether a queue has it. Raises: NotOurs, Malformed."""
        parsed = parse_event(event)
        self.events += 1
        self.oldest = parsed.time if self.oldest is None else min(self.oldest, parsed.time)
        self.newest = parsed.time if self.newest is None else max(self.newest, parsed.time)
        if isinstance(parsed, Result):
            self._add_result(parsed, delivered)
        else:
            self._add_page(parsed)

    def _add_result(self, result: Result, delivered: bool) -> None:
        seen = (result.id, result.dry_run)
        self.duplicates += seen in self._seen
        self._seen.add(seen)
        if delivered:
            self._on_a_queue.add(result.id)
        else:
            held = self._undelivered.get(result.id)
            self._undelivered[result.id] = result if held is None else stronger_result(held, result)
        key = (result.source, result.subject, result.operation, result.command_id, result.dry_run)
        other = self._commands.get(key)
        self._commands[key] = result if other is None else stronger_result(other, result)

    def _add_page(self, page: RotationPage) -> None:
        seen = (page.id, False)
        if seen in self._seen:
            self.duplicates += 1
            return
        self._seen.add(seen)
        key = (page.source, page.service, page.policy, page.firing)
        firing = self._firings.get(key)
        if firing is None:
            about = (page.mode, page.function, page.max_age_days, page.fired)
            firing = self._firings[key] = Firing(page.source, page.service, page.policy, page.firing, *about)
        firing.pages.add(page.page)
        if page.last:
            firing.last_page, firing.error = page.page, page.error
        if page.page > firing.newest_page:  # its counts are of all pages up to it
            firing.newest_page, firing.counts = page.page, page.counts
        for row in page.rows:
            named = (page.source, page.service, page.policy, row.resource, row.account)
            told = _Told(row, page.fired, page.time, page.max_age_days)
            held = self._rows.get(named)
            if held is None or (told.fired, told.time) > (held.fired, held.time):
                self._rows[named] = told
            if row.command_id and "not sent" not in row.why:
                sent = SentCommand(
                    page.source, page.service, row.resource, row.account, page.policy, row.command_id, page.fired
                )
                first = self._sent.setdefault((page.source, row.command_id), sent)
                if sent.fired < first.fired:
                    self._sent[page.source, row.command_id] = sent

    @property
    def commands(self) -> list[Result]:
        """The result that stands for each command, oldest first; dry runs apart."""
        return _by_time(one for one in self._commands.values() if not one.dry_run)

    @property
    def dry_runs(self) -> list[Result]:
        """The newest result of each dry run."""
        return _by_time(one for one in self._commands.values() if one.dry_run)

    @property
    def undelivered(self) -> list[Result]:
        """Results that no queue took, as a log or a reply tells, and that none has brought since."""
        return _by_time(one for id_, one in self._undelivered.items() if id_ not in self._on_a_queue)

    @property
    def firings(self) -> list[Firing]:
        """Newest first."""
        return sorted(self._firings.values(), key=lambda one: (-one.fired, one.source, one.policy, one.firing))

    def unanswered(self) -> list[SentCommand]:
        """Commands that a rotation has sent and of which no result is here, the longest first."""
        answered = {(one.source, one.command_id) for one in self._commands.values() if not one.dry_run}
        missing = (one for key, one in self._sent.items() if key not in answered)
        return sorted(missing, key=lambda one: (one.fired, one.source, one.resource, one.account))

    def settled_by(self, commands: Iterable[Result]) -> Mapping[tuple[str, str], Result]:
        """By source and subject, the newest result in force: an older `unknown` of that credential is history."""
        newest: dict[tuple[str, str], Result] = {}
        for one in commands:
            if one.outcome in IN_FORCE:
                key = (one.source, one.subject)
                if key not in newest or newest[key].time < one.time:
                    newest[key] = one
        return newest

    def credentials(self, commands: Iterable[Result], now: float) -> list[FleetCredential]:
        """Every credential that a report names, the oldest first, those of no known age last.

        A change that was told after the report makes its credential young. What a later report of the whole fleet
        does not name any more is gone.
        """
        changed: dict[tuple[str, str], float] = {}
        for one in commands:
            if one.outcome is Outcome.CHANGED:
                key = (one.source, one.subject)
                changed[key] = max(changed.get(key, one.finished), one.finished)
        whole: dict[tuple[str, str, str], float] = {}
        for firing in self._firings.values():
            if firing.complete and firing.mode == "report" and firing.error is None:
                fleet = (firing.source, firing.service, firing.policy)
                whole[fleet] = max(whole.get(fleet, firing.fired), firing.fired)
        found = [
            _credential(key, told, changed, now)
            for key, told in self._rows.items()
            if told.fired >= whole.get(key[:3], told.fired)
        ]
        return sorted(found, key=_oldest_first)


def _credential(
    key: tuple[str, str, str, str, str], told: _Told, changed: Mapping[tuple[str, str], float], now: float
) -> FleetCredential:
    source, service, policy, resource, account = key
    row = told.row
    at = row.changed_at
    if at is None and row.age_days is not None:
        at = told.fired - row.age_days * _DAY_S
    # The two accounts of Alternate are one row, as old as the last change of either.
    times = [changed.get((source, f"{service}/{resource}/{name}")) for name in account.split(",")]
    since = max((time for time in times if time is not None and time > told.fired), default=None)
    if since is not None and (at is None or since > at):
        at = since
    age = None if at is None else max(0.0, (now - at) / _DAY_S)
    return FleetCredential(source, service, policy, resource, account, told.max_age_days, age, since, row.why)


def _oldest_first(one: FleetCredential) -> tuple[object, ...]:
    return (one.age_days is None, -(one.age_days or 0), one.source, one.service, one.resource, one.account, one.policy)


def _by_time(results: Iterable[Result]) -> list[Result]:
    return sorted(results, key=lambda one: (one.time, one.source, one.subject, one.id, one.command_id))
