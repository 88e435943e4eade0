"""Both platforms' Python runtimes, as their documents describe them: a fresh process for each invocation.

Sources: SCF https://www.tencentcloud.com/document/product/583/9210 and .../583/30228; FC
https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/context.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cloud.client import clock
from tests.cloud.functions.platform_names import SCF
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_APPID, TENCENT_UIN
from tests.cloud.state.checkout import ROOT
from tests.cloud.state.world import load_world


@dataclass(frozen=True)
class InvocationResult:
    """The result of an invocation: `value` if the handler returned, `error` if it raised or was ended.

    `raised`: the class and text of the exception, if there was one.
    """

    value: Any
    error: Any
    log: str
    seconds: float
    raised: str = ""

    @property
    def is_meant(self) -> bool:
        """Whether the handler raised because its settings are wrong, and not its code."""
        return self.raised.partition(":")[0] in ("NothingDone", "SettingsError")

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body of an HTTP reply."""
        body: dict[str, Any] = json.loads(self.value["body"])
        return body


class InvocationInterrupted(KeyboardInterrupt):
    """Ctrl-C ended an invocation. `log`: what the function had written."""

    def __init__(self, log: str) -> None:
        super().__init__()
        self.log = log


def platform_environment(function: str, platform: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The process's environment: the platform's documented variables and `KEYTURN_*`, none of this machine's own."""
    keys = load_world().credentials
    tencent, alibaba = keys.tencent, keys.alibaba
    env = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "x"}
    env |= {name: value for name, value in settings.items() if name.startswith("KEYTURN_")}
    if platform == SCF:
        env |= {
            "TENCENTCLOUD_RUNENV": "SCF",
            "TENCENTCLOUD_REGION": "ap-guangzhou",
            "TENCENTCLOUD_APPID": TENCENT_APPID,
            "TENCENTCLOUD_UIN": TENCENT_UIN,
            "SCF_RUNTIME": "Python3.10",
            "SCF_FUNCTIONNAME": function,
            "USER_CODE_ROOT": "/var/user/",
        }
        other = {"ACCESS_KEY_ID": alibaba.id, "ACCESS_KEY_SECRET": alibaba.key, "TOKEN": alibaba.token}
        env = {f"KEYTURN_ALIBABA_{name}": value for name, value in other.items()} | env
    else:
        env |= {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": alibaba.id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": alibaba.key,
            "ALIBABA_CLOUD_SECURITY_TOKEN": alibaba.token,
            "FC_FUNCTION_NAME": function,
            "FC_FUNCTION_HANDLER": f"{function}.main_handler",
            "FC_REGION": "cn-hangzhou",
            "FC_ACCOUNT_ID": ALIBABA_ACCOUNT,
        }
        other = {"SECRET_ID": tencent.id, "SECRET_KEY": tencent.key, "TOKEN": tencent.token}
        env = {f"KEYTURN_TENCENT_{name}": value for name, value in other.items()} | env
    return env


def role_keys(platform: str) -> list[str]:
    """The id, key and token of the role that the default world gives to functions."""
    credentials = load_world().credentials
    keys = credentials.tencent if platform == SCF else credentials.alibaba
    return [keys.id, keys.key, keys.token]


def run_function(
    function: str,
    event: bytes,
    platform: str,
    *,
    settings: Mapping[str, str] | None = None,
    timeout_s: float = 30.0,
    extra: Mapping[str, str] | None = None,
    role: bool = True,
    offset_s: float | None = None,
) -> InvocationResult:
    """Run one invocation in a fresh process.

    `settings` are the `KEYTURN_*`; `extra` is added to the environment unchanged.

    `role=False`: the function has no role, so it gets no keys. `offset_s`: how far its clock is ahead; the default is
    the clock of the stand-in in its settings.
    """
    settings = os.environ if settings is None else settings
    env = platform_environment(function, platform, settings) | dict(extra or {})
    if offset_s is None:
        offset_s = clock.offset_s(settings)
    if not role:
        env = {name: value for name, value in env.items() if not name.startswith("ALIBABA_CLOUD_")}
    # The first line of the pipe is from the platform, the rest is the event.
    head = json.dumps({"role": role_keys(platform) if role else None, "offset_s": offset_s}).encode() + b"\n"
    command = [sys.executable, "-m", "tests.cloud.invocation.bootstrap", function, platform, str(timeout_s)]
    started = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        out, err = process.communicate(head + event, timeout=timeout_s + 10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    except KeyboardInterrupt:
        process.kill()
        _, err = process.communicate()
        raise InvocationInterrupted(err.decode(errors="replace")) from None
    return read_result(out, err, process.returncode, time.monotonic() - started)


def read_result(out: bytes, err: bytes, code: int | None, seconds: float) -> InvocationResult:
    """The result of an invocation, from the output of its process. The last line is the platform's, see `bootstrap`."""
    lines = out.decode(errors="replace").splitlines()
    told: dict[str, Any] = {"error": {"errorMessage": f"process ended with {code}"}}
    if (lines and lines[-1].startswith('{"returned"')) or (lines and lines[-1].startswith('{"error"')):
        told = json.loads(lines[-1])
    printed = "\n".join(lines[:-1])
    log = (printed + "\n" if printed else "") + err.decode(errors="replace")
    return InvocationResult(told.get("returned"), told.get("error"), log, seconds, told.get("raised", ""))
