"""A thousand instances in the stand-in: tags, pages, ages, and servers that sleep until they are needed."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import redis
from darabonba.exceptions import DaraException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent, stored_value
from tests.cloud.state.world import DEFAULT_WORLD, load_world

OLD, NEW = "Fleet-Passw0rd", "Next-Passw0rd"
CHINA = timezone(timedelta(hours=8))
FLEETS = f"""
max_servers = 4

[[fleet]]
kind = "redis"
count = 1000
prefix = "crs-fleet"
region = "ap-guangzhou"
accounts = {{ root = {{ password = "{OLD}" }}, app = {{ password = "{OLD}" }} }}
tags = {{ env = "prod", team = "orders" }}
aged_days = [0, 200]
due = 300
due_days = 90
store = "redis-{{instance}}-{{account}}"

[[fleet]]
kind = "tair"
count = 60
prefix = "r-fleet"
region = "cn-hangzhou"
accounts = {{ app = {{ password = "{OLD}" }} }}
tags = {{ env = "test" }}
store = "tair-{{instance}}-{{account}}"
"""


def world_file(folder: Path, more: str = FLEETS) -> Path:
    """The default world and these tables, whose first lines replace keys of the default."""
    keys, _, tables = more.partition("[[")
    named = {line.partition("=")[0].strip() for line in keys.splitlines()} - {""}
    lines = DEFAULT_WORLD.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition("=")[0].strip() not in named]
    path = folder / "world.toml"
    path.write_text("\n".join([keys, *kept, f"[[{tables}"]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with Standin(world_file(tmp_path_factory.mktemp("fleet"))) as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset()
    return server


def listed(standin: Standin, **filters: Any) -> list[dict[str, Any]]:
    """Every Tencent instance that fits, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = call_tencent(standin, "DescribeInstances", {"Limit": 400, "Offset": len(found), **filters})
        found += answer["InstanceSet"]
        if len(found) >= answer["TotalCount"]:
            return found


def awake(standin: Standin) -> int:
    count: int = standin.state()["redis"]["awake"]
    return count


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_a_thousand_instances_are_cheap_until_one_is_needed(tmp_path: Path) -> None:
    start = time.monotonic()
    with Standin(world_file(tmp_path)) as standin:
        assert time.monotonic() - start < 15  # three on a machine of its own
        assert resident_mb(standin.pid) < 200
        assert len(standin.redis) == 4 + 1060
        assert awake(standin) <= 2  # whoever looks for a free port here may knock at one of theirs


def test_a_fleet_is_listed_by_pages_and_tags(standin: Standin) -> None:
    assert len(listed(standin)) == 1001
    tagged = listed(standin, InstanceTags=[{"TagKey": "env", "TagValue": "prod"}])
    assert len({one["InstanceId"] for one in tagged}) == 1000
    assert tagged[0]["InstanceTags"] == [
        {"TagKey": "env", "TagValue": "prod"},
        {"TagKey": "team", "TagValue": "orders"},
    ]
    assert not listed(standin, InstanceTags=[{"TagKey": "env", "TagValue": "test"}])
    assert len(listed(standin, TagKeys=["team"])) == 1000
    assert [one["InstanceId"] for one in listed(standin, SearchKey="fleet0999")] == ["crs-fleet0999"]
    assert len(listed(standin, SearchKeys=["crs-fleet0001", "crs-demo0001"])) == 2
    assert awake(standin) == 0
    with pytest.raises(TencentCloudSDKException, match="InvalidParameter"):
        call_tencent(standin, "DescribeInstances", {"Limit": 20, "Offset": 7})


def test_the_other_cloud_s_fleet_is_listed_by_pages_and_tags(standin: Standin) -> None:
    seen: list[str] = []
    for number in (1, 2):
        pages = {"RegionId": "cn-hangzhou", "PageNumber": str(number), "PageSize": "50"}
        answer = call_alibaba(standin, "DescribeInstances", pages | {"Tag.1.Key": "env", "Tag.1.Value": "test"})
        assert answer["TotalCount"] == 60
        seen += [one["InstanceId"] for one in answer["Instances"]["KVStoreInstance"]]
    assert seen == [f"r-fleet{number:04}" for number in range(1, 61)]
    named = call_alibaba(standin, "DescribeInstances", {"InstanceIds": "r-fleet0007,r-demo0001"})
    assert named["TotalCount"] == 2
    any_value = {"RegionId": "cn-hangzhou", "Tag.1.Key": "env"}
    assert call_alibaba(standin, "DescribeInstances", any_value)["TotalCount"] == 60
    assert call_alibaba(standin, "DescribeInstances", any_value | {"Tag.2.Key": "team"})["TotalCount"] == 0
    for refused in ({"PageSize": "100"}, {"Tag.1.Key": "env"}):
        with pytest.raises(DaraException):
            call_alibaba(standin, "DescribeInstances", refused)


def test_exactly_the_due_ones_are_older_than_the_bound(standin: Standin) -> None:
    accounts = [
        one
        for name, instance in standin.state()["redis"]["instances"].items()
        if name.startswith("crs-fleet")
        for account, one in instance.items()
        if account == "app"
    ]
    bound = datetime.now(CHINA) - timedelta(days=90)
    changed = [datetime.fromisoformat(f"{one['PasswordLastModifiedTime']}+08:00") for one in accounts]
    assert (len(changed), sum(time_ < bound for time_ in changed)) == (1000, 300)
    assert min(changed) < datetime.now(CHINA) - timedelta(days=199)
    shown = call_tencent(standin, "DescribeInstanceAccount", {"InstanceId": "crs-fleet0001", "Limit": 20, "Offset": 0})
    assert shown["TotalCount"] == 2


def test_a_fleet_has_a_stored_secret_for_each_account(standin: Standin) -> None:
    assert call_tencent(standin, "ListSecrets", {"SearchSecretName": "crs-fleet"}, service="ssm")["TotalCount"] == 2000
    assert stored_value(standin, "ssm://redis-crs-fleet0042-app", "v1") == OLD
    assert stored_value(standin, "kms://tair-r-fleet0060-app") == OLD


def test_a_first_login_starts_a_server_and_a_change_shows_in_it(standin: Standin) -> None:
    assert redis_accepts(standin.redis["crs-fleet0001"], OLD, "app")
    assert awake(standin) == 1
    turn = {"InstanceId": "crs-fleet0002", "OldPassword": OLD, "Password": NEW}
    call_tencent(standin, "ModifyInstancePassword", turn)
    until = time.monotonic() + 5
    while awake(standin) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert awake(standin) == 2
    assert redis_accepts(standin.redis["crs-fleet0002"], NEW)
    assert not redis_accepts(standin.redis["crs-fleet0002"], OLD)


def test_a_server_that_was_ended_for_another_comes_back_with_its_passwords(standin: Standin) -> None:
    turn = {"OldAccountPassword": OLD, "NewAccountPassword": NEW}
    for number in range(1, 11):
        who = {"InstanceId": f"r-fleet{number:04}", "AccountName": "app"}
        call_alibaba(standin, "ModifyAccountPassword", who, turn)
        assert awake(standin) <= 4
    for number in range(1, 11):
        address = standin.redis[f"r-fleet{number:04}"]
        assert redis_accepts(address, NEW, "app")
        assert not redis_accepts(address, OLD, "app")
    assert awake(standin) == 4


def test_a_server_that_somebody_uses_is_not_ended(standin: Standin) -> None:
    host, _, port = standin.redis["crs-fleet0100"].rpartition(":")
    with redis.Redis(host=host, port=int(port), username="app", password=OLD) as client:
        client.set("held", "1")
        for number in range(1, 9):
            assert redis_accepts(standin.redis[f"crs-fleet{number:04}"], OLD, "app")
        assert client.get("held") == b"1"


def test_without_a_wake_a_change_shows_at_the_next_login(standin: Standin) -> None:
    standin.reset(wake_on_change=False)
    who = {"InstanceId": "r-fleet0001", "AccountName": "app"}
    call_alibaba(standin, "ModifyAccountPassword", who, {"OldAccountPassword": OLD, "NewAccountPassword": NEW})
    assert awake(standin) == 0
    assert redis_accepts(standin.redis["r-fleet0001"], NEW, "app")
    assert not redis_accepts(standin.redis["r-fleet0001"], OLD, "app")


def test_reset_puts_a_fleet_back_to_sleep_with_its_first_passwords(standin: Standin) -> None:
    turn = {"OldAccountPassword": OLD, "NewAccountPassword": NEW}
    call_alibaba(standin, "ModifyAccountPassword", {"InstanceId": "r-fleet0001", "AccountName": "app"}, turn)
    standin.reset()
    assert awake(standin) == 0
    assert redis_accepts(standin.redis["r-fleet0001"], OLD, "app")


def test_an_account_s_age_and_an_instance_s_tags_can_be_given(standin: Standin) -> None:
    standin.reset(
        redis={"crs-demo0001": {"tags": {"env": "demo"}, "accounts": {"app": {"password_age_days": 400}}}},
        tcr={"tcr-demo0001": {"accounts": {"robot": {"password_age_days": 100}}}},
    )
    assert [one["InstanceId"] for one in listed(standin, TagKeys=["env"], SearchKey="demo")] == ["crs-demo0001"]
    asked = {"InstanceId": "crs-demo0001", "Limit": 20, "Offset": 0}
    ages = {
        one["AccountName"]: datetime.now(CHINA).replace(tzinfo=None)
        - datetime.fromisoformat(one["PasswordLastModifiedTime"])
        for one in call_tencent(standin, "DescribeInstanceAccount", asked)["Accounts"]
    }
    assert {name: age.days for name, age in ages.items()} == {"root": 30, "app": 400}
    robots = call_tencent(standin, "DescribeServiceAccounts", {"RegistryId": "tcr-demo0001"}, service="tcr")
    updated = datetime.fromisoformat(robots["ServiceAccounts"][0]["UpdateTime"])
    assert (datetime.now(CHINA) - updated).days == 100


def test_a_fleet_that_cannot_be_is_refused_without_its_passwords(tmp_path: Path) -> None:
    for wrong in ("due = 2000", "due = 3\ndue_days = 300", 'colour = "red"'):
        more = FLEETS.partition('[[fleet]]\nkind = "tair"')[0].replace("due = 300\ndue_days = 90", wrong)
        with pytest.raises(ValueError) as caught:
            load_world(world_file(tmp_path, more))
        assert OLD not in json.dumps(str(caught.value))
