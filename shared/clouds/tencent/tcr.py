"""Tencent Container Registry (tcr, 2019-09-24): a service account's password. No task, no fence, no token.

Without a login the answer of the call is the only proof: `UpdateTime` moves at any update of the account. keyturn
refuses to change an account that is disabled or has expired, in a dry run and in a real one. No login could prove its
password, and no page says whether the service accepts one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
from shared.changes.timing import FRESH_S
from shared.clouds.tencent.service_accounts import PREFIX, state_of
from shared.clouds.tencent.session import TencentSession
from shared.results.outcome import Subject
from shared.runtime.cloud_access import SEVERAL, CloudAccess
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused
from shared.runtime.secret import Secret

ACTION = "ModifyServiceAccountPassword"
_ROWS = "ServiceAccounts"  # of DescribeServiceAccounts


def _client_class() -> Any:
    from tencentcloud.tcr.v20190924.tcr_client import TcrClient

    return TcrClient


Row = Mapping[str, Any]


@dataclass(eq=False)
class _Page:
    """The first page of a registry's accounts. All commands of an invocation for the registry use it, one by one."""

    rows: list[Row]
    read_at: float  # when it was requested, by the deadline's clock
    changed: set[str] = field(default_factory=set)  # accounts that keyturn sent a change for since then


@dataclass(eq=False)
class RegistryChange:
    """One service account's new password: given by the command, or made by the service and shown once."""

    access: CloudAccess
    subject: Subject
    site: str
    new: Secret | None  # None: the service makes one
    clock: Callable[[], float] = time.time
    _looked: bool = False

    fenced = False
    can_reconcile = False
    old = None

    def __post_init__(self) -> None:
        self.session = TencentSession(self.access, self.subject.region, self.site, "tcr", _client_class)
        access, subject = self.access, self.subject
        self._page_name = ("accounts", subject.region, subject.resource, access.site, access.role or "")

    @property
    def repeatable(self) -> bool:
        return self.new is not None  # the service makes another password each time

    @property
    def asked(self) -> Mapping[str, Any]:
        return {}

    def snapshot(self, *, thorough: bool) -> Snapshot:
        account, read_at = self._look()
        if account is None:
            text = f"no service account {self.subject.account} in {self.subject.resource}, nothing was changed: "
            raise Refused(ErrorClass.NOT_FOUND, text + "check RegistryId, Name, Region and Site", code="NotFound")
        state = state_of(account, self.clock())
        evidence = [f"account: {state}"] if thorough else []
        evidence += ["password rule: kept"] if thorough and self.new is not None else []
        obstacle = None
        if state != "enabled":
            text = f"{self.subject.account} is {state} and cannot log in with any password, nothing was called: "
            text += "enable the account or move its ExpiresAt first"
            obstacle = Refused(ErrorClass.FAILED, text, code=f"Account{state.capitalize()}")
        return Snapshot(evidence, obstacle, time=_update_time(account), account=account, read_at=read_at)

    def _look(self) -> tuple[Row | None, float]:
        """The account before a call, and when it was read. Several commands for one registry share the page.

        A page that another command read is used only for the first look, and never to refuse a command.
        """
        first, self._looked = not self._looked, True
        if first and (SEVERAL, self.subject.resource) in self.access.shared:
            page, is_new = self._page()
            account = next(filter(self._is_account, page.rows), None)
            if account is not None and (is_new or state_of(account, self.clock()) == "enabled"):
                return account, page.read_at
        now = self.access.deadline.clock()
        return self._account(), now

    def _page(self) -> tuple[_Page, bool]:
        """The invocation's page, and whether this call has read it."""
        page: _Page | None = self.access.shared.get(self._page_name)
        now = self.access.deadline.clock()
        if page is not None and now - page.read_at < FRESH_S and self.subject.account not in page.changed:
            return page, False
        rows, _ = self.session.page("DescribeServiceAccounts", {"RegistryId": self.subject.resource}, _ROWS, 0)
        page = self.access.shared[self._page_name] = _Page(rows, now)
        return page, True

    def _account(self) -> Row | None:
        """The account with exactly this name. The filter may also match a part of a name."""
        filters = [{"Name": "ServiceAccountName", "Values": list(self._names)}]
        ids = {"RegistryId": self.subject.resource, "Filters": filters}
        listed = self.session.pages("DescribeServiceAccounts", ids, _ROWS)
        return next(filter(self._is_account, listed), None)

    def _is_account(self, account: Row) -> bool:
        return account.get("Name") in self._names

    @property
    def _names(self) -> tuple[str, str]:
        return self.subject.account, PREFIX + self.subject.account

    def change(self, look: Snapshot) -> Accepted:
        ids = {"RegistryId": self.subject.resource, "Name": self.subject.account, "Random": self.new is None}
        body = {} if self.new is None else {"Password": self.new.reveal()}
        if (page := self.access.shared.get(self._page_name)) is not None:
            page.changed.add(self.subject.account)
        answer = self.session.change(ACTION, ids, body)
        request_id, password = answer.get("RequestId"), answer.get("Password")
        if not isinstance(request_id, str) or not isinstance(password, str) or not password:
            raise Ambiguous(f"{ACTION} was answered without a Password", code="NoPassword")
        shown = Secret(password)
        if self.new is not None and shown != self.new:
            raise Ambiguous(f"{ACTION} was answered with another password", code="OtherPassword", request_id=request_id)
        return Accepted(request_id, None, [f"{ACTION}: answered"], None if self.new is not None else shown)

    def probe(self) -> Accepted:
        raise Refused(ErrorClass.FAILED, f"{ACTION} has no fence to probe")

    def progress(self, task: Task) -> TaskProgress:
        return TaskProgress(TaskState.UNPROVEN, [f"{ACTION} has no tasks"])

    def began_at(self, task: Task) -> float | None:
        return None

    def newer_change_exists(self, task: Task, before: StateBefore) -> bool | None:
        return None  # UpdateTime moves with keyturn's own change, too, and shows no author

    def observe(self, before: StateBefore) -> Observation:
        """Note UpdateTime as a hint in the evidence. Only a login proves the change."""
        shown = _update_time(self._account() or {})
        moved = "not shown" if shown is None or before.time is None else "no" if shown == before.time else "yes"
        return Observation(evidence=(f"UpdateTime moved: {moved}",))

    def login(self, secret: Secret, timeout_s: float) -> LoginAnswer:
        from shared.changes.login import registry_login

        ids = {"Registryids": [self.subject.resource], "Limit": 1, "Offset": 0}
        for registry in self.session.read("DescribeInstances", ids).get("Registries") or []:
            if isinstance(registry, Mapping) and registry.get("RegistryId") == self.subject.resource:
                host = registry.get("PublicDomain")
                if isinstance(host, str) and host:
                    return registry_login(host, PREFIX + self.subject.account, secret, timeout_s)
        raise _no_address(self.subject)


def _no_address(subject: Subject) -> KeyturnError:
    return Refused(ErrorClass.FAILED, f"the cloud reports no domain for {subject.resource}")


def _update_time(account: Mapping[str, Any]) -> str | None:
    value = account.get("UpdateTime")
    return value if isinstance(value, str) else None
