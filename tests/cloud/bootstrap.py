"""The process that the stand-in's platforms start for one invocation; `runtime.run` speaks to it over its pipes."""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
import traceback
import uuid
from types import SimpleNamespace
from typing import Any, NoReturn

from .runtime import SCF, UIN


def main() -> int:
    function, platform, timeout_s = sys.argv[1], sys.argv[2], float(sys.argv[3])
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    role = json.loads(sys.stdin.buffer.readline())["role"]
    raw = sys.stdin.buffer.read()

    def time_is_up(*_: object) -> NoReturn:
        message = f"Invoking task timed out after {timeout_s:g} seconds"
        error = {"errorCode": 433, "errorMessage": message} if platform == SCF else {"errorMessage": message}
        told.write(json.dumps({"error": error}) + "\n")
        told.flush()
        os._exit(143)

    signal.signal(signal.SIGALRM, time_is_up)
    signal.setitimer(signal.ITIMER_REAL, timeout_s)
    try:
        handler = importlib.import_module(f"functions.{function}").main_handler
        event, context = _scf(raw, role, timeout_s) if platform == SCF else _fc(raw, role, function, timeout_s)
        line = json.dumps({"returned": handler(event, context)}, ensure_ascii=False)
    except Exception as error:
        line = json.dumps({"error": _error(error, platform)}, ensure_ascii=False)
    told.write(line + "\n")
    told.flush()
    return 0


def _scf(raw: bytes, role: list[str] | None, timeout_s: float) -> tuple[Any, Any]:
    # The platform puts the role's keys into the environment at each invocation, after the code is imported.
    names = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
    os.environ.update(zip(names, role or (), strict=False))
    return json.loads(raw), {
        "memory_limit_in_mb": 128,
        "time_limit_in_ms": int(timeout_s * 1000),
        "request_id": str(uuid.uuid4()),
        "environment": "{}",
        "environ": "",
        "function_version": "$LATEST",
        "function_name": os.environ["SCF_FUNCTIONNAME"],
        "namespace": "default",
        "tencentcloud_region": os.environ["TENCENTCLOUD_REGION"],
        "tencentcloud_appid": os.environ["TENCENTCLOUD_APPID"],
        "tencentcloud_uin": UIN,
    }


def _fc(raw: bytes, role: list[str] | None, function: str, timeout_s: float) -> tuple[Any, Any]:
    request_id = str(uuid.uuid4())
    names = ("access_key_id", "access_key_secret", "security_token")
    credentials = SimpleNamespace(**dict(zip(names, role, strict=True))) if role else None
    context = SimpleNamespace(
        request_id=request_id,
        requestId=request_id,
        credentials=credentials,
        function=SimpleNamespace(name=function, handler=f"{function}.main_handler", memory=128, timeout=int(timeout_s)),
        region="cn-hangzhou",
        account_id="1000000000000001",
        retry_count=0,
    )
    return raw, context


def _error(error: Exception, platform: str) -> dict[str, Any]:
    if platform == SCF:
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return {"errorCode": 1, "errorMessage": "user code exception caught", "stackTrace": trace}
    frames = traceback.extract_tb(error.__traceback__)
    stack = [[f.filename, f.lineno, f.name, f.line] for f in frames]
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": stack}


if __name__ == "__main__":
    sys.exit(main())
