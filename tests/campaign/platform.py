"""The platforms' part: invocations in this process or in one that dies, and the queue trigger."""

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
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn

from shared.queues import open_inbox
from tests.cloud import clock
from tests.cloud.bootstrap import KILL_AT, answer, context_of
from tests.cloud.client import Standin
from tests.cloud.run import as_trigger_event
from tests.cloud.runtime import FC, ROOT, SCF, Returned, environment, returned, role_keys

_FUNCTIONS = (ROOT / "functions").glob("[a-z]*.py")

CLIENTS = (
    "alibabacloud_r_kvstore20150101.client",
    "tencentcloud.redis.v20180412.redis_client",
    "tencentcloud.ssm.v20190923.ssm_client",
    "tencentcloud.tcr.v20190924.tcr_client",
)
TIME_LIMIT_S = 6.0
_MOST_ROUNDS = 40
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__, *CLIENTS, *(f"functions.{path.stem}" for path in _FUNCTIONS)])
_AGE = timedelta(minutes=31)  # follow_change gives up after 30


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


@contextmanager
def _everything_logged() -> Iterator[io.StringIO]:
    """What every library of the process says, from DEBUG up."""
    text, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def invoke(
    function: str, event: bytes, platform: str, settings: Mapping[str, str], *, timeout_s: float = TIME_LIMIT_S
) -> Returned:
    """One invocation of a warm instance: in this process, with the platform's environment around it."""
    started, value, error = time.monotonic(), None, None
    with _environment(environment(function, platform, settings) | {"DEBUG": "sdk"}), _everything_logged() as log:
        try:
            context = context_of(platform, function, timeout_s, role_keys(platform), os.environ.__setitem__)
            handler = importlib.import_module(f"functions.{function}").main_handler
            with clock.lived_by(clock.offset(settings)):
                answer = handler(json.loads(event) if platform == SCF else event, context)
            value = json.loads(json.dumps(answer, ensure_ascii=False))
        except Exception as raised:
            error = {"errorMessage": str(raised), "errorType": type(raised).__name__}
    return Returned(value, error, log.getvalue(), time.monotonic() - started)


def invoke_apart(
    function: str,
    event: bytes,
    platform: str,
    settings: Mapping[str, str],
    *,
    timeout_s: float = TIME_LIMIT_S,
    extra: Mapping[str, str] | None = None,
) -> Returned:
    """One invocation in a process of its own, with all that it writes.

    The process is forked from one that has imported what functions import, and has done nothing else.
    """
    env = environment(function, platform, settings) | dict(extra or {})
    started = time.monotonic()
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
        arguments = (function, event, platform, env, timeout_s, out.name, err.name)
        process = _forks.Process(target=_mortal, args=arguments)
        process.start()
        process.join(timeout_s + 10)
        if process.is_alive():
            process.kill()
            process.join()
        code = process.exitcode
        process.close()
        return returned(out.read(), err.read(), code, time.monotonic() - started)


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
    """One invocation in a process of its own that ends by SIGKILL; whether it did, and all that it wrote.

    The process is forked from one that has imported what functions import, and has done nothing else.

    `point`: see `bootstrap.kill_at`; empty: this process kills it once `action` has reached the stand-in.
    """
    env = environment(function, platform, settings) | ({KILL_AT: point} if point else {})
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
    with clock.lived_by(clock.offset(env)):
        sys.exit(answer(function, platform, limit_s, role_keys(platform), event))


def events_of(returned: Returned) -> list[dict[str, Any]]:
    """The result events in what a handler returned, whatever the trigger."""
    value = returned.value
    if value is None:
        return []
    if "statusCode" in value:
        body = json.loads(value["body"])
        return [body["Result"]] if body.get("Result") else list(body.get("Results", ()))
    return list(value["Results"])


class Drained:
    """What came of the commands that waited: each invocation's return, results under their delivery's start."""

    def __init__(self) -> None:
        self.returned: list[Returned] = []
        self.events: list[dict[str, Any]] = []
        self.left = 0
        self.killed = False


def drain(settings: Mapping[str, str], *, ages: bool, kill: str = "", standin: Standin | None = None) -> Drained:
    """Give every waiting command to its function until none waits, delays skipped.

    `ages`: half an hour passes between two hops of a followed change, so that one without an end is given up.
    `kill`: the first follower's process dies at this point, and its message comes again.
    """
    drained, aged = Drained(), dict[str, str]()
    if "KEYTURN_COMMANDS" not in settings:
        return drained
    inbox = open_inbox(settings["KEYTURN_COMMANDS"])
    try:
        for _ in range(_MOST_ROUNDS):
            waiting = inbox.receive(100, 120.0, ignore_delay=True)
            for leased in waiting:
                body = json.loads(leased.message.body)
                body.pop("notbefore", None)
                function = body["type"].removeprefix("keyturn.command.")
                if ages and function == "follow_change" and body["hop"] >= 2:
                    aged |= _grow_old(body)
                platform = FC if body["data"].get("Cloud") == "alibaba" or function.startswith("alibaba") else SCF
                event = as_trigger_event(json.dumps(body, ensure_ascii=False), platform, leased.receives)
                if kill and standin and function == "follow_change":
                    died, wrote = invoke_and_kill(
                        function, event, platform, settings, point=kill, standin=standin, action="", limit_s=20.0
                    )
                    kill = ""
                    if died:
                        drained.killed = True
                        drained.returned.append(Returned(None, None, wrote.decode(errors="replace"), 0.0))
                        inbox.release(leased)
                        continue
                returned = invoke(function, event, platform, settings, timeout_s=20.0)
                drained.returned.append(returned)
                for one in events_of(returned):
                    started = one["data"]["StartedAt"]
                    drained.events.append({**one, "data": {**one["data"], "StartedAt": aged.get(started, started)}})
                inbox.ack(leased)
            if not waiting:
                return drained
        drained.left = len(inbox.peek())
        return drained
    finally:
        inbox.close()


def _grow_old(body: dict[str, Any]) -> dict[str, str]:
    started = body["data"]["StartedAt"]
    moment = datetime.fromisoformat(started.replace("Z", "+00:00"))
    if datetime.now(timezone.utc) - moment > _AGE / 2:
        return {}
    older = (moment - _AGE).strftime("%Y-%m-%dT%H:%M:%S.") + started[-4:]
    body["data"]["StartedAt"] = older
    return {older: started}
