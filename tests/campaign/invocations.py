"""The platform's part: invocations in this process or in one that is killed, and the queue trigger."""

from __future__ import annotations

import importlib
import io
import json
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tests.cloud.client import clock
from tests.cloud.client.standin import Standin
from tests.cloud.functions.platform_names import SCF
from tests.cloud.invocation.bootstrap import KILL_AT, invocation_context, serve_invocation
from tests.cloud.invocation.runtime import InvocationResult, platform_environment, read_result, role_keys
from tests.cloud.state.checkout import ROOT

_FUNCTIONS = (ROOT / "functions").glob("[a-z]*.py")

CLIENTS = (
    "alibabacloud_r_kvstore20150101.client",
    "tencentcloud.redis.v20180412.redis_client",
    "tencentcloud.ssm.v20190923.ssm_client",
    "tencentcloud.tcr.v20190924.tcr_client",
)
TIME_LIMIT_S = 6.0
CALLED = "campaign: heard a service at "
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__, *CLIENTS, *(f"functions.{path.stem}" for path in _FUNCTIONS)])


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


class _Heard(logging.StreamHandler):  # type: ignore[type-arg]
    """Collects the log. After each answer of a service it adds a line with the world's time."""

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        if record.name.startswith("urllib3."):
            self.stream.write(f"{CALLED}{record.created:.6f}\n")


def last_call(log: str) -> float:
    """The time of the last answer of a service in this log; 0 if there is none."""
    return max((float(line.removeprefix(CALLED)) for line in log.splitlines() if line.startswith(CALLED)), default=0.0)


@contextmanager
def _everything_logged() -> Iterator[io.StringIO]:
    """Log every library of the process, from DEBUG up."""
    text, root = io.StringIO(), logging.getLogger()
    handler, level = _Heard(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def invoke(
    function: str, event: bytes, platform: str, settings: Mapping[str, str], *, timeout_s: float = TIME_LIMIT_S
) -> InvocationResult:
    """One invocation of a warm instance: in this process, with the platform's environment."""
    started, value, error = time.monotonic(), None, None
    with (
        _environment(platform_environment(function, platform, settings) | {"DEBUG": "sdk"}),
        _everything_logged() as log,
    ):
        try:
            context = invocation_context(platform, function, timeout_s, role_keys(platform), os.environ.__setitem__)
            handler = importlib.import_module(f"functions.{function}").main_handler
            with clock.running_ahead(clock.offset_s(settings)):
                serve_invocation = handler(json.loads(event) if platform == SCF else event, context)
            value = json.loads(json.dumps(serve_invocation, ensure_ascii=False))
        except Exception as raised:
            error = {"errorMessage": str(raised), "errorType": type(raised).__name__}
    return InvocationResult(value, error, log.getvalue(), time.monotonic() - started)


@dataclass
class RunningInvocation:
    """A running invocation in its own process, forked from one that has imported what functions import."""

    process: Any
    wrote: tuple[Path, Path]
    limit_s: float
    started: float

    def ended(self) -> InvocationResult:
        """Wait for its end. Returns its return value and all that it wrote."""
        self.process.join(max(0.0, self.started + self.limit_s + 10 - time.monotonic()))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        code = self.process.exitcode
        self.process.close()
        out, err = (path.read_bytes() for path in self.wrote)
        for path in self.wrote:
            path.unlink()
        return read_result(out, err, code, time.monotonic() - self.started)


def begin_invocation(
    function: str,
    event: bytes,
    platform: str,
    settings: Mapping[str, str],
    *,
    timeout_s: float = TIME_LIMIT_S,
    extra: Mapping[str, str] | None = None,
) -> RunningInvocation:
    """Begin one invocation in a new process of its own."""
    env = platform_environment(function, platform, settings) | dict(extra or {})
    started = time.monotonic()
    paths = []
    for _ in range(2):
        number, name = tempfile.mkstemp(prefix="campaign-")
        os.close(number)
        paths.append(Path(name))
    out, err = paths
    process = _forks.Process(target=_mortal, args=(function, event, platform, env, timeout_s, str(out), str(err)))
    process.start()
    return RunningInvocation(process, (out, err), timeout_s, started)


def invoke_apart(
    function: str,
    event: bytes,
    platform: str,
    settings: Mapping[str, str],
    *,
    timeout_s: float = TIME_LIMIT_S,
    extra: Mapping[str, str] | None = None,
) -> InvocationResult:
    """One invocation in its own process. Returns also all that it writes."""
    return begin_invocation(function, event, platform, settings, timeout_s=timeout_s, extra=extra).ended()


def invoke_and_kill(
    function: str,
    event: bytes,
    platform: str,
    settings: Mapping[str, str],
    *,
    point: str,
    standin: Standin,
    action: str,
    limit_s: float = TIME_LIMIT_S,
) -> tuple[bool, bytes]:
    """One invocation in its own process, which SIGKILL ends. Returns whether it did, and all that it wrote.

    The process is forked from one that has imported what functions import, and has done nothing else.

    `point`: see `bootstrap.kill_at`; empty: this process kills it once `action` has reached the stand-in.
    """
    env = platform_environment(function, platform, settings) | ({KILL_AT: point} if point else {})
    with tempfile.NamedTemporaryFile() as wrote:
        process = _forks.Process(target=_mortal, args=(function, event, platform, env, limit_s, wrote.name, wrote.name))
        process.start()
        until = time.monotonic() + limit_s
        while not point and process.is_alive() and time.monotonic() < until:
            if any(call["Action"] == action for call in standin.calls()):
                time.sleep(0.1)  # let the change be applied: what is held is its answer
                process.kill()
                break
            time.sleep(0.02)
        process.join(limit_s + 10)
        if process.is_alive():
            process.kill()
            process.join()
            raise TimeoutError(f"{function} outlived its time limit")
        return process.exitcode == -signal.SIGKILL, wrote.read()


def _mortal(
    function: str, event: bytes, platform: str, env: dict[str, str], limit_s: float, out: str, err: str
) -> NoReturn:
    for number, path in ((1, out), (2, err)):
        with Path(path).open("ab") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(env)
    heard = _Heard(sys.stderr)
    heard.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))  # as the stand-in's runtime prints it
    logging.getLogger().addHandler(heard)
    logging.getLogger().setLevel(logging.DEBUG)
    with clock.running_ahead(clock.offset_s(env)):
        sys.exit(serve_invocation(function, platform, limit_s, role_keys(platform), event))


def result_events(read_result: InvocationResult) -> list[dict[str, Any]]:
    """The result events in a handler's return value, for any trigger."""
    value = read_result.value
    if value is None:
        return []
    if "statusCode" in value:
        body = json.loads(value["body"])
        return [body["Result"]] if body.get("Result") else list(body.get("Results", ()))
    return list(value["Results"])
