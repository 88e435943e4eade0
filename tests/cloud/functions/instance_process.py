"""One instance of a deployed function: its folder, its process, its limits.

Sources: SCF https://www.tencentcloud.com/document/product/583/30228 (environment), 583/9210 (context); FC
https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/environment-variables and .../user-guide/context.

A real instance is a container. Instead of that, the code folder is read-only by its mode bits, which root may ignore.
Memory is the process's resident set, read every 50 ms. HOME and TMPDIR are empty folders of the instance's own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from shared.workbench.package.dependencies import PackageError, find_interpreter
from tests.cloud.backends import child_processes
from tests.cloud.functions.platform_names import Platform
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_APPID, TENCENT_UIN
from tests.cloud.state.identity_tables import TemporaryKeys

OutcomeKind = Literal["ok", "raised", "init", "timeout", "memory", "exit", "busy"]
"""`busy`: the event did not run, because every instance that the function may have was busy."""

INIT_S = 65.0
_LINE = 64 * 1024 * 1024
_LOOK_S = 0.05
_PROGRAM = Path(__file__).with_name("instance_program.py")
_ROLE_VARIABLES = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")


@dataclass(frozen=True)
class FunctionSpec:
    """The settings of a function.

    `runtime` is `3.10` or the like; `concurrency` is the number of events that one instance runs at once.
    """

    platform: Platform
    region: str
    name: str
    handler: str
    runtime: str
    memory_mb: int
    timeout_s: int
    environment: Mapping[str, str]
    code: Path
    role: str = ""
    """The name of the role that it runs with."""
    concurrency: int = 1
    fresh_context: bool = True
    """Whether FC's context gets the present keys at each event."""
    limit_unit: int = 1000
    """The unit of time_limit_in_ms in SCF's context, in parts of a second."""
    log_place: str = ""
    """The id of a CLS topic, or `project/logstore` of SLS."""


@dataclass(frozen=True)
class InvocationOutcome:
    """The result of an invocation. `body` is the return value in the platform's encoding; otherwise `error` is set."""

    kind: OutcomeKind
    request_id: str
    body: bytes = b""
    error: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    memory_bytes: int = 0
    log: str = ""


@cache
def interpreter(version: str) -> str:
    """A Python of that version. Raises: RuntimeError: this machine has none."""
    try:
        return find_interpreter(version).path
    except PackageError as error:
        raise RuntimeError(str(error)) from None


def unpack_code(archive: bytes) -> Path:
    """The files of a zip in a new read-only folder. Raises: ValueError: it is no zip."""
    folder = Path(tempfile.mkdtemp(prefix="keyturn-code-"))
    try:
        with zipfile.ZipFile(BytesIO(archive)) as zipped:
            zipped.extractall(folder)
    except (zipfile.BadZipFile, OSError) as error:
        remove_folder(folder)
        raise ValueError("not a zip file") from error
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)
    return folder


def remove_folder(folder: Path) -> None:
    """Delete a folder, even if it is read-only."""
    for path in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


class InstanceProcess:
    """One instance. It starts at its first event, and runs until it is ended or breaks a limit."""

    def __init__(
        self, spec: FunctionSpec, log: deque[str], role_keys: Callable[[], TemporaryKeys | None], offset_s: float = 0.0
    ) -> None:
        self.spec = spec
        self._role_keys = role_keys
        self.offset_s = offset_s
        self.busy = 0
        self.retired = False
        self.served = 0
        self._log = log
        self._folder = Path(tempfile.mkdtemp(prefix="keyturn-instance-"))
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._starting: asyncio.Task[None] | None = None
        self._peak = 0
        self._why: OutcomeKind = "exit"

    @property
    def broken(self) -> bool:
        """Whether it can accept no more events."""
        return self._process is not None and self._process.returncode is not None

    async def invoke(self, event: bytes, request_id: str, retry: int) -> InvocationOutcome:
        """Run one event within the function's limits of time and memory."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)
        started, mark = time.monotonic(), len(self._log)
        answer: dict[str, Any]
        loop = asyncio.get_running_loop()
        future: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._waiting[request_id] = future
        if self._tasks[0].done():  # the instance ended before this event arrived
            future.set_result({"kind": self._why})
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), INIT_S)
            self._send(event, request_id, retry)
            answer = await asyncio.wait_for(future, self.spec.timeout_s)
        except asyncio.TimeoutError:
            self._end("timeout")
            answer = {"kind": "timeout"}
        finally:
            self._waiting.pop(request_id, None)
        self.served += 1
        seconds = time.monotonic() - started
        kind: OutcomeKind = answer.get("kind", "ok")
        error = answer.get("error") or ({} if kind == "ok" else self._broken(kind, seconds))
        body = base64.b64decode(answer.get("returned", ""))
        log = "\n".join(list(self._log)[mark:])
        return InvocationOutcome(kind, request_id, body, error, seconds, self._peak, log)

    async def close(self) -> None:
        """End the process and delete its files."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
        if self._process is not None:
            await child_processes.stop(self._process, 0.5)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        remove_folder(self._folder)

    async def _start(self) -> None:
        spec = self.spec
        for name in ("home", "tmp"):
            (self._folder / name).mkdir()
        self._process = await asyncio.create_subprocess_exec(
            *(interpreter(spec.runtime), "-I", "-S", "-B", "-u", str(_PROGRAM)),
            *(spec.platform, str(spec.code), spec.handler, str(spec.concurrency), repr(self.offset_s)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(spec, self._folder, self._role_keys()),
            cwd=spec.code,
            limit=_LINE,
            preexec_fn=child_processes.die_with_parent,
        )
        self._tasks = [asyncio.ensure_future(work) for work in (self._listen(), self._watch(), self._collect())]

    def _send(self, event: bytes, request_id: str, retry: int) -> None:
        assert self._process is not None and self._process.stdin is not None
        keys = self._role_keys()
        # At each event SCF puts the role's keys into the environment, after the code was imported. FC's keys stay.
        environ = dict(zip(_ROLE_VARIABLES, (keys.id, keys.key, keys.token), strict=True)) if keys else {}
        call = {
            "id": request_id,
            "event": base64.b64encode(event).decode(),
            "context": context(self.spec, request_id, retry, keys),
            "environ": environ if self.spec.platform == "scf" else {},
        }
        if not self.broken:
            self._process.stdin.write(json.dumps(call).encode() + b"\n")

    async def _listen(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        while line := await process.stdout.readline():
            told = json.loads(line)
            future = self._ready if "ready" in told else self._waiting.get(told["id"])
            if future is not None and not future.done():
                future.set_result(told)
        await process.wait()
        for future in (self._ready, *self._waiting.values()):
            if not future.done():
                future.set_result({"kind": self._why})

    async def _collect(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        while line := await self._process.stderr.readline():
            self._log.append(line.decode(errors="replace").rstrip("\n"))

    async def _watch(self) -> None:
        assert self._process is not None
        while not self.broken:
            self._peak = max(self._peak, resident_bytes(self._process.pid))
            if self._peak > self.spec.memory_mb * 1024 * 1024:
                self._end("memory")
                return
            await asyncio.sleep(_LOOK_S)

    def _end(self, why: OutcomeKind) -> None:
        if self._process is not None and self._process.returncode is None:
            self._why = why
            child_processes.send_signal(self._process, signal.SIGKILL)

    def _broken(self, kind: OutcomeKind, seconds: float) -> dict[str, Any]:
        if self.spec.platform == "scf":
            said = {
                "timeout": (433, f"Invoking task timed out after {self.spec.timeout_s} seconds"),
                "memory": (434, "Process exited: memory limit exceeded"),
            }.get(kind, (439, "User process exited when running"))
            return {"errorCode": said[0], "errorMessage": said[1]}
        if kind == "timeout":
            return {"errorMessage": f"Function timed out after {self.spec.timeout_s} seconds"}
        usage = f"(duration: {seconds * 1000:.0f}ms, maxMemoryUsage: {self._peak / 1048576:.2f}MB)"
        return {"errorMessage": f"Process exited unexpectedly before completing request {usage}"}


def resident_bytes(pid: int) -> int:
    """The bytes of memory that a process uses; 0 if it has ended or the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def environment(spec: FunctionSpec, folder: Path, keys: TemporaryKeys | None) -> dict[str, str]:
    """The platform's documented variables, overlaid by the function's own. Only PATH is from this machine."""
    env = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "x",
        **spec.environment,
    }
    if spec.platform == "scf":
        return env | {
            "TENCENTCLOUD_RUNENV": "SCF",
            "TENCENTCLOUD_REGION": spec.region,
            "TENCENTCLOUD_APPID": TENCENT_APPID,
            "TENCENTCLOUD_UIN": TENCENT_UIN,
            "TENCENTCLOUD_TZ": "UTC",
            "SCF_RUNTIME": f"Python{spec.runtime}",
            "SCF_FUNCTIONNAME": spec.name,
            "SCF_FUNCTIONVERSION": "$LATEST",
            "USER_CODE_ROOT": f"{spec.code}/",
            "_SCF_SERVER_PORT": "28902",
        }
    env |= {
        "FC_FUNC_CODE_PATH": f"{spec.code}/",
        "FC_ACCOUNT_ID": ALIBABA_ACCOUNT,
        "FC_FUNCTION_HANDLER": spec.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "FC_FUNCTION_NAME": spec.name,
        "FC_REGION": spec.region,
        "FC_INSTANCE_ID": folder.name,
        "FC_VER_ID": "LATEST",
    }
    names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
    return env | (dict(zip(names, (keys.id, keys.key, keys.token), strict=True)) if keys else {})


def context(spec: FunctionSpec, request_id: str, retry: int, keys: TemporaryKeys | None) -> dict[str, Any]:
    """The context of one invocation as JSON: it becomes a dict on SCF, attributes on FC."""
    if spec.platform == "scf":
        return {
            "memory_limit_in_mb": spec.memory_mb,
            "time_limit_in_ms": spec.timeout_s * spec.limit_unit,
            "request_id": request_id,
            "environment": json.dumps(dict(spec.environment)),
            "environ": ";".join(f"{name}={value}" for name, value in spec.environment.items()),
            "function_version": "$LATEST",
            "function_name": spec.name,
            "namespace": "default",
            "tencentcloud_region": spec.region,
            "tencentcloud_appid": TENCENT_APPID,
            "tencentcloud_uin": TENCENT_UIN,
        }
    function = {"name": spec.name, "handler": spec.handler, "memory": spec.memory_mb, "timeout": spec.timeout_s}
    return {
        "request_id": request_id,
        "requestId": request_id,
        "credentials": keys and _credentials(keys, fresh=spec.fresh_context),
        "function": function,
        "region": spec.region,
        "account_id": ALIBABA_ACCOUNT,
        "retry_count": retry,
    }


def _credentials(keys: TemporaryKeys, *, fresh: bool) -> dict[str, str]:
    token = keys.token if fresh else f"{keys.token}-of-yesterday"
    return {"access_key_id": keys.id, "access_key_secret": keys.key, "security_token": token}
