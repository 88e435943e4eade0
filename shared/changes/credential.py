"""The protocol between a change and a cloud. The adapter of each service in `clouds/` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from shared.runtime.errors import KeyturnError
from shared.runtime.secret import Secret


@dataclass(frozen=True, eq=False)
class Task:
    """A change that the cloud has accepted and is working on. It holds no secret and can travel in a message."""

    task_id: int | None = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What read calls showed before the change."""

    evidence: list[str] = field(default_factory=list)
    obstacle: KeyturnError | None = None  # why the change would be refused now
    in_force: bool = False  # all requested fields are in force already, and no secret was requested
    other_fields_in_force: bool = True  # all requested fields beside the secret are in force
    tasks: frozenset[int] = frozenset()
    time: str | None = None  # of the secret's last change, by the service's own clock; None: not shown
    account: Mapping[str, Any] = field(default_factory=dict)
    read_at: float | None = None  # when its oldest read was sent, by the deadline's clock; None: at the look


@dataclass(frozen=True, eq=False, repr=False)
class Accepted:
    """The cloud accepted the change. No task: it is in force. A task without an id shows in the account's status."""

    request_id: str | None
    task: Task | None
    evidence: list[str] = field(default_factory=list)
    password: Secret | None = None  # a secret that only the cloud knew, shown once


class TaskState(Enum):
    """How far an accepted change has come."""

    RUNNING = "running"
    UNSEEN = "unseen"  # shown as ended and never as running: the cloud may not show it yet
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNPROVEN = "unproven"  # ended, and nothing shows that it was this change's


@dataclass(frozen=True, eq=False)
class TaskProgress:
    state: TaskState
    evidence: list[str]


@dataclass(frozen=True)
class StateBefore:
    """The state before a call whose answer was lost: the tasks and the time of the last change. It holds no secret."""

    tasks: frozenset[int] = frozenset()
    time: str | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)  # the requested fields that are no secret
    secret: bool = True  # whether a new password was requested
    calls: int = 0  # how many of its calls got no clear answer
    soon: frozenset[int] = frozenset()  # this operator's tasks that were seen within seconds of such a call
    denied: bool = False  # the fence probe was refused since; the cloud may refuse old = new


@dataclass(frozen=True)
class Observation:
    """What the service's reads show after a lost answer. None: it cannot be read, or does not say."""

    ours: tuple[int, ...] = ()  # this operator's tasks since the call, of a type that the call may have begun
    theirs: tuple[int, ...] = ()  # other operators' tasks since the call, of a type that changes a secret
    others: bool = False  # there are further tasks since the call
    running: bool = False  # a task is running, or the account or instance is shown as changing
    succeeded: bool = False  # every task in `ours` succeeded
    moved: bool | None = None  # whether the time of the last change moved
    shown: bool | None = None  # whether all requested fields beside the secret are in force; None: none was
    evidence: tuple[str, ...] = ()

    def shows_nothing(self, *, of_secret: bool) -> bool:
        """Whether the account is as before: by its time or, if no secret was requested, by the requested fields."""
        return (self.moved if of_secret else self.shown) is False


class LoginAnswer(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    ANY = "takes any password"  # so an accepted login proves nothing


class Follower(Protocol):
    """Reads how far a change has come, and whether a secret opens the server."""

    @property
    def can_reconcile(self) -> bool:
        """Whether reads can show what a call did whose answer was lost."""

    def progress(self, task: Task) -> TaskProgress:
        """Ask the cloud once. Raises: RetryLater, Refused."""

    def began_at(self, task: Task) -> float | None:
        """When a task that sets a secret began, in Unix seconds; None: not known. Raises: as `progress`."""

    def observe(self, before: StateBefore) -> Observation:
        """What has happened since a call was made. Raises: as `progress`."""

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        """Whether another change began after this one; None: not known. Raises: as `progress`."""

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        """Log in at the address that the cloud reports. Raises: as `progress`, also if it reports none."""


class CredentialChange(Follower, Protocol):
    """One change of one credential. Every method but `change` and `probe` only reads."""

    @property
    def fenced(self) -> bool:
        """Whether the cloud accepts the change only with the right old secret."""

    @property
    def repeatable(self) -> bool:
        """Whether the same call, made again, sets the same: the service does not make the secret itself."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """The requested fields, beside the secret, that the account will show."""

    @property
    def new(self) -> Secret | None: ...

    @property
    def old(self) -> Secret | None: ...

    def snapshot(self, *, thorough: bool) -> Snapshot:
        """The state before the call; `thorough` for a dry run. Raises: RetryLater, Refused.

        The first one may use a read of another command in the same invocation, if no change was sent since.
        """

    def change(self, look: Snapshot) -> Accepted:
        """The one call that cannot be undone. Raises: RetryLater, Refused, OldSecretRefused, Ambiguous."""

    def probe(self) -> Accepted:
        """The fence probe: the same call, the new secret as old and new. It changes nothing. Raises: as `change`."""
