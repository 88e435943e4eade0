"""The vendors' own Node SDKs at work against the stand-in, which nobody wrote for it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.support.hello_function import zip_of
from tests.support.programs import NODE_SDKS, require_program

STORIES = Path(__file__).parent / "node"


def told(cloud: Standin, vendor: str) -> dict[str, Any]:
    """What a vendor's story says, by product."""
    packages = require_program(NODE_SDKS)
    cloud.reset(task_s=0.05, settle_s=0.05, active_s=0.05, planes_lag_s=0, not_so=["D6"])
    given = [cloud.endpoint.removeprefix("http://"), json.dumps(cloud.credentials[vendor])]
    command = ["node", str(STORIES / f"{vendor}.js"), *given, base64.b64encode(zip_of()).decode()]
    environ = {"PATH": os.environ["PATH"], "NODE_PATH": packages}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    story: dict[str, Any] = json.loads(done.stdout)
    return story


def test_tencents_sdk_reads_changes_and_reads_again(cloud: Standin) -> None:
    assert told(cloud, "tencent") == {
        "redis": ["orders", "succeed", "node"],
        "tcr": [["tcr-demo0001"], ["tcr$robot"], True],
        "ssm": [["v1", "v2"], "Node-Passw0rd1", ["v1"]],
        "scf": [["node"], ["http"], []],
        "refused": "InvalidParameter.InvalidParameter",
    }
    assert redis_accepts(cloud.redis["crs-demo0001"], "Node-Passw0rd1", "app")
    assert registry_accepts(cloud.registry["tcr-demo0001"], "tcr$robot", "NodePass123")


def test_alibabas_sdks_read_change_and_read_again(cloud: Standin) -> None:
    assert told(cloud, "alibaba") == {
        "kvstore": ["Available", "string", True],
        "fc": [["node"], ["nightly"], []],
        "kms": ["Tair-Passw0rd", "Node-Passw0rd1", ["v1", "v2"]],
        "mns": ["aGVsbG8=", "MNSMessageNotExistError"],
    }
    assert redis_accepts(cloud.redis["r-demo0001"], "Node-Passw0rd1", "app")
