"""Small zips for tests of running and deploying functions: no packages, and one handler that shows everything."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_scf

HELLO = """
import os, sys, time
count = 0
def main_handler(event, context):
    global count
    count += 1
    order = event if isinstance(event, dict) else {}
    print("served", count)
    if "raise" in order or b"raise" in (event if isinstance(event, bytes) else b""):
        raise ValueError("as told")
    if "sleep_s" in order:
        time.sleep(order["sleep_s"])
    if "exit" in order:
        sys.exit(3)
    if "megabytes" in order:
        hold = bytearray(b"x" * order["megabytes"] * 1024 * 1024); time.sleep(5)
    return {
        "count": count,
        "pid": os.getpid(),
        "path": sys.path,
        "variables": sorted(os.environ),
        "home": os.listdir(os.environ["HOME"]),
        "event": event.decode() if isinstance(event, bytes) else event,
        "context": sorted(context) if isinstance(context, dict) else sorted(vars(context)),
    }
"""


def zip_of(files: dict[str, str] | None = None) -> bytes:
    """A zip of these files; `hello.py` if none are named."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, text in (files or {"hello.py": HELLO}).items():
            archive.writestr(name, text)
    return whole.getvalue()


def write_zip(path: Path, files: dict[str, str] | None = None) -> None:
    """The same, in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zip_of(files))


def deploy_hello_to_scf(standin: Standin, files: dict[str, str] | None = None, **given: Any) -> None:
    """Deploy the handler to SCF."""
    code = {"ZipFile": base64.b64encode(zip_of(files)).decode()}
    asked = {
        "FunctionName": "hello",
        "Handler": "hello.main_handler",
        "Runtime": "Python3.10",
        "Role": "r",
        "Timeout": 5,
    }
    call_scf(standin, "CreateFunction", Code=code, **{**asked, **given})


def invoke_on_scf(standin: Standin, event: Any, **given: Any) -> dict[str, Any]:
    """The result of an invocation: `RetMsg` parsed under `Value`, with the other fields of Result."""
    result: dict[str, Any] = call_scf(
        standin, "Invoke", FunctionName="hello", ClientContext=json.dumps(event), LogType="Tail", **given
    )["Result"]
    return {**result, "Value": json.loads(result["RetMsg"] or "null")}


def deploy_hello_to_fc(client: Client, **given: Any) -> None:
    """Deploy the handler to FC."""
    asked = {
        "function_name": "hello",
        "handler": "hello.main_handler",
        "runtime": "python3.10",
        "role": "acs:ram::1000000000000001:role/hello",
        "memory_size": 128,
        "timeout": 5,
        "code": models.InputCodeLocation(zip_file=base64.b64encode(zip_of()).decode()),
    }
    client.create_function(models.CreateFunctionRequest(body=models.CreateFunctionInput(**{**asked, **given})))


def invoke_on_fc(client: Client, event: bytes) -> tuple[Any, dict[str, str]]:
    """The reply of an invocation, and its headers."""
    answer = client.invoke_function("hello", models.InvokeFunctionRequest(body=io.BytesIO(event)))
    body = answer.body.read()
    return (json.loads(body) if body else None), answer.headers
