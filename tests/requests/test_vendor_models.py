"""Every request that keyturn sends, held to the vendors' own models in another language."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.requests.alibaba_models import AlibabaModels
from tests.requests.fixtures import Request, read_fixtures
from tests.requests.tencent_models import TencentModels
from tests.support.programs import NODE_SDKS, NODE_SDKS_LOCK, require_program

FIXTURES = {name: one for name, one in read_fixtures().items() if one["service"] != "mns"}  # SMQ: see queues/test_smq


@pytest.fixture(scope="module")
def told() -> Callable[[Request], list[str]]:
    """What the vendor's models say against a request."""
    packages = Path(require_program(NODE_SDKS))
    judges = {"tencent": TencentModels(packages), "alibaba": AlibabaModels(packages)}

    def told(request: Request) -> list[str]:
        judge: Any = judges[request["cloud"]]
        return list(judge.problems(request))

    return told


@pytest.mark.parametrize("name", FIXTURES)
def test_the_vendors_model_has_what_is_sent(told: Callable[[Request], list[str]], name: str) -> None:
    assert told(FIXTURES[name]) == []


def _without(place: str, name: str) -> Callable[[Request], None]:
    return lambda request: request[place].pop(name)


def _with(place: str, **parameters: Any) -> Callable[[Request], None]:
    return lambda request: request.setdefault(place, {}).update(parameters)


def _says(**parts: str) -> Callable[[Request], None]:
    return lambda request: request.update(parts)


WRONG: list[tuple[str, Callable[[Request], Any], str]] = [
    ("tencent-redis-ModifyInstanceAccount", _with("json", Password="string"),
     "ModifyInstanceAccount.Password: unknown"),
    ("tencent-redis-ModifyInstanceAccount", _without("json", "InstanceId"),
     "ModifyInstanceAccount.InstanceId: missing"),
    ("tencent-redis-DescribeTaskInfo", _with("json", TaskId="string"),
     "DescribeTaskInfo.TaskId: string, and number is wanted"),
    ("tencent-tcr-DescribeInstances", _with("json", Registryids="string"),
     "DescribeInstances.Registryids: string, and a list is wanted"),
    ("tencent-tcr-DescribeServiceAccounts",
     _with("json", Filters=[{"Name": "string", "Values": [], "Other": "string"}]),
     "DescribeServiceAccounts.Filters[].Other: unknown"),
    ("tencent-scf-CreateFunction", _with("json", Code="string"),
     "CreateFunction.Code: string, and Code is wanted"),
    ("tencent-ssm-GetSecretValue", _says(version="2019-09-24"), "version: ssm has none of 2019-09-24"),
    ("tencent-ssm-GetSecretValue", _says(host="ssm.tencentcloudapi.cn"),
     "host: ssm.tencentcloudapi.cn, and the SDK calls ssm.tencentcloudapi.com"),
    ("tencent-ckafka-SendMessage", _with("query", DataHubId="string"), "query: the SDK sends everything in the body"),
    ("alibaba-r-kvstore-ModifyAccountPassword", _with("form", Password="string"),
     "ModifyAccountPassword.Password: unknown"),
    ("alibaba-r-kvstore-ModifyAccountPassword", _without("form", "OldAccountPassword"),
     "ModifyAccountPassword.OldAccountPassword: missing"),
    ("alibaba-r-kvstore-ModifyAccountPassword", _with("form", InstanceId="string"),
     "ModifyAccountPassword: InstanceId both in the URL and in the form"),
    ("alibaba-r-kvstore-DescribeInstances", _with("query", PageSize="string"),
     "DescribeInstances.PageSize: string, and number is wanted"),
    ("alibaba-r-kvstore-DescribeInstances", _with("query", **{"Tag.1.Name": "string"}),
     "DescribeInstances.Tag[].Name: unknown"),
    ("alibaba-kms-PutSecretValue", _without("query", "VersionId"), "PutSecretValue.VersionId: missing"),
    ("alibaba-fc-CreateFunction", _with("json", memorySize="string"),
     "CreateFunction.body.memorySize: string, and number is wanted"),
    ("alibaba-fc-CreateFunction", _without("json", "runtime"), "CreateFunction.body.runtime: missing"),
    ("alibaba-fc-CreateFunction", _with("json", environmentVariables={"A": "integer"}),
     "CreateFunction.body.environmentVariables.A: integer, and string is wanted"),
    ("alibaba-fc-GetFunction", _with("query", version="string"), "GetFunction.version: unknown"),
    ("alibaba-fc-CreateTrigger", _with("json", triggerConfig={"document": {"cron": "string"}}),
     "CreateTrigger.body.triggerConfig: fits none of HTTPTriggerConfig, TimerTriggerConfig, EventBridgeTriggerConfig"),
    ("alibaba-fc-DeleteTrigger", _says(method="POST"),
     "DeleteTrigger: sent as ('2023-03-30', '/2023-03-30/functions/*/triggers/*', 'POST'), and the SDK's is "
     "('2023-03-30', '/2023-03-30/functions/*/triggers/*', 'DELETE')"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spoil", "said"), WRONG)
def test_a_request_that_no_model_has_is_told_by_its_parameter(
    told: Callable[[Request], list[str]], name: str, spoil: Callable[[Request], Any], said: str
) -> None:
    request: Request = json.loads(json.dumps(FIXTURES[f"{name}.json"]))
    spoil(request)
    assert told(request) == [said]


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads(NODE_SDKS_LOCK.read_text())["packages"]
    assert not any("resolved" in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)
