"""The stand-in's secret stores, by the clouds' own clients: versions, stages, states, limits, faults, no echo."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from darabonba.exceptions import DaraException, UnretryableException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.ssm.v20190923 import models

from tests.cloud.client import vendor_clients
from tests.cloud.client.standin import Standin

APP, ROBOT = {"SecretName": "redis-crs-demo0001-app"}, {"SecretName": "tcr-demo0001-robot"}
TAIR = {"SecretName": "tair-r-demo0001-app"}
CANARY = "Canary-Passw0rd-1"
PENDING = {"VersionStages": json.dumps(["keyturn-pending"])}


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset()
    return server


def ssm(standin: Standin, action: str, /, **parameters: Any) -> dict[str, Any]:
    return vendor_clients.call_tencent(standin, action, parameters, service="ssm")


def ssm_refusal(standin: Standin, action: str, /, **parameters: Any) -> str:
    with pytest.raises(TencentCloudSDKException) as caught:
        ssm(standin, action, **parameters)
    assert CANARY not in str(caught.value)
    return str(caught.value.get_code())


def kms(standin: Standin, action: str, /, **parameters: Any) -> dict[str, Any]:
    """Secrets travel in the form body, the rest in the query."""
    form = {name: parameters.pop(name) for name in ("SecretData",) if name in parameters}
    query = {name: str(value) for name, value in parameters.items()}  # the client quotes text only
    return vendor_clients.call_kms(standin, action, query, form or None)


def kms_refusal(standin: Standin, action: str, /, **parameters: Any) -> str:
    with pytest.raises(DaraException) as caught:
        kms(standin, action, **parameters)
    assert CANARY not in str(caught.value)
    return str(caught.value.code)


def stages(standin: Standin, **more: Any) -> dict[str, list[str]]:
    """Version id to its stages, as the cloud lists them."""
    listed = kms(standin, "ListSecretVersionIds", **TAIR, **more)["VersionIds"]["VersionId"]
    return {one["VersionId"]: one["VersionStages"]["VersionStage"] for one in listed}


def test_ssm_keeps_versions_by_the_name_that_the_caller_gave(standin: Standin) -> None:
    put = ssm(standin, "PutSecretValue", **APP, VersionId="cmd-1", SecretString=CANARY)
    assert {key: put[key] for key in ("SecretName", "VersionId")} == {**APP, "VersionId": "cmd-1"}
    read = ssm(standin, "GetSecretValue", **APP, VersionId="cmd-1")
    assert (read["SecretString"], read["SecretBinary"]) == (CANARY, "")
    listed = ssm(standin, "ListSecretVersionIds", **APP)["Versions"]
    assert {one["VersionId"] for one in listed} == {"v1", "cmd-1"}
    assert max(listed, key=lambda one: int(one["CreateTime"]))["VersionId"] == "cmd-1"
    ssm(standin, "DeleteSecretVersion", **APP, VersionId="cmd-1")
    assert ssm_refusal(standin, "GetSecretValue", **APP, VersionId="cmd-1") == "ResourceNotFound"
    assert ssm(standin, "GetSecretValue", **APP, VersionId="v1")["SecretString"] == "App-Passw0rd"


def test_ssm_overwrites_a_version_in_its_place(standin: Standin) -> None:
    before = ssm(standin, "ListSecretVersionIds", **ROBOT)["Versions"]
    ssm(standin, "UpdateSecret", **ROBOT, VersionId="v1", SecretString=CANARY)
    assert ssm(standin, "GetSecretValue", **ROBOT, VersionId="v1")["SecretString"] == CANARY
    assert ssm(standin, "ListSecretVersionIds", **ROBOT)["Versions"] == before
    assert standin.state()["ssm"]["secrets"]["tcr-demo0001-robot"]["Versions"]["v1"]["Updated"] == 1


def test_ssm_takes_binary_values_in_base64(standin: Standin) -> None:
    encoded = base64.b64encode(CANARY.encode()).decode()
    ssm(standin, "PutSecretValue", **APP, VersionId="b", SecretBinary=encoded)
    read = ssm(standin, "GetSecretValue", **APP, VersionId="b")
    assert (read["SecretString"], read["SecretBinary"]) == ("", encoded)
    assert ssm_refusal(standin, "PutSecretValue", **APP, VersionId="c", SecretBinary="*") == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"VersionId": "v1", "SecretString": "App-Passw0rd"}, "ResourceInUse.VersionIdExists"),
        ({"VersionId": "-v", "SecretString": CANARY}, "InvalidParameterValue"),
        ({"VersionId": "v" * 65, "SecretString": CANARY}, "InvalidParameterValue"),
        ({"VersionId": "v/2", "SecretString": CANARY}, "InvalidParameterValue"),
        ({"VersionId": "v2"}, "InvalidParameterValue"),
        ({"VersionId": "v2", "SecretString": CANARY, "SecretBinary": "QQ=="}, "InvalidParameterValue"),
        ({"VersionId": "v2", "SecretString": "x" * 32769}, "InvalidParameterValue"),
        ({"SecretString": CANARY}, "MissingParameter"),
        ({"VersionId": "v2", "SecretString": CANARY, "SecretName": "nobody"}, "ResourceNotFound"),
        ({"VersionId": "v2", "SecretString": CANARY, "Colour": CANARY}, "UnknownParameter"),
    ],
)
def test_ssm_refuses_a_put_without_an_echo(standin: Standin, parameters: dict[str, Any], code: str) -> None:
    assert ssm_refusal(standin, "PutSecretValue", **{**APP, **parameters}) == code
    assert set(standin.state()["ssm"]["secrets"]["redis-crs-demo0001-app"]["Versions"]) == {"v1"}


def test_ssm_keeps_ten_versions_and_prunes_none(standin: Standin) -> None:
    for number in range(2, 11):
        ssm(standin, "PutSecretValue", **APP, VersionId=f"v{number}", SecretString=CANARY)
    assert ssm_refusal(standin, "PutSecretValue", **APP, VersionId="v11", SecretString=CANARY) == "LimitExceeded"
    assert len(ssm(standin, "ListSecretVersionIds", **APP)["Versions"]) == 10


def test_ssm_knows_the_current_version_of_no_user_defined_secret(standin: Standin) -> None:
    assert ssm_refusal(standin, "GetSecretValue", **APP, VersionId="SSM_Current") == "ResourceNotFound"
    assert ssm_refusal(standin, "GetSecretValue", **APP) == "MissingParameter"
    assert ssm_refusal(standin, "GetSecretValue", SecretName="nobody", VersionId="v1") == (
        "ResourceNotFound.SecretNotExist"
    )


def test_ssm_gives_no_value_of_a_disabled_or_deleted_secret(standin: Standin) -> None:
    v1 = {**APP, "VersionId": "v1"}
    ssm(standin, "DisableSecret", **APP)
    assert ssm_refusal(standin, "GetSecretValue", **v1) == "ResourceUnavailable.ResourceDisabled"
    ssm(standin, "PutSecretValue", **APP, VersionId="v2", SecretString=CANARY)
    ssm(standin, "DeleteSecret", **APP, RecoveryWindowInDays=7)
    assert ssm_refusal(standin, "GetSecretValue", **v1) == "ResourceUnavailable.ResourcePendingDeleted"
    assert ssm_refusal(standin, "UpdateSecret", **v1, SecretString=CANARY) == "FailedOperation"
    assert ssm(standin, "DescribeSecret", **APP)["Status"] == "PendingDelete"


def test_ssm_describes_and_is_described(standin: Standin) -> None:
    ssm(standin, "UpdateDescription", **APP, Description="orders\nof the shop")
    shown = ssm(standin, "DescribeSecret", **APP)
    assert (shown["Description"], shown["Status"], shown["SecretType"]) == ("orders\nof the shop", "Enabled", 0)
    assert ssm_refusal(standin, "UpdateDescription", **APP, Description="é" * 1025) == "InvalidParameterValue"


def test_ssm_makes_and_lists_secrets_by_the_page(standin: Standin) -> None:
    tags = [{"TagKey": "env", "TagValue": "test"}]
    for number in range(25):
        ssm(standin, "CreateSecret", SecretName=f"fleet-{number:02}", VersionId="v1", SecretString=CANARY, Tags=tags)
    assert ssm_refusal(standin, "CreateSecret", SecretName="fleet-00", SecretString=CANARY) == (
        "ResourceInUse.SecretExists"
    )
    seen: list[str] = []
    while True:
        listed = ssm(standin, "ListSecrets", SearchSecretName="fleet-", Offset=len(seen), Limit=10, OrderType=1)
        assert listed["TotalCount"] == 25
        seen += [one["SecretName"] for one in listed["SecretMetadatas"]]
        if not listed["SecretMetadatas"]:
            break
    assert seen == [f"fleet-{number:02}" for number in range(25)]
    tagged = ssm(standin, "ListSecrets", TagFilters=[{"TagKey": "env", "TagValue": ["prod"]}])
    assert tagged["TotalCount"] == 0


def test_ssm_is_regional(standin: Standin) -> None:
    with pytest.raises(TencentCloudSDKException, match="ResourceNotFound"):
        vendor_clients.call_tencent(standin, "DescribeSecret", APP, service="ssm", region="ap-beijing")
    with pytest.raises(TencentCloudSDKException, match="ResourceNotFound"):
        vendor_clients.call_tencent(standin, "DescribeSecret", APP, service="ssm", host="ssm.intl.tencentcloudapi.com")
    with pytest.raises(TencentCloudSDKException, match="UnsupportedRegion"):
        vendor_clients.call_tencent(standin, "DescribeSecret", APP, service="ssm", region="ap-shanghai-fsi")


def test_the_product_s_own_client_reads_and_writes(standin: Standin) -> None:
    client = vendor_clients.ssm_client(standin)
    put = models.PutSecretValueRequest()
    put.SecretName, put.VersionId, put.SecretString = APP["SecretName"], "cmd-1", CANARY
    assert client.PutSecretValue(put).VersionId == "cmd-1"
    get = models.GetSecretValueRequest()
    get.SecretName, get.VersionId = APP["SecretName"], "cmd-1"
    assert client.GetSecretValue(get).SecretString == CANARY
    listing = models.ListSecretVersionIdsRequest()
    listing.SecretName = APP["SecretName"]
    assert {one.VersionId for one in client.ListSecretVersionIds(listing).Versions} == {"v1", "cmd-1"}


def test_kms_makes_a_put_current_unless_told_otherwise(standin: Standin) -> None:
    kms(standin, "PutSecretValue", **TAIR, VersionId="v2", SecretData=CANARY)
    assert stages(standin) == {"v1": ["ACSPrevious"], "v2": ["ACSCurrent"]}
    read = kms(standin, "GetSecretValue", **TAIR)
    assert (read["SecretData"], read["SecretDataType"], read["VersionId"]) == (CANARY, "text", "v2")
    put = kms(standin, "PutSecretValue", **TAIR, VersionId="v3", SecretData=CANARY, **PENDING)
    assert put["VersionStages"]["VersionStage"] == ["keyturn-pending"]
    assert kms(standin, "GetSecretValue", **TAIR)["VersionId"] == "v2"
    assert kms(standin, "GetSecretValue", **TAIR, VersionStage="keyturn-pending")["VersionId"] == "v3"


def test_kms_repeats_a_put_of_the_same_value_and_refuses_another(standin: Standin) -> None:
    for _ in range(2):
        kms(standin, "PutSecretValue", **TAIR, VersionId="v2", SecretData=CANARY, **PENDING)
    kms(standin, "PutSecretValue", **TAIR, VersionId="v2", SecretData=CANARY)
    assert stages(standin) == {"v1": ["ACSCurrent"], "v2": ["keyturn-pending"]}, "an ignored put moves no stage"
    refused = kms_refusal(standin, "PutSecretValue", **TAIR, VersionId="v2", SecretData=CANARY + "x")
    assert refused == "Rejected.ResourceExist"


def test_kms_moves_a_stage_from_the_version_that_had_it(standin: Standin) -> None:
    kms(standin, "PutSecretValue", **TAIR, VersionId="v2", SecretData=CANARY, **PENDING)
    kms(standin, "PutSecretValue", **TAIR, VersionId="v3", SecretData=CANARY, **PENDING)
    assert stages(standin) == {"v1": ["ACSCurrent"], "v3": ["keyturn-pending"]}
    assert stages(standin, IncludeDeprecated="true")["v2"] == []
    current = {**TAIR, "VersionStage": "ACSCurrent"}
    kms(standin, "UpdateSecretVersionStage", **current, MoveToVersion="v3", RemoveFromVersion="v1")
    assert stages(standin) == {"v1": ["ACSPrevious"], "v3": ["ACSCurrent", "keyturn-pending"]}
    pending = {**TAIR, "VersionStage": "keyturn-pending"}
    kms(standin, "UpdateSecretVersionStage", **pending, RemoveFromVersion="v3")
    assert stages(standin) == {"v1": ["ACSPrevious"], "v3": ["ACSCurrent"]}
    kms(standin, "UpdateSecretVersionStage", **current, MoveToVersion="v1")
    assert stages(standin) == {"v1": ["ACSCurrent"], "v3": ["ACSPrevious"]}


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"VersionStage": "ACSCurrent", "RemoveFromVersion": "v1"}, "InvalidParameter"),
        ({"VersionStage": "ACSPrevious", "RemoveFromVersion": "v1"}, "InvalidParameter"),
        ({"VersionStage": "mine"}, "InvalidParameter"),
        ({"VersionStage": "mine", "RemoveFromVersion": "v1"}, "InvalidParameter"),
        ({"VersionStage": "mine", "MoveToVersion": "v9"}, "Forbidden.ResourceNotFound"),
    ],
)
def test_kms_refuses_to_move_a_stage(standin: Standin, parameters: dict[str, str], code: str) -> None:
    assert kms_refusal(standin, "UpdateSecretVersionStage", **TAIR, **parameters) == code
    assert stages(standin) == {"v1": ["ACSCurrent"]}


def test_kms_has_eight_stages_at_most(standin: Standin) -> None:
    for number in range(7):
        kms(standin, "UpdateSecretVersionStage", **TAIR, VersionStage=f"mine-{number}", MoveToVersion="v1")
    one_more = kms_refusal(standin, "UpdateSecretVersionStage", **TAIR, VersionStage="mine-7", MoveToVersion="v1")
    assert one_more == "Rejected.LimitExceeded"


def test_kms_reads_a_version_only_if_id_and_stage_agree(standin: Standin) -> None:
    kms(standin, "PutSecretValue", **TAIR, VersionId="v2", SecretData=CANARY)
    assert kms(standin, "GetSecretValue", **TAIR, VersionId="v1")["SecretData"] == "Tair-Passw0rd"
    both = {"VersionId": "v1", "VersionStage": "ACSCurrent"}
    assert kms_refusal(standin, "GetSecretValue", **TAIR, **both) == "InvalidParameter"
    assert kms_refusal(standin, "GetSecretValue", **TAIR, VersionId="v9") == "Forbidden.ResourceNotFound"
    assert kms_refusal(standin, "GetSecretValue", SecretName="nobody") == "Forbidden.ResourceNotFound"


def test_kms_deletes_the_earliest_version_but_says_aloud_that_a_label_would_be_lost(standin: Standin) -> None:
    for number in range(2, 11):
        kms(standin, "PutSecretValue", **TAIR, VersionId=f"v{number}", SecretData=CANARY, **PENDING)
    # v1 is the earliest, and still the current one.
    lost = kms_refusal(standin, "PutSecretValue", **TAIR, VersionId="v11", SecretData=CANARY, **PENDING)
    assert lost == "StandIn.LabelledVersionLost"
    assert len(standin.state()["kms"]["violations"]) == 1
    kms(standin, "UpdateSecretVersionStage", **TAIR, VersionStage="ACSCurrent", MoveToVersion="v10")
    kms(standin, "UpdateSecretVersionStage", **TAIR, VersionStage="ACSPrevious", MoveToVersion="v9")
    kms(standin, "PutSecretValue", **TAIR, VersionId="v11", SecretData=CANARY, **PENDING)
    assert "v1" not in stages(standin, IncludeDeprecated="true")
    assert len(stages(standin, IncludeDeprecated="true")) == 10


def test_kms_takes_a_value_in_the_query_and_remembers_that(standin: Standin) -> None:
    vendor_clients.call_kms(standin, "PutSecretValue", {**TAIR, "VersionId": "v2", "SecretData": CANARY})
    assert kms(standin, "GetSecretValue", **TAIR)["SecretData"] == CANARY
    assert standin.state()["kms"]["violations"] == ["PutSecretValue: SecretData was in the query"]


def test_kms_reads_a_form_whatever_other_products_do(standin: Standin) -> None:
    standin.reset(form_body=False)
    kms(standin, "PutSecretValue", **TAIR, VersionId="v2", SecretData=CANARY)
    assert kms(standin, "GetSecretValue", **TAIR)["SecretData"] == CANARY


def test_kms_makes_describes_and_lists_secrets_by_the_page(standin: Standin) -> None:
    for number in range(7):
        kms(standin, "CreateSecret", SecretName=f"fleet-{number}", VersionId="v1", SecretData=CANARY)
    again = {"SecretName": "fleet-0", "VersionId": "v1", "SecretData": CANARY}
    assert kms_refusal(standin, "CreateSecret", **again) == "Rejected.ResourceExist"
    first = kms(standin, "ListSecrets", PageSize=5)
    second = kms(standin, "ListSecrets", PageSize=5, PageNumber=2)
    assert (first["TotalCount"], len(first["SecretList"]["Secret"]), len(second["SecretList"]["Secret"])) == (8, 5, 3)
    assert kms(standin, "DescribeSecret", SecretName="fleet-0")["SecretType"] == "Generic"
    assert kms_refusal(standin, "ListSecrets", PageSize=101) == "InvalidParameter"


def test_kms_has_a_host_in_each_region_and_none_without(standin: Standin) -> None:
    with pytest.raises(DaraException, match=r"Forbidden\.ResourceNotFound"):
        vendor_clients.call_kms(standin, "DescribeSecret", TAIR, region="cn-beijing")
    with pytest.raises(DaraException, match="NotSupportedEndpoint"):
        vendor_clients.call_alibaba(
            standin, "DescribeSecret", TAIR, host="kms.aliyuncs.com", version=vendor_clients.KMS_VERSION
        )


def test_state_shows_names_and_times_and_no_value(standin: Standin) -> None:
    ssm(standin, "PutSecretValue", **APP, VersionId="cmd-1", SecretString=CANARY)
    kms(standin, "PutSecretValue", **TAIR, VersionId="cmd-1", SecretData=CANARY)
    state = {name: standin.state()[name] for name in ("ssm", "kms")}
    text = json.dumps(state)
    assert all(value not in text for value in (CANARY, "App-Passw0rd", "Tair-Passw0rd", "Old-Passw0rd"))
    assert state["kms"]["secrets"][TAIR["SecretName"]]["Versions"]["cmd-1"]["Stages"] == ["ACSCurrent"]


@pytest.mark.parametrize(
    "fault", ["drop_before", "drop_after", "html_500", "cut_body", "throttle", "expire_token", "echo"]
)
@pytest.mark.parametrize("store", ["ssm", "kms"])
def test_stores_meet_the_faults_that_a_secret_is_named_in(standin: Standin, store: str, fault: str) -> None:
    secret = APP if store == "ssm" else TAIR
    standin.faults([{"Action": "PutSecretValue", "Fault": fault, "InstanceId": secret["SecretName"]}])
    with pytest.raises((TencentCloudSDKException, DaraException, UnretryableException, OSError)):
        if store == "ssm":
            ssm(standin, "PutSecretValue", **APP, VersionId="cmd-1", SecretString=CANARY)
        else:
            kms(standin, "PutSecretValue", **TAIR, VersionId="cmd-1", SecretData=CANARY)
    applied = fault in ("drop_after", "html_500", "cut_body")
    assert ("cmd-1" in standin.state()[store]["secrets"][secret["SecretName"]]["Versions"]) is applied
    assert standin.calls()[-1]["Action"] == "PutSecretValue"


def test_the_echo_fault_quotes_what_was_submitted(standin: Standin) -> None:
    """The one place where this cloud prints a secret: what keyturn makes of such an answer must not."""
    standin.faults([{"Action": "*", "Fault": "echo", "Times": 3}])
    with pytest.raises(TencentCloudSDKException, match=CANARY):
        ssm(standin, "UpdateSecret", **APP, VersionId="v1", SecretString=CANARY)
    with pytest.raises(DaraException, match=CANARY):
        kms(standin, "PutSecretValue", **TAIR, VersionId="v2", SecretData=CANARY)
    turn = {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": CANARY}
    with pytest.raises(TencentCloudSDKException, match=CANARY):
        vendor_clients.call_tencent(standin, "ModifyInstanceAccount", turn)
    assert ssm(standin, "GetSecretValue", **APP, VersionId="v1")["SecretString"] == "App-Passw0rd"
    assert standin.state()["redis"]["tasks"] == []


def test_ssm_holds_the_published_rates(standin: Standin) -> None:
    def many(action: str, times: int, **parameters: Any) -> None:
        for _ in range(times):
            ssm(standin, action, **parameters)

    many("GetSecretValue", 60, **APP, VersionId="v1")  # three times what other services take
    standin.faults([{"Action": "GetSecretValue", "Fault": "throttle"}])
    assert ssm_refusal(standin, "GetSecretValue", **APP, VersionId="v1") == "RequestLimitExceeded"
    standin.faults([{"Action": "GetSecretValue", "Fault": "throttle"}])
    assert kms_refusal(standin, "GetSecretValue", **TAIR) == "Rejected.Throttling"


def test_a_world_gives_versions_ages_and_labels(standin: Standin) -> None:
    old = {"value": "Old-Value-1", "age_days": 200}
    standin.reset(
        ssm={"mine": {"region": "ap-guangzhou", "versions": {"v1": old, "v2": "Next-Value-1"}}},
        kms={
            "mine": {
                "region": "cn-hangzhou",
                "versions": {"a": old, "b": "Next-Value-1"},
                "current": "a",
                "labels": {"keyturn-pending": "b"},
            }
        },
    )
    times = {
        one["VersionId"]: one["CreateTime"]
        for one in ssm(standin, "ListSecretVersionIds", SecretName="mine")["Versions"]
    }
    assert round((times["v2"] - times["v1"]) / 86400) == 170
    shown = standin.state()["kms"]["secrets"]["mine"]["Versions"]
    assert {id_: one["Stages"] for id_, one in shown.items()} == {"a": ["ACSCurrent"], "b": ["keyturn-pending"]}
