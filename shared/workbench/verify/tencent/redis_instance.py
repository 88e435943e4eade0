"""A TencentDB for Redis instance through its API: accounts, changes and their tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.workbench.apis.calls import CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.check import Untried
from shared.workbench.verify.logins import RedisDoor, reach_redis
from shared.workbench.verify.waiting import wait_until

TASK_TYPES = ("007", "035", "037")
SPELLINGS = ("ModifyInstancePassword", "ModfiyInstancePassword")
_TASK_S, _READABLE_S = 300.0, 3.0
_RESULTS = {2: "succeed", 4: "failed"}
LISTED_S = 2.0
_ENDS = ("succeed", "failed", "error")
_RUNNING, _VALID = 2, 2
_LOCKS = ("ResourceUnavailable.", "ResourceInUse", "RequestLimitExceeded", "LimitExceeded")
_UNKNOWN = ("InvalidAction", "InvalidParameter.ActionNotFound")


def is_lock(code: str) -> bool:
    """Whether a code means that the call may succeed later."""
    return code.startswith(_LOCKS)


def is_unknown_action(code: str) -> bool:
    """Whether a code means that the API has no such action."""
    return code in _UNKNOWN


@dataclass(frozen=True)
class Account:
    """An account as DescribeInstanceAccount shows it; `modified` is PasswordLastModifiedTime."""

    privilege: str
    readonly_policy: tuple[str, ...]
    remark: str
    status: int
    modified: str


class RedisInstance:
    """One instance. Its changes wait until no other task runs."""

    def __init__(self, api: TencentApi, id_: str) -> None:
        self._api, self.id = api, id_

    def shown(self) -> Mapping[str, Any]:
        """The instance as DescribeInstances shows it. Raises: Untried: it does not exist."""
        given = {"InstanceIds": [self.id], "Limit": 1, "Offset": 0}
        found: list[Mapping[str, Any]] = self._api.call("redis", "DescribeInstances", given)["InstanceSet"]
        if not found:
            raise Untried(f"there is no instance {self.id} in this region and site")
        return found[0]

    def accounts(self) -> dict[str, Account]:
        """Every account, by name."""
        given = {"InstanceId": self.id, "Limit": 100, "Offset": 0}
        rows = self._api.call("redis", "DescribeInstanceAccount", given)["Accounts"]
        return {
            one["AccountName"]: Account(
                one["Privilege"],
                tuple(one["ReadonlyPolicy"] or ()),
                one.get("Remark") or "",
                one["Status"],
                one.get("PasswordLastModifiedTime") or "",
            )
            for one in rows
        }

    def account(self, name: str) -> Account:
        """One account. Raises: Untried: there is none with this name."""
        found = self.accounts().get(name)
        if found is None:
            raise Untried(f"there is no account {name} on {self.id}")
        return found

    def door(self, *, slow: bool) -> RedisDoor:
        """The instance's server. Raises: Untried: it cannot be reached; ConnectionRefusedError: nobody listens."""
        shown = self.shown()
        return reach_redis(str(shown["WanIp"]), int(shown["Port"]), slow=slow)

    def wait_free(self) -> bool:
        """Whether all tasks of the instance and its accounts end within five minutes."""
        return wait_until(self._is_free, _TASK_S)

    def _is_free(self) -> bool:
        at_rest = self.shown()["Status"] == _RUNNING
        return at_rest and all(one.status == _VALID for one in self.accounts().values())

    def set_account(self, name: str, **fields: Any) -> int:
        """ModifyInstanceAccount; the TaskId. Raises: CallRefused, CallLost."""
        given = {"InstanceId": self.id, "AccountName": name, **fields}
        return int(self._api.call("redis", "ModifyInstanceAccount", given).get("TaskId") or 0)

    def set_root(self, old: str, new: str, action: str = SPELLINGS[0]) -> int:
        """ModifyInstancePassword by one of its two names; returns the TaskId. Raises: CallRefused, CallLost."""
        given = {"InstanceId": self.id, "OldPassword": old, "Password": new}
        return int(self._api.call("redis", action, given).get("TaskId") or 0)

    def set_root_by_any_name(self, old: str, new: str) -> int:
        """Call the name that accepts passwords of this length, or the other if that is unknown."""
        names = SPELLINGS if max(len(old), len(new)) <= 30 else SPELLINGS[::-1]
        try:
            return self.set_root(old, new, names[0])
        except CallRefused as refused:
            if not is_unknown_action(refused.code):
                raise
        return self.set_root(old, new, names[1])

    def changed(self, change: Callable[[], int]) -> str:
        """How the task of a change ended, once the instance was free for the change. Raises: CallRefused, CallLost."""
        self.wait_free()
        tasks: list[int] = []

        def taken() -> bool:
            try:
                tasks.append(change())
            except CallRefused as refused:
                if is_lock(refused.code):
                    return False
                raise
            return True

        return self.ended(tasks[0]) if wait_until(taken, _TASK_S) else "locked"

    def ended(self, task: int) -> str:
        """The last status of a task; empty if there is none in five minutes.

        Task 0: wait until the instance is free.
        """
        if not task:
            return "succeed" if self.wait_free() else ""
        word = self._own_word if wait_until(lambda: bool(self._own_word(task)), _READABLE_S) else self._listed_word
        last = [""]

        def over() -> bool:
            last[0] = word(task)
            return last[0] in _ENDS

        return last[0] if wait_until(over, _TASK_S) else ""

    def _own_word(self, task: int) -> str:
        """The status of a task in DescribeTaskInfo; empty if the call is refused."""
        try:
            return str(self.task(task)["Status"]).lower()
        except CallRefused:
            return ""

    def _listed_word(self, task: int) -> str:
        """The status of a task in the list; empty while the task runs."""
        results = {one["TaskId"]: one["Result"] for one in self._listed(())}
        return _RESULTS.get(results.get(task, 0), "")

    def task(self, id_: int) -> Mapping[str, Any]:
        """DescribeTaskInfo. Raises: CallRefused, CallLost."""
        return self._api.call("redis", "DescribeTaskInfo", {"TaskId": id_})

    def tasks(self, types: tuple[str, ...] = ()) -> dict[int, str]:
        """The last tasks of the instance: id and type; only those of some types if given."""
        return {one["TaskId"]: str(one["TaskType"]) for one in self._listed(types)}

    def _listed(self, types: tuple[str, ...]) -> list[Mapping[str, Any]]:
        given: dict[str, Any] = {"InstanceId": self.id, "Limit": 100, "Offset": 0}
        if types:
            given["TaskTypes"] = list(types)
        rows: list[Mapping[str, Any]] = self._api.call("redis", "DescribeTaskList", given)["Tasks"]
        return rows

    def type_listed(self, task: int) -> str:
        """The type of a task, if the list of the known types shows it soon; otherwise empty."""
        found: dict[int, str] = {}

        def there() -> bool:
            found.update(self.tasks(TASK_TYPES))
            return task in found

        wait_until(there, LISTED_S)
        return found.get(task, "")
