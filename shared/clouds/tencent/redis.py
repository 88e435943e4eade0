"""TencentDB for Redis (redis, 2018-04-12): changes of accounts and passwords, and the reads that reconcile them.

All changes run as tasks. The client is tencentcloud-sdk-python-redis. This module checks the types of its answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

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
from shared.clouds.tencent.redis_tasks import AT_WORK, number_of, outlasts, start_of, task_id_of, task_ids
from shared.clouds.tencent.session import PAGE, TencentSession, rows
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.runtime.times import parse_time

if TYPE_CHECKING:
    from shared.changes.login import Address

# DescribeTaskList's codes: reset password, password-free switch, account change.
_SECRET_TYPES = ("007", "035", "037")
_UNKNOWN_ACTION = ("InvalidAction", "InvalidParameter.ActionNotFound")
InstanceId = Annotated[str, StringConstraints(pattern=r"^crs-[A-Za-z0-9-]{1,60}$")]

_NO_TASK_ID = "NoTaskId"
_DONE = 2  # DescribeTaskList's Result
_CHANGING, _DELETED = 1, 4  # DescribeInstanceAccount's Status
_IN_FLOW, _RUNNING_INSTANCE = 1, 2  # DescribeInstances' Status
# Each of these means that the instance has no TLS (both pages say so; for the first code only its name does).
_NO_TLS = ("InvalidParameterValue.UnSupportedType", "ResourceUnavailable.InstanceStatusError")
_WORDS = {True: "yes", False: "no", None: "not shown"}


def _client_class() -> Any:
    from tencentcloud.redis.v20180412.redis_client import RedisClient

    return RedisClient


class RedisInstance:
    """Reads of one instance, and the progress of its tasks."""

    can_reconcile = True
    rights = (
        "redis:DescribeInstanceAccount",
        "redis:DescribeTaskList",
        "redis:DescribeTaskInfo",
        "redis:DescribeInstances",
        "redis:DescribeSSLStatus",
    )

    def __init__(self, access: CloudAccess, subject: Subject) -> None:
        self.session = TencentSession(access, subject.region, access.site, "redis", _client_class)
        self.subject = subject

    def account(self) -> Mapping[str, Any] | None:
        """The account as DescribeInstanceAccount shows it now. There is no filter by name, so it reads page by page."""
        pages = self.session.pages("DescribeInstanceAccount", {"InstanceId": self.subject.resource}, "Accounts")
        return next(filter(self._is_account, pages), None)

    def _is_account(self, account: Mapping[str, Any]) -> bool:
        return account.get("AccountName") == self.subject.account and account.get("Status") != _DELETED

    def tasks(self, operator: str | None = None) -> list[Mapping[str, Any]]:
        """The newest tasks of every type, by anybody or by one operator. No page says which type a change has."""
        ids: dict[str, Any] = {"InstanceId": self.subject.resource, "Limit": PAGE, "Offset": 0}
        if operator:
            ids["OperateUin"] = [operator]
        return rows(self.session.read("DescribeTaskList", ids), "Tasks")

    def instance(self) -> Mapping[str, Any]:
        """The instance as DescribeInstances shows it. Raises: Refused (not_found)."""
        answer = self.session.read("DescribeInstances", {"InstanceId": self.subject.resource, "Limit": 1, "Offset": 0})
        for found in rows(answer, "InstanceSet"):
            if found.get("InstanceId") == self.subject.resource:
                return found
        raise _missing(self.subject, "instance")

    def address(self) -> Address:
        """The instance's address, and whether it speaks TLS."""
        from shared.changes.login import Address

        found = self.instance()
        try:
            tls = bool(self.session.read("DescribeSSLStatus", {"InstanceId": self.subject.resource}).get("SSLConfig"))
        except KeyturnError as error:
            if error.code not in _NO_TLS:
                raise
            tls = False
        host, port = found.get("WanIp"), number_of(found.get("Port"))
        if not isinstance(host, str) or not host or not port:
            raise Refused(ErrorClass.FAILED, f"the cloud reports no address for {self.subject.resource}")
        return Address(host, port, tls)

    def progress(self, task: Task) -> TaskProgress:
        """Ask DescribeTaskInfo about a task that keyturn's own call returned."""
        answer = self.session.read("DescribeTaskInfo", {"TaskId": task.task_id})
        status = str(answer.get("Status", "")).lower()  # one of the cloud's pages writes `Error`
        evidence = [f"DescribeTaskInfo {task.task_id}: {status[:20]}"]
        if answer.get("InstanceId") != self.subject.resource:
            return TaskProgress(TaskState.UNPROVEN, [f"DescribeTaskInfo {task.task_id}: belongs to another instance"])
        if status in ("failed", "error"):
            return TaskProgress(TaskState.FAILED, evidence)
        return TaskProgress(TaskState.SUCCEEDED if status == "succeed" else TaskState.RUNNING, evidence)

    def began_at(self, task: Task) -> float | None:
        """When the task began, by DescribeTaskList. No page names the zone; UTC+8 is assumed, as in the registry."""
        listed = next((one for one in self.tasks() if task_id_of(one) == task.task_id), {})
        if listed.get("TaskType") not in _SECRET_TYPES:
            return None
        begun = parse_time(listed.get("StartTime"), timezone(timedelta(hours=8)))
        return begun.timestamp() if begun else None

    def _begun(self, before: StateBefore) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        """The new tasks: those that may be keyturn's own, and the others."""
        new = [task for task in self.tasks() if task_id_of(task) not in before.tasks]
        operator = self.session.access.operator
        if not new or not operator:
            return new, []
        own = {task_id_of(task) for task in self.tasks(operator)}
        return [task for task in new if task_id_of(task) in own], [task for task in new if task_id_of(task) not in own]

    def observe(self, before: StateBefore) -> Observation:
        """Read what the task list, the account and the instance show now."""
        ours, others = self._begun(before)
        theirs = [task for task in others if task.get("TaskType") in _SECRET_TYPES]
        account, instance = self.account() or {}, self.instance()
        after = _time(account)
        moved = None if not after or not before.time else after != before.time
        shown = None
        if before.asked:
            asked = dict(before.asked)
            no_auth = asked.pop("NoAuth", None)
            shown = (no_auth is None or bool(instance.get("NoAuth")) == no_auth) and _shows(account, asked)
        busy = account.get("Status") == _CHANGING or instance.get("Status") == _IN_FLOW
        count = len(ours) + len(others)
        evidence = [
            f"DescribeTaskList: {count} new task{'' if count == 1 else 's'}",
            f"PasswordLastModifiedTime moved: {_WORDS[moved]}",
        ]
        if shown is not None:
            evidence.append(f"instance and account show what was asked: {_WORDS[shown]}")
        # Without the operator's id, a task that succeeded may be anybody's.
        done = bool(ours) and all(task.get("Result") == _DONE for task in ours)
        return Observation(
            tuple(map(task_id_of, ours)),
            tuple(map(task_id_of, theirs)),
            len(others) > len(theirs),
            busy or any(task.get("Result") in AT_WORK for task in (*ours, *others)),
            done and self.session.access.operator is not None,
            moved,
            shown,
            tuple(evidence),
        )

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        """Whether the task list shows a task that began or ended after this one. None: the list does not tell.

        A list may lag, and it holds only the newest tasks. So a list without this task proves nothing.
        """
        if task.task_id is None:
            return None
        listed = self.tasks()
        own = next((one for one in listed if task_id_of(one) == task.task_id), {})
        new = [one for one in listed if task_id_of(one) not in before.tasks and task_id_of(one) != task.task_id]
        # keyturn's own task replaced the change of any task that began and ended before it.
        began = start_of(own)
        later = [one for one in new if task_id_of(one) > task.task_id or start_of(one) > began or outlasts(one, own)]
        if not later:
            return False if own else None
        # The later tasks may be for other accounts. This account's time shows that; it has the same clock, in seconds.
        ended, changed = own.get("EndTime"), _time(self.account() or {})
        ours = isinstance(ended, str) and changed is not None and changed <= ended
        return not (ours and changed is not None and all(start_of(one) > changed for one in later))

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        """Log in as the account, in each form that the cloud documents."""
        from shared.changes.login import redis_login, tencent_forms

        forms = tencent_forms(self.subject.account, self.subject.resource)
        return redis_login(self.address(), forms, secret, timeout_s)


@dataclass(eq=False)
class RedisChange:
    """One change of one instance by one action. `actions`: the spellings of the action, in the order to try.

    `name`: the action's name in evidence and errors. It hides which spelling was called, as that may show the secret's
    length.
    """

    instance: RedisInstance
    name: str
    actions: tuple[str, ...]
    params: dict[str, Any]  # the parameters of the API page, without the secrets
    secrets: dict[str, Secret]
    new: Secret | None
    old: Secret | None = None
    switch_has_task: bool = True  # False: the TaskId is useless if the call switches NoAuth

    can_reconcile = True
    repeatable = True  # a repeat sets the same values, or the fence refuses it

    @property
    def fenced(self) -> bool:
        return self.old is not None

    @property
    def asked(self) -> dict[str, Any]:
        names = ("Privilege", "ReadonlyPolicy", "Remark", "NoAuth")
        return {name: self.params[name] for name in names if name in self.params}

    def snapshot(self, *, thorough: bool) -> Snapshot:
        """Read the newest tasks and the account; the instance, too, if `thorough` or if the command sets NoAuth."""
        subject, evidence = self.instance.subject, []
        tasks = self.instance.tasks()
        read_at = self.instance.session.sent_at
        ids = task_ids(tasks)
        at_work = [task for task in tasks if task.get("Result") in AT_WORK]
        found = self.instance.account()
        if found is None and not self.fenced and "AccountName" in self.params:
            raise _missing(subject, "account")
        account = found or {}
        # If another kind of task locks the instance, the call itself says so.
        busy = [task for task in at_work if task.get("TaskType") in _SECRET_TYPES]
        obstacle: KeyturnError | None = None
        if busy or account.get("Status") == _CHANGING:
            text = f"{subject.resource} has a task in flight, nothing was called: send it again when the task has ended"
            obstacle = RetryLater(ErrorClass.BUSY, text, code="TaskInFlight")
        no_auth: object = None
        if thorough or "NoAuth" in self.params:
            instance = self.instance.instance()
            no_auth = bool(instance.get("NoAuth"))
            if thorough:
                evidence += [
                    f"instance: Status {number_of(instance.get('Status'))}",
                    f"account: Status {number_of(account.get('Status'))}",
                    f"tasks in flight: {len(busy)}",
                    *(["password rule: kept"] if self.new is not None else []),
                ]
                if obstacle is None and instance.get("Status") != _RUNNING_INSTANCE:
                    text = f"{subject.resource} is not running: send the command again when it is"
                    obstacle = RetryLater(ErrorClass.BUSY, text, code="InstanceStatus")
        asked_of_account = {name: value for name, value in self.asked.items() if name != "NoAuth"}
        rest = _shows(account, asked_of_account) and self.params.get("NoAuth", no_auth) == no_auth
        in_force = rest and self.new is None and obstacle is None
        if in_force:
            evidence.append("DescribeInstanceAccount: shows all that was asked")
        return Snapshot(evidence, obstacle, in_force, rest, ids, _time(account), account, read_at)

    def change(self, look: Snapshot) -> Accepted:
        return self._call({**self.params, **self._rights(look.account)}, self.secrets, look)

    def probe(self) -> Accepted:
        """The fence probe: the new secret as old and as new. The cloud accepts it only if the secret is in force."""
        new = self.secrets["Password"]
        try:
            return self._call(self.params, {"OldPassword": new, "Password": new}, Snapshot())
        except Ambiguous as answer:
            if answer.code != _NO_TASK_ID:
                raise
            # The cloud accepted the probe. That is enough, even without a TaskId.
            return Accepted(answer.request_id, None)

    def _rights(self, account: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    @property
    def _called(self) -> str:
        """What was called, as evidence names it."""
        return self.name

    def _call(self, params: dict[str, Any], secrets: dict[str, Secret], look: Snapshot) -> Accepted:
        body = {name: secret.reveal() for name, secret in secrets.items()}
        if not all(body.values()):  # for ResetPassword an empty password means: no password
            raise Refused(ErrorClass.INVALID_COMMAND, "an empty password is never sent, nothing was called")
        for action in self.actions:
            try:
                answer = self.instance.session.change(action, params, body)
                break
            except KeyturnError as error:
                error.reword(error.message.replace(action, self.name))
                # The host does not know the action, which proves that nothing happened: try the other spelling.
                if isinstance(error, Refused) and error.code in _UNKNOWN_ACTION and action != self.actions[-1]:
                    continue
                if isinstance(error, OldSecretRefused) and not self.fenced:
                    raise error.without_fence() from None
                raise
        task_id, request_id = answer.get("TaskId"), answer.get("RequestId")
        request_id = request_id if isinstance(request_id, str) else None
        # 0 is no id. ResetPassword's page calls the id of a call that switches NoAuth meaningless.
        told = self.switch_has_task or "NoAuth" not in params or look.other_fields_in_force
        if not told or not isinstance(task_id, int) or isinstance(task_id, bool) or task_id <= 0:
            raise Ambiguous(f"{self.name} was answered without a TaskId", code=_NO_TASK_ID, request_id=request_id)
        return Accepted(request_id, Task(task_id), [f"{self._called}: task {task_id}"])

    def progress(self, task: Task) -> TaskProgress:
        return self.instance.progress(task)

    def began_at(self, task: Task) -> float | None:
        return self.instance.began_at(task)

    def observe(self, before: StateBefore) -> Observation:
        return self.instance.observe(before)

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        return self.instance.newer_change_exists(task, before)

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        return self.instance.login(secret, timeout_s)


class RedisAccountChange(RedisChange):
    """ModifyInstanceAccount. A password change must not reset rights, so the call sends the account's rights back."""

    @property
    def _called(self) -> str:
        # `make report` reads it: a change of a remark or of rights alone makes no password young.
        return f"{self.name} with AccountPassword" if self.secrets else self.name

    def _rights(self, account: Mapping[str, Any]) -> dict[str, Any]:
        # The cloud lets nobody modify root's Privilege, so the call cannot reset it either.
        kept = ("ReadonlyPolicy",) if self.params["AccountName"] == "root" else ("Privilege", "ReadonlyPolicy")
        return {name: account[name] for name in kept if name not in self.params and account.get(name)}


def _missing(subject: Subject, what: str) -> Refused:
    name = subject.resource if what == "instance" else f"{subject.account} on {subject.resource}"
    text = f"no {what} {name} in {subject.region}, nothing was changed: check the command's names, Region and Site"
    return Refused(ErrorClass.NOT_FOUND, text, code="NotFound")


def _shows(account: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    return all(account.get(name) == value for name, value in asked.items())


def _time(account: Mapping[str, Any]) -> str | None:
    """The account's time. None: not shown; the page says that it stays empty for accounts older than the field."""
    value = account.get("PasswordLastModifiedTime")
    return value if isinstance(value, str) and value else None
