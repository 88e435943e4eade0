"""The stand-in as tests use it: a process of their own, and its control paths."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request

from tests.cloud.backends.child_processes import die_with_parent
from tests.cloud.client.clock import running_ahead
from tests.cloud.client.control_path import opener
from tests.cloud.state.checkout import ROOT


def history_digest(salt: str, value: str) -> str:
    """The digest of a value in the stand-in's history."""
    return sha256((salt + value).encode()).hexdigest()


class Standin:
    """Starts `python -m tests.cloud serve` and speaks to `/_standin/`; a context manager, whose entry waits for it.

    `endpoint` is `http://127.0.0.1:port`, with `tls` `https://localhost:port`, where `ca` is the CA's path;
    `redis` and `registry` map instance ids to `host:port`;
    `credentials` is `{"tencent": {"id", "key", "token"}, "alibaba": ...}`; `ready` is the line that names all of these.

    Raises: RuntimeError: it did not start (its reason is on stderr).
    """

    ca: str | None = None

    def __init__(self, world: Path | None = None, port: int = 0, *, tls: bool = False) -> None:
        command = [sys.executable, "-m", "tests.cloud", "serve", "--port", str(port)]
        command += ["--world", str(world)] if world else []
        command += ["--tls"] if tls else []
        # The kernel ends the child with the thread that forked it. Only the main thread surely lives as long as the
        # process.
        tie = die_with_parent if threading.current_thread() is threading.main_thread() else None
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, preexec_fn=tie)
        self.pid = self._process.pid

    def _await(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError("the stand-in did not start")
        self.ready: dict[str, Any] = json.loads(line)
        ready = self.ready
        self.endpoint: str = ready["endpoint"]
        self.ca = ready.get("ca")
        self._opener = opener(self.ca)
        self.redis: dict[str, str] = ready["redis"]
        self.registry: dict[str, str] = ready["registry"]
        self.credentials: dict[str, dict[str, str]] = ready["credentials"]

    def faults(self, faults: list[dict[str, Any]]) -> None:
        """Add faults: `{"Action", "Fault"}`, optionally `Times`, `InstanceId`, and the fault's own parameters."""
        self._ask("POST", "faults", faults)

    def clear_faults(self) -> None:
        """Forget the faults that no call has met yet."""
        self._ask("DELETE", "faults")

    def calls(self) -> list[dict[str, str]]:
        """Every API request since the start or reset, oldest first."""
        calls: list[dict[str, str]] = self._ask("GET", "calls")
        return calls

    def record_requests(self) -> None:
        """From now on keep one request of each form, also over resets."""
        self._ask("POST", "requests")

    def recorded_requests(self) -> list[dict[str, Any]]:
        """The kept requests: names, types and places of parameters, never a value; see `request_shape`."""
        requests: list[dict[str, Any]] = self._ask("GET", "requests")
        return requests

    def state(self) -> dict[str, Any]:
        """What the services hold, without passwords."""
        state: dict[str, Any] = self._ask("GET", "state")
        return state

    def functions(self) -> list[dict[str, Any]]:
        """Every deployed function: its instances, triggers, addresses and last log lines."""
        functions: list[dict[str, Any]] = self._ask("GET", "functions")
        return functions

    def tick(self, function: str, trigger: str, time: str = "") -> dict[str, Any]:
        """Fire a timer now, and wait until its repeats have ended: `{"Attempts", "Kind", "Returned", "Error"}`."""
        order = {"function": function, "trigger": trigger, "time": time}
        ended: dict[str, Any] = self._ask("POST", "tick", order)
        return ended

    def activate(self, **services: bool) -> None:
        """Agree to services' first use, as a person does in their consoles: `activate(scf=True)`."""
        self._ask("POST", "activate", services)

    def grant(self, cloud: str, *policies: dict[str, Any]) -> None:
        """From now on the person who calls may do only what these policy documents allow."""
        self._ask("POST", "rights", {cloud: {"policies": policies}})

    def advance(self, seconds: float) -> None:
        """Move the world's clock forward. Returns when everything has happened that falls in between."""
        self._ask("POST", "clock", {"Advance": seconds})

    def advance_to(self, moment: str) -> None:
        """Move the world's clock forward to a moment in RFC 3339; nothing if the moment is past."""
        self._ask("POST", "clock", {"To": moment})

    def clock(self) -> dict[str, Any]:
        """`Now`, the time of the world in RFC 3339, and `Offset`, how many seconds it is ahead of real time."""
        clock: dict[str, Any] = self._ask("GET", "clock")
        return clock

    @property
    def offset(self) -> float:
        """How many seconds the world is ahead of real time."""
        return float(self.clock()["Offset"])

    def in_world_time(self) -> AbstractContextManager[None]:
        """Set this process's wall clock to the world's for a while, for handlers that run in it."""
        return running_ahead(self.offset)

    def history(self) -> dict[str, Any]:
        """`History`, every value that took effect, oldest first, and `Salt`; see `digest`."""
        history: dict[str, Any] = self._ask("GET", "history")
        return history

    def change_by_hand(self, service: str, resource: str, account: str, password: str, *, task: bool = True) -> None:
        """Change a password as if by hand, or the version `account` of a store (`ssm`, `kms`)."""
        order = {"Service": service, "Resource": resource, "Account": account, "Password": password, "Task": task}
        self._ask("POST", "outside", order)

    def reset(self, **world: Any) -> None:
        """Return to the first passwords, with these keys of the world file changed."""
        self._ask("POST", "reset", world)

    def stop(self) -> None:
        """End the stand-in and everything that it started."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Standin:
        self._await()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.endpoint}/_standin/{path}", data, method=method)
        with self._opener.open(request, timeout=30) as reply:
            return json.load(reply)
