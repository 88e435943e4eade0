"""The report of a firing: CloudEvents of type `keyturn.rotation.report`, each small enough for the queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from shared.results.outcome import Subject
from shared.results.result_event import event_id
from shared.rotation.policy import FUNCTION, PlanRotation
from shared.runtime import redaction
from shared.runtime.errors import KeyturnError
from shared.runtime.times import now_text

if TYPE_CHECKING:
    from shared.results.event_types import RotationCounts
    from shared.rotation import event_types

TYPE: Literal["keyturn.rotation.report"] = "keyturn.rotation.report"
_MOST_BYTES = 40_000  # of a page's rows; with the rest of the event a queue takes 48 KB


@dataclass
class Counts:
    """The counts of a firing so far. Each listed credential is due, or counts in one of the last three."""

    listed: int = 0
    due: int = 0
    sent: int = 0
    not_due: int = 0
    unknown: int = 0  # no age, or not listed at all
    not_allowed: int = 0

    @property
    def shown(self) -> RotationCounts:
        return {
            "Listed": self.listed,
            "Due": self.due,
            "Sent": self.sent,
            "NotDue": self.not_due,
            "Unknown": self.unknown,
            "NotAllowed": self.not_allowed,
        }


@dataclass
class Row:
    """One credential, or a resource whose credentials could not be listed (`account` is `-`)."""

    resource: str
    account: str
    why: str
    age_days: float | None = None
    changed_at: datetime | None = None
    due: bool = False
    command_id: str | None = None

    @property
    def shown(self) -> event_types.RotationRow:
        return {
            "Resource": self.resource,
            "Account": self.account,
            "AgeDays": None if self.age_days is None else round(self.age_days, 2),
            "ChangedAt": None if self.changed_at is None else now_text(self.changed_at),
            "Due": self.due,
            "Why": redaction.scrub(self.why)[:300],
            "CommandId": self.command_id,
        }


@dataclass
class FiringReport:
    """The pages of one firing. A page is published when it is full."""

    policy: PlanRotation
    subject: Subject
    firing: str
    fired: str
    evidence: list[str]
    publish: Callable[[Mapping[str, Any]], bool]
    page: int = 0
    counts: Counts = field(default_factory=Counts)
    traceparent: str | None = None
    tracestate: str | None = None
    delivered: bool = True
    published: int = 0  # this delivery's pages that a queue confirmed
    _rows: list[event_types.RotationRow] = field(default_factory=list)
    _bytes: int = 0

    def add(self, row: Row) -> None:
        shown = row.shown
        size = len(json.dumps(shown, ensure_ascii=False).encode()) + 1
        if self._bytes + size > _MOST_BYTES:
            self._publish(last=False, error=None)
        self._rows.append(shown)
        self._bytes += size

    def flush(self) -> None:
        """Publish the rows so far, if there are any. More of this firing will follow."""
        if self._rows:
            self._publish(last=False, error=None)

    def end(self, error: KeyturnError | None = None) -> None:
        """Publish the last page, with the counts of the whole firing."""
        self._publish(last=True, error=error)

    def _publish(self, *, last: bool, error: KeyturnError | None) -> None:
        data: event_types.RotationPage = {
            "Policy": self.policy.policy,
            "Mode": self.policy.mode,
            "Function": self.policy.function,
            "Role": self.policy.role,
            "MaxAgeDays": self.policy.max_age_days,
            "Firing": self.firing,
            "Fired": self.fired,
            "Page": self.page,
            "Last": last,
            **self.counts.shown,
            "Rows": self._rows,
            "Evidence": self.evidence,
            "Error": None,
        }
        if error is not None:
            data["Error"] = {
                "Class": error.error_class.value,
                "Code": error.code,
                "Message": redaction.scrub(error.message)[:2000],
                "Retryable": error.retryable,
            }
        source, subject = self.subject.source, str(self.subject)
        event: event_types.RotationReport = {
            "specversion": "1.0",
            "id": event_id(source, subject, FUNCTION, f"{self.policy.policy}/{self.firing}", f"page-{self.page}"),
            "source": source,
            "type": TYPE,
            "subject": subject,
            "time": now_text(),
            "datacontenttype": "application/json",
            "data": data,
        }
        if self.traceparent:
            event["traceparent"] = self.traceparent
            if self.tracestate:
                event["tracestate"] = self.tracestate
        confirmed = self.publish(event)
        self.delivered = self.delivered and confirmed
        self.published += confirmed
        self.page += 1
        self._rows, self._bytes = [], 0
