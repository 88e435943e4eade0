"""Fleets on Alibaba Cloud: Tair and Redis instances (R-kvstore, 2015-01-01), which show no time of a password.

Sources: DescribeInstances, DescribeAccounts (R-kvstore 2015-01-01, SDK 7.0.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.clouds.alibaba.session import AlibabaSession
from shared.rotation.fleet import Account, Page, Resource
from shared.runtime.cloud_access import CloudAccess

_PAGE = 50  # the most rows that DescribeInstances gives
_MOST_PAGES = 50
# In these states an instance takes no change for a long time. The other states pass soon.
_OUT_OF_USE = ("Creating", "Inactive", "Released", "Unavailable", "Error")


class TairFleet:
    """The instances of a region. The age of an account's password is that of its secret in the store."""

    page_size = _PAGE
    assumes = "the cloud shows no time of a password: the store's current version tells the age"

    def __init__(self, access: CloudAccess, region: str) -> None:
        self._access, self._region = access, region

    def page(self, offset: int, tags: Mapping[str, str]) -> Page:
        ids: dict[str, Any] = {
            "RegionId": self._region,
            "PageNumber": str(offset // _PAGE + 1),
            "PageSize": str(_PAGE),
        }
        if tags:  # one tag makes the list shorter; the caller compares all tags
            ids["Tag.1.Key"], ids["Tag.1.Value"] = next(iter(tags.items()))
        answer = self._session().read("DescribeInstances", ids)
        found = _items(answer, "Instances", "KVStoreInstance")
        resources = []
        for one in found:
            status = one.get("InstanceStatus")
            obstacle = f"InstanceStatus {status}" if status in _OUT_OF_USE else None
            tags_of = {_text(tag.get("Key")): _text(tag.get("Value")) for tag in _items(one, "Tags", "Tag")}
            resources.append(Resource(_text(one.get("InstanceId")), tags_of, obstacle))
        return Page(resources, _is_last(found, offset + _PAGE, answer))

    def accounts(self, resource: str) -> list[Account]:
        session, accounts = self._session(), list[Account]()
        for number in range(1, _MOST_PAGES + 1):
            ids = {"InstanceId": resource, "PageNumber": str(number), "PageSize": str(_PAGE)}
            answer = session.read("DescribeAccounts", ids)
            found = _items(answer, "Accounts", "Account")
            accounts += [Account(_text(one.get("AccountName"))) for one in found]
            if _is_last(found, len(accounts), answer):
                break
        return accounts

    def _session(self) -> AlibabaSession:
        return AlibabaSession(self._access, self._region)


def _items(answer: Mapping[str, Any], outer: str, inner: str) -> list[Mapping[str, Any]]:
    box = answer.get(outer)
    value = box.get(inner) if isinstance(box, Mapping) else None
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _is_last(found: list[Mapping[str, Any]], read: int, answer: Mapping[str, Any]) -> bool:
    """Whether a page is the last. `read`: the rows so far. A full page without a readable total is not the last."""
    total = answer.get("TotalCount")
    return read >= total if found and isinstance(total, int) else len(found) < _PAGE


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
