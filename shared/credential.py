"""What a change asks of a cloud: the promises that each service's adapter in `clouds/` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from shared.errors import KeyturnError
from shared.secret import Secret


@dataclass(frozen=True, eq=False)
class Task:
    """A change that the cloud has accepted and is working on. It holds no secret and can travel in a message."""

    task_id: int | None = None
    adopted: bool = False  # found in the cloud's list after a lost answer, not returned by our call
    time_before: str | None = None  # the account's password time, by the service's own clock, before the call
    expect: Mapping[str, Any] | None = None  # what the account must show, where no password was changed


@dataclass(frozen=True, eq=False)
class Look:
    """What read calls showed before the change."""

    evidence: list[str] = field(default_factory=list)
    obstacle: KeyturnError | None = None  # why the change would be refused now
    in_force: bool = False  # all that was asked is so already, and nothing secret was asked
    rest_in_force: bool = True  # all that was asked beside the secret is so already
    task_ids: frozenset[int] = frozenset()
    time_before: str | None = None
    account: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Accepted:
    """The cloud took the change. Without a task it is in force already, or will show so in the account's status."""

    request_id: str | None
    task: Task | None
    evidence: list[str] = field(default_factory=list)
    password: Secret | None = None  # a secret that only the cloud knew, shown once


class State(Enum):
    """How far an accepted change has come."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNPROVEN = "unproven"  # over, and nothing shows that it was ours


@dataclass(frozen=True, eq=False)
class Progress:
    state: State
    evidence: list[str]


class Fact(Enum):
    """What reconciliation found."""

    HAPPENED = "happened"
    HAPPENING = "happening"  # a task is at work: follow it
    NOT_HAPPENED = "not_happened"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Finding:
    fact: Fact
    evidence: list[str]
    task: Task | None = None


class LoginAnswer(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    ANY = "takes any password"  # so it proves nothing


class Follower(Protocol):
    """Knows how far an accepted change has come, without any secret."""

    def progress(self, task: Task) -> Progress:
        """Ask the cloud once. Raises: RetryLater, Refused."""

    def overtaken(self, task: Task) -> bool:
        """Whether another change of the same resource began after this task, or runs now. Raises: as `progress`."""


class Credential(Follower, Protocol):
    """One change of one credential. Every method but `change` and `probe` only reads."""

    @property
    def fenced(self) -> bool:
        """Whether the cloud takes the change only with the right old secret."""

    @property
    def immediate(self) -> bool:
        """Whether a change is in force once its call is answered: no task works on it afterwards."""

    @property
    def new(self) -> Secret | None: ...

    @property
    def old(self) -> Secret | None: ...

    def look(self, *, thorough: bool) -> Look:
        """What stands before the call; `thorough` for a dry run. Raises: RetryLater, Refused."""

    def change(self, look: Look) -> Accepted:
        """The one call that cannot be undone. Raises: RetryLater, Refused, OldSecretRefused, Ambiguous."""

    def probe(self) -> Accepted:
        """The same call with the new secret as old and new, which can change nothing. Raises: as `change`."""

    def reconcile(self, look: Look) -> Finding:
        """After an ambiguous answer: what really happened, by read calls. Raises: RetryLater, Refused."""

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        """Log in at the address that the cloud reports. Raises: RetryLater, Refused where it reports none."""
