"""TencentDB for Redis (redis, 2018-04-12): account and password changes, and the reads that reconcile them.

Both changes run as tasks. The client is tencentcloud-sdk-python-redis's own; what it answers is narrowed here at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from shared.clouds.session import Access
from shared.clouds.tencent import TencentSession
from shared.credential import Accepted, Fact, Finding, LoginAnswer, Look, Progress, State, Task
from shared.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.pace import backoff_s
from shared.result import Subject
from shared.secret import Secret

if TYPE_CHECKING:
    from shared.login import Address

# DescribeTaskList's codes: reset password, password-free switch, account change.
_SET_PASSWORD, _NO_AUTH, _ACCOUNT = "007", "035", "037"
_UNKNOWN_ACTION = ("InvalidAction", "InvalidParameter.ActionNotFound")
_WRONG_OLD = ("InvalidParameterValue.PasswordError", "InvalidParameterValue.PasswordRuleError")
InstanceId = Annotated[str, StringConstraints(pattern=r"^crs-[A-Za-z0-9-]{1,60}$")]

_NO_TASK_ID = "NoTaskId"
_PAGE = 100
_MOST_PAGES = 50
_LOOKS = 3  # at the task list after a lost answer; a new task may be listed late
_CHANGING, _DELETED = 1, 4  # DescribeInstanceAccount's Status
_RUNNING_INSTANCE = 2  # DescribeInstances' Status; 1 is "in a flow"


def _client_class() -> Any:
    from tencentcloud.redis.v20180412.redis_client import RedisClient

    return RedisClient


class RedisInstance:
    """One instance's reads, and how far a task on it has come."""

    def __init__(self, access: Access, subject: Subject, site: str) -> None:
        self.session = TencentSession(access, subject.region, site, "redis", _client_class)
        self.subject = subject

    def account(self) -> Mapping[str, Any] | None:
        """The account as DescribeInstanceAccount shows it; there is no filter by name, so every page is read."""
        for offset in range(0, _MOST_PAGES * _PAGE, _PAGE):
            ids = {"InstanceId": self.subject.resource, "Limit": _PAGE, "Offset": offset}
            answer = self.session.read("DescribeInstanceAccount", ids)
            accounts = _list(answer, "Accounts")
            for account in accounts:
                if account.get("AccountName") == self.subject.account and account.get("Status") != _DELETED:
                    return account
            if not accounts or offset + _PAGE >= _int(answer.get("TotalCount")):
                break
        return None

    def tasks(self, types: tuple[str, ...], operator: str | None = None) -> list[Mapping[str, Any]]:
        """The newest tasks of these types, by anyone or by one operator."""
        ids: dict[str, Any] = {
            "InstanceId": self.subject.resource,
            "TaskTypes": list(types),
            "Limit": _PAGE,
            "Offset": 0,
        }
        if operator:
            ids["OperateUin"] = [operator]
        return _list(self.session.read("DescribeTaskList", ids), "Tasks")

    def instance(self) -> Mapping[str, Any]:
        """The instance as DescribeInstances shows it. Raises: Refused (not_found)."""
        answer = self.session.read("DescribeInstances", {"InstanceId": self.subject.resource, "Limit": 1, "Offset": 0})
        for found in _list(answer, "InstanceSet"):
            if found.get("InstanceId") == self.subject.resource:
                return found
        raise _missing(self.subject, "instance")

    def address(self) -> Address:
        """Where the instance listens, and whether it speaks TLS."""
        from shared.login import Address

        found = self.instance()
        status = self.session.read("DescribeSSLStatus", {"InstanceId": self.subject.resource})
        host, port = found.get("WanIp"), _int(found.get("Port"))
        if not isinstance(host, str) or not host or not port:
            raise Refused(ErrorClass.FAILED, f"the cloud reports no address for {self.subject.resource}")
        return Address(host, port, bool(status.get("SSLConfig")))

    def _shows(self, account: Mapping[str, Any], expect: Mapping[str, Any]) -> bool:
        asked = dict(expect)
        no_auth = asked.pop("NoAuth", None)
        if no_auth is not None and bool(self.instance().get("NoAuth")) != no_auth:
            return False
        return bool(expect) and _shows(account, asked)

    def progress(self, task: Task) -> Progress:
        """Ask DescribeTaskInfo; an adopted task must also show in what it was to change."""
        answer = self.session.read("DescribeTaskInfo", {"TaskId": task.task_id})
        status = str(answer.get("Status", "")).lower()  # one of the cloud's pages writes `Error`
        evidence = [f"DescribeTaskInfo {task.task_id}: {status[:20]}"]
        if answer.get("InstanceId") != self.subject.resource:
            return Progress(State.UNPROVEN, [f"DescribeTaskInfo {task.task_id}: belongs to another instance"])
        if status in ("failed", "error"):
            return Progress(State.FAILED, evidence)
        if status != "succeed":
            return Progress(State.RUNNING, evidence)
        if not task.adopted:
            return Progress(State.SUCCEEDED, evidence)
        account = self.account() or {}
        if task.expect is not None:
            shown, what = self._shows(account, task.expect), "instance and account show what was asked"
        else:
            shown, what = _moved(task.time_before, account), "PasswordLastModifiedTime moved"
        evidence.append(f"{what}: {'yes' if shown else 'no'}")
        return Progress(State.SUCCEEDED if shown else State.UNPROVEN, evidence)

    def overtaken(self, task: Task) -> bool:
        """Whether the task list shows a newer one, or one at work."""
        others = [one for one in self.tasks((_SET_PASSWORD, _NO_AUTH, _ACCOUNT)) if one.get("TaskId") != task.task_id]
        return any(one.get("Result") in (0, 1) or _int(one.get("TaskId")) > (task.task_id or 0) for one in others)


@dataclass(eq=False)
class RedisChange:
    """One change on one instance, by one action; `actions` are its spellings, in the order to try."""

    instance: RedisInstance
    actions: tuple[str, ...]
    params: dict[str, Any]  # what the API page names, less the secrets
    secrets: dict[str, Secret]
    new: Secret | None
    old: Secret | None = None

    immediate = False

    @property
    def fenced(self) -> bool:
        return self.old is not None

    @property
    def _types(self) -> tuple[str, ...]:
        return (_SET_PASSWORD, _ACCOUNT, *([_NO_AUTH] if "NoAuth" in self.params else []))

    @property
    def _asked(self) -> dict[str, Any]:
        """What the account itself will show, of the things asked."""
        return {name: self.params[name] for name in ("Privilege", "ReadonlyPolicy", "Remark") if name in self.params}

    @property
    def _no_auth(self) -> dict[str, Any]:
        return {"NoAuth": self.params["NoAuth"]} if "NoAuth" in self.params else {}

    def look(self, *, thorough: bool) -> Look:
        """Read the account and the newest tasks; the instance too where its state is asked for."""
        subject, evidence = self.instance.subject, []
        account = self.instance.account()
        if account is None and not self.fenced:
            raise _missing(subject, "account")
        account = account or {}
        tasks = self.instance.tasks(self._types)
        busy = [task for task in tasks if task.get("Result") in (0, 1)]
        obstacle: KeyturnError | None = None
        if busy or account.get("Status") == _CHANGING:
            text = f"{subject.resource} has a task in flight, nothing was called: send it again when it has ended"
            obstacle = RetryLater(ErrorClass.BUSY, text, code="TaskInFlight")
        no_auth: object = None
        if thorough or "NoAuth" in self.params:
            found = self.instance.instance()
            no_auth = bool(found.get("NoAuth"))
            if thorough:
                evidence += [
                    f"instance: Status {_int(found.get('Status'))}",
                    f"account: Status {_int(account.get('Status'))}",
                    f"tasks in flight: {len(busy)}",
                    *(["password rule: kept"] if self.new is not None else []),
                ]
                if obstacle is None and found.get("Status") != _RUNNING_INSTANCE:
                    text = f"{subject.resource} is not running: send it again when it is"
                    obstacle = RetryLater(ErrorClass.BUSY, text, code="InstanceStatus")
        rest = _shows(account, self._asked) and self.params.get("NoAuth", no_auth) == no_auth
        in_force = rest and self.new is None and obstacle is None
        if in_force:
            evidence.append("DescribeInstanceAccount: shows all that was asked")
        ids = frozenset(_int(task.get("TaskId")) for task in tasks)
        return Look(evidence, obstacle, in_force, rest, ids, _time(account), account)

    def change(self, look: Look) -> Accepted:
        return self._call({**self.params, **self._rights(look.account)}, self.secrets, look)

    def probe(self) -> Accepted:
        """The new secret as old and new: accepted only if it is in force."""
        new = self.secrets["Password"]
        try:
            return self._call(self.params, {"OldPassword": new, "Password": new}, Look())
        except Ambiguous as answer:
            if answer.code != _NO_TASK_ID:
                raise
            # Taken without an error: that is all that a probe asks, whatever task it runs as.
            return Accepted(answer.request_id, None)

    def _rights(self, account: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def _call(self, params: dict[str, Any], secrets: dict[str, Secret], look: Look) -> Accepted:
        body = {name: secret.reveal() for name, secret in secrets.items()}
        for action in self.actions:
            # Unknown to this host is a proof that nothing happened: only then the other spelling is tried.
            try:
                answer = self.instance.session.change(action, params, body)
                break
            except Refused as refused:
                if refused.code not in _UNKNOWN_ACTION or action == self.actions[-1]:
                    raise self._of_old_secret(refused) from None
        task_id, request_id = answer.get("TaskId"), answer.get("RequestId")
        request_id = request_id if isinstance(request_id, str) else None
        if not isinstance(task_id, int) or isinstance(task_id, bool):
            raise Ambiguous(f"{action} was answered without a TaskId", code=_NO_TASK_ID, request_id=request_id)
        return Accepted(request_id, Task(task_id), [f"{action}: task {task_id}"])

    def _of_old_secret(self, refused: Refused) -> KeyturnError:
        if self.fenced and refused.code in _WRONG_OLD:
            return OldSecretRefused(
                ErrorClass.WRONG_OLD_SECRET, refused.message, code=refused.code, request_id=refused.request_id
            )
        return refused

    def progress(self, task: Task) -> Progress:
        return self.instance.progress(task)

    def overtaken(self, task: Task) -> bool:
        return self.instance.overtaken(task)

    def reconcile(self, look: Look) -> Finding:
        """A lost answer: exactly one new task by our operator is ours if this account's time moves with it."""
        access = self.instance.session.access
        new: list[int] = []
        for tries in range(1, _LOOKS + 1):
            listed = [_int(task.get("TaskId")) for task in self.instance.tasks(self._types)]
            new = [task_id for task_id in listed if task_id not in look.task_ids]
            if new or tries == _LOOKS or access.deadline.left() < 2.0:
                break
            access.sleep(0.15 + backoff_s(tries))
        evidence = [f"DescribeTaskList: {len(new)} new task{'' if len(new) == 1 else 's'}"]
        if len(new) == 1 and not access.operator:
            evidence.append("operator of the new task: not known on this platform")
        elif len(new) == 1 and access.operator:
            ours = [_int(task.get("TaskId")) for task in self.instance.tasks(self._types, access.operator)]
            if new[0] not in ours:
                return Finding(Fact.UNKNOWN, [*evidence, "DescribeTaskList: the new task is another operator's"])
        if len(new) == 1:
            expect = None if self.new is not None else self._asked | self._no_auth
            return Finding(Fact.HAPPENING, evidence, Task(new[0], True, look.time_before, expect))
        if new:
            return Finding(Fact.UNKNOWN, evidence)
        account = self.instance.account() or {}
        moved = _moved(look.time_before, account)
        evidence.append(f"PasswordLastModifiedTime moved: {'yes' if moved else 'no'}")
        still = not moved and account.get("Status") != _CHANGING
        return Finding(Fact.NOT_HAPPENED if still else Fact.UNKNOWN, evidence)

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        from shared.login import redis_login, tencent_forms

        forms = tencent_forms(self.instance.subject.account, self.instance.subject.resource)
        return redis_login(self.instance.address(), forms, secret, timeout_s)


class RedisAccountChange(RedisChange):
    """ModifyInstanceAccount: a password change must not reset rights, so what the account has is sent back."""

    def _rights(self, account: Mapping[str, Any]) -> dict[str, Any]:
        # root's Privilege cannot be modified, so it cannot be reset either.
        kept = ("ReadonlyPolicy",) if self.params["AccountName"] == "root" else ("Privilege", "ReadonlyPolicy")
        return {name: account[name] for name in kept if name not in self.params and account.get(name)}


def _missing(subject: Subject, what: str) -> Refused:
    name = subject.resource if what == "instance" else f"{subject.account} on {subject.resource}"
    text = f"no {what} {name} in {subject.region}, nothing was changed: check the command's names, Region and Site"
    return Refused(ErrorClass.NOT_FOUND, text, code="NotFound")


def _shows(account: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    return all(account.get(name) == value for name, value in asked.items())


def _time(account: Mapping[str, Any]) -> str | None:
    value = account.get("PasswordLastModifiedTime")
    return value if isinstance(value, str) else None


def _moved(before: str | None, account: Mapping[str, Any]) -> bool:
    """Whether the account's time differs from what the same service showed before; its zone is not published."""
    after = _time(account)
    return before is not None and bool(after) and after != before


def _list(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = answer.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
