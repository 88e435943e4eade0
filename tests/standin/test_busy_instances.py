"""A function that may have so many instances at once: what it is given, and what an event beyond them comes to."""

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

from tests.cloud.client.function_urls import call_signed
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf, call_tencent, fc_client
from tests.support.hello_function import deploy_hello_to_fc, deploy_hello_to_scf, invoke_on_fc, invoke_on_scf, zip_of
from tests.support.programs import PYTHON_3_10, require_program

pytestmark = pytest.mark.zips("zips are for Python 3.10")

HUB = "datahub-demo02"


@pytest.fixture
def quick(cloud: Standin) -> Standin:
    """A stand-in without waits, on a machine that has the platforms' Python."""
    require_program(PYTHON_3_10)
    cloud.reset(active_s=0, planes_lag_s=0, retry_s=0.02)
    return cloud


SLEEPS = """
import time
def main_handler(event, context):
    print("begins")
    time.sleep(0.8)
    return {}
"""


def bound_scf(cloud: Standin, instances: int) -> None:
    call_scf(cloud, "PutReservedConcurrencyConfig", FunctionName="hello", ReservedConcurrencyMem=128 * instances)


def bound_fc(cloud: Standin, instances: int) -> None:
    body = models.PutConcurrencyInput(reserved_concurrency=instances)
    fc_client(cloud).put_concurrency_config("hello", models.PutConcurrencyConfigRequest(body=body))


def at_once(cloud: Standin, call: Callable[[], Any]) -> list[Any]:
    """What two calls come to, the second of which begins while the first runs."""
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(call)
        while not any("begins" in line for line in cloud.functions()[0]["Log"]):
            time.sleep(0.02)
        second = call()
        return [first.result(), second]


def test_a_call_that_finds_all_instances_at_work_is_refused_and_does_not_run(quick: Standin) -> None:
    desc = json.dumps({"AuthType": "CAM", "NetConfig": {"EnableIntranet": False, "EnableExtranet": True}})
    deploy_hello_to_scf(quick, {"hello.py": SLEEPS})
    call_scf(quick, "CreateTrigger", FunctionName="hello", TriggerName="url", Type="http", TriggerDesc=desc)
    (url,) = quick.functions()[0]["Urls"]
    bound_scf(quick, 1)
    assert [one.status for one in at_once(quick, lambda: call_signed(quick, url, {}))] == [200, 432]
    assert quick.functions()[0]["Log"].count("begins") == 1
    assert invoke_on_scf(quick, {})["InvokeResult"] == 0
    bound_scf(quick, 0)
    assert invoke_on_scf(quick, {})["Value"]["errorCode"] == 432
    call_scf(quick, "DeleteReservedConcurrencyConfig", FunctionName="hello")
    assert invoke_on_scf(quick, {})["InvokeResult"] == 0


def test_a_call_of_fc_that_finds_all_instances_at_work_is_refused(quick: Standin) -> None:
    config = json.dumps({"authType": "function", "methods": ["POST"]})
    trigger = models.CreateTriggerInput(trigger_name="url", trigger_type="http", trigger_config=config)
    deploy_hello_to_fc(fc_client(quick))
    fc_client(quick).create_trigger("hello", models.CreateTriggerRequest(body=trigger))
    (fc_url,) = quick.functions()[0]["Urls"]
    bound_fc(quick, 0)
    assert call_signed(quick, fc_url, {}).status == 429
    with pytest.raises(DaraException) as caught:
        invoke_on_fc(fc_client(quick), b"{}")
    assert caught.value.status_code == 429
    fc_client(quick).delete_concurrency_config("hello")
    assert call_signed(quick, fc_url, {}).status == 200


def test_an_asynchronous_event_waits_for_an_instance(quick: Standin) -> None:
    deploy_hello_to_scf(quick, {"hello.py": SLEEPS})
    bound_scf(quick, 1)
    for _ in range(2):
        invoke_on_scf(quick, {}, InvocationType="Event")
    while quick.functions()[0]["Log"].count("begins") < 2:
        time.sleep(0.05)
    assert (quick.functions()[0]["Started"], quick.functions()[0]["DeadLetters"]) == (1, 0)


@pytest.mark.parametrize("number", [-1, 115_201])
def test_scf_refuses_a_reservation_below_zero_or_of_what_all_functions_share(quick: Standin, number: int) -> None:
    deploy_hello_to_scf(quick)
    put = {"FunctionName": "hello", "ReservedConcurrencyMem": number}
    with pytest.raises(TencentCloudSDKException) as caught:
        call_scf(quick, "PutReservedConcurrencyConfig", **put)
    code = str(caught.value.code)
    assert code.startswith("InvalidParameterValue" if number < 0 else "LimitExceeded.FunctionReservedConcurrencyMemory")
    assert call_scf(quick, "GetReservedConcurrencyConfig", FunctionName="hello")["ReservedMem"] is None


@pytest.mark.parametrize("number", [-1, 91])
def test_fc_refuses_a_bound_below_zero_or_of_more_than_nine_tenths(quick: Standin, number: int) -> None:
    deploy_hello_to_fc(fc_client(quick))
    with pytest.raises(DaraException) as caught:
        bound_fc(quick, number)
    assert caught.value.status_code == 400
    bound_fc(quick, 90)


def _fc_bound(cloud: Standin) -> object:
    code = base64.b64encode(zip_of({"hello.py": SLEEPS})).decode()
    deploy_hello_to_fc(fc_client(cloud), code=models.InputCodeLocation(zip_file=code))
    bound_fc(cloud, 1)

    def call() -> object:
        try:
            return invoke_on_fc(fc_client(cloud), b"{}")[0]
        except DaraException as error:
            return error.code

    return at_once(cloud, call)[1]


def _busy_batch(cloud: Standin) -> object:
    """How many of a topic's batches are given up while no instance is free for longer than their repeats take."""
    deploy_hello_to_scf(cloud, {"hello.py": SLEEPS})
    bound_scf(cloud, 0)
    desc = json.dumps({"maxMsgNum": 1, "offset": "earliest", "retry": 1, "timeOut": 1})
    trigger = {"TriggerName": "ckafka-1-keyturn-commands", "Type": "ckafka", "TriggerDesc": desc}
    call_scf(cloud, "CreateTrigger", FunctionName="hello", **trigger)
    message = {"DataHubId": HUB, "Message": [{"Key": "k", "Body": "b"}]}
    call_tencent(cloud, "SendMessage", message, service="ckafka", version="2019-08-19")
    until = time.monotonic() + 2
    while not cloud.functions()[0]["DeadLetters"] and time.monotonic() < until:
        time.sleep(0.02)
    bound_scf(cloud, 1)
    while (shown := cloud.functions()[0])["DeadLetters"] + shown["Log"].count("begins") < 1:
        time.sleep(0.02)
    return shown["DeadLetters"]


@pytest.mark.parametrize(
    ("claim", "probe", "holds"), [("E12", _fc_bound, "ResourceThrottled"), ("P12", _busy_batch, 0)]
)
def test_a_claim_about_busy_instances_is_played_both_ways(
    quick: Standin, claim: str, probe: Callable[[Standin], object], holds: object
) -> None:
    seen = []
    for not_so in ([], [claim]):
        quick.reset(active_s=0, planes_lag_s=0, retry_s=0.02, not_so=not_so)
        seen.append(probe(quick))
    assert seen[0] == holds != seen[1]
