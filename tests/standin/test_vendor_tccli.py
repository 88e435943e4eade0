"""Tencent's own command-line client at work against the stand-in, which nobody wrote for it."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.identity.documents import service_trust
from tests.support.hello_function import zip_of
from tests.support.programs import TCCLI, require_program


class Terminal:
    """tccli with the stand-in's keys, by its own options."""

    def __init__(self, cloud: Standin, home: Path) -> None:
        self._program = require_program(TCCLI)
        self._environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
        keys = cloud.credentials["tencent"]
        self._options = ["--region", "ap-guangzhou", "--timeout", "10", "--endpoint", cloud.endpoint]
        self._options += ["--secretId", keys["id"], "--secretKey", keys["key"], "--token", keys["token"]]

    def __call__(self, service: str, action: str, **given: Any) -> dict[str, Any]:
        """One call's answer."""
        done = self._run(service, action, given)
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def refusal(self, service: str, action: str, **given: Any) -> str:
        """What it prints of a call that is refused."""
        done = self._run(service, action, given)
        assert done.returncode
        return done.stdout + done.stderr

    def _run(self, service: str, action: str, given: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        line = [self._program, service, action, *self._options]
        for name, value in given.items():
            line += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
        return subprocess.run(line, env=self._environ, capture_output=True, text=True, timeout=60)


@pytest.fixture
def tccli(cloud: Standin, tmp_path: Path) -> Terminal:
    cloud.reset(task_s=0.05, active_s=0.05, planes_lag_s=0, not_so=["D6"])
    return Terminal(cloud, tmp_path)


def test_it_changes_a_password_and_reads_what_came_of_it(tccli: Terminal, cloud: Standin) -> None:
    instance = {"InstanceId": "crs-demo0001"}
    change = {"AccountName": "app", "AccountPassword": "Cli-Passw0rd1", "Remark": "cli", "ReadonlyPolicy": ["master"]}
    task = tccli("redis", "ModifyInstanceAccount", **instance, **change)["TaskId"]
    assert tccli("redis", "DescribeTaskInfo", TaskId=task)["Status"] == "succeed"
    accounts = tccli("redis", "DescribeInstanceAccount", **instance, Limit=20, Offset=0)["Accounts"]
    assert [one["Remark"] for one in accounts if one["AccountName"] == "app"] == ["cli"]
    assert redis_accepts(cloud.redis["crs-demo0001"], "Cli-Passw0rd1", "app")
    assert "InvalidParameter" in tccli.refusal("redis", "DescribeTaskInfo", TaskId=1)


def test_it_keeps_a_secret_and_reads_it_back(tccli: Terminal) -> None:
    secret = {"SecretName": "redis-crs-demo0001-app"}
    tccli("ssm", "PutSecretValue", **secret, VersionId="v2", SecretString="Cli-Passw0rd1")
    assert tccli("ssm", "GetSecretValue", **secret, VersionId="v2")["SecretString"] == "Cli-Passw0rd1"
    versions = tccli("ssm", "ListSecretVersionIds", **secret)["Versions"]
    assert {one["VersionId"] for one in versions} == {"v1", "v2"}


def test_it_makes_a_role_with_a_policy_and_deletes_both(tccli: Terminal, cloud: Standin) -> None:
    cloud.reset(cam={"roles": {"*": {"exists": False}}})
    role, trust = {"RoleName": "keyturn-cli"}, service_trust("tencent", "scf.qcloud.com")
    mark = [{"Key": "keyturn", "Value": "orders"}]
    tccli("cam", "CreateRole", **role, PolicyDocument=trust, Description="keyturn:orders", Tags=mark)
    document = {"version": "2.0", "statement": [{"effect": "allow", "action": ["ssm:*"], "resource": ["*"]}]}
    policy = tccli("cam", "CreatePolicy", PolicyName="keyturn-cli", PolicyDocument=document)["PolicyId"]
    tccli("cam", "AttachRolePolicy", AttachRoleName="keyturn-cli", PolicyId=str(policy))
    attached = tccli("cam", "ListAttachedRolePolicies", **role, Page="1", Rp="20")["List"]
    assert [one["PolicyName"] for one in attached] == ["keyturn-cli"]
    assert json.loads(tccli("cam", "GetRole", **role)["RoleInfo"]["PolicyDocument"]) == trust
    tccli("cam", "DetachRolePolicy", DetachRoleName="keyturn-cli", PolicyId=str(policy))
    tccli("cam", "DeletePolicy", PolicyId=[policy])
    tccli("cam", "DeleteRole", **role)
    assert "RoleNotExist" in tccli.refusal("cam", "GetRole", **role)
    assert tccli("sts", "GetCallerIdentity")["AccountId"] == tccli("cam", "GetUserAppId")["OwnerUin"]


def test_it_makes_a_function_and_its_trigger_lists_and_deletes_them(tccli: Terminal, cloud: Standin) -> None:
    named = {"FunctionName": "cli"}
    code = {"ZipFile": base64.b64encode(zip_of({"hello.py": "def main_handler(event, context): return 1\n"})).decode()}
    how = {"Handler": "hello.main_handler", "Runtime": "Python3.10", "Role": "keyturn-hello", "Timeout": 5}
    tccli("scf", "CreateFunction", **named, **how, Code=code)
    until = time.monotonic() + 10
    while tccli("scf", "GetFunction", **named)["Status"] != "Active":
        assert time.monotonic() < until
    desc = {"AuthType": "CAM", "NetConfig": {"EnableIntranet": False, "EnableExtranet": True}}
    tccli("scf", "CreateTrigger", **named, TriggerName="http", Type="http", TriggerDesc=json.dumps(desc), Enable="OPEN")
    assert [one["FunctionName"] for one in tccli("scf", "ListFunctions")["Functions"]] == ["cli"]
    assert [one["TriggerName"] for one in tccli("scf", "ListTriggers", **named)["Triggers"]] == ["http"]
    tccli("scf", "DeleteFunction", **named)
    until = time.monotonic() + 10
    while tccli("scf", "ListFunctions")["Functions"]:
        assert time.monotonic() < until
