"""The secrets that are in force before keyturn changes them: looked for, and typed by a person into their stores.

What is typed goes into one API call: never into a command line, a file or a log.
"""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from functions import load_operation
from shared.commands.store_reference import StoreRef
from shared.handlers.rotation import policy_for
from shared.rotation.policy import PlanRotation
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.errors import KeyturnError
from shared.runtime.secret import Secret
from shared.stores.alternating import AlternatingSecret
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.needs import FirstSecret

_WITHIN_S = 120.0  # to list a fleet
_MOST = 500  # credentials that are looked at, a policy
FIRST_VERSION = {"ssm": "current", "kms": "v1"}
"""Where the store has no stages, the version of this name is the one in force."""


@dataclass(frozen=True)
class Credential:
    """One account of a policy, and the store of its secret."""

    store: StoreRef
    region: str
    resource: str
    account: str
    alternates: bool = False  # the secret names the account, too, which takes turns with another


class CannotList(Exception):
    """A fleet could not be read; the text says why."""


def credentials(first: FirstSecret, api: TencentApi | AlibabaApi) -> Iterator[Credential]:
    """Every account that a policy is for, as the cloud lists them. Raises: CannotList."""
    try:
        plan = PlanRotation.model_validate(first.rule)
        rotation, policy = policy_for(plan, load_operation)
        fleet, offset, found = rotation.fleet(_access(api), first.region), 0, 0
        while True:
            page = fleet.page(offset, plan.resources.tags)
            for resource in page.resources:
                if resource.obstacle or not plan.resources.selects(resource.id, resource.tags):
                    continue
                for account in _accounts(policy.wants, [one.name for one in fleet.accounts(resource.id)], plan):
                    store = plan.store_of(resource.id, "" if plan.alternate else account)
                    assert store is not None
                    yield Credential(store, first.region, resource.id, account, bool(plan.alternate))
                    found += 1
            if page.last or found >= _MOST:
                return
            offset += fleet.page_size
    except (KeyturnError, ValueError, ImportError) as error:
        reason = error.code if isinstance(error, KeyturnError) and error.code else type(error).__name__
        raise CannotList(f"{first.policy}: what it is for cannot be listed ({reason})") from None


def is_there(api: TencentApi | AlibabaApi, credential: Credential) -> bool:
    """Whether its store holds a secret of that name. Raises: CallRefused, CallLost, CallerRefused."""
    store = credential.store
    try:
        api.in_region(credential.region).call(store.kind, "DescribeSecret", {"SecretName": store.name})
    except CallRefused as refused:
        if "NotFound" in refused.code or "NotExist" in refused.code:
            return False
        raise
    return True


def create(api: TencentApi | AlibabaApi, credential: Credential, secret: Secret, mark: str) -> None:
    """Put the first version into the store, where the credential is. Raises: CallRefused, CallLost, CallerRefused."""
    store, api = credential.store, api.in_region(credential.region)
    named = {"SecretName": store.name, "VersionId": FIRST_VERSION[store.kind]}
    if credential.alternates:
        secret = AlternatingSecret(credential.account, secret).as_stored()
    if isinstance(api, TencentApi):
        api.call("ssm", "CreateSecret", {**named, "SecretString": secret.reveal(), "Description": mark})
    else:
        form = {"SecretData": secret.reveal(), "SecretDataType": "text"}
        api.call("kms", "CreateSecret", {**named, "Description": mark}, form)


def typed(credential: Credential) -> Secret | None:
    """What a person types, unseen; without a terminal one line of standard input. None: nothing."""
    if sys.stdin.isatty():
        whose = f"{credential.resource} {credential.account}".rstrip()
        try:
            text = getpass.getpass(f"{credential.store.place}: the password of {whose} now (nothing: later): ")
        except EOFError:  # ctrl-D
            return None
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    return Secret(text) if text.strip() else None


def _accounts(wants: Callable[[str], bool], names: list[str], plan: PlanRotation) -> list[str]:
    if plan.alternate:
        return plan.alternate[:1]  # one secret names both, the one in use first
    return [name for name in names if wants(name)]


def _access(api: TencentApi | AlibabaApi) -> CloudAccess:
    keys: Mapping[str, str] = api.keys
    token = Secret(keys["token"]) if keys.get("token") else None
    site = api.site if isinstance(api, TencentApi) else "domestic"
    deadline = Deadline(time.monotonic() + _WITHIN_S)
    return CloudAccess(RoleKeys(keys["id"], Secret(keys["key"]), token), api.endpoint or None, 5.0, deadline, site=site)
