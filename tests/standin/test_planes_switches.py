"""Each claim about the control planes, played both ways: what a vendor's own client then sees of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.support.hello_function import deploy_hello_to_fc, deploy_hello_to_scf, zip_of

HELLO = {"FunctionName": "hello"}
CLS: dict[str, Any] = {
    "ClsLogsetId": "00000000-0000-4000-8000-00000000000a",
    "ClsTopicId": "00000000-0000-4000-8000-00000000000b",
}
ARN = "acs:mns:cn-hangzhou:1000000000000001:/queues/ends/messages"


def code_of(act: Callable[[], Any]) -> str:
    """The code by which a call is refused; `ok` if it is not."""
    try:
        act()
    except TencentCloudSDKException as error:
        return str(error.code)
    except Exception as error:
        return str(getattr(error, "code", error))
    return "ok"


def shown(cloud: Standin) -> dict[str, Any]:
    return call_scf(cloud, "GetFunction", **HELLO)


def change(cloud: Standin, **given: Any) -> None:
    call_scf(cloud, "UpdateFunctionConfiguration", **HELLO, Role="r", **given)


def trigger(cloud: Standin, kind: str, desc: str, action: str = "CreateTrigger") -> dict[str, Any]:
    return call_scf(cloud, action, **HELLO, TriggerName="one", Type=kind, TriggerDesc=desc)


def timer_desc(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    code = code_of(lambda: trigger(cloud, "timer", "0 0 2 * * * *"))
    json_code = code_of(lambda: trigger(cloud, "timer", '{"cron":"0 0 2 * * * *"}'))
    return code, json_code, call_scf(cloud, "ListTriggers", **HELLO)["Triggers"][0]["TriggerDesc"]


def address(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    trigger(cloud, "http", '{"AuthType":"CAM"}')
    desc = json.loads(call_scf(cloud, "ListTriggers", **HELLO)["Triggers"][0]["TriggerDesc"])
    return bool(desc["NetConfig"]["ExtranetUrl"])


def offset(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    for action, where in (("CreateTrigger", "latest"), ("UpdateTrigger", "earliest")):
        trigger(cloud, "ckafka", json.dumps({"maxMsgNum": 1, "offset": where}), action)
    return json.loads(call_scf(cloud, "ListTriggers", **HELLO)["Triggers"][0]["TriggerDesc"])["offset"]


def deletion(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    cloud.advance(61)
    with cloud.in_world_time():
        call_scf(cloud, "DeleteFunction", **HELLO)
        return code_of(lambda: shown(cloud)), code_of(lambda: deploy_hello_to_scf(cloud))


def pause(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    assert shown(cloud)["Status"] == "Active"
    return code_of(lambda: change(cloud, Timeout=4))


def tags(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud, Tags=[{"Key": "a", "Value": "b"}])
    return shown(cloud)["Tags"], call_scf(cloud, "ListFunctions")["Functions"][0]["Tags"]


def dead_letter(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud, DeadLetterConfig={"Type": "CMQ-QUEUE", "Name": "lost"})
    change(cloud, Timeout=4)
    return "DeadLetterConfig" in shown(cloud)


def log_settings(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud, **CLS)
    change(cloud, Timeout=4)
    deploy_hello_to_fc(fc_client(cloud), log_config=models.LogConfig(project="orders", logstore="lines"))
    body = models.UpdateFunctionInput(timeout=4)
    fc_client(cloud).update_function("hello", models.UpdateFunctionRequest(body=body))
    got = fc_client(cloud).get_function("hello", models.GetFunctionRequest()).body.to_map()
    return shown(cloud)["ClsTopicId"], "logConfig" in got


def empty_environment(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud, Environment={"Variables": [{"Key": "A", "Value": "1"}]})
    change(cloud, Environment={"Variables": []})
    left = shown(cloud)["Environment"]
    return left, code_of(lambda: change(cloud, Environment={"Variables": [{"Key": "", "Value": ""}]}))


def system_lines(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    return code_of(lambda: change(cloud, IgnoreSysLog=True)), "IgnoreSysLog" in shown(cloud)


def runtime(cloud: Standin) -> object:
    return code_of(lambda: deploy_hello_to_scf(cloud))


def variables(cloud: Standin) -> object:
    pair = {"Key": "KEYTURN_RESULTS", "Value": "ckafka://ap-guangzhou/datahub-1"}
    return code_of(lambda: deploy_hello_to_scf(cloud, Environment={"Variables": [pair]}))


def smq_trigger(cloud: Standin, queue: str = "orders", *, update: bool = False) -> str:
    source = {"sourceMNSParameters": {"QueueName": queue}}
    config = {
        "triggerEnable": False,
        "asyncInvocationType": False,
        "eventRuleFilterPattern": "{}",
        "eventSourceConfig": {"eventSourceType": "MNS", "eventSourceParameters": source},
        "eventSinkConfig": {"deliveryOption": {"eventSchema": "CloudEvents"}},
        "runOptions": {"mode": "event-streaming", "retryStrategy": {"PushRetryStrategy": "BACKOFF_RETRY"}},
    }
    if update:
        body = models.UpdateTriggerInput(trigger_config=json.dumps(config))
        return code_of(lambda: fc_client(cloud).update_trigger("hello", "one", models.UpdateTriggerRequest(body=body)))
    made = models.CreateTriggerInput(trigger_name="one", trigger_type="eventbridge", trigger_config=json.dumps(config))
    return code_of(lambda: fc_client(cloud).create_trigger("hello", models.CreateTriggerRequest(body=made)))


def six_parts(cloud: Standin) -> object:
    deploy_hello_to_fc(fc_client(cloud))
    return smq_trigger(cloud)


def destination(cloud: Standin) -> object:
    deploy_hello_to_fc(fc_client(cloud))
    ends = models.DestinationConfig(on_failure=models.Destination(destination=ARN))
    for config in ({"destination_config": ends}, {"max_async_retry_attempts": 1}):
        body = models.PutAsyncInvokeConfigInput(**config)
        fc_client(cloud).put_async_invoke_config("hello", models.PutAsyncInvokeConfigRequest(body=body))
    got = fc_client(cloud).get_async_invoke_config("hello", models.GetAsyncInvokeConfigRequest())
    return got.body.to_map().get("destinationConfig")


def queue_of_trigger(cloud: Standin) -> object:
    deploy_hello_to_fc(fc_client(cloud))
    assert smq_trigger(cloud) == smq_trigger(cloud, "returns", update=True) == "ok"
    return fc_client(cloud).get_trigger("hello", "one").body.to_map()["triggerConfig"]


def code_digest(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    return call_scf(cloud, "GetFunctionAddress", FunctionName="hello")["CodeSha256"]


def code_checksum(cloud: Standin) -> object:
    deploy_hello_to_fc(fc_client(cloud))
    return fc_client(cloud).get_function("hello", models.GetFunctionRequest()).body.code_checksum


def reservation(cloud: Standin) -> object:
    deploy_hello_to_scf(cloud)
    cloud.advance(61)
    with cloud.in_world_time():
        put = {**HELLO, "ReservedConcurrencyMem": 256}
        return [code_of(lambda: call_scf(cloud, "PutReservedConcurrencyConfig", **put)) for _ in range(2)]


def no_bound(cloud: Standin) -> object:
    deploy_hello_to_fc(fc_client(cloud))
    return code_of(lambda: fc_client(cloud).get_concurrency_config("hello"))


PROBES: dict[str, tuple[Callable[[Standin], object], dict[str, Any]]] = {
    "D1": (timer_desc, {}),
    "D2": (address, {}),
    "D3": (offset, {}),
    "D5": (deletion, {"active_s": 60}),
    "D6": (pause, {"planes_lag_s": 60}),
    "D7": (tags, {}),
    "D8": (dead_letter, {}),
    "D9": (log_settings, {}),
    "D13": (empty_environment, {}),
    "D16": (code_digest, {}),
    "D17": (system_lines, {}),
    "D19": (reservation, {"active_s": 60}),
    "E2": (six_parts, {}),
    "E4": (destination, {}),
    "E5": (queue_of_trigger, {}),
    "E9": (code_checksum, {}),
    "E11": (no_bound, {}),
    "P10": (runtime, {}),
    "P11": (variables, {}),
}


@pytest.mark.parametrize("claim", PROBES)
def test_a_claim_that_does_not_hold_shows_to_the_vendors_client(cloud: Standin, claim: str) -> None:
    probe, world = PROBES[claim]
    seen = []
    for not_so in ([], [claim]):
        cloud.reset(**{"active_s": 0, "planes_lag_s": 0, **world, "not_so": not_so})
        seen.append(probe(cloud))
    assert seen[0] != seen[1], seen


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        ({}, ("Active", "Successful")),
        ({"fc_state": "Pending"}, ("Pending", "InProgress")),
        ({"fc_state": ""}, (None, None)),
    ],
)
def test_a_function_of_fc_at_rest_may_show_any_state(
    cloud: Standin, world: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    cloud.reset(active_s=0, **world)
    deploy_hello_to_fc(fc_client(cloud))
    got = fc_client(cloud).get_function("hello", models.GetFunctionRequest()).body
    assert (got.state, got.last_update_status) == expected


def test_tags_addresses_and_states_show_late(cloud: Standin) -> None:
    cloud.reset(active_s=0, planes_lag_s=60, not_so=["D6"])
    deploy_hello_to_scf(cloud, Tags=[{"Key": "a", "Value": "b"}])
    trigger(cloud, "http", '{"AuthType":"CAM"}')

    def seen() -> tuple[Any, bool]:
        with cloud.in_world_time():
            got = shown(cloud)
        return got["Tags"], "https" in got["Triggers"][0]["TriggerDesc"]

    assert seen() == ([], False)
    cloud.advance(61)
    assert seen() == ([{"Key": "a", "Value": "b"}], True)


def test_a_changed_function_shows_its_new_state_late_and_refuses_at_once(cloud: Standin) -> None:
    cloud.reset(active_s=120, planes_lag_s=60, not_so=["D6"])
    deploy_hello_to_scf(cloud)
    cloud.advance(121)
    with cloud.in_world_time():
        change(cloud, Timeout=4)
        assert shown(cloud)["Status"] == "Active"
        assert code_of(lambda: change(cloud, Timeout=5)) == "FailedOperation.FunctionStatusError"
    cloud.advance(61)
    with cloud.in_world_time():
        assert shown(cloud)["Status"] == "Updating"


def test_a_change_that_fails_says_so_in_its_state_with_a_code(cloud: Standin) -> None:
    cloud.reset(active_s=0, planes_lag_s=0)
    cloud.faults([{"Action": "CreateFunction", "Fault": "fail_task"}])
    deploy_hello_to_scf(cloud)
    assert (shown(cloud)["Status"], shown(cloud)["StatusReasons"][0]["ErrorCode"]) == (
        "CreateFailed",
        "InternalError.System",
    )
    assert code_of(lambda: change(cloud, Timeout=4)) == "FailedOperation.FunctionStatusError"
    call_scf(cloud, "DeleteFunction", **HELLO)
    deploy_hello_to_scf(cloud)
    zip_ = base64.b64encode(zip_of()).decode()
    cloud.faults([{"Action": "UpdateFunctionCode", "Fault": "fail_task"}])
    call_scf(cloud, "UpdateFunctionCode", **HELLO, ZipFile=zip_)
    assert shown(cloud)["Status"] == "UpdateFailed"
    call_scf(cloud, "UpdateFunctionCode", **HELLO, ZipFile=zip_)
    assert shown(cloud)["Status"] == "Active"
