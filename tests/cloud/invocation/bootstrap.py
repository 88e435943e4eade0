"""The process that the stand-in's platforms start for one invocation. `runtime.run` talks to it over its pipes."""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
import uuid
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any, NoReturn

from tests.cloud.functions import shifted_time
from tests.cloud.functions.platform_names import SCF
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_UIN

KILL_AT = "STANDIN_KILL_AT"
"""Names the point where this process ends as in a power cut; see `kill_at`."""
_SCF_KEYS = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
_FC_KEYS = ("access_key_id", "access_key_secret", "security_token")


def main() -> int:
    function, platform, timeout_s = sys.argv[1], sys.argv[2], float(sys.argv[3])
    head = json.loads(sys.stdin.buffer.readline())
    shifted_time.install(head["offset_s"])
    return serve_invocation(function, platform, timeout_s, head["role"], sys.stdin.buffer.read())


def serve_invocation(function: str, platform: str, timeout_s: float, role: list[str] | None, raw: bytes) -> int:
    """Run one invocation in this process. Its environment is the platform's. The result goes to stdout."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Show all log lines of libraries, if the test asks for them.
    level = logging.DEBUG if os.environ.get("KEYTURN_LOG") == "DEBUG" else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")

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
        context = invocation_context(platform, function, timeout_s, role, os.environ.__setitem__)
        event = json.loads(raw) if platform == SCF else raw
        if point := os.environ.pop(KILL_AT, ""):
            kill_at(point)
        line = json.dumps({"returned": handler(event, context)}, ensure_ascii=False)
    except Exception as error:
        raised = f"{type(error).__name__}: {error}"
        line = json.dumps({"error": _error(error, platform), "raised": raised}, ensure_ascii=False)
    told.write(line + "\n")
    told.flush()
    return 0


def invocation_context(
    platform: str, function: str, timeout_s: float, role: list[str] | None, setenv: Callable[[str, str], object]
) -> Any:
    """The context of one invocation. The role's keys are where the platform puts them."""
    request_id = str(uuid.uuid4())
    if platform == SCF:
        # SCF sets them in the environment at each invocation, after the code is imported.
        for name, value in zip(_SCF_KEYS, role or (), strict=False):
            setenv(name, value)
        return {
            "memory_limit_in_mb": 128,
            "time_limit_in_ms": int(timeout_s * 1000),
            "request_id": request_id,
            "environment": "{}",
            "environ": "",
            "function_version": "$LATEST",
            "function_name": function,
            "namespace": "default",
            "tencentcloud_region": os.environ["TENCENTCLOUD_REGION"],
            "tencentcloud_appid": os.environ["TENCENTCLOUD_APPID"],
            "tencentcloud_uin": TENCENT_UIN,
        }
    return SimpleNamespace(
        request_id=request_id,
        requestId=request_id,
        credentials=SimpleNamespace(**dict(zip(_FC_KEYS, role, strict=True))) if role else None,
        function=SimpleNamespace(name=function, handler=f"{function}.main_handler", memory=128, timeout=int(timeout_s)),
        region="cn-hangzhou",
        account_id=ALIBABA_ACCOUNT,
        retry_count=0,
    )


def kill_at(point: str) -> None:
    """End this process by SIGKILL at a point: `[outer>]module:qualname:call|return[#n]`.

    The point is the n-th time (from 1) that the named function is entered or left. With `outer` (a bare name) it only
    counts below a running function of that name. Methods are found through the class of `self`, inherited ones too.
    """
    outer, _, inner = point.rpartition(">")
    module, qualname, when = inner.split(":")
    when, _, nth = when.partition("#")
    owner, _, name = qualname.rpartition(".")
    left = int(nth or 1)

    def watch(frame: FrameType, happening: str, _: object) -> None:
        nonlocal left
        if frame.f_code.co_name != name or happening != when or frame.f_globals.get("__name__") != module:
            return
        if owner and owner not in (one.__name__ for one in type(frame.f_locals.get("self")).__mro__):
            return
        if outer and outer not in _callers(frame):
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(watch)  # the commands of a batch run in threads, and this may be one of them
    sys.setprofile(watch)


def _callers(frame: FrameType | None) -> set[str]:
    names = set()
    while frame := frame.f_back if frame else None:
        names.add(frame.f_code.co_name)
    return names


def _error(error: Exception, platform: str) -> dict[str, Any]:
    if platform == SCF:
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return {"errorCode": 1, "errorMessage": "user code exception caught", "stackTrace": trace}
    frames = traceback.extract_tb(error.__traceback__)
    stack = [[f.filename, f.lineno, f.name, f.line] for f in frames]
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": stack}


if __name__ == "__main__":
    sys.exit(main())
