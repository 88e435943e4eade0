"""What a change asks of a cloud: the promises that each service's adapter in `clouds/` keeps."""

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
    in_force: bool = False  # all that was asked is so already, and nothing secret was asked
    other_fields_in_force: bool = True  # all that was asked beside the secret is so already
    tasks: frozenset[int] = frozenset()
    time: str | None = None  # of the secret's last change, by the service's own clock; None: not shown
    account: Mapping[str, Any] = field(default_factory=dict)
    read_at: float | None = None  # by the deadline's clock, when its oldest read went out; None: when it was asked


@dataclass(frozen=True, eq=False, repr=False)
class Accepted:
    """The cloud took the change. Without a task it is in force already, or will show so in the account's status."""

    request_id: str | None
    task: Task | None
    evidence: list[str] = field(default_factory=list)
    password: Secret | None = None  # a secret that only the cloud knew, shown once


class TaskState(Enum):
    """How far an accepted change has come."""

    RUNNING = "running"
    UNSEEN = "unseen"  # shown as over, and never as running: it may not have begun to show
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNPROVEN = "unproven"  # over, and nothing shows that it was ours


@dataclass(frozen=True, eq=False)
class TaskProgress:
    state: TaskState
    evidence: list[str]


@dataclass(frozen=True)
class StateBefore:
    """What stood before a call whose answer was lost: the tasks, and the time of the last change. No secret."""

    tasks: frozenset[int] = frozenset()
    time: str | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)  # what the account must show, of things that are no secret
    secret: bool = True  # whether a new password was among what was asked
    calls: int = 0  # how many of its calls got no clear answer
    soon: frozenset[int] = frozenset()  # tasks of our operator that were seen within seconds of such a call
    denied: bool = False  # the fence has refused the new secret since, which may be because it equals the old one


@dataclass(frozen=True)
class Observation:
    """What reads show after a lost answer, each by the service itself; None where it cannot be read or does not say."""

    ours: tuple[int, ...] = ()  # tasks begun since by our operator, of a type that our call may have made
    theirs: tuple[int, ...] = ()  # tasks begun since by others that change a secret
    others: bool = False  # further tasks begun since
    running: bool = False  # a task at work, or an account or instance shown as changing
    succeeded: bool = False  # every task of ours ended well
    moved: bool | None = None  # the time of the last change
    shown: bool | None = None  # all that was asked beside a secret; None: nothing was
    evidence: tuple[str, ...] = ()

    def shows_nothing(self, *, of_secret: bool) -> bool:
        """Whether the account is seen to be as before: its time, or without a secret what was asked."""
        return (self.moved if of_secret else self.shown) is False


class LoginAnswer(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    ANY = "takes any password"  # so its welcome proves nothing


class Follower(Protocol):
    """Knows how far a change has come, and whether a secret opens the server."""

    @property
    def can_reconcile(self) -> bool:
        """Whether reads can tell what became of a call whose answer was lost."""

    def progress(self, task: Task) -> TaskProgress:
        """Ask the cloud once. Raises: RetryLater, Refused."""

    def began_at(self, task: Task) -> float | None:
        """When a task that sets a secret began, in Unix seconds; None: nothing tells. Raises: as `progress`."""

    def observe(self, before: StateBefore) -> Observation:
        """What has happened since a call was made. Raises: as `progress`."""

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        """Whether another change began after this one; None: nothing can tell. Raises: as `progress`."""

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        """Log in at the address that the cloud reports. Raises: as `progress`, where it reports none too."""


class CredentialChange(Follower, Protocol):
    """One change of one credential. Every method but `change` and `probe` only reads."""

    @property
    def fenced(self) -> bool:
        """Whether the cloud takes the change only with the right old secret."""

    @property
    def repeatable(self) -> bool:
        """Whether the same call, made again, asks for the same: the service makes nothing of its own."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """What the account will show of the change, beside its secret."""

    @property
    def new(self) -> Secret | None: ...

    @property
    def old(self) -> Secret | None: ...

    def snapshot(self, *, thorough: bool) -> Snapshot:
        """What stands before the call; `thorough` for a dry run. Raises: RetryLater, Refused.

        The first one may rest on a read that another command of the invocation made, where no change was sent since.
        """

    def change(self, look: Snapshot) -> Accepted:
        """The one call that cannot be undone. Raises: RetryLater, Refused, OldSecretRefused, Ambiguous."""

    def probe(self) -> Accepted:
        """The same call with the new secret as old and new, which can change nothing. Raises: as `change`."""
