"""Both clouds' fleets: which instances, whose accounts, how old, and how many pages."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from shared.clouds.alibaba.fleet import TairFleet
from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.tencent.fleet import RedisFleet, RegistryFleet
from shared.clouds.tencent.session import TencentSession
from shared.rotation.fleet import Account, Resource
from tests.clouds.scripted import Answer, Script, ScriptedAlibaba, ScriptedTencent, access


class _Redis(RedisFleet):
    def __init__(self, script: Script) -> None:
        super().__init__(access(), "ap-guangzhou")
        self.script = script

    def _session(self) -> TencentSession:
        return ScriptedTencent(self.script, self._access)


class _Registry(RegistryFleet):
    def __init__(self, script: Script) -> None:
        super().__init__(access(), "ap-guangzhou")
        self.script = script

    def _session(self) -> TencentSession:
        return ScriptedTencent(self.script, self._access)


class _Tair(TairFleet):
    def __init__(self, script: Script) -> None:
        super().__init__(access(), "cn-hangzhou")
        self.script = script

    def _session(self) -> AlibabaSession:
        return ScriptedAlibaba(self.script, self._access)


def moment(hour: int) -> datetime:
    return datetime(2026, 3, 1, hour, 0, 1, tzinfo=timezone.utc)


# --- Redis


@pytest.mark.parametrize(
    ("status", "obstacle"),
    [
        (2, None),
        (1, None),
        (0, "to be initialised"),
        (-2, "isolated"),
        (-3, "to be deleted"),
        (None, "to be initialised"),
    ],
)
def test_a_redis_instance_is_out_of_use_by_its_status(status: int | None, obstacle: str | None) -> None:
    tags = [{"TagKey": "team", "TagValue": "a"}, "no object", {"TagKey": "stage", "TagValue": "b"}]
    found = {"InstanceId": "crs-1", "InstanceTags": tags, "Status": status}
    fleet = _Redis(Script({"DescribeInstances": {"InstanceSet": [found, 5], "TotalCount": 1}}))
    page = fleet.page(0, {})
    assert page.resources == [Resource("crs-1", {"team": "a", "stage": "b"}, obstacle)]
    assert page.last
    assert fleet.script.asked("DescribeInstances") == [{"Limit": 100, "Offset": 0}]


@pytest.mark.parametrize(
    ("found", "offset", "total", "last"),
    [
        (1, 0, 1, True),
        (1, 0, 100, True),
        (1, 0, 101, False),
        (1, 100, 200, True),
        (1, 100, 201, False),
        (0, 0, 500, True),
        (99, 0, None, True),
        (100, 0, None, False),
        (100, 100, "200", False),
    ],
)
def test_a_page_of_tencent_is_the_last_by_the_total(found: int, offset: int, total: object, last: bool) -> None:
    redis = _Redis(Script({"DescribeInstances": {"InstanceSet": [{}] * found, "TotalCount": total}}))
    assert redis.page(offset, {}).last is last
    registry = _Registry(Script({"DescribeInstances": {"Registries": [{}] * found, "TotalCount": total}}))
    assert registry.page(offset, {}).last is last
    asked = {"Limit": 100, "Offset": offset}
    assert redis.script.asked("DescribeInstances") == registry.script.asked("DescribeInstances") == [asked]
    assert (redis.page_size, registry.page_size) == (100, 100)


def test_one_tag_narrows_the_redis_instances() -> None:
    fleet = _Redis(Script({"DescribeInstances": {}}))
    fleet.page(0, {"team": "a", "stage": "b"})
    tag = {"TagKey": "team", "TagValue": "a"}
    assert fleet.script.asked("DescribeInstances") == [{"Limit": 100, "Offset": 0, "InstanceTags": [tag]}]
    registry = _Registry(Script({"DescribeInstances": {}}))
    registry.page(0, {"team": "a"})
    assert registry.script.asked("DescribeInstances") == [{"Limit": 100, "Offset": 0}]


def test_redis_accounts_have_the_age_that_the_service_shows_in_chinas_time() -> None:
    shown = [
        {"AccountName": "a", "Status": 2, "PasswordLastModifiedTime": "2026-03-01 10:00:01"},
        {"AccountName": "gone", "Status": 4, "PasswordLastModifiedTime": "2026-03-01 10:00:01"},
        {"AccountName": "b", "Status": 1, "PasswordLastModifiedTime": ""},
        {"AccountName": "c", "PasswordLastModifiedTime": "soon"},
        {"AccountName": None},
    ]
    fleet = _Redis(Script({"DescribeInstanceAccount": {"Accounts": shown, "TotalCount": 5}}))
    assert fleet.accounts("crs-1") == [
        Account("a", "2026-03-01 10:00:01", moment(2)),
        Account("b"),
        Account("c", "soon"),
        Account(""),
    ]
    assert fleet.script.asked("DescribeInstanceAccount") == [{"InstanceId": "crs-1", "Limit": 100, "Offset": 0}]


@pytest.mark.parametrize(
    ("pages", "offsets", "names"),
    [
        ([("a", 101), ("b", 101)], [0, 100], "ab"),
        ([("a", 100), ("b", 100)], [0], "a"),
        ([("a", 300), ("", 300), ("c", 300)], [0, 100], "a"),
        ([("a", 10**6)], [n * 100 for n in range(50)], "a" * 50),
    ],
)
def test_every_page_of_tencents_accounts_is_read(pages: list[tuple[str, int]], offsets: list[int], names: str) -> None:
    redis_pages: list[Answer] = [
        {"Accounts": [{"AccountName": one}] if one else [], "TotalCount": total} for one, total in pages
    ]
    redis = _Redis(Script({"DescribeInstanceAccount": redis_pages}))
    assert "".join(one.name for one in redis.accounts("crs-1")) == names
    assert [one["Offset"] for one in redis.script.asked("DescribeInstanceAccount")] == offsets
    registry_pages: list[Answer] = [
        {"ServiceAccounts": [{"Name": one}] if one else [], "TotalCount": total} for one, total in pages
    ]
    registry = _Registry(Script({"DescribeServiceAccounts": registry_pages}))
    assert "".join(one.name for one in registry.accounts("tcr-1")) == names
    assert registry.script.asked("DescribeServiceAccounts") == [
        {"RegistryId": "tcr-1", "Limit": 100, "Offset": offset} for offset in offsets
    ]


# --- registries


@pytest.mark.parametrize(
    ("status", "obstacle"),
    [
        ("Running", None),
        ("Deleting", "Status Deleting"),
        ("x" * 40, f"Status {'x' * 30}"),
        (None, "Status unknown"),
        ("", "Status unknown"),
        (5, "Status unknown"),
    ],
)
def test_a_registry_is_in_use_only_while_it_runs(status: object, obstacle: str | None) -> None:
    tags = {"Tags": [{"Key": "team", "Value": "a"}]}
    found = {"RegistryId": "tcr-1", "Status": status, "TagSpecification": tags}
    bare = {"RegistryId": "tcr-2", "Status": status, "TagSpecification": None}
    fleet = _Registry(Script({"DescribeInstances": {"Registries": [found, bare], "TotalCount": 2}}))
    expected = [Resource("tcr-1", {"team": "a"}, obstacle), Resource("tcr-2", {}, obstacle)]
    assert fleet.page(0, {}).resources == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"Name": "tcr$a", "UpdateTime": "2026-03-01 10:00:01"}, Account("a", "2026-03-01 10:00:01", moment(2))),
        ({"Name": "a", "UpdateTime": "2026-03-01T10:00:01Z"}, Account("a", "2026-03-01T10:00:01Z", moment(10))),
        ({"Name": "tcr$a", "CreateTime": "2026-03-01 10:00:01"}, Account("a", "2026-03-01 10:00:01", moment(2))),
        ({"Name": "a$tcr$", "UpdateTime": "u", "CreateTime": "c"}, Account("a$tcr$", "u")),
        ({"Name": "tcr$a", "UpdateTime": "", "CreateTime": ""}, Account("a")),
    ],
)
def test_a_service_account_is_as_old_as_its_last_update(shown: dict[str, Any], expected: Account) -> None:
    fleet = _Registry(Script({"DescribeServiceAccounts": {"ServiceAccounts": [shown], "TotalCount": 1}}))
    assert fleet.accounts("tcr-1") == [expected]


# --- Tair


@pytest.mark.parametrize(
    ("status", "out_of_use"),
    [
        ("Normal", False),
        ("Changing", False),
        ("Creating", True),
        ("Inactive", True),
        ("Released", True),
        ("Unavailable", True),
        ("Error", True),
    ],
)
def test_a_tair_instance_is_out_of_use_by_its_status(status: str, out_of_use: bool) -> None:
    tags = {"Tag": [{"Key": "team", "Value": "a"}, "no object"]}
    found = [{"InstanceId": "r-1", "InstanceStatus": status, "Tags": tags}, {"InstanceId": 5, "Tags": []}, "no object"]
    fleet = _Tair(Script({"DescribeInstances": {"Instances": {"KVStoreInstance": found}, "TotalCount": 2}}))
    obstacle = f"InstanceStatus {status}" if out_of_use else None
    assert fleet.page(0, {}).resources == [Resource("r-1", {"team": "a"}, obstacle), Resource("")]


@pytest.mark.parametrize(
    ("found", "offset", "total", "number", "last"),
    [
        (1, 0, 50, "1", True),
        (1, 0, 51, "1", False),
        (1, 50, 100, "2", True),
        (1, 50, 101, "2", False),
        (0, 0, 500, "1", True),
        (1, 0, "500", "1", True),
        (50, 0, "50", "1", False),
        (50, 50, None, "2", False),
    ],
)
def test_a_page_of_tair_is_the_last_by_the_total(
    found: int, offset: int, total: object, number: str, last: bool
) -> None:
    fleet = _Tair(Script({"DescribeInstances": {"Instances": {"KVStoreInstance": [{}] * found}, "TotalCount": total}}))
    assert fleet.page(offset, {}).last is last
    page = {"RegionId": "cn-hangzhou", "PageNumber": number, "PageSize": "50"}
    assert fleet.script.asked("DescribeInstances") == [page]
    assert fleet.page_size == 50


def test_one_tag_narrows_the_tair_instances() -> None:
    fleet = _Tair(Script({"DescribeInstances": {"Instances": []}}))
    assert fleet.page(0, {"team": "a", "stage": "b"}).last
    (asked,) = fleet.script.asked("DescribeInstances")
    assert (asked["Tag.1.Key"], asked["Tag.1.Value"]) == ("team", "a")
    assert not any(name.startswith("Tag.2") for name in asked)


@pytest.mark.parametrize(
    ("pages", "numbers", "names"),
    [
        ([(["a", "b"], 3), (["c"], 3)], "12", "abc"),
        ([(["a", "b"], 2), (["c"], 2)], "1", "ab"),
        ([(["a"], 5), ([], 5), (["c"], 5)], "12", "a"),
        ([(["a"], None)], "1", "a"),
    ],
)
def test_every_page_of_tairs_accounts_is_read(pages: list[Any], numbers: str, names: str) -> None:
    answers: list[Answer] = [
        {"Accounts": {"Account": [{"AccountName": one} for one in found]}, "TotalCount": total}
        for found, total in pages
    ]
    fleet = _Tair(Script({"DescribeAccounts": answers}))
    assert fleet.accounts("r-1") == [Account(name) for name in names]
    asked = [{"InstanceId": "r-1", "PageNumber": number, "PageSize": "50"} for number in numbers]
    assert fleet.script.asked("DescribeAccounts") == asked


def test_no_more_than_fifty_pages_of_accounts_are_read() -> None:
    endless = {"Accounts": {"Account": [{"AccountName": "a"}]}, "TotalCount": 10**6}
    fleet = _Tair(Script({"DescribeAccounts": endless}))
    assert len(fleet.accounts("r-1")) == 50


def test_each_fleet_asks_its_own_service_in_its_region() -> None:
    redis, registry = RedisFleet(access(), "ap-tokyo"), RegistryFleet(access(), "ap-tokyo")
    assert redis._session()._key == ("redis", "redis.tencentcloudapi.com", "", "")
    assert registry._session()._key == ("tcr", "tcr.tencentcloudapi.com", "", "")
    tair = TairFleet(access(), "cn-beijing")._session()
    assert (tair.region, tair.version) == ("cn-beijing", "2015-01-01")
