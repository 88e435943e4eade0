"""The stand-in as the bench holds it: a process of its own, its control paths, and how many connect to it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from shared.workbench.bench.errors import BenchError
from shared.workbench.bundle.checkout import ROOT


class Standin:
    """`python -m tests.cloud serve` on a free port; a context manager. Raises: BenchError: it did not start."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.cloud", "serve", "--port", "0"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._opener = build_opener(ProxyHandler({}))
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise BenchError("the stand-in did not start: its reason is above")
        ready = json.loads(line)
        self.address: str = ready["endpoint"].removeprefix("http://")
        keys = ready["credentials"]
        names = ("id", "key", "token")
        tencent = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
        alibaba = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
        self.tencent_keys = {variable: keys["tencent"][name] for variable, name in zip(tencent, names, strict=True)}
        self.alibaba_keys = {variable: keys["alibaba"][name] for variable, name in zip(alibaba, names, strict=True)}

    def reset(self, settle_s: float = 0.0) -> None:
        """Back to the first passwords; tasks take no time, a Tair account `settle_s`, and no call is seen yet."""
        self._ask("POST", "reset", {"task_s": 0, "settle_s": settle_s})

    def calls(self) -> list[str]:
        """The actions called since the last reset, oldest first."""
        return [call["Action"] for call in self._ask("GET", "calls")]

    def stop(self) -> None:
        """End it and all that it started."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Standin:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with self._opener.open(
            Request(f"http://{self.address}/_standin/{path}", data, method=method), timeout=30
        ) as reply:
            return json.load(reply)


class CountingRelay:
    """Passes bytes on to an address and counts who connects; a context manager. Its own address is `address`."""

    def __init__(self, to: str) -> None:
        host, _, port = to.rpartition(":")
        self._to = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._passing: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> CountingRelay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone does not wake a thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._thread, *self._passing):
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                passing = threading.Thread(target=_pass_on, args=(near, self._to), daemon=True)
                passing.start()
                self._passing.append(passing)


def _pass_on(near: socket.socket, to: tuple[str, int]) -> None:
    with near, socket.create_connection(to) as far:
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
