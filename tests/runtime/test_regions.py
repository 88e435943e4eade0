"""Only regions that a vendor lists: any other would make a host name of the sender's choice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alibabacloud_fc20230330.client import Client as FcClient
from alibabacloud_r_kvstore20150101.client import Client as KvstoreClient
from alibabacloud_tea_openapi.utils_models import Config

from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.tencent.session import TencentSession
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.errors import KeyturnError, Refused, SettingsError
from shared.runtime.regions import REGIONS, check_region, regions_of
from shared.runtime.secret import Secret
from shared.runtime.settings import read_settings
from shared.workbench.bundle.operations import operations
from tests.conftest import ACCOUNT, REGISTRY, TAIR, House, result
from tests.support.commands import VALID_COMMANDS
from tests.support.stored_commands import KEPT

ODD = [
    "oss-cn-hangzhou",
    "oss-cn-hangzhou-internal",
    "cn-hangzhou.evil",
    "cn-hangzhou-1",
    "CN-HANGZHOU",
    "cn-hangzhou ",
    "cn-hangzhou\n",
    "ap-nowhere",
    "vpc",
    "a-b-c-d-e",
    "cos",
    "",
]
CLOUD = {function: one.cloud for function, one in operations().items()}


@pytest.mark.parametrize("client", [KvstoreClient, FcClient])
def test_the_table_holds_the_sdks_endpoint_maps(client: Any) -> None:
    made = client(Config(access_key_id="x", access_key_secret="y", region_id="cn-hangzhou"))
    assert set(made._endpoint_map) - set(REGIONS["alibaba"]) == set()


def test_no_region_is_there_twice_or_on_both_clouds() -> None:
    assert len(regions_of(None)) == len(set(regions_of(None)))


@pytest.mark.parametrize("region", ODD)
@pytest.mark.parametrize("function", CLOUD)
def test_a_region_that_no_vendor_lists_is_refused_before_any_call(house: House, function: str, region: str) -> None:
    platform = "fc" if CLOUD[function] == "alibaba" else "scf"
    returned = house.send(function, {**VALID_COMMANDS[function], "Region": region}, platform)
    error = result(returned)["Error"]
    assert (returned.value["statusCode"], error["Class"]) == (400, "invalid_command")
    assert error["Message"].startswith("Region: ")
    assert all(name in error["Message"] for name in REGIONS[CLOUD[function]])
    assert "shared/regions" in error["Message"]
    assert not region.strip() or region.strip() not in error["Message"].replace("cn-hangzhou", "")
    assert house.cloud.calls() == []


@pytest.mark.parametrize(("function", "region"), [(ACCOUNT, "cn-hangzhou"), (TAIR, "ap-guangzhou")])
def test_a_region_of_the_other_cloud_is_refused_before_any_call(house: House, function: str, region: str) -> None:
    command = {name: value for name, value in VALID_COMMANDS[function].items() if name != "Region"}
    given = result(house.send(function, {**command, "Region": region}))["Error"]
    house.settings["KEYTURN_REGION"] = region
    preset = result(house.send(function, command))["Error"]
    for error in (given, preset):
        assert error["Class"] == "invalid_command"
        cloud = CLOUD[function]
        other = "alibaba" if cloud == "tencent" else "tencent"
        assert error["Message"].startswith(f"Region: must be a region of {cloud}; {region} is one of {other}: is this")
        assert error["Message"].count("ap-") <= 1  # and no list of them
    assert house.cloud.calls() == []


@pytest.mark.parametrize("region", [one for one in ODD if one.strip()])
def test_the_setting_is_refused_by_its_name_and_the_rule(region: str) -> None:
    if region.strip() in regions_of(None):
        assert read_settings({"KEYTURN_REGION": region}).region == region.strip()
        return
    with pytest.raises(
        SettingsError, match=r"^KEYTURN_REGION: must be a region of tencent .* or of alibaba "
    ) as caught:
        read_settings({"KEYTURN_REGION": region})
    assert "ap-guangzhou" in str(caught.value)
    assert "cn-hangzhou" in str(caught.value)


@pytest.mark.parametrize("region", ["ap-guangzhou", "ap-shanghai-fsi", "cn-hangzhou", "me-central-1"])
def test_the_setting_takes_a_region_of_either_cloud(region: str) -> None:
    assert read_settings({"KEYTURN_REGION": region}).region == region


def test_what_follow_change_is_told_names_a_listed_region_too(house: House) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    data = {
        "Cloud": "alibaba",
        "Service": "tair",
        "Region": "oss-cn-hangzhou",
        "Resource": "r-demo0001",
        "Account": "app",
        "Operation": "ModifyAccountPassword",
        "CommandId": "c-1",
        "StartedAt": "2026-01-01T00:00:00Z",
    }
    event = {"specversion": "1.0", "id": "e", "source": "s", "type": "keyturn.command.follow_change", "data": data}
    house.send("follow_change", json.dumps(event), "fc", trigger="queue")
    assert house.cloud.calls() == []


@pytest.mark.parametrize(
    "make",
    [
        lambda a: AlibabaSession(a, "oss-cn-hangzhou"),
        lambda a: TencentSession(a, "cn-hangzhou", "domestic", "redis", lambda: None),
    ],
)
def test_no_session_calls_a_host_of_another_region_whoever_asks(make: Any) -> None:
    keys = RoleKeys("id", Secret("some-role-key"), None)
    session = make(CloudAccess(keys, "http://127.0.0.1:9", 100.0, Deadline(60.0, lambda: 0.0)))
    for call in (lambda: session.read("Describe", {}), lambda: session.change("Modify", {}, {"OldPassword": "o"})):
        with pytest.raises(KeyturnError) as caught:
            call()  # type: ignore[no-untyped-call]
        assert type(caught.value) is Refused
        assert caught.value.code == "UnknownRegion"


def test_every_listed_region_is_taken() -> None:
    for cloud, names in REGIONS.items():
        for name in names:
            check_region(cloud, name)


@pytest.mark.parametrize("region", ["oss-cn-hangzhou", "cn-hangzhou-internal", "evil", "cn-hangzhou.oss"])
@pytest.mark.parametrize("function", [TAIR, ACCOUNT, REGISTRY])
def test_a_region_that_is_in_no_list_sends_no_password_anywhere(house: House, function: str, region: str) -> None:
    data = result(house.send(function, VALID_COMMANDS[function] | {"Region": region}, KEPT[function][2]))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert "Region" in data["Error"]["Message"]
    assert house.cloud.calls() == []
