"""A scripted cloud: operations whose commands, calls and follower give the answers that a test lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from shared.changes.credential import (
    Accepted,
    CredentialChange,
    LoginAnswer,
    Observation,
    Snapshot,
    StateBefore,
    Task,
    TaskProgress,
    TaskState,
)
from shared.commands.command import AlibabaCommand, Alternate, TencentCommand
from shared.commands.password_rules import PasswordRule
from shared.commands.secrets import NewSecret, OldSecret
from shared.handlers.declaration import Operation, Rotation
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.secret import Secret
from shared.runtime.settings import Settings

RULE = PasswordRule(8, 32, classes=3, symbols="!@#-_", source="a page of the tests")
_Account = Annotated[str, StringConstraints(pattern=r"^[a-z$]{1,20}$")]
_Instance = Annotated[str, StringConstraints(pattern=r"^crs-[a-z0-9]{1,20}$")]


class SetPassword(TencentCommand):
    """No fence: a repeat sets the same password again."""

    new_field: ClassVar[str] = "new_password"
    rule: ClassVar[PasswordRule] = RULE

    instance_id: _Instance
    account_name: _Account | None = None
    alternate: Alternate[_Account] | None = None
    new_password: Annotated[NewSecret, RULE] | None = None
    random: bool = False  # the cloud generates the secret
    no_auth: bool = False

    @property
    def alternates(self) -> tuple[str, ...]:
        return tuple(self.alternate or ())

    @property
    def returns_secret(self) -> bool:
        return self.random

    @classmethod
    def bare_account(cls, given: str) -> str:
        return given.removeprefix("t$")

    def permit(self, settings: Settings) -> None:
        if self.no_auth and not settings.allow_noauth:
            raise Refused(ErrorClass.FORBIDDEN, "NoAuth: not here")


class SetRootPassword(TencentCommand):
    """For an instance's one account, which the command does not name."""

    account_field: ClassVar[str | None] = None
    account_default: ClassVar[str] = "root"
    new_field: ClassVar[str] = "new_password"
    rule: ClassVar[PasswordRule] = RULE

    instance_id: _Instance
    new_password: Annotated[NewSecret, RULE]


class SwapPassword(AlibabaCommand):
    """Fenced: the call needs the old secret."""

    old_field: ClassVar[str | None] = "old_password"
    new_field: ClassVar[str] = "new_password"
    rule: ClassVar[PasswordRule] = RULE

    instance_id: Annotated[str, StringConstraints(pattern=r"^r-[a-z0-9]{1,20}$")]
    account_name: _Account
    old_password: OldSecret
    new_password: Annotated[NewSecret, RULE]


NOTHING_SEEN = Observation()
SET = Accepted("req-1", None)


@dataclass
class Script:
    """The answers of each method: the entries in turn, and the last one for ever.

    An error is raised, a function is called.
    """

    answers: dict[str, list[Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)  # the new secrets that `change` was called with
    tasks: list[Task] = field(default_factory=list)  # the tasks that `progress` and the like were called with
    timeouts: list[float] = field(default_factory=list)  # the time limits of logins
    befores: list[StateBefore] = field(default_factory=list)  # that `newer_change_exists` and `observe` got

    def next(self, name: str, default: Any) -> Any:
        self.calls.append(name)
        waiting = self.answers.get(name)
        answer = default if not waiting else waiting[0] if len(waiting) == 1 else waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) and not isinstance(answer, type) else answer

    def count(self, name: str) -> int:
        return self.calls.count(name)


@dataclass(eq=False)
class ScriptedFollower:
    """The port that follow_change calls, by a script."""

    script: Script
    can_reconcile: bool = True

    def progress(self, task: Task) -> TaskProgress:
        self.script.tasks.append(task)
        answer: TaskProgress = self.script.next("progress", TaskProgress(TaskState.RUNNING, []))
        return answer

    def began_at(self, task: Task) -> float | None:
        self.script.tasks.append(task)
        answer: float | None = self.script.next("began_at", None)
        return answer

    def observe(self, before: StateBefore) -> Observation:
        self.script.befores.append(before)
        answer: Observation = self.script.next("observe", NOTHING_SEEN)
        return answer

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        self.script.tasks.append(task)
        self.script.befores.append(before)
        answer: bool | None = self.script.next("newer_change_exists", False)
        return answer

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        self.script.timeouts.append(timeout_s)
        answer: Any = self.script.next("login", LoginAnswer.ACCEPTED)
        return LoginAnswer.ACCEPTED if answer == secret.reveal() else _login(answer)


def _login(answer: Any) -> LoginAnswer:
    """A text in the script is the only password that the server accepts."""
    return answer if isinstance(answer, LoginAnswer) else LoginAnswer.REFUSED


@dataclass(eq=False)
class ScriptedChange(ScriptedFollower):
    """The port that makes a change, by the same script."""

    fenced: bool = False
    repeatable: bool = True
    asked: Mapping[str, Any] = field(default_factory=dict)
    new: Secret | None = None
    old: Secret | None = None

    def snapshot(self, *, thorough: bool) -> Snapshot:
        answer: Snapshot = self.script.next("snapshot", Snapshot(["seen"]))
        return answer

    def change(self, look: Snapshot) -> Accepted:
        self.script.sent.append(self.new.reveal() if self.new is not None else "-")
        answer: Accepted = self.script.next("change", SET)
        return answer

    def probe(self) -> Accepted:
        answer: Accepted = self.script.next("probe", SET)
        return answer


@dataclass(eq=False)
class ScriptedFollowerClass:
    """The class that an operation declares as its follower."""

    script: Script
    can_reconcile: bool = True
    rights: tuple[str, ...] = ()
    opened: list[tuple[CloudAccess, Subject]] = field(default_factory=list)

    def __call__(self, access: CloudAccess, subject: Subject) -> ScriptedFollower:
        self.opened.append((access, subject))
        return ScriptedFollower(self.script, self.can_reconcile)


@dataclass(eq=False)
class Cloud:
    """One operation, the script of its answers, and what it was opened with."""

    script: Script = field(default_factory=Script)
    command: type[Any] = SetPassword
    cloud: str = "tencent"
    action: str = "SetPassword"
    follows: bool = True
    reconciles: bool = True
    rotation: Rotation | None = None
    on_change: Callable[[], None] = lambda: None  # called when the adapter is created, before any call
    subjects: list[Subject] = field(default_factory=list)
    accesses: list[CloudAccess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.follower = ScriptedFollowerClass(self.script, self.reconciles)

    @property
    def operation(self) -> Operation[Any]:
        follower = self.follower if self.follows else None
        return Operation(
            self.action, self.cloud, "redis", self.command, self._change, ("a:Right",), follower, self.rotation
        )

    def _change(self, command: Any, subject: Subject, access: CloudAccess) -> CredentialChange:
        self.on_change()
        self.subjects.append(subject)
        self.accesses.append(access)
        old, new = command.given_old, command.given_new
        return ScriptedChange(
            self.script,
            self.reconciles,
            fenced=command.old_field is not None,
            repeatable=not command.returns_secret,
            new=new if isinstance(new, Secret) else None,
            old=old if isinstance(old, Secret) else None,
        )


def fenced_cloud() -> Cloud:
    """The operation that needs the old secret. Its changes have a status and no task."""
    return Cloud(command=SwapPassword, cloud="alibaba", action="SwapPassword", reconciles=False)
