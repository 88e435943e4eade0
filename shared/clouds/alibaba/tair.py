"""Tair and Redis on Alibaba Cloud (R-kvstore, 2015-01-01): an account's password, with and without the old one.

The API shows no tasks and no times. Evidence is the account's status, a login and, with a fence, the fence probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import StringConstraints

from shared.changes.credential import (
    Accepted,
    LoginAnswer,
    Observation,
    Snapshot,
    StateBefore,
    Task,
    TaskProgress,
    TaskState,
)
from shared.clouds.alibaba.session import AlibabaSession
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret

if TYPE_CHECKING:
    from shared.changes.login import Address

InstanceId = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,4}-[a-z0-9]{1,60}$")]
# The account that an instance comes with is named after the instance, so a hyphen may occur.
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,99}$")]
# The answer of an engine without TLS to DescribeInstanceSSL, as the vendor's Terraform provider knows it.
_NO_TLS = "IncorrectEngineVersion"


class TairInstance:
    """Reads of one instance, and whether an accepted change has settled."""

    can_reconcile = False
    rights = ("kvstore:DescribeAccounts", "kvstore:DescribeInstanceAttribute", "kvstore:DescribeInstanceSSL")

    def __init__(self, access: CloudAccess, subject: Subject) -> None:
        self.session = AlibabaSession(access, subject.region)
        self.subject = subject

    def account(self) -> Mapping[str, Any]:
        """The account as DescribeAccounts shows it. Raises: Refused (not_found)."""
        ids = {"InstanceId": self.subject.resource, "AccountName": self.subject.account}
        for account in _items(self.session.read("DescribeAccounts", ids), "Accounts", "Account"):
            if account.get("AccountName") == self.subject.account:
                return account
        text = f"no account {self.subject.account} on {self.subject.resource}, nothing was changed: check the names"
        raise Refused(ErrorClass.NOT_FOUND, text, code="NotFound")

    def instance(self) -> Mapping[str, Any]:
        """The instance as DescribeInstanceAttribute shows it. Raises: Refused (not_found)."""
        answer = self.session.read("DescribeInstanceAttribute", {"InstanceId": self.subject.resource})
        for found in _items(answer, "Instances", "DBInstanceAttribute"):
            if found.get("InstanceId") == self.subject.resource:
                return found
        text = f"no instance {self.subject.resource} in {self.subject.region}, nothing was changed: check the command"
        raise Refused(ErrorClass.NOT_FOUND, text, code="NotFound")

    def address(self) -> Address:
        """The instance's address, and whether it speaks TLS."""
        from shared.changes.login import Address

        found = self.instance()
        host, port = found.get("ConnectionDomain"), found.get("Port")
        if not isinstance(host, str) or not host or not str(port).isdigit():
            raise Refused(ErrorClass.FAILED, f"the cloud reports no address for {self.subject.resource}")
        try:
            status = self.session.read("DescribeInstanceSSL", {"InstanceId": self.subject.resource})
        except KeyturnError as error:
            if not (error.code or "").startswith(_NO_TLS):
                raise
            status = {}
        return Address(host, int(str(port)), status.get("SSLEnabled") == "Enable")

    def progress(self, task: Task) -> TaskProgress:
        """Succeeded if the account is Available and the instance Normal. Only for a change that was seen to run."""
        account, instance = self.account().get("AccountStatus"), self.instance().get("InstanceStatus")
        evidence = [f"accepted: account {_word(account)}, instance {_word(instance)}"]
        settled = account == "Available" and instance == "Normal"
        return TaskProgress(TaskState.SUCCEEDED if settled else TaskState.RUNNING, evidence)

    def began_at(self, task: Task) -> float | None:
        return None

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        return None  # unknown: this API has no tasks and no times

    def observe(self, before: StateBefore) -> Observation:
        """Note the states in the evidence. Nothing that can be read proves the change."""
        progress = self.progress(Task())
        return Observation(evidence=tuple(line.removeprefix("accepted: ") for line in progress.evidence))

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        """Log in as the account, in each form that the cloud documents."""
        from shared.changes.login import redis_login, tair_forms

        forms = tair_forms(self.subject.account, self.subject.resource)
        return redis_login(self.address(), forms, secret, timeout_s)


@dataclass(eq=False)
class TairChange:
    """One change of an account by one action. No page names the code of a wrong old password; the probe decides."""

    instance: TairInstance
    name: str
    secrets: dict[str, Secret]  # by the action's parameters
    new: Secret
    old: Secret | None = None  # the fence, where the action has one
    _seen_changing: bool = False  # since the cloud answered the call

    can_reconcile = False
    repeatable = True
    asked: ClassVar[Mapping[str, Any]] = {}

    @property
    def fenced(self) -> bool:
        return self.old is not None

    def snapshot(self, *, thorough: bool) -> Snapshot:
        if not thorough:
            return Snapshot()  # no state says anything about a password
        account, found = self.instance.account(), self.instance.instance()
        status = found.get("InstanceStatus")
        evidence = [
            f"account: {_word(account.get('AccountStatus'))}",
            f"instance: {_word(status)}",
            "password rule: kept",
        ]
        obstacle: KeyturnError | None = None
        if status != "Normal" or account.get("AccountStatus") != "Available":
            text = f"{self.instance.subject.resource} or its account is not ready: send the command again when it is"
            obstacle = RetryLater(ErrorClass.BUSY, text, code="NotReady")
        return Snapshot(evidence, obstacle)

    def change(self, look: Snapshot) -> Accepted:
        self._seen_changing = False
        try:
            return self._call(self.secrets)
        except OldSecretRefused as error:
            if self.fenced:
                raise
            raise error.without_fence() from None

    def probe(self) -> Accepted:
        """The fence probe: the new secret as old and as new. The cloud accepts it only if the secret is in force."""
        return self._call(dict.fromkeys(self.secrets, self.new))

    def _call(self, secrets: Mapping[str, Secret]) -> Accepted:
        subject = self.instance.subject
        ids = {"InstanceId": subject.resource, "AccountName": subject.account}
        body = {name: secret.reveal() for name, secret in secrets.items()}
        answer = self.instance.session.change(self.name, ids, body)
        return Accepted(str(answer["RequestId"]), Task(), [f"{self.name}: answered"])

    def progress(self, task: Task) -> TaskProgress:
        """UNSEEN until the account was seen to change: Available may still be the state before the call."""
        shown = self.instance.progress(task)
        if shown.state is TaskState.RUNNING:
            self._seen_changing = True
        elif not self._seen_changing:
            return TaskProgress(TaskState.UNSEEN, shown.evidence)
        return shown

    def began_at(self, task: Task) -> float | None:
        return self.instance.began_at(task)

    def observe(self, before: StateBefore) -> Observation:
        return self.instance.observe(before)

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        return self.instance.newer_change_exists(task, before)

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        return self.instance.login(secret, timeout_s)


def _items(answer: Mapping[str, Any], outer: str, inner: str) -> list[Mapping[str, Any]]:
    box = answer.get(outer)
    value = box.get(inner) if isinstance(box, Mapping) else None
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _word(value: object) -> str:
    return value[:30] if isinstance(value, str) and value.isalpha() else "unreadable"
