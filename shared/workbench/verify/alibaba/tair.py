"""An account of a Tair instance for the checks: its password and status, and how its password is restored."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.verify.alibaba.desk import AlibabaDesk, Said, said
from shared.workbench.verify.check import Untried, WrongPassword, made_up_password
from shared.workbench.verify.put_back import Changed

KIND = "tair-password"
SYMBOLS = "!@#$%^&*()_+-="
"""The symbols that the published rule allows."""
_LOOK_S = 0.3
_MOST_S = 600.0
_ROUNDS, _APART_S = 5, 3.0


class NotBack(Exception):
    """Nothing shows that the first password is in force."""


@dataclass(frozen=True)
class TairAccount:
    """One account."""

    api: AlibabaApi
    instance: str
    account: str

    def modify(
        self, old: str, new: str, *, account: str = "", headers: Mapping[str, str] | None = None, token: str = ""
    ) -> Said:
        """ModifyAccountPassword with both passwords in the form body; `headers` and `token` replace the usual ones.

        Raises: CallLost.
        """
        ids = {"InstanceId": self.instance, "AccountName": account or self.account}
        form = {"OldAccountPassword": old, "NewAccountPassword": new}
        keys = {"token": token} if token else None
        return said(lambda: self.api.call("r-kvstore", "ModifyAccountPassword", ids, form, keys=keys, headers=headers))

    def attributes(self) -> dict[str, Any]:
        """The instance as DescribeInstanceAttribute shows it. Raises: CallRefused, CallLost, Untried."""
        answer = self.api.call("r-kvstore", "DescribeInstanceAttribute", {"InstanceId": self.instance})
        for found in answer["Instances"]["DBInstanceAttribute"]:
            return dict(found)
        raise Untried("the API does not show the instance")

    def status(self) -> str:
        """The account's status. Raises: CallRefused, CallLost, Untried."""
        ids = {"InstanceId": self.instance, "AccountName": self.account}
        answer = self.api.call("r-kvstore", "DescribeAccounts", ids)
        for found in answer["Accounts"]["Account"]:
            if found["AccountName"] == self.account:
                return str(found["AccountStatus"])
        raise Untried(f"there is no account {self.account} on {self.instance}")

    def watch(self, quiet_s: float) -> tuple[str, ...]:
        """The account's statuses until Available follows another one, or until nothing else shows for `quiet_s`.

        Raises: CallRefused, CallLost; Untried: it takes more than ten minutes.
        """
        seen, start = [self.status()], time.monotonic()
        while seen[-1] != "Available" or (len(seen) == 1 and time.monotonic() - start < quiet_s):
            if time.monotonic() - start > _MOST_S:
                raise Untried(f"the account has shown {seen[-1]} for ten minutes")
            time.sleep(_LOOK_S)
            if (now := self.status()) != seen[-1]:
                seen.append(now)
        return tuple(seen)

    def settle(self) -> None:
        """Wait until account and instance are ready. Raises: CallRefused, CallLost, Untried."""
        until = time.monotonic() + _MOST_S
        while self.status() != "Available" or self.attributes()["InstanceStatus"] != "Normal":
            if time.monotonic() > until:
                raise Untried("the account has not been ready for ten minutes")
            time.sleep(_LOOK_S)

    def put_back(self, first: str, since: str) -> None:
        """Make `first` the password again if it or `since` is in force. Raises: NotBack."""
        for _ in range(_ROUNDS):
            try:
                self.settle()
                if self._is_back(first, since):
                    return
            except (CallLost, CallRefused):
                pass
            time.sleep(_APART_S)
        raise NotBack

    def _is_back(self, first: str, since: str) -> bool:
        """One attempt. The fence shows which password is in force, because a call is accepted with that one only.

        If the cloud refuses the same password twice, a change to `since` and back shows that `first` is in force. If
        the cloud accepts no such password, `since` is as wrong as a made-up one, and `first` is refused for another
        reason.
        """
        from_since = self.modify(since, first)
        same = from_since if from_since.taken else self.modify(first, first)
        if same.taken:
            self.settle()
            return True
        if same.code.startswith("Missing"):
            return True  # the gateway refused before it saw the passwords: no call changed anything
        to_since = self.modify(first, since)
        if to_since.taken:
            self.settle()
            return self.modify(since, first).taken
        made_up = self.modify(made_up_password(), first)
        return made_up == from_since and from_since.status < 500 and to_since.code != from_since.code


def sandbox_account(desk: AlibabaDesk) -> tuple[TairAccount, str, str]:
    """The sandbox's account, its present password, and the variable that holds this password. Raises: Untried."""
    part = desk.need(desk.sandbox.tair, "tair")
    account = TairAccount(desk.api, part.instance, part.account)
    return account, desk.present(part.account_password), part.account_password


def account_to_change(desk: AlibabaDesk) -> tuple[TairAccount, str, str]:
    """As `sandbox_account`. Its password must keep the published rule and be in force. Raises: Untried."""
    account, first, variable = sandbox_account(desk)
    if not keeps_rule(first):
        raise Untried(
            f"{variable} breaks the published rule, so the cloud may refuse to restore it: 8 to 32 letters, digits"
            f" and {SYMBOLS}, "
            "of three kinds"
        )
    desk.once(_prove)
    return account, first, variable


def keeps_rule(password: str) -> bool:
    """Whether a password keeps the published rule: 8 to 32 characters of three kinds."""
    kinds = sum(bool(re.search(kind, password)) for kind in ("[a-z]", "[A-Z]", "[0-9]", f"[{re.escape(SYMBOLS)}]"))
    return kinds >= 3 and re.fullmatch(rf"[A-Za-z0-9{re.escape(SYMBOLS)}]{{8,32}}", password) is not None


def _prove(desk: AlibabaDesk) -> None:
    """Check by the fence that the variable holds the present password. Raises: WrongPassword: it does not.

    If the cloud refuses the present password as old and new, try a change to another one: the refusal may be about
    equality.
    """
    account, first, variable = sandbox_account(desk)
    account.settle()
    what = changed(account, variable, made_up_password())
    desk.agree(what.title)
    equal = account.modify(first, first)
    if equal.taken:
        account.settle()
        return
    if equal.code.startswith("Missing"):
        return  # the gateway refused before it saw the passwords
    wrong = account.modify(what.password, first)
    with desk.change(what):
        if account.modify(first, what.password) == wrong:
            raise WrongPassword(variable)


def changed(account: TairAccount, variable: str, password: str) -> Changed:
    """The note that is written down before this account gets this password."""
    ids = {"instance": account.instance, "account": account.account}
    title = f"the password of {account.account} of the Tair instance: changed some eight times, a minute each"
    return Changed(KIND, title, ids, variable, password)
