"""`serve --tls`: the wire as the clouds have it, by a CA that is made at start and gone at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_kms, call_tencent
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT, TAIR

SMQ = "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-"
CKAFKA = "ckafka://ap-guangzhou/datahub-demo01"


@pytest.fixture
def cloud(tls_standin: Standin) -> Standin:
    tls_standin.reset()
    return tls_standin


def command(cloud: Standin, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`python -m tests.cloud ...` with the stand-in's address, and its CA, in the caller's environment."""
    endpoints = dict.fromkeys(("KEYTURN_TENCENT_ENDPOINT", "KEYTURN_ALIBABA_ENDPOINT"), cloud.endpoint)
    own = {name: value for name, value in os.environ.items() if not name.startswith("KEYTURN_")}
    environ = own | endpoints | {"KEYTURN_CA_FILE": str(cloud.ca)} | settings
    whole = [sys.executable, "-m", "tests.cloud", *words]
    return subprocess.run(whole, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)


def test_it_begins_with_a_ca_and_leaves_nothing_of_it_and_no_private_key(tmp_path: Path) -> None:
    serve = [sys.executable, "-m", "tests.cloud", "serve", "--tls"]
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(serve, cwd=ROOT, env=environ, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            ready = json.loads(process.stdout.readline())
            ca = Path(ready["ca"])
            assert ready["endpoint"].startswith("https://localhost:")
            assert ca.read_text(encoding="ascii").startswith("-----BEGIN CERTIFICATE-----")
            assert not [one for one in files(tmp_path) if b"PRIVATE KEY" in one.read_bytes()]
            with pytest.raises(URLError, match="certificate verify failed"):  # who does not trust its CA
                build_opener(ProxyHandler({})).open(f"{ready['endpoint']}/_standin/calls", timeout=5)
        finally:
            process.send_signal(signal.SIGTERM)
        assert (process.wait(20), process.stdout.read(), process.stderr.read()) == (0, "", "")
    assert (ca.exists(), files(tmp_path)) == (False, [])


def files(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("*") if one.is_file()]


def test_without_the_switch_nothing_is_said_of_a_ca(standin: Standin) -> None:
    assert (standin.endpoint[:17], standin.ca) == ("http://127.0.0.1:", None)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_its_certificate_is_for_this_machine_alone(cloud: Standin, name: str) -> None:
    context, port = ssl.create_default_context(cafile=cloud.ca), urlsplit(cloud.endpoint).port or 0
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


def test_the_vendors_own_clients_call_it_by_its_name(cloud: Standin) -> None:
    assert call_tencent(cloud, "DescribeInstances", {"Limit": 10})["TotalCount"] > 0
    assert call_alibaba(cloud, "DescribeAccounts", {"InstanceId": "r-demo0001"})["Accounts"]
    assert call_kms(cloud, "ListSecretVersionIds", {"SecretName": "tair-r-demo0001-app"})["VersionIds"]
    place = urlsplit(cloud.endpoint).netloc
    assert [(call["Action"], call["Host"], call["Code"]) for call in cloud.calls()] == [
        (action, place, "") for action in ("DescribeInstances", "DescribeAccounts", "ListSecretVersionIds")
    ]


@pytest.mark.parametrize("form_body", [True, False])
def test_a_form_is_read_where_the_product_reads_forms(cloud: Standin, form_body: bool) -> None:
    cloud.reset(form_body=form_body)
    answer = call_kms(cloud, "ListSecretVersionIds", {}, {"SecretName": "tair-r-demo0001-app"})
    assert answer["VersionIds"]


def test_what_the_signature_covers_is_checked_over_tls_too(cloud: Standin) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        call_tencent(cloud, "DescribeInstances", {"Limit": 10}, key="another")
    assert refused.value.get_code() == "AuthFailure.SignatureFailure"
    with pytest.raises(TencentCloudSDKException) as refused:
        call_tencent(cloud, "DescribeInstances", {"Limit": 10}, region="mars-north")
    assert refused.value.get_code() == "UnsupportedRegion"


@pytest.mark.parametrize(("fault", "says"), [("drop_before", "EOF|reset|aborted"), ("cut_body", "IncompleteRead|EOF")])
def test_a_fault_cuts_a_connection_over_tls(cloud: Standin, fault: str, says: str) -> None:
    cloud.faults([{"Action": "DescribeInstances", "Fault": fault}])
    with pytest.raises(Exception, match=says):
        call_tencent(cloud, "DescribeInstances", {"Limit": 10})
    assert len(cloud.calls()) == 1
    assert call_tencent(cloud, "DescribeInstances", {"Limit": 10})["TotalCount"] > 0


# --- the command line


@pytest.mark.parametrize("results", [CKAFKA, f"{SMQ}results"])
@pytest.mark.parametrize(("function", "platform"), [(ACCOUNT, "scf"), (TAIR, "fc")])
def test_invoke_and_queue_show_work_by_the_callers_environment(
    cloud: Standin, function: str, platform: str, results: str
) -> None:
    event = f"events/{function}/{platform}-http.json"
    invoked = command(cloud, "invoke", function, event, "--as", platform, KEYTURN_RESULTS=results)
    assert invoked.returncode == 0, invoked.stderr
    assert json.loads(json.loads(invoked.stdout.splitlines()[-1])["body"])["Delivered"] is True
    shown = command(cloud, "queue", "show", results)
    assert json.loads(shown.stdout)["data"]["Outcome"] == "changed", shown.stderr


def test_run_takes_a_waiting_command_and_moves_the_clock(cloud: Standin, tmp_path: Path) -> None:
    cloud.reset(task_s=600)
    queues = {
        "KEYTURN_RESULTS": f"{SMQ}results",
        "KEYTURN_COMMANDS": f"{SMQ}{{function}}",
        "KEYTURN_HANDOFF_KEY": "c2lnbnMtd2hhdC1rZXl0dXJuLXNlbmRzLWl0c2VsZi4",
    }
    event = f"events/{ACCOUNT}/scf-queue.json"
    invoked = command(cloud, "invoke", ACCOUNT, event, "--as", "scf", **queues)
    assert '"pending"' in invoked.stdout, invoked.stderr
    delivered = command(cloud, "run", "--once", "--skip-delays", **queues)
    assert delivered.returncode == 0, delivered.stderr
    assert cloud.offset > 0


def test_without_the_ca_a_call_is_refused_and_says_why(cloud: Standin) -> None:
    event = f"events/{ACCOUNT}/scf-http.json"
    invoked = command(cloud, "invoke", ACCOUNT, event, "--as", "scf", KEYTURN_CA_FILE="")
    body = json.loads(json.loads(invoked.stdout.splitlines()[-1])["body"])
    assert body["Result"]["data"]["Error"]["Code"] == "CertificateRefused"
    assert cloud.calls() == []
    shown = command(cloud, "queue", "show", CKAFKA, KEYTURN_CA_FILE="")
    assert (shown.returncode, "KEYTURN_CA_FILE" in shown.stderr) == (2, True)
