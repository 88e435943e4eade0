"""What happened, as one CloudEvents 1.0 event (https://github.com/cloudevents/spec). It never holds a secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from shared.runtime.errors import KeyturnError

if TYPE_CHECKING:
    pass


SUPERSEDED = "Superseded"
"""Code where another change of the credential came between."""


class Stage(str, Enum):
    """What the version that a result names is in its store."""

    CURRENT = "current"
    PENDING = "pending"  # written ahead of a change of which nobody knows yet that it is in force
    RESOLVED = "resolved"  # of 0.1.0's results: neither


class Outcome(str, Enum):
    """How a delivery ended. Only `pending` is not terminal."""

    CHANGED = "changed"
    ALREADY_CHANGED = "already_changed"
    NOT_CHANGED = "not_changed"
    UNKNOWN = "unknown"
    WOULD_CHANGE = "would_change"
    PENDING = "pending"

    @property
    def fact(self) -> str:
        """What consumers dedupe on: that it is in force counts, not which delivery brought it about."""
        return "in_force" if self in (Outcome.CHANGED, Outcome.ALREADY_CHANGED) else self.value


@dataclass(frozen=True)
class Subject:
    """Which credential: `<service>/<resource>/<account>` in a region of a cloud."""

    cloud: str
    region: str
    service: str
    resource: str = "-"
    account: str = "-"

    @property
    def source(self) -> str:
        return f"keyturn/{self.cloud}/{self.region}"

    def __str__(self) -> str:
        return f"{self.service}/{self.resource}/{self.account}"

    @property
    def name(self) -> tuple[str, str, str, str, str]:
        """The five parts that an allow list matches."""
        return (self.cloud, self.service, self.region, self.resource, self.account)


@dataclass(frozen=True, eq=False)
class StoredSecret:
    """Where the new secret is kept, by names alone: the store, its version, and what that version is there."""

    name: str
    version: str
    stage: str | None = None  # `current` or `pending`
    region: str = "-"
    current: str | None = None  # the version that was current before


@dataclass(eq=False)
class Conclusion:
    """How one delivery of one command ended: an outcome, and how we know."""

    outcome: Outcome
    error: KeyturnError | None = None
    evidence: list[str] = field(default_factory=list)
    request_id: str | None = None
    task_id: int | None = None
    calls: int = 0
    sealed: str | None = None
    stored: StoredSecret | None = None
    verified_now: bool = True  # False: nothing shows that what was once in force is so still


@dataclass(frozen=True, eq=False)
class CommandContext:
    """Whose result it is: the command's names, kept from delivery to delivery."""

    subject: Subject
    operation: str
    command_id: str
    started_at: str
    attempt: int = 1
    dry_run: bool = False
    actor: str | None = None
    reason: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    role: str | None = None  # of another account, in which the command works
