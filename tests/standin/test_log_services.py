"""CLS and SLS: places for functions' lines, made, shown, searched and deleted by the vendors' own clients."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from alibabacloud_fc20230330.models import LogConfig
from tencentcloud.cls.v20201016 import models as cls
from tencentcloud.cls.v20201016.cls_client import ClsClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from tests.cloud.client.sls_client import call_sls, sls_signature
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import fc_client
from tests.support.hello_function import deploy_hello_to_fc, deploy_hello_to_scf, invoke_on_scf

TAGS = [{"Key": "keyturn", "Value": "mine"}]
RULE = {"FullText": {"CaseSensitive": False, "Tokenizer": " ,"}}
PROJECT, LOGSTORE = "keyturn-mine", "keyturn-lines"
PLACE = f"/logstores/{LOGSTORE}"


@pytest.fixture
def cls_client(cloud: Standin) -> ClsClient:
    keys = cloud.credentials["tencent"]
    http = HttpProfile(protocol="http", proxy=cloud.endpoint, endpoint="cls.tencentcloudapi.com")
    credential = Credential(keys["id"], keys["key"], keys["token"])
    return ClsClient(credential, "ap-guangzhou", ClientProfile(httpProfile=http))


def ask(client: ClsClient, action: str, **given: Any) -> Any:
    """The answer as the vendor's model reads it, or the code of the refusal."""
    request = getattr(cls, f"{action}Request")()
    request._deserialize(given)
    try:
        return getattr(client, action)(request)
    except TencentCloudSDKException as error:
        return error.code


def test_a_logset_and_a_topic_are_made_once_found_by_name_and_deleted(cls_client: ClsClient) -> None:
    logset = ask(cls_client, "CreateLogset", LogsetName="keyturn-mine", Tags=TAGS).LogsetId
    assert ask(cls_client, "CreateLogset", LogsetName="keyturn-mine") == "InvalidParameter.LogsetConflict"
    made = {"LogsetId": logset, "TopicName": "lines", "Period": 7, "Describes": "keyturn:mine", "Tags": TAGS}
    topic = ask(cls_client, "CreateTopic", **made).TopicId
    assert ask(cls_client, "CreateTopic", **made) == "InvalidParameter.TopicConflict"
    by_name = [{"Key": "logsetName", "Values": ["keyturn-mine"]}]
    (shown,) = ask(cls_client, "DescribeLogsets", Filters=by_name).Logsets
    assert (shown.LogsetId, shown.TopicCount, shown.Tags[0].Value) == (logset, 1, "mine")
    (found,) = ask(cls_client, "DescribeTopics", Filters=[{"Key": "topicName", "Values": ["line"]}]).Topics
    assert (found.TopicId, found.LogsetId, found.Period, found.Describes) == (topic, logset, 7, "keyturn:mine")
    precise = ask(cls_client, "DescribeTopics", Filters=[{"Key": "topicName", "Values": ["line"]}], PreciseSearch=1)
    assert precise.TotalCount == 0
    assert ask(cls_client, "DeleteLogset", LogsetId=logset) == "FailedOperation.LogsetNotEmpty"
    ask(cls_client, "DeleteTopic", TopicId=topic)
    ask(cls_client, "DeleteLogset", LogsetId=logset)
    assert ask(cls_client, "DescribeLogsets").TotalCount == 0
    assert ask(cls_client, "DeleteTopic", TopicId=topic) == "ResourceNotFound.TopicNotExist"


def test_a_topic_is_searched_once_it_has_an_index(cls_client: ClsClient) -> None:
    logset = ask(cls_client, "CreateLogset", LogsetName="mine").LogsetId
    topic = ask(cls_client, "CreateTopic", LogsetId=logset, TopicName="lines").TopicId
    search = {"From": 0, "To": 9_999_999_999_999, "TopicId": topic, "Query": "*"}
    assert ask(cls_client, "DescribeIndex", TopicId=topic) == "ResourceNotFound.IndexNotExist"
    assert ask(cls_client, "SearchLog", **search) == "FailedOperation.TopicClosed"
    ask(cls_client, "CreateIndex", TopicId=topic, Rule=RULE)
    assert ask(cls_client, "CreateIndex", TopicId=topic, Rule=RULE) == "InvalidParameter.IndexConflict"
    assert ask(cls_client, "DescribeIndex", TopicId=topic).Rule.FullText.Tokenizer == " ,"
    assert ask(cls_client, "SearchLog", **search).Results == []


def test_a_project_and_a_logstore_are_made_once_shown_and_deleted(cloud: Standin) -> None:
    project = {"projectName": PROJECT, "description": "keyturn:mine"}
    assert call_sls(cloud, "GET", "/", project=PROJECT) == "ProjectNotExist"
    assert call_sls(cloud, "POST", "/", project) is None
    assert call_sls(cloud, "POST", "/", project) == "ProjectAlreadyExist"
    assert call_sls(cloud, "GET", "/", project=PROJECT)["description"] == "keyturn:mine"
    logstore = {"logstoreName": LOGSTORE, "shardCount": 2, "ttl": 7}
    assert call_sls(cloud, "GET", PLACE, project=PROJECT) == "LogStoreNotExist"
    assert call_sls(cloud, "POST", "/logstores", logstore, project=PROJECT) is None
    assert call_sls(cloud, "POST", "/logstores", logstore, project=PROJECT) == "LogStoreAlreadyExist"
    assert call_sls(cloud, "GET", PLACE, project=PROJECT)["ttl"] == 7
    assert call_sls(cloud, "DELETE", "/", project=PROJECT, query={"forceDelete": "false"}) == "ProjectNotEmpty"
    assert call_sls(cloud, "DELETE", PLACE, project=PROJECT) is None
    assert call_sls(cloud, "DELETE", "/", project=PROJECT) is None
    assert call_sls(cloud, "GET", "/", project=PROJECT) == "ProjectNotExist"


def test_a_logstore_is_searched_once_it_has_an_index(cloud: Standin) -> None:
    call_sls(cloud, "POST", "/", {"projectName": PROJECT, "description": ""})
    call_sls(cloud, "POST", "/logstores", {"logstoreName": LOGSTORE, "shardCount": 2}, project=PROJECT)
    search, index = {"from": 0, "to": 9_999_999_999, "query": "*"}, {"line": {"token": [" "], "caseSensitive": False}}
    assert call_sls(cloud, "POST", f"{PLACE}/logs", search, project=PROJECT) == "IndexConfigNotExist"
    assert call_sls(cloud, "POST", f"{PLACE}/index", index, project=PROJECT) is None
    assert call_sls(cloud, "POST", f"{PLACE}/index", index, project=PROJECT) == "IndexAlreadyExist"
    assert call_sls(cloud, "GET", f"{PLACE}/index", project=PROJECT) == index
    assert call_sls(cloud, "POST", f"{PLACE}/logs", search, project=PROJECT)["data"] == []


def test_a_wrong_key_an_old_token_or_a_name_that_breaks_the_rules_is_refused(cloud: Standin) -> None:
    assert call_sls(cloud, "POST", "/", {"projectName": "Bad_Name", "description": ""}) == "ParameterInvalid"
    assert call_sls(cloud, "GET", "/", project=PROJECT, key="wrong") == "SignatureNotMatch"
    assert call_sls(cloud, "GET", "/", project=PROJECT, token="old") == "SecurityTokenExpired"
    assert call_sls(cloud, "GET", "/", project=PROJECT, id="LTAIOTHER") == "Unauthorized"


def test_sls_answers_only_once_it_was_opened_and_only_whom_a_policy_lets(cloud: Standin) -> None:
    cloud.reset(activated={"sls": False})
    assert call_sls(cloud, "GET", "/", project=PROJECT) == "ServiceNotOpened"
    cloud.activate(sls=True)
    assert call_sls(cloud, "GET", "/", project=PROJECT) == "ProjectNotExist"
    place = f"acs:log:cn-hangzhou:1000000000000001:project/{PROJECT}"
    allowed = {"Action": ["log:CreateProject", "log:GetLogStore"], "Resource": [place, f"{place}/logstore/{LOGSTORE}"]}
    document = {"Version": "1", "Statement": [{"Effect": "Allow", **allowed}]}
    cloud.reset(caller={"alibaba": {"policies": [document]}})
    assert call_sls(cloud, "POST", "/", {"projectName": "another", "description": ""}) == "Unauthorized"
    assert call_sls(cloud, "POST", "/", {"projectName": PROJECT, "description": ""}) is None
    assert call_sls(cloud, "GET", PLACE, project=PROJECT) == "LogStoreNotExist"
    assert call_sls(cloud, "GET", "/", project=PROJECT) == "Unauthorized"


def test_our_signature_is_that_of_the_vendors_client() -> None:
    headers = {
        "content-type": "application/json", "content-md5": "", "date": "Sun, 01 Mar 2026 02:00:00 GMT",
        "x-log-apiversion": "0.6.0", "x-log-bodyrawsize": "0", "x-log-signaturemethod": "hmac-sha256",
        "x-acs-security-token": "token", "accept": "application/json",
    }  # fmt: skip
    # As alibabacloud-gateway-sls 0.4.2 made it of the same request.
    recorded = "Tq0J9vptxMQevR7AhcSguXuQRcvs0/k399o4oXbtqSs="
    assert sls_signature("key", "DELETE", "/", {"forceDelete": "false"}, headers) == recorded


def test_a_function_is_refused_whose_log_topic_or_logstore_is_not_there(cloud: Standin) -> None:
    cloud.reset(cls_topics=[], sls_logstores=[])
    logs: dict[str, Any] = {
        "ClsLogsetId": "00000000-0000-4000-8000-00000000000a",
        "ClsTopicId": "00000000-0000-4000-8000-00000000000b",
    }
    with pytest.raises(TencentCloudSDKException) as caught:
        deploy_hello_to_scf(cloud, **logs)
    assert caught.value.code == "FailedOperation.TopicNotExist"
    place = LogConfig(project=PROJECT, logstore=LOGSTORE)
    with pytest.raises(Exception, match="names a project or a Logstore"):
        deploy_hello_to_fc(fc_client(cloud), log_config=place)
    call_sls(cloud, "POST", "/", {"projectName": PROJECT, "description": ""})
    call_sls(cloud, "POST", "/logstores", {"logstoreName": LOGSTORE, "shardCount": 2}, project=PROJECT)
    deploy_hello_to_fc(fc_client(cloud), log_config=place)


def test_the_lines_of_a_function_are_found_in_its_topic(cloud: Standin, cls_client: ClsClient) -> None:
    cloud.reset(cls_topics=[])
    logset = ask(cls_client, "CreateLogset", LogsetName="mine").LogsetId
    topic = ask(cls_client, "CreateTopic", LogsetId=logset, TopicName="lines").TopicId
    ask(cls_client, "CreateIndex", TopicId=topic, Rule=RULE)
    deploy_hello_to_scf(cloud, ClsLogsetId=logset, ClsTopicId=topic)
    time.sleep(0.5)  # until SCF calls it Active, in real time
    invoke_on_scf(cloud, {"say": "a-word"})
    search = {"From": 0, "To": 9_999_999_999_999, "TopicId": topic}
    found = ask(cls_client, "SearchLog", **search, Query="RetMsg AND a-word").Results
    assert [json.loads(one.LogJson)["SCF_FunctionName"] for one in found] == ["hello"]
    assert ask(cls_client, "SearchLog", **search, Query="another-word").Results == []
