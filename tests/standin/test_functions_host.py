"""The stand-in as a platform: what it takes, how it runs a zip, and who may call."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from darabonba.exceptions import DaraException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.cloud.client.function_urls import alibaba_headers, call_signed, send_request, tencent_headers
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_scf, call_tencent, fc_client
from tests.support.hello_function import deploy_hello_to_fc, deploy_hello_to_scf, invoke_on_fc, invoke_on_scf, zip_of
from tests.support.programs import PYTHON_3_10, require_program

pytestmark = pytest.mark.zips("zips are for Python 3.10")

HUB = "datahub-demo02"
KEYS = {"TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"}


@pytest.fixture
def quick(cloud: Standin) -> Standin:
    """A stand-in without waits, on a machine that has the platforms' Python."""
    require_program(PYTHON_3_10)
    cloud.reset(active_s=0, planes_lag_s=0, retry_s=0.02)
    return cloud


def refused(act: Callable[[], Any]) -> str:
    """The code by which SCF refuses."""
    with pytest.raises(TencentCloudSDKException) as caught:
        act()
    return str(caught.value.code)


def url_of(cloud: Standin) -> str:
    """The one address that is there."""
    (url,) = cloud.functions()[0]["Urls"]
    return str(url)


def test_a_zip_runs_by_itself_with_the_documented_environment_alone(quick: Standin) -> None:
    deploy_hello_to_scf(quick, Environment={"Variables": [{"Key": "KEYTURN_LOG", "Value": "INFO"}]})
    value = invoke_on_scf(quick, {"n": 1})["Value"]
    code, *rest = value["path"]
    assert "code" in code
    assert all("site-packages" not in place and "/lib/python3" in place for place in rest if not place.endswith(".zip"))
    assert set(value["variables"]) > KEYS | {"KEYTURN_LOG"}
    assert not {"VIRTUAL_ENV", "USER", "PYTHONPATH", "PWD"} & set(value["variables"])
    assert value["home"] == []
    assert {"request_id", "time_limit_in_ms", "tencentcloud_uin"} < set(value["context"])


def test_a_function_without_a_role_gets_no_keys(quick: Standin) -> None:
    deploy_hello_to_scf(quick, Role="")
    assert not KEYS & set(invoke_on_scf(quick, {})["Value"]["variables"])


def test_a_warm_instance_serves_the_next_event_and_new_code_a_new_one(quick: Standin) -> None:
    deploy_hello_to_scf(quick)
    first, second = (invoke_on_scf(quick, {})["Value"] for _ in range(2))
    assert (first["pid"], first["count"] + 1) == (second["pid"], second["count"])
    call_scf(quick, "UpdateFunctionCode", FunctionName="hello", ZipFile=base64.b64encode(zip_of()).decode())
    assert invoke_on_scf(quick, {})["Value"]["count"] == 1


def test_events_at_once_get_an_instance_each(quick: Standin) -> None:
    deploy_hello_to_scf(quick)
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: invoke_on_scf(quick, {"sleep_s": 0.5})["Value"]["pid"], range(2)))
    assert len(set(both)) == 2


def test_fc_runs_events_at_once_in_threads_of_one_instance(quick: Standin) -> None:
    deploy_hello_to_fc(fc_client(quick), instance_concurrency=2)
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: invoke_on_fc(fc_client(quick), b"x")[0]["pid"], range(2)))
    assert len(set(both)) == 1


def test_what_breaks_its_limits_ends_and_the_next_event_starts_anew(quick: Standin) -> None:
    deploy_hello_to_scf(quick, Timeout=1, MemorySize=64)
    pid = invoke_on_scf(quick, {})["Value"]["pid"]
    assert invoke_on_scf(quick, {"sleep_s": 9})["Value"]["errorCode"] == 433
    # What follows is not about time, which may be short on a busy machine.
    call_scf(quick, "UpdateFunctionConfiguration", FunctionName="hello", Timeout=30)
    assert invoke_on_scf(quick, {"megabytes": 80})["Value"]["errorCode"] == 434
    assert invoke_on_scf(quick, {"exit": 1})["Value"]["errorCode"] == 439
    assert invoke_on_scf(quick, {})["Value"]["pid"] != pid


def test_what_a_handler_raises_comes_back_in_each_platforms_form(quick: Standin) -> None:
    deploy_hello_to_scf(quick)
    raised = invoke_on_scf(quick, {"raise": 1})
    assert raised["InvokeResult"] == 1 and "as told" in raised["Value"]["stackTrace"]
    deploy_hello_to_fc(fc_client(quick))
    body, headers = invoke_on_fc(fc_client(quick), b"raise")
    assert body["errorType"] == "ValueError" and headers["x-fc-error-type"] == "UnhandledInvocationError"


def test_what_cannot_be_imported_is_said_at_the_event(quick: Standin) -> None:
    deploy_hello_to_scf(quick, {"hello.py": "import redis\ndef main_handler(event, context): pass\n"})
    assert "No module named 'redis'" in invoke_on_scf(quick, {})["Value"]["stackTrace"]


def test_an_asynchronous_event_is_repeated_twice_and_then_a_dead_letter(quick: Standin) -> None:
    deploy_hello_to_scf(quick)
    invoke_on_scf(quick, {"raise": 1}, InvocationType="Event")
    while not (shown := quick.functions()[0])["DeadLetters"]:
        time.sleep(0.02)
    assert sum("served" in line for line in shown["Log"]) == 3


def test_a_timer_fires_when_told_with_each_platforms_event(quick: Standin) -> None:
    deploy_hello_to_scf(quick)
    call_scf(
        quick,
        "CreateTrigger",
        FunctionName="hello",
        TriggerName="t",
        Type="timer",
        TriggerDesc="0 0 2 1 * * *",
        CustomArgument="m",
    )
    fired = quick.tick("hello", "t", "2026-11-22T02:00:00Z")["Returned"]
    expected = {"Type": "Timer", "TriggerName": "t", "Time": "2026-11-22T02:00:00Z", "Message": "m"}
    assert fired["event"] == expected


POISON = """
count = 0
def main_handler(event, context):
    global count
    count += 1
    bodies = [record["Ckafka"]["msgBody"] for record in event["Records"]]
    print("batch", bodies)
    if "poison" in bodies:
        raise ValueError("no")
"""


def test_a_topics_batch_is_repeated_as_configured_and_then_the_next_one_comes(quick: Standin) -> None:
    desc = json.dumps({"maxMsgNum": 2, "offset": "latest", "retry": 1, "timeOut": 1})
    trigger = {"TriggerName": "ckafka-1-keyturn-commands", "Type": "ckafka", "TriggerDesc": desc}
    messages = [{"Key": "k", "Body": body} for body in ("early", "poison", "a", "b")]
    call_tencent(
        quick, "SendMessage", {"DataHubId": HUB, "Message": messages[:1]}, service="ckafka", version="2019-08-19"
    )
    deploy_hello_to_scf(quick, {"hello.py": POISON})
    call_scf(quick, "CreateTrigger", FunctionName="hello", **trigger)
    call_tencent(
        quick, "SendMessage", {"DataHubId": HUB, "Message": messages[1:]}, service="ckafka", version="2019-08-19"
    )
    batches: list[str] = []
    while "batch ['b']" not in batches:
        time.sleep(0.05)
        batches = [line for line in quick.functions()[0]["Log"] if line.startswith("batch")]
    assert batches == ["batch ['poison', 'a']"] * 2 + ["batch ['b']"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Handler": "functions/hello.main_handler"}, "InvalidParameterValue.Handler"),
        ({"MemorySize": 100}, "InvalidParameterValue.MemorySize"),
        ({"Timeout": 901}, "LimitExceeded.Timeout"),
        ({"Runtime": "Python3.12"}, "InvalidParameterValue.Runtime"),
        ({"Concurrency": 2}, "UnknownParameter"),
        ({"Tags": [{"Key": "a", "Value": "b", "Word": "c"}]}, "UnknownParameter"),
        ({"Environment": {"Variables": [{"Key": "SCF_X", "Value": "1"}]}},
         "InvalidParameterValue.EnvironmentSystemProtect"),
        ({"Environment": {"Variables": [{"Key": "A", "Value": "1" * 4096}]}},
         "InvalidParameterValue.EnvironmentExceededLimit"),
        ({"Layers": [{"LayerName": "x"}]}, "UnsupportedOperation"),
    ],
)  # fmt: skip
def test_scf_refuses_what_its_api_does_not_take(quick: Standin, given: dict[str, Any], code: str) -> None:
    assert refused(lambda: deploy_hello_to_scf(quick, **given)) == code


def test_scf_takes_no_change_while_another_is_under_way(cloud: Standin) -> None:
    cloud.reset(active_s=5)
    deploy_hello_to_scf(cloud)
    assert call_scf(cloud, "GetFunction", FunctionName="hello")["Status"] == "Creating"
    code = refused(lambda: call_scf(cloud, "UpdateFunctionConfiguration", FunctionName="hello", Timeout=4))
    assert code == "FailedOperation.FunctionStatusError"


@pytest.mark.parametrize("given", [{"memory_size": 100}, {"handler": "hello"}, {"runtime": "nodejs18"}, {"role": "r"}])
def test_fc_refuses_what_its_api_does_not_take(quick: Standin, given: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="InvalidArgument"):
        deploy_hello_to_fc(fc_client(quick), **given)


def _scf_url(cloud: Standin, files: dict[str, str] | None = None) -> str:
    desc = json.dumps({"AuthType": "CAM", "NetConfig": {"EnableIntranet": False, "EnableExtranet": True}})
    deploy_hello_to_scf(cloud, files)
    call_scf(cloud, "CreateTrigger", FunctionName="hello", TriggerName="url", Type="http", TriggerDesc=desc)
    return url_of(cloud)


@pytest.fixture
def scf_url(quick: Standin) -> str:
    return _scf_url(quick)


@pytest.fixture
def fc_url(quick: Standin) -> str:
    config = json.dumps({"authType": "function", "methods": ["POST"]})
    trigger = models.CreateTriggerInput(trigger_name="url", trigger_type="http", trigger_config=config)
    deploy_hello_to_fc(fc_client(quick))
    fc_client(quick).create_trigger("hello", models.CreateTriggerRequest(body=trigger))
    return url_of(quick)


def test_a_signed_caller_reaches_a_function_url(quick: Standin, scf_url: str) -> None:
    answered = call_signed(quick, scf_url, {"a": 1})
    event = answered.json()["event"]
    assert answered.status == 200 and json.loads(event["body"]) == {"a": 1}
    assert event["httpMethod"] == "POST" and "requestContext" not in event


def test_a_signed_caller_reaches_an_http_trigger(quick: Standin, fc_url: str) -> None:
    event = json.loads(call_signed(quick, fc_url, {"a": 1}).json()["event"])
    assert event["version"] == "v1" and json.loads(event["body"]) == {"a": 1}
    assert send_request(quick, fc_url, b"", alibaba_headers(quick, fc_url[8:], b""), "PUT").status == 403
    anonymous = send_request(quick, fc_url, b"{}", {"Content-Type": "application/json"})
    assert anonymous.status == 403


RETURNS_KEYS = """
def main_handler(event, context):
    keys = context.credentials
    return {"id": keys.access_key_id, "key": keys.access_key_secret, "token": keys.security_token}
"""


def _scf_encoded(cloud: Standin) -> object:
    return call_signed(cloud, _scf_url(cloud), {"a": 1}).json()["event"].get("isBase64Encoded")


def _scf_token(cloud: Standin) -> object:
    return call_signed(cloud, _scf_url(cloud), {}).status


def _raised(cloud: Standin) -> object:
    scf = call_signed(cloud, _scf_url(cloud, {"hello.py": "def main_handler(event, context): raise ValueError\n"}), {})
    return scf.status >= 500


def _scf_log(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    invoke_on_scf(cloud, {"n": 1})
    return sum(line.startswith("Response RequestId:") and "RetMsg:{" in line for line in cloud.functions()[0]["Log"])


def _fc_log(cloud: Standin) -> object:
    deploy_hello_to_fc(fc_client(cloud))
    invoke_on_fc(fc_client(cloud), b"x")
    return sum(line.startswith("Response") for line in cloud.functions()[0]["Log"])


def _fc_keys(cloud: Standin) -> object:
    code = base64.b64encode(zip_of({"hello.py": RETURNS_KEYS})).decode()
    deploy_hello_to_fc(fc_client(cloud), code=models.InputCodeLocation(zip_file=code))
    keys = invoke_on_fc(fc_client(cloud), b"")[0]
    try:
        return bool(call_alibaba(cloud, "DescribeInstances", {"RegionId": "cn-hangzhou"}, **keys)["Instances"])
    except DaraException as error:
        return error.code


@pytest.mark.parametrize(
    ("claim", "probe", "holds"),
    [
        ("P3", _scf_encoded, None),
        ("P4", _scf_token, 200),
        ("P5", _raised, True),
        ("P6", _scf_log, 1),
        ("F1", _fc_keys, True),
        ("F4", _fc_log, 0),
    ],
)
def test_a_claim_about_running_functions_is_played_both_ways(
    quick: Standin, claim: str, probe: Callable[[Standin], object], holds: object
) -> None:
    seen = []
    for not_so in ([], [claim]):
        quick.reset(active_s=0, planes_lag_s=0, not_so=not_so)
        seen.append(probe(quick))
    assert seen[0] == holds != seen[1]


def test_nobody_reaches_a_function_unsigned_or_with_a_signature_that_does_not_fit(quick: Standin, scf_url: str) -> None:
    host, body = scf_url.removeprefix("https://"), b"{}"
    good = tencent_headers(quick, host, body)
    for headers in (
        {"Content-Type": "application/json"},
        {**good, "X-Scf-Cam-Timestamp": "1000000000"},
        {**good, "X-Scf-Cam-Token": "none"},
        tencent_headers(quick, host, b"another"),
        tencent_headers(quick, host, body, key="guessed"),
    ):
        assert send_request(quick, scf_url, body, headers).status == 401
    assert send_request(quick, scf_url, body, good).status == 200
    assert {one["Code"] for one in quick.calls() if one["Action"] == "InvokeFunctionUrl"} == {"Unauthorized", ""}
