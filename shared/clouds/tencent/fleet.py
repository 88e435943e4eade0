"""Fleets on Tencent Cloud: Redis instances (redis, 2018-04-12) and container registries (tcr, 2019-09-24).

Sources: DescribeInstances and DescribeInstanceAccount (Redis), DescribeInstances and DescribeServiceAccounts (TCR).
Redis shows times without a zone, and no page names one. keyturn reads them as China Standard Time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta, timezone
from typing import Any

from shared.clouds.tencent.service_accounts import PREFIX, state_of
from shared.clouds.tencent.session import PAGE, TencentSession, is_last_page, rows
from shared.rotation.fleet import Account, Page, Resource, moment_of
from shared.runtime.cloud_access import CloudAccess

_CHINA = timezone(timedelta(hours=8))
_DELETED = 4  # DescribeInstanceAccount's Status
_OUT_OF_USE = {0: "to be initialised", -2: "isolated", -3: "to be deleted"}  # DescribeInstances' Status


def _redis_client() -> Any:
    from tencentcloud.redis.v20180412.redis_client import RedisClient

    return RedisClient


def _tcr_client() -> Any:
    from tencentcloud.tcr.v20190924.tcr_client import TcrClient

    return TcrClient


class RedisFleet:
    """The Redis instances of a region. `PasswordLastModifiedTime` tells an account's age."""

    page_size = PAGE
    assumes = "PasswordLastModifiedTime names no time zone: read as UTC+8"

    def __init__(self, access: CloudAccess, region: str) -> None:
        self._access, self._region = access, region

    def page(self, offset: int, tags: Mapping[str, str]) -> Page:
        """One page in the service's default order, newest first. A new instance can repeat a row, but hides none."""
        ids: dict[str, Any] = {"Limit": PAGE, "Offset": offset}
        if tags:  # one tag makes the list shorter; the caller compares all tags
            key, value = next(iter(tags.items()))
            ids["InstanceTags"] = [{"TagKey": key, "TagValue": value}]
        answer = self._session().read("DescribeInstances", ids)
        found = rows(answer, "InstanceSet")
        resources = [
            Resource(
                _text(one.get("InstanceId")),
                _tags(one.get("InstanceTags"), "TagKey", "TagValue"),
                _OUT_OF_USE.get(_int(one.get("Status"))),
            )
            for one in found
        ]
        return Page(resources, is_last_page(found, offset, answer))

    def accounts(self, resource: str) -> list[Account]:
        accounts = []
        for one in self._session().pages("DescribeInstanceAccount", {"InstanceId": resource}, "Accounts"):
            if one.get("Status") != _DELETED:
                changed = _text(one.get("PasswordLastModifiedTime")) or None
                accounts.append(Account(_text(one.get("AccountName")), changed, moment_of(changed, _CHINA)))
        return accounts

    def _session(self) -> TencentSession:
        return TencentSession(self._access, self._region, self._access.site, "redis", _redis_client)


class RegistryFleet:
    """The registries of a region. `UpdateTime` tells a service account's age. It moves at any update of the account."""

    page_size = PAGE
    assumes = "UpdateTime moves at any update of the account: its password may be older"

    def __init__(self, access: CloudAccess, region: str, clock: Callable[[], float] = time.time) -> None:
        self._access, self._region, self._clock = access, region, clock

    def page(self, offset: int, tags: Mapping[str, str]) -> Page:
        """One page of all registries: the service has no documented filter by tag."""
        answer = self._session().read("DescribeInstances", {"Limit": PAGE, "Offset": offset})
        found = rows(answer, "Registries")
        resources = []
        for one in found:
            box, status = one.get("TagSpecification"), one.get("Status")
            tags_of = _tags(box.get("Tags") if isinstance(box, Mapping) else None, "Key", "Value")
            obstacle = None if status == "Running" else f"Status {_text(status)[:30] or 'unknown'}"
            resources.append(Resource(_text(one.get("RegistryId")), tags_of, obstacle))
        return Page(resources, is_last_page(found, offset, answer))

    def accounts(self, resource: str) -> list[Account]:
        accounts = []
        for one in self._session().pages("DescribeServiceAccounts", {"RegistryId": resource}, "ServiceAccounts"):
            changed = _text(one.get("UpdateTime")) or _text(one.get("CreateTime")) or None
            name, state = _text(one.get("Name")).removeprefix(PREFIX), state_of(one, self._clock())
            obstacle = None if state == "enabled" else state
            accounts.append(Account(name, changed, moment_of(changed, _CHINA), obstacle))
        return accounts

    def _session(self) -> TencentSession:
        return TencentSession(self._access, self._region, self._access.site, "tcr", _tcr_client)


def _tags(value: object, key: str, name: str) -> dict[str, str]:
    shown = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    return {_text(one.get(key)): _text(one.get(name)) for one in shown}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
