"""A small function on FC that the checks create, call and delete."""

from __future__ import annotations

import base64
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.apis.plain_http import HttpAnswer, send
from shared.workbench.deploy.call import fc_headers
from shared.workbench.verify.alibaba.desk import Said, said
from shared.workbench.verify.check import Untried
from shared.workbench.verify.waiting import again_while_it_passes, wait_until

KIND = "fc-function"
TRIGGER = "address"
_PATH = "/2023-03-30/functions"
_MOST_S, _LOOK_S, _SHOWS_S = 60.0, 0.5, 2.0
_CODE = Path(__file__).with_name("function_code.py")
"""The source of the function."""


def packed_code() -> bytes:
    """The zip of the function. It has the same bytes each time."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), _CODE.read_text(encoding="utf-8"))
    return packed.getvalue()


@dataclass(frozen=True)
class FcFunction:
    """One function. Its description begins with this run's mark, so that no other function is taken for it."""

    api: AlibabaApi
    name: str
    mark: str

    @property
    def _description(self) -> str:
        return f"keyturn verify {self.mark}"

    @property
    def _path(self) -> str:
        return f"{_PATH}/{self.name}"

    def name_is_free(self) -> bool:
        """Raises: CallRefused, CallLost."""
        return self._found() is None

    def is_there(self) -> bool:
        """Whether a function of this name exists and is the one that this run created. Raises: as name_is_free."""
        found = again_while_it_passes(self._found)
        return found is not None and str(found.get("description") or "").startswith(self._description)

    def _found(self) -> dict[str, Any] | None:
        try:
            return self.shown()
        except CallRefused as refused:
            if refused.status == 404:
                return None
            raise

    def shown(self) -> dict[str, Any]:
        """GetFunction. Raises: CallRefused, CallLost."""
        return self.api.call_function("GetFunction", "GET", self._path, {})

    def create(self, role: str, logs: Mapping[str, str] | None) -> None:
        """Raises: CallRefused, CallLost."""
        body: dict[str, Any] = {
            "functionName": self.name,
            "description": self._description,
            "runtime": "python3.10",
            "handler": "index.handler",
            "role": role,
            "timeout": 10,
            "memorySize": 128,
            "code": {"zipFile": base64.b64encode(packed_code()).decode()},
        }
        if logs:
            body["logConfig"] = dict(logs)
        self.api.call_function("CreateFunction", "POST", _PATH, {}, body)

    def describe(self, text: str) -> None:
        """Change only the function's description. Raises: CallRefused, CallLost."""
        update = {"description": f"{self._description} {text}"}
        _until_ready(lambda: self.api.call_function("UpdateFunction", "PUT", self._path, {}, update))

    def bound(self) -> int | str | None:
        """The function's limit of instances from GetConcurrencyConfig, or the code of a refusal. Raises: CallLost."""
        try:
            shown = self.api.call_function("GetConcurrencyConfig", "GET", f"{self._path}/concurrency", {})
        except CallRefused as refused:
            return refused.code
        most: int | None = shown.get("reservedConcurrency")
        return most

    def put_async(self, **configuration: Any) -> dict[str, Any]:
        """Call PutAsyncInvokeConfig; returns the settings that it then shows. Raises: CallRefused, CallLost."""
        path = f"{self._path}/async-invoke-config"
        self.api.call_function("PutAsyncInvokeConfig", "PUT", path, {}, configuration)
        return self.api.call_function("GetAsyncInvokeConfig", "GET", path, {})

    def create_address(self) -> str:
        """The host where the function answers signed calls. Raises: CallRefused, CallLost, Untried."""
        config = json.dumps({"authType": "function", "methods": ["POST"], "disableURLInternet": False})
        body = {"triggerName": TRIGGER, "triggerType": "http", "triggerConfig": config, "qualifier": "LATEST"}
        path = f"{self._path}/triggers"
        _until_ready(lambda: self.api.call_function("CreateTrigger", "POST", path, {}, body))
        until = time.monotonic() + _MOST_S
        while time.monotonic() < until:
            shown = self.api.call_function("GetTrigger", "GET", f"{path}/{TRIGGER}", {})
            if url := str((shown.get("httpTrigger") or {}).get("urlInternet") or ""):
                return url.removeprefix("https://").strip("/")
            time.sleep(_LOOK_S)
        raise Untried("the trigger has shown no address for a minute")

    def invoke(self, order: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """The function's return value, and the headers of the answer. Raises: CallRefused, CallLost."""
        answer: tuple[bytes, dict[str, str]] = _until_ready(
            lambda: self.api.invoke(self.name, json.dumps(order).encode())
        )
        return answer

    def call(self, host: str, order: Mapping[str, Any], *, signed: bool = True) -> HttpAnswer:
        """POST to the function's address. The signature does not cover the body. Raises: CallLost."""
        headers = fc_headers(host, self.api.keys) if signed else {"Content-Type": "application/json"}
        return send("POST", host, "/", headers, json.dumps(order).encode(), endpoint=self.api.endpoint)

    def remove(self) -> None:
        """Delete the function and its trigger if this run created them, and wait until they are gone.

        A new function may not show at once. Raises: CallRefused, CallLost, Untried.
        """
        wait_until(self.is_there, _SHOWS_S)
        until = time.monotonic() + _MOST_S
        while self.is_there():
            for action, path in (("DeleteTrigger", f"{self._path}/triggers/{TRIGGER}"), ("DeleteFunction", self._path)):
                # If the function is gone or not ready, the next read shows it.
                _deleted(lambda action=action, path=path: self.api.call_function(action, "DELETE", path, {}))  # type: ignore[misc]
            if time.monotonic() > until:
                raise Untried("the function still exists after a minute")
            time.sleep(_LOOK_S)


def _deleted(call: Callable[[], object]) -> Said:
    try:
        return said(call)
    except CallLost:
        return Said("lost", 0)


def _until_ready(call: Callable[[], Any]) -> Any:
    """Make a call; repeat it while the function is being changed. Raises: CallRefused, CallLost."""
    until = time.monotonic() + _MOST_S
    while True:
        try:
            return call()
        except CallRefused as refused:
            if refused.status not in (409, 412, 429, 503) or time.monotonic() > until:
                raise
        time.sleep(_LOOK_S)
