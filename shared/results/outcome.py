"""How a delivery ended (Conclusion), for which credential (Subject), and of which command (CommandContext)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from shared.runtime.errors import KeyturnError

if TYPE_CHECKING:
    pass


SUPERSEDED = "Superseded"
"""Error code: another change of the credential came in between, or a task that cannot be told from one."""


class Stage(str, Enum):
    """The state of the stored version that a result names."""

    CURRENT = "current"
    PENDING = "pending"  # written ahead; the change is not known to be in force yet
    RESOLVED = "resolved"  # only in results of 0.1.0: neither of the two


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
        """What consumers dedupe on. `changed` and `already_changed` state the same fact: the change is in force."""
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
    """Where the new secret is stored: names only (the store, the version and its stage)."""

    name: str
    version: str
    stage: str | None = None  # `current` or `pending`
    region: str = "-"
    current: str | None = None  # the version that was current before


@dataclass(eq=False)
class Conclusion:
    """How one delivery of one command ended: an outcome, and how keyturn knows."""

    outcome: Outcome
    error: KeyturnError | None = None
    evidence: list[str] = field(default_factory=list)
    request_id: str | None = None
    task_id: int | None = None
    calls: int = 0
    sealed: str | None = None
    stored: StoredSecret | None = None
    verified_now: bool = True  # False: it was in force once, and nothing shows that it still is


@dataclass(frozen=True, eq=False)
class CommandContext:
    """Which command a result belongs to: the names that go into the result."""

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
    role: str | None = None  # the role of another account, if the command works there
