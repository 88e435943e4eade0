"""One firing of a policy in one delivery: list the fleet, send what is due, report, and hand the rest on."""

from __future__ import annotations

import json
import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.results.publisher import OutgoingCommand, Publisher
from shared.results.result_event import event_id
from shared.rotation.ages import AgeReader, DatedCredential, ResourceAges
from shared.rotation.fleet import Page, Resource
from shared.rotation.policy import FUNCTION, command_id
from shared.rotation.report import Counts, FiringReport, Row
from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.lanes import run
from shared.runtime.message_signing import COMMAND_TYPE
from shared.runtime.times import now_text, parse_time
from shared.runtime.tracing import trace_id
from shared.triggers import Message

log = logging.getLogger("keyturn")

_MOST_COMMANDS = 300  # in one invocation, as the next limit
_MOST_LISTED = 2000
_MOST_PAGES_AWAY = 10  # how far from its old page the cursor's resource is searched
_AT_ONCE = 8  # reads, or sends of commands, at the same time
_APART_S = 20.0  # between two commands for one instance: only one may be in flight
_MOST_ATTEMPTS = 10  # in a row without progress
_MOST_HOPS = 1000
_AGAIN_S = 5.0
_MOST_AHEAD_DAYS = 1.0  # a wrong zone or clock may show a change so far in the future


@dataclass(frozen=True)
class FiringEnd:
    """How a firing ended in this delivery."""

    delivered: bool  # every page of its report was published
    had_effect: bool  # a command or a page was published, or the rest was handed on
    continues: bool  # another invocation does the rest
    counts: Counts  # of the whole firing so far


class Firing:
    """One policy's run, in this delivery."""

    def __init__(
        self,
        name: str,
        publisher: Publisher,
        message: Message,
        ages: AgeReader,
        rate: float,
        now: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self.publisher, self.message, self.now, self.rng = publisher, message, now, rng
        self.ages, self.policy, self.plan = ages, ages.policy, ages.policy.plan
        self.subject, self.fleet, self.deadline = ages.subject, ages.fleet, ages.deadline
        self.rate = rate  # commands a second
        self.began = now()
        begun = self.plan.begun
        self.name = begun.firing if begun else name
        self.offset, self.after = (begun.offset, begun.after) if begun else (0, None)
        self.next = max(self.began, (parse_time(begun.next) if begun else None) or self.began)
        fired = begun.fired if begun else now_text(self.began)
        self.told = FiringReport(
            self.plan, self.subject, self.name, fired, [self.fleet.assumes], publisher.publish_result
        )
        self.told.traceparent, self.told.tracestate = message.traceparent, message.tracestate
        if begun:
            self.told.page = begun.page
            self.told.counts = Counts(
                begun.listed, begun.due, begun.sent, begun.not_due, begun.unknown, begun.not_allowed
            )
        self.sent_before, self.listed_before = self.told.counts.sent, self.told.counts.listed
        self.first_offset = self.offset
        self.dealt_with: set[str] = set()  # resources handled in this delivery
        self.seen: set[str] = set()  # listed in this delivery, or earlier on its first page
        self.oldest_due_days = 0.0  # the age of the oldest credential that is due so far
        self.started = time.monotonic()
        # Some of the time kept after the deadline is for sending commands that were decided before it.
        self.sends_until = Deadline(self.deadline.at + min(1.5, self.deadline.left() / 6), self.deadline.clock)

    def run(self) -> FiringEnd:
        """List, send and report, until all is done or the time runs out. Raises: Refused if nothing could be listed."""
        error: KeyturnError | None = None
        complete = False
        try:
            complete = all(self._deal_with(some) for some in self._chunks())
        except Refused as refused:
            if not self.dealt_with and self.plan.begun is None and self.message.type != COMMAND_TYPE + FUNCTION:
                raise  # the sender gets the error; for keyturn's own message only the report can show it
            error = refused
        except RetryLater as later:
            error = later
        handed, failed = False, error
        if not complete and not isinstance(error, Refused):
            self.told.flush()
            limit = self._limit()
            handed = limit is None and self._hand_on(error)
            error = None if handed else error or _not_continued(limit or "the commands queue did not accept the rest")
        if not handed:
            self.told.end(error)
        sent = self.told.counts.sent - self.sent_before
        self._log(sent, handed, error or failed)
        had_effect = bool(handed or sent or self.told.published)
        return FiringEnd(self.told.delivered, had_effect, handed, self.told.counts)

    def _chunks(self) -> Iterator[list[Resource]]:
        """The policy's resources after the cursor, in groups that take a few seconds to read.

        A new resource moves the others down, so a resource may be listed twice. Its accounts are read only once.
        """
        selects = self.plan.resources.selects
        page = self._behind_cursor()
        while True:
            unseen = {one.id: one for one in page.resources if one.id not in self.seen}
            self.seen |= unseen.keys()
            wanted = [one for one in unseen.values() if selects(one.id, one.tags)]
            while wanted:
                width = self._width()
                yield wanted[:width]
                wanted = wanted[width:]
            if page.last:
                return
            self.offset += self.fleet.page_size
            self.after = page.resources[-1].id if page.resources else None
            page = self._next_page()

    def _next_page(self) -> Page:
        """The page at the offset, and the resources that moved from it to earlier pages in the meantime.

        If a resource is deleted, all resources after it move up. So earlier pages are read again, until one holds a
        resource that was seen: all resources before that are known.
        """
        page, moved, offset = self._page(self.offset), list[Resource](), self.offset
        while offset > 0:
            offset -= self.fleet.page_size
            earlier = self._page(offset).resources
            unseen = [one for one in earlier if one.id not in self.seen]
            moved = unseen + moved
            if len(unseen) < len(earlier):
                break
        return Page(moved + page.resources, page.last)

    def _behind_cursor(self) -> Page:
        """The page of the last resource that was handled; the resources before and up to it count as seen.

        New and deleted resources move the others, so the last resource is searched on the neighbouring pages, too.
        """
        size, last = self.fleet.page_size, False
        if self.after is None:
            return self._page(self.offset)
        for away in range(_MOST_PAGES_AWAY + 1):
            beside = [self.offset - away * size, *([self.offset + away * size] if away and not last else [])]
            for offset in (one for one in beside if one >= 0):
                page = self._page(offset)
                last = last or (page.last and offset >= self.offset)
                names = [one.id for one in page.resources]
                if self.after in names:
                    self.offset = offset
                    self.seen.update(names[: names.index(self.after) + 1])
                    return page
        self.offset = max(0, self.offset - size)  # it is gone: go one page back, so that none is left out
        return self._page(self.offset)

    def _page(self, offset: int) -> Page:
        """Read one page of the fleet. Raises: RetryLater, Refused."""
        if self.deadline.left() <= 0:
            raise RetryLater(ErrorClass.EXHAUSTED, "the time ran out before the fleet was listed", code="TooLate")
        return self.fleet.page(offset, self.plan.resources.tags)

    @property
    def _left(self) -> int:
        """How many credentials this invocation may still list; each may need a command."""
        counts = self.told.counts
        sent, listed = counts.sent - self.sent_before, counts.listed - self.listed_before
        return min(_MOST_COMMANDS - sent, _MOST_LISTED - listed)

    def _width(self) -> int:
        """For how many resources to read accounts now: as many as fit, if each has as many accounts as those before."""
        if not self.dealt_with:
            return _AT_ONCE
        each = max(1, math.ceil((self.told.counts.listed - self.listed_before) / len(self.dealt_with)))
        return max(1, min(max(_AT_ONCE, min(64, int(2 * self.rate))), self._left // each))

    def _deal_with(self, resources: list[Resource]) -> bool:
        """Read, decide, send and report for some resources. False: another invocation has to do the rest."""
        if self._left <= 0:
            return False
        ages: dict[int, ResourceAges] = {}

        def read(index: int, about_to_wait: Callable[[], None]) -> None:
            ages[index] = self.ages.read(resources[index], about_to_wait)

        run([[index] for index in range(len(resources))], read, at_once=_AT_ONCE)
        # Use all that was read. A resource before the last of these that ran out of time is reported as such.
        known = max((index for index, one in ages.items() if not one.cut), default=-1) + 1
        rows: list[Row] = []
        due: list[tuple[OutgoingCommand, Row]] = []
        for index, resource in enumerate(resources[:known]):
            self._decide(resource, ages[index], rows, due)
            self.after = resource.id
            self.dealt_with.add(resource.id)
        self._send(due)
        for row in rows:
            self.told.add(row)
        return known == len(resources)

    def _decide(
        self, resource: Resource, ages: ResourceAges, rows: list[Row], due: list[tuple[OutgoingCommand, Row]]
    ) -> None:
        counts, plan = self.told.counts, self.plan
        if ages.why is not None:
            counts.listed += 1
            counts.not_allowed += not ages.allowed
            counts.unknown += ages.allowed
            rows.append(Row(resource.id, "-", ages.why))
        busy_until: datetime | None = None
        for one in ages.credentials:
            row = self._row(resource.id, one)
            if row.due and plan.mode == "rotate":
                busy_until = self._slot(busy_until)
                due.append((self._command(row, one, busy_until), row))
            if plan.mode == "report" or row.due or row.why != self._in_time:
                rows.append(row)

    @property
    def _in_time(self) -> str:
        return f"within {self.plan.max_age_days:g} days"

    def _row(self, resource: str, one: DatedCredential) -> Row:
        """Decide about one credential, and count it."""
        counts, plan, account = self.told.counts, self.plan, one.account
        counts.listed += 1
        names = plan.alternate if one.name is None else [one.name]
        changed_at = account.changed_at if account else None
        row = Row(resource, one.label, one.why, changed_at=changed_at)
        if changed_at is not None:
            row.age_days = (self.began - changed_at) / timedelta(days=1)
        try:
            ref = plan.store_of(resource, one.name or "")
        except ValueError:
            ref, row.why = None, "Store: the names of the resource and the account give no valid store name"
            counts.unknown += 1
            return row
        allowed = all(self.ages.may_change(resource, name) for name in names or [])
        if not allowed or not (ref is None or self.ages.may_use(ref)):
            row.why = "KEYTURN_ALLOW does not allow it or its store, nothing was sent"
            counts.not_allowed += 1
        elif account is not None and account.obstacle:
            row.why = f"not in use ({account.obstacle}): no command is sent until it is"
            counts.not_due += 1
        elif row.age_days is None:
            counts.unknown += 1
        elif row.age_days < -_MOST_AHEAD_DAYS:
            row.why = f"no age: its last change is {-row.age_days:.0f} days in the future"
            counts.unknown += 1
        elif row.age_days > plan.max_age_days:
            row.due, row.why = True, f"older than {plan.max_age_days:g} days"
            counts.due += 1
            self.oldest_due_days = max(self.oldest_due_days, row.age_days)
            if plan.mode == "rotate" and account is not None:
                subject = replace(self.subject, resource=resource, account=one.label)
                row.command_id = command_id(plan.policy, subject, account.changed or "")
        else:
            row.why = self._in_time
            counts.not_due += 1
        return row

    def _slot(self, busy_until: datetime | None) -> datetime:
        """When the next command may begin: at the API's pace, and some time after the instance's last command."""
        at = max(self.next, self.now())
        self.next = at + timedelta(seconds=1 / self.rate)
        at += timedelta(seconds=self.rng.uniform(0, self.plan.jitter_s))
        return at if busy_until is None else max(at, busy_until + timedelta(seconds=_APART_S))

    def _command(self, row: Row, one: DatedCredential, at: datetime) -> OutgoingCommand:
        subject = replace(self.subject, resource=row.resource, account=one.name or "-")
        assert row.command_id is not None  # noqa: S101 - each due row has one in this mode
        return OutgoingCommand(
            self.plan.function,
            # A new id for each firing: a queue that drops known ids must not drop a command that is still due.
            event_id(subject.source, str(subject), FUNCTION, row.command_id, self.name),
            subject.source,
            str(subject),
            self.policy.command(row.resource, one.name, subject.region, row.command_id),
            notbefore=now_text(at),
            traceparent=self.message.traceparent,
            tracestate=self.message.tracestate,
            delay_s=max(0.0, (at - self.now()).total_seconds()),
        )

    def _send(self, due: list[tuple[OutgoingCommand, Row]]) -> None:
        confirmed: dict[int, bool] = {}

        def send(index: int, about_to_wait: Callable[[], None]) -> None:
            if self.sends_until.left() > 0.0:  # the rest of the time is for reporting and handing on
                about_to_wait()
                confirmed[index] = self.publisher.send_command(due[index][0])

        if due:
            run([[index] for index in range(len(due))], send, at_once=_AT_ONCE)
        for index, (_, row) in enumerate(due):
            if confirmed.get(index):
                self.told.counts.sent += 1
            else:
                why = "the commands queue did not confirm it" if index in confirmed else "the time ran out"
                row.why = f"{row.why}; not sent: {why}"

    @property
    def _moved(self) -> bool:
        """Whether this invocation made progress."""
        return bool(self.dealt_with) or self.offset > self.first_offset

    def _limit(self) -> str | None:
        """Why no other invocation may do the rest. None: one may."""
        if not self.publisher.has_commands:
            return "KEYTURN_COMMANDS is not set"
        if self.message.hop >= _MOST_HOPS:
            return f"it has already taken {_MOST_HOPS:,} invocations"
        if not self._moved and self.message.attempt >= _MOST_ATTEMPTS:
            return f"{_MOST_ATTEMPTS} invocations in a row made no progress: give the function more time"
        return None

    def _hand_on(self, error: KeyturnError | None) -> bool:
        """Leave the rest to another invocation."""
        hop, moved = self.message.hop + 1, self._moved
        attempt = 1 if moved else self.message.attempt + 1
        delay_s = _AGAIN_S if error is not None or not moved else 0.0
        counts = self.told.counts
        begun = {
            "Firing": self.name,
            "Fired": self.told.fired,
            "Page": self.told.page,
            "Offset": self.offset,
            "After": self.after,
            "Next": now_text(self.next),
            **counts.shown,
        }
        assert isinstance(self.message.data, Mapping)  # noqa: S101 - it was read as a policy
        return self.publisher.send_command(
            OutgoingCommand(
                FUNCTION,
                event_id(self.subject.source, str(self.subject), FUNCTION, self.name, f"hop-{hop}-{attempt}"),
                self.subject.source,
                str(self.subject),
                {**self.message.data, "Region": self.subject.region, "From": begun},
                attempt=attempt,
                hop=hop,
                notbefore=now_text(self.now() + timedelta(seconds=delay_s)) if delay_s else None,
                traceparent=self.message.traceparent,
                tracestate=self.message.tracestate,
                delay_s=delay_s,
            )
        )

    def _log(self, sent: int, handed: bool, error: KeyturnError | None) -> None:
        counts = self.told.counts
        line = {
            "event": "rotation",
            "policy": self.plan.policy,
            "firing": self.name,
            "mode": self.plan.mode,
            "region": self.subject.region,
            "role": self.plan.role,
            "outcome": "continued" if handed else "cut_short" if error else "complete",
            "resources": len(self.dealt_with),
            "sent_now": sent,
            "listed": counts.listed,
            "due": counts.due,
            "sent": counts.sent,
            "not_due": counts.not_due,
            "unknown": counts.unknown,
            "not_allowed": counts.not_allowed,
            "max_age_days": self.plan.max_age_days,
            "oldest_due_days": round(self.oldest_due_days, 2),
            "error_class": error.error_class.value if error else None,
            "code": error.code if error else None,
            "trace_id": trace_id(self.message.traceparent),
            "milliseconds": round((time.monotonic() - self.started) * 1000),
        }
        log.info("%s", json.dumps(line))


def _not_continued(why: str) -> KeyturnError:
    text = f"the fleet did not fit into one invocation, and {why}: this report is incomplete"
    return RetryLater(ErrorClass.EXHAUSTED, text, code="NotContinued")
