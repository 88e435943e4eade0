"""The zips that are shipped, deployed by the tool that ships them, run by Python 3.10 and nothing of the checkout."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import leaks
from tests.cloud.client.deployed_bundle import DeployedBundle, deploy_bundle
from tests.cloud.client.function_urls import send_request
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.cloud.invocation.runtime import role_keys
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, Packages

pytestmark = pytest.mark.zips("zips are for Python 3.10")

NEW = "Fresh-Passw0rd"


@pytest.fixture
def tencent(cloud: Standin, packages: Packages, tmp_path: Path) -> Iterator[DeployedBundle]:
    yield deploy_bundle(cloud, "tencent", packages.dist, tmp_path)
    cloud.reset()


@pytest.fixture
def alibaba(cloud: Standin, packages: Packages, tmp_path: Path) -> Iterator[DeployedBundle]:
    yield deploy_bundle(cloud, "alibaba", packages.dist, tmp_path)
    cloud.reset()


def accepts(cloud: Standin, instance: str, account: str | None, password: str) -> bool:
    return redis_accepts(cloud.redis[instance], password, account)


def account(**fields: Any) -> dict[str, Any]:
    return {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": NEW, **fields}


def tair(**fields: Any) -> dict[str, Any]:
    asked = {"InstanceId": "r-demo0001", "AccountName": "app", "OldAccountPassword": "Tair-Passw0rd"}
    return {**asked, "NewAccountPassword": NEW, **fields}


def test_a_signed_call_changes_a_real_password_on_tencent(tencent: DeployedBundle) -> None:
    answered = tencent.call(ACCOUNT, account())
    assert (answered.status, answered.json()["Delivered"]) == (200, True)
    assert accepts(tencent.cloud, "crs-demo0001", "app", NEW)
    assert tencent.outcomes() == ["changed"]
    (log,) = ["\n".join(one["Log"]) for one in tencent.cloud.functions() if one["Function"] == ACCOUNT]
    assert "Response RequestId:" in log  # SCF's own line, which holds the reply
    assert leaks.hits({"log": log.encode()}, [NEW, "App-Passw0rd", *role_keys("scf")[1:]]) == []


def test_a_signed_call_changes_a_real_password_on_alibaba(alibaba: DeployedBundle) -> None:
    answered = alibaba.call(TAIR, tair())
    assert (answered.status, answered.json()["Delivered"]) == (200, True), answered.body
    assert accepts(alibaba.cloud, "r-demo0001", "app", NEW)
    assert alibaba.outcomes() == ["changed"]


def test_every_other_function_of_the_tencent_bundle_does_its_work(tencent: DeployedBundle) -> None:
    root = {"InstanceId": "crs-demo0001", "OldPassword": "Old-Passw0rd", "Password": NEW}
    assert tencent.call(PASSWORD, root).status == 200
    assert accepts(tencent.cloud, "crs-demo0001", None, NEW)
    robot = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": False, "Password": NEW}
    answered = tencent.call(REGISTRY, robot)
    assert answered.status == 200, answered.body
    assert registry_accepts(tencent.cloud.registry["tcr-demo0001"], "tcr$robot", NEW)


@pytest.mark.parametrize(("name", "status"), [("tencent", 401), ("alibaba", 403)])
def test_who_does_not_sign_changes_nothing(
    cloud: Standin, packages: Packages, tmp_path: Path, name: str, status: int
) -> None:
    one = deploy_bundle(cloud, name, packages.dist, tmp_path)
    function, command = (ACCOUNT, account()) if name == "tencent" else (TAIR, tair())
    refused = send_request(cloud, one.url(function), json.dumps(command).encode(), {"Content-Type": "application/json"})
    assert refused.status == status
    assert one.results() == []
    assert all(not shown["Log"] for shown in cloud.functions() if shown["Function"] == function)


def test_a_timer_changes_a_password_on_tencent(tencent: DeployedBundle) -> None:
    trigger = {"FunctionName": ACCOUNT, "TriggerName": "quarterly", "Type": "timer"}
    text = json.dumps(account())
    call_scf(tencent.cloud, "UpdateTrigger", **trigger, TriggerDesc="0 0 2 1 * * *", Enable="OPEN", CustomArgument=text)
    fired = tencent.cloud.tick(ACCOUNT, "quarterly", "2026-11-22T02:00:00Z")
    assert (fired["Kind"], fired["Attempts"]) == ("ok", 1)
    assert accepts(tencent.cloud, "crs-demo0001", "app", NEW)
    (event,) = tencent.results()
    assert event["data"]["CommandId"].startswith("quarterly-2026-11-22T02") or event["data"]["CommandId"].startswith(
        "h"
    )


def test_a_timer_changes_a_password_on_alibaba(alibaba: DeployedBundle) -> None:
    from alibabacloud_fc20230330 import models

    config = {"cronExpression": "0 0 2 1 * *", "enable": True, "payload": json.dumps(tair())}
    body = models.UpdateTriggerInput(trigger_config=json.dumps(config))
    fc_client(alibaba.cloud).update_trigger(TAIR, "quarterly", models.UpdateTriggerRequest(body=body))
    assert alibaba.cloud.tick(TAIR, "quarterly")["Kind"] == "ok"
    assert accepts(alibaba.cloud, "r-demo0001", "app", NEW)


def test_a_command_on_the_topic_reaches_its_function_and_no_other(tencent: DeployedBundle) -> None:
    tencent.command(ACCOUNT, account())
    tencent.wait(lambda: tencent.outcomes() == ["changed"])
    assert accepts(tencent.cloud, "crs-demo0001", "app", NEW)
    time.sleep(0.5)
    assert len(tencent.results()) == 1


def test_a_command_on_its_queue_reaches_its_function_on_alibaba(alibaba: DeployedBundle) -> None:
    alibaba.command(TAIR, tair())
    alibaba.wait(lambda: alibaba.outcomes() == ["changed"])
    assert accepts(alibaba.cloud, "r-demo0001", "app", NEW)


def test_a_change_that_takes_longer_is_followed_to_its_end_over_the_queue(
    cloud: Standin, packages: Packages, tmp_path: Path
) -> None:
    one = deploy_bundle(cloud, "tencent", packages.dist, tmp_path)
    cloud.reset(active_s=0.02, task_s=6.0)
    assert one.workbench("deploy").returncode == 0
    call_scf(cloud, "UpdateFunctionConfiguration", FunctionName=ACCOUNT, Timeout=4)
    time.sleep(0.1)
    answered = one.call(ACCOUNT, account())
    assert answered.status == 202, answered.body
    one.wait(lambda: "changed" in one.outcomes())
    assert accepts(cloud, "crs-demo0001", "app", NEW)
    assert one.outcomes()[0] == "pending"
    cloud.reset()


@pytest.mark.parametrize("name", ["tencent", "alibaba"])
def test_deployed_twice_needs_nothing_and_removed_leaves_nothing(
    cloud: Standin, packages: Packages, tmp_path: Path, name: str
) -> None:
    one = deploy_bundle(cloud, name, packages.dist, tmp_path)
    again = one.workbench("deploy")
    assert again.returncode == 0 and "nothing to change" in again.stdout
    planned = one.workbench("plan")
    assert planned.returncode == 0 and (one.dist / name / "policies").is_dir()
    assert one.workbench("remove").returncode == 0
    assert cloud.functions() == []
    cloud.reset()


def test_a_call_whose_secret_scf_would_log_is_refused_and_says_what_to_do(
    tencent: DeployedBundle, tmp_path: Path
) -> None:
    command = tmp_path / "robot.json"
    command.write_text(json.dumps({"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True}))
    called = tencent.make_call(REGISTRY, command, "--json")
    assert called.returncode == 1, called.stdout + called.stderr
    assert json.loads(called.stdout)["Result"]["data"]["Error"]["Code"] == "ReplyOff"
    assert "Deliver.Store" in called.stderr and "HTTP 403" in called.stderr
    shown = tencent.make_call(REGISTRY, command)
    first, why, *_ = shown.stdout.splitlines()
    assert first.startswith("not_changed   tcr/tcr-demo0001/robot") and why.startswith("    forbidden (ReplyOff): ")
    assert registry_accepts(tencent.cloud.registry["tcr-demo0001"], "tcr$robot", "Robot-Passw0rd1")
