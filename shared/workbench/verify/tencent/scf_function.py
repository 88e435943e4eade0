"""The function that the checks deploy to SCF, and the calls of its control plane."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from shared.workbench.apis.callers import passes
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.waiting import again_while_it_passes, wait_until

SOURCE = """
import json, os, sys

def main_handler(event, context):
    on_http = isinstance(event, dict) and "httpMethod" in event
    body = event.get("body", "") if on_http else ""
    asked = json.loads(body) if on_http and body.startswith("{") else event
    if asked.get("raise"):
        raise RuntimeError("as it was asked to")
    told = {
        "mark": asked.get("mark"), "body": body, "event": sorted(event), "context": sorted(context),
        "kinds": [type(event).__name__, type(context).__name__], "limit": context.get("time_limit_in_ms"),
        "uin": context.get("tencentcloud_uin"), "platform": os.environ.get("TENCENTCLOUD_RUNENV"),
        "python": "%d.%d" % sys.version_info[:2],
    }
    if on_http:
        lower = all(name == name.lower() for name in event["headers"])
        reply = {"statusCode": 203, "headers": {"X-Verify": "yes"}, "body": json.dumps({**told, "lower": lower})}
        return reply
    return told
"""
RUNTIME, HANDLER, TIMEOUT_S, MEMORY_MB = "Python3.10", "index.main_handler", 7, 128
PLAIN = {"KEYTURN_VERIFY": "plain"}
RICH = {"KEYTURN_VERIFY": "ckafka://ap-guangzhou/datahub-a", "KEYTURN_VERIFY_JSON": '{"a": ["b"]}'}
OTHER = [{"Key": "KEYTURN_OTHER", "Value": "plain"}]
NO_PAIR = {"Key": "", "Value": ""}
TAG = {"Key": "keyturn", "Value": "verify"}
_REST_S, _OFTEN_S = 120.0, 0.2
_NOT_YET = ("FunctionStatusError", "FunctionVersionStatusNotActive", "ReservedInProgress")


class ScfFunction:
    """One function through its API. Its description begins with this run's mark.

    Every call may raise CallRefused and CallLost.
    """

    def __init__(self, api: TencentApi, name: str, mark: str) -> None:
        self.api, self.name, self._mark = api, name, f"keyturn verify {mark}"

    def call(self, action: str, **given: Any) -> dict[str, Any]:
        """Call one action on the function."""
        return self.api.call("scf", action, {"FunctionName": self.name, "Namespace": "default", **given})

    def code(self, action: str, **given: Any) -> str:
        """The code that refuses an action on the function; empty if it was accepted."""
        try:
            self.call(action, **given)
        except CallRefused as refused:
            return refused.code
        return ""

    def create(self, role: str, variables: Mapping[str, str], logs: Mapping[str, str]) -> str:
        """The code that refuses the function; empty if it was accepted."""
        return self.code(
            "CreateFunction",
            Description=self._mark,
            Code={"ZipFile": base64.b64encode(packed_code()).decode()},
            Handler=HANDLER,
            Runtime=RUNTIME,
            Type="Event",
            MemorySize=MEMORY_MB,
            Timeout=TIMEOUT_S,
            Role=role,
            Environment={"Variables": [{"Key": name, "Value": value} for name, value in variables.items()]},
            Tags=[TAG],
            **logs,
        )

    def describe(self, text: str, role: str) -> str:
        """The code that refuses a new description; empty if it was accepted."""
        return self.code("UpdateFunctionConfiguration", Description=self.described(text), Role=role)

    def described(self, text: str) -> str:
        """A description with the mark before it."""
        return f"{self._mark} {text}"

    def is_there(self) -> bool:
        """Whether a function of this name exists and is the one that this run created."""
        shown = again_while_it_passes(self.shown)
        return shown is not None and str(shown.get("Description") or "").startswith(self._mark)

    def shown(self) -> dict[str, Any] | None:
        """GetFunction; None if the function does not exist."""
        try:
            return self.call("GetFunction")
        except CallRefused as refused:
            if refused.code.startswith("ResourceNotFound"):
                return None
            raise

    def reported_digest(self) -> str:
        """The digest of the code that SCF reports, or the code of the refusal if SCF reports none."""
        try:
            return str(self.call("GetFunctionAddress").get("CodeSha256") or "")
        except CallRefused as refused:
            return refused.code

    def status(self) -> str:
        """The state of the function; empty if it does not exist."""
        return str((self.shown() or {}).get("Status", ""))

    def rest(self) -> str:
        """The state after all changes have ended."""
        last = [""]

        def rests() -> bool:
            last[0] = self.status()
            return not last[0].endswith("ing")

        wait_until(rests, _REST_S, most_s=_OFTEN_S)
        return last[0]

    def when_rested(self, action: str, **given: Any) -> str:
        """The code that refuses an action when the function's state is no longer the reason; empty: accepted."""
        code = [""]

        def taken() -> bool:
            code[0] = self.code(action, **given)
            return not code[0].endswith(_NOT_YET) and not passes(code[0])

        wait_until(taken, _REST_S)
        return code[0]

    def reserved_mb(self) -> int | None:
        """The memory that is reserved for the function's instances."""
        reserved: int | None = self.call("GetReservedConcurrencyConfig").get("ReservedMem")
        return reserved

    def triggers(self) -> dict[str, dict[str, Any]]:
        """Every trigger by name."""
        rows = self.call("ListTriggers", Offset=0, Limit=20)["Triggers"]
        return {one["TriggerName"]: one for one in rows}

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a synchronous call."""
        result: dict[str, Any] = self.call("Invoke", ClientContext=json.dumps(event), LogType="Tail")["Result"]
        return result

    def remove(self) -> bool:
        """Delete the function if this run created it. Returns whether it is gone within two minutes."""
        if not self.is_there():
            return True
        again_while_it_passes(self.rest)
        if self.when_rested("DeleteFunction"):
            return not self.is_there()
        return wait_until(lambda: not self.is_there(), _REST_S)


def post(url: str, body: bytes, headers: Mapping[str, str], endpoint: str) -> tuple[int, str]:
    """Status and body of one call of a function's address. Raises: CallLost."""
    host = urlsplit(url).netloc
    local = urlsplit(endpoint) if endpoint.startswith("http://") else None
    # A stand-in takes the calls of every host at its own port.
    connection = HTTPConnection(local.netloc, timeout=30) if local else HTTPSConnection(host, timeout=30)
    try:
        connection.request("POST", f"http://{host}/" if local else "/", body, {**headers, "Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as failure:
        raise CallLost("the function's address", failure) from None
    finally:
        connection.close()


def packed_code() -> bytes:
    """The zip that is sent. It has the same bytes each time."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), SOURCE)
    return whole.getvalue()
